"""What a file is that is no VHD or VHDX, by the marks that other kinds of file carry."""

from __future__ import annotations

from builders.inspection.sources import Source

_AT_START: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b\x08", "compressed by gzip"),
    (b"\xfd7zXZ\0", "compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard"),
    (b"MSCF\0\0\0\0", "a cabinet archive"),
    (b"QFI\xfb", "a QCOW disk image of QEMU"),
    (b"QED\0", "a QED disk image of QEMU"),
    (b"KDMV", "a VMDK disk image of VMware"),
    (b"COWD", "a VMDK disk image of VMware"),
    (b"# Disk DescriptorFile", "the description of a VMDK disk image of VMware, whose data lies in another file"),
    (b"MSWIM\0\0\0", "a WIM image, as for installing Windows"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an MSI package or an old Office document"),
    (b"%PDF-", "a PDF document"),
    (b"<?xml", "an XML document"),
)
_FURTHER_ON: tuple[tuple[int, bytes, str], ...] = (
    (64, b"\x7f\x10\xda\xbe", "a VDI disk image of VirtualBox"),
    (257, b"ustar", "a TAR archive"),
    (32769, b"CD001", "an ISO image of a CD or DVD"),
    (32769, b"BEA01", "an ISO image of a CD or DVD"),
)


def looks_like(source: Source) -> str:
    """With its article, as in "a ZIP archive"; empty where no mark is known. OSError."""
    start = source.read(0, 32)
    for mark, words in _AT_START:
        if start.startswith(mark):
            return words
    for at, mark, words in _FURTHER_ON:
        if source.size >= at + len(mark) and source.read(at, len(mark)) == mark:
            return words
    return ""
