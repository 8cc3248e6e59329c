"""VHD ("Virtual Hard Disk Image Format Specification", 1.0): big-endian, sectors of 512 bytes, a footer at the end."""
