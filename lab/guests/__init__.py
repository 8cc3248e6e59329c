"""What the lab's guests have installed: as data, as registry keys and as files of a Windows volume."""
