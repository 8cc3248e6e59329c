"""NTFS volumes of the lab's own making: laid out whole from a list of files, and laid out anew in place."""
