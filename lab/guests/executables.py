"""Small PE files (64-bit programs, libraries and drivers) that carry a version resource and no code that runs."""

import hashlib
import struct
from dataclasses import dataclass
from functools import lru_cache

_SECTION_AT = 0x400
_ALIGNMENT = 0x1000
_FILE_ALIGNMENT = 0x200
_HEADERS = 0x80
_VERSION, _FIRST, _ENGLISH = 16, 1, 0x409
_DRIVER, _LIBRARY, _PROGRAM = 3, 2, 1


@dataclass(frozen=True)
class Executable:
    """What the version resource says. `version` is dotted numbers; in the resource's binary part they have 16 bits."""

    name: str
    version: str
    product: str
    company: str
    filler_bytes: int = 2048

    @lru_cache(maxsize=1024)  # noqa: B019  the instances are values
    def pack(self, at: float) -> bytes:
        """The file, linked at that moment. The filler stands for the code: it differs from version to version."""
        resource = _resources(self._version_information(), address=_ALIGNMENT)
        seed = f"{self.name}/{self.version}/{self.company}".encode()
        code = hashlib.shake_256(seed).digest(self.filler_bytes)
        resource_size, code_size = _rounded(len(resource)), _rounded(len(code))
        code_address = _ALIGNMENT + -(-len(resource) // _ALIGNMENT) * _ALIGNMENT
        resource_place = (len(resource), _ALIGNMENT, resource_size, _SECTION_AT)
        code_place = (len(code), code_address, code_size, _SECTION_AT + resource_size)
        sections = _section(b".rsrc", resource_place, 0x40000040) + _section(b".text", code_place, 0x60000020)
        size = code_address + -(-len(code) // _ALIGNMENT) * _ALIGNMENT
        headers = b"MZ".ljust(60, b"\0") + struct.pack("<I", _HEADERS)
        headers = headers.ljust(_HEADERS, b"\0") + b"PE\0\0"
        headers += struct.pack("<HHIIIHH", 0x8664, 2, int(at), 0, 0, 240, 0x2022 if self._kind == _LIBRARY else 0x22)
        headers += self._optional_header(len(resource), code_size, code_address, size) + sections
        return headers.ljust(_SECTION_AT, b"\0") + resource.ljust(resource_size, b"\0") + code.ljust(code_size, b"\0")

    @property
    def _kind(self) -> int:
        return {"sys": _DRIVER, "dll": _LIBRARY}.get(self.name.rpartition(".")[2].lower(), _PROGRAM)

    def _optional_header(self, resource_size: int, code_size: int, code_address: int, size: int) -> bytes:
        native = 1 if self._kind == _DRIVER else 2
        header = struct.pack("<HBBIIIII", 0x20B, 14, 0, code_size, 0, 0, code_address, code_address)
        header += struct.pack("<QIIHHHHHHIIIIHH", 0x140000000, _ALIGNMENT, _FILE_ALIGNMENT, 10, 0, 0, 0, 10, 0, 0, size,
                              _SECTION_AT, 0, native, 0x8160)  # fmt: skip
        header += struct.pack("<QQQQII", 1 << 20, 4096, 1 << 20, 4096, 0, 16)
        directories = [(0, 0)] * 16
        directories[2] = (_ALIGNMENT, resource_size)
        return header + b"".join(struct.pack("<II", *pair) for pair in directories)

    def _version_information(self) -> bytes:
        numbers = [int(part) if part.isdigit() else 0 for part in self.version.split(".")]
        major, minor, build, revision = (number & 0xFFFF for number in [*numbers, 0, 0, 0, 0][:4])
        high, low = major << 16 | minor, build << 16 | revision
        fixed = struct.pack("<IIIIIIIIIIIII", 0xFEEF04BD, 0x10000, high, low, high, low, 0x3F, 0, 0x40004, self._kind,
                            0, 0, 0)  # fmt: skip
        texts = {
            "CompanyName": self.company,
            "FileDescription": self.product,
            "FileVersion": self.version,
            "InternalName": self.name.rpartition(".")[0],
            "OriginalFilename": self.name,
            "ProductName": self.product,
            "ProductVersion": self.version,
        }
        strings = [_block(name, (text + "\0").encode("utf-16-le"), text=True) for name, text in texts.items()]
        table = _block("StringFileInfo", children=[_block("040904B0", children=strings, text=True)], text=True)
        translation = _block("Translation", struct.pack("<HH", _ENGLISH, 1200))
        languages = _block("VarFileInfo", children=[translation], text=True)
        return _block("VS_VERSION_INFO", fixed, children=[table, languages])


def _block(key: str, value: bytes = b"", *, children: list[bytes] | None = None, text: bool = False) -> bytes:
    """One node of the version resource: header, name, value and children, each on a multiple of four."""
    body = _four(6, (key + "\0").encode("utf-16-le"))
    body = _four(6, body + value)
    for child in children or []:
        body = _four(6, body + child)
    length = len(value) // 2 if text else len(value)
    return struct.pack("<HHH", 6 + len(body), length, 1 if text else 0) + body


def _four(before: int, content: bytes) -> bytes:
    return content + bytes(-(before + len(content)) % 4)


def _resources(data: bytes, *, address: int) -> bytes:
    """A tree of three levels with one leaf: version, first, English."""
    level = struct.Struct("<IIHHHHII")
    tree = b""
    for number, place in ((_VERSION, 0x80000000 | 24), (_FIRST, 0x80000000 | 48), (_ENGLISH, 72)):
        tree += level.pack(0, 0, 0, 0, 0, 1, number, place)
    return tree + struct.pack("<IIII", address + 88, len(data), 0, 0) + data


def _section(name: bytes, place: tuple[int, int, int, int], flags: int) -> bytes:
    """`place`: size and address in memory, size and offset in the file."""
    return struct.pack("<8sIIIIIIHHI", name, *place, 0, 0, 0, 0, flags)


def _rounded(length: int) -> int:
    return -(-length // _FILE_ALIGNMENT) * _FILE_ALIGNMENT
