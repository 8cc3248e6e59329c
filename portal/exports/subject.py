"""Whose contents are exported, and what the file is called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lifecycle.models import ImageContent, VDisk, Version

LONGEST_NAME = 120
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Subject:
    """A version of a vDisk, with its contents."""

    vdisk_name: str
    number: int
    description: str
    content: ImageContent

    @classmethod
    def of(cls, vdisk: VDisk, version: Version, content: ImageContent) -> Subject:
        return cls(vdisk.name, version.number, version.description, content)

    @property
    def name(self) -> str:
        return f"{self.vdisk_name} version {self.number}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "vdisk": self.vdisk_name,
            "version": self.number,
            "description": self.description,
            "fingerprint": self.content.fingerprint,
            "reader": self.content.reader_version,
            "partial": self.content.partial,
            "taken_at": self.content.taken_at.isoformat(),
        }


def file_name(*parts: object) -> str:
    """ASCII letters, digits, ``-`` and ``_`` alone: no dots, slashes, quotes or line ends come from a vDisk's name."""
    text = "-".join(_UNSAFE.sub("-", str(part)).strip("-") or "vdisk" for part in parts)
    return text[:LONGEST_NAME]
