"""What is inside a disk image, read offline: no Windows, no mount, no Django, nothing written.

``sources`` files at any offset, ``images`` chains of VHD and VHDX as one disk, ``volumes`` partitions and NTFS,
``registry`` hives, ``inventory`` what is installed, ``sandbox`` all of it in a child process with limits.
"""
