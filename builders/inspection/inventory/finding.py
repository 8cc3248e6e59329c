"""The volumes of an image as the inventory sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from builders.inspection.errors import Unreadable
from builders.inspection.registry.pages import BinaryFile

CONFIG = r"Windows\System32\config"
SOFTWARE = rf"{CONFIG}\SOFTWARE"
MISSES = (OSError, Unreadable, ValueError)
"""What a volume raises for what is not there or cannot be read."""


class Volume(Protocol):
    """Files by their path without a drive, such as ``Windows\\System32\\config\\SOFTWARE``, case aside.

    FileNotFoundError for what is not there, OSError or Unreadable for what cannot be read.
    """

    @property
    def label(self) -> str: ...

    def exists(self, path: str) -> bool: ...

    def is_folder(self, path: str) -> bool: ...

    def read(self, path: str, at_most: int) -> bytes:
        """The first ``at_most`` bytes of a file."""
        ...

    def open(self, path: str) -> BinaryFile:
        """A file for reading at any offset."""
        ...

    def names(self, path: str) -> list[str]:
        """Files and folders in a folder; "" is the root."""
        ...


@dataclass(frozen=True)
class Volumes:
    """An opened image: the volumes that can be read, and the facts about files and partitions as JSON holds them."""

    volumes: Sequence[Volume]
    links: Sequence[dict[str, Any]] = ()
    size: int = 0
    sector: int = 512
    style: str = "none"
    partitions: Sequence[dict[str, Any]] = ()
    disk_id: str = ""
    """The GPT's GUID, or the eight hex digits of an MBR's signature."""
    places: Sequence[dict[str, Any]] = ()
    """The partition of each volume, in their order; without it, which of several Windows is C: cannot be told."""
    warnings: Sequence[dict[str, str]] = field(default=())
    """``where`` and ``words`` of what could not be read below the files: a damaged table, an unreadable partition."""
