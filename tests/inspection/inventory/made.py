"""An image as a dictionary of files, a Windows to put into it, and program files with a version."""

from __future__ import annotations

import io
import struct

from builders.inspection.errors import Damaged
from builders.inspection.inventory import Volumes
from tests.inspection.registry.hive_writer import HiveWriter

CONFIG = r"Windows\System32\config"
UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"
SERVICES = r"ControlSet002\Services"
CBS = r"Microsoft\Windows\CurrentVersion\Component Based Servicing"


class Files:
    """A volume: paths to bytes; a path that holds an error raises it."""

    label = "Windows"

    def __init__(self, files):
        self.warnings = []
        self._files = {path.lower(): (path, content) for path, content in files.items()}

    def put(self, path, content):
        self._files[path.lower()] = (path, content)
        return self

    def exists(self, path):
        return path.lower() in self._files or self.is_folder(path)

    def is_folder(self, path):
        return any(held.startswith(f"{path.lower()}\\") for held in self._files) if path else True

    def open(self, path):
        if path.lower() not in self._files:
            raise FileNotFoundError(path)
        content = self._files[path.lower()][1]
        if isinstance(content, Exception):
            raise content
        return io.BytesIO(content)

    def read(self, path, at_most):
        return self.open(path).read(at_most)

    def names(self, path):
        start = f"{path}\\".lstrip("\\").lower()
        if path and not self.is_folder(path):
            raise Damaged(f"{path} is no folder") if path.lower() in self._files else FileNotFoundError(path)
        inside = (held for low, (held, _) in self._files.items() if low.startswith(start))
        return sorted({held[len(start) :].split("\\")[0] for held in inside})


class Windows:
    """Hives to put keys into, and files beside them."""

    def __init__(self):
        self.software = HiveWriter(leaf=200)
        self.system = HiveWriter(leaf=200)
        self.users = {}
        self.files = {}
        self.facts = {}
        self.system.put("Select", Current=2, Default=1)
        self.system.put(r"ControlSet001\Services\Wrong", Type=0x10, Start=2, ImagePath="wrong.exe")
        self.system.put(SERVICES)
        self.software.put(UNINSTALL)
        self.current_version()

    def current_version(self, **values):
        found = {
            "ProductName": "Windows 10 Enterprise",
            "CurrentBuild": "22631",
            "UBR": 3447,
            "CurrentMajorVersionNumber": 10,
            "CurrentMinorVersionNumber": 0,
            "CurrentVersion": "6.3",
            "DisplayVersion": "23H2",
            "EditionID": "Enterprise",
            "InstallationType": "Client",
            "InstallDate": 1_700_000_000,
            "BuildLabEx": "22621.1.amd64fre.ni_release.220506-1250",
            **values,
        }
        self.software.put(r"Microsoft\Windows NT\CurrentVersion", found)
        return self

    def program(self, key, *, view="64", hive=None, **values):
        before = "WOW6432Node\\" if view == "32" else ""
        (hive or self.software).put(rf"{before}{UNINSTALL}\{key}", values)
        return self

    def user(self, name, sid="S-1-5-21-1-2-3-1001"):
        self.software.put(
            rf"Microsoft\Windows NT\CurrentVersion\ProfileList\{sid}", ProfileImagePath=rf"C:\Users\{name}"
        )
        return self.users.setdefault(name, HiveWriter())

    def volume(self):
        files = {rf"{CONFIG}\SOFTWARE": self.software.content(), rf"{CONFIG}\SYSTEM": self.system.content()}
        files |= {rf"Users\{name}\NTUSER.DAT": hive.content() for name, hive in self.users.items()}
        return Files(files | self.files)

    def volumes(self, **facts):
        return Volumes([self.volume()], **{"style": "GPT", **self.facts, **facts})


def program_file(version="12.3.5.22544", company="Contoso GmbH", *, wide=True, before=0):
    """A program file that holds nothing but a version; ``before`` empty bytes stand before its resources."""
    numbers = [int(part) for part in version.split(".")]
    info = _version_info(numbers, {"CompanyName": company, "FileVersion": version})
    start = 0x400 + before
    directory = b""
    for place, name in ((24, 16), (48, 1), (72, 1033)):
        is_last = name == 1033
        directory += struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1)
        directory += struct.pack("<II", name, place if is_last else place | 0x80000000)
    directory += struct.pack("<IIII", 0x1000 + 88, len(info), 0, 0)
    section = (directory + info).ljust(0x400, b"\0")
    return _headers(len(section), start, wide=wide).ljust(start, b"\0") + section


def _headers(size, start, *, wide):
    optional = struct.pack("<HBBIIIII", 0x20B if wide else 0x10B, 14, 0, 0, size, 0, 0, 0x1000)
    optional += (
        struct.pack("<QII", 0x140000000, 0x1000, 0x200) if wide else struct.pack("<IIII", 0, 0x400000, 0x1000, 0x200)
    )
    optional += struct.pack("<HHHHHHIIIIHH", 6, 0, 0, 0, 6, 0, 0, 0x3000, 0x400, 0, 3, 0)
    optional += struct.pack("<QQQQII" if wide else "<IIIIII", 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    directories = [(0, 0)] * 16
    directories[2] = (0x1000, size)
    optional += b"".join(struct.pack("<II", *pair) for pair in directories)
    head = b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(0x40)
    machine = 0x8664 if wide else 0x14C
    head += b"PE\0\0" + struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, len(optional), 0x22)
    return head + optional + struct.pack("<8sIIIIIIHHI", b".rsrc", size, 0x1000, size, start, 0, 0, 0, 0, 0x40000040)


def _version_info(numbers, texts):
    high, low = numbers[0] << 16 | numbers[1], numbers[2] << 16 | numbers[3]
    fixed = struct.pack("<IIIIIIIIIIIII", 0xFEEF04BD, 0x10000, high, low, high, low, 0x3F, 0, 0x40004, 3, 0, 0, 0)
    strings = b"".join(_block(key, _wide(value), 1, len(value) + 1) for key, value in texts.items())
    table = _block("040904b0", b"", 1, 0, strings)
    return _block("VS_VERSION_INFO", fixed, 0, len(fixed), _block("StringFileInfo", b"", 1, 0, table))


def _block(key, value, kind, length, below=b""):
    head = _padded(struct.pack("<HHH", 0, length, kind) + _wide(key))
    whole = _padded(head + value) + below
    return _padded(struct.pack("<H", len(whole)) + whole[2:])


def _wide(text):
    return (text + "\0").encode("utf-16-le")


def _padded(content):
    return content + bytes(-len(content) % 4)
