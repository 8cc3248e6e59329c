"""From the name of a file to a disk and its volumes, with a sentence for whatever of it cannot be opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from builders.inspection.errors import Unreadable, Unsupported
from builders.inspection.images import Chain, looks_like, open_chain
from builders.inspection.sources import Disk, Folder, Source
from builders.inspection.volumes import Cached, Layout, Partition, Volume, layout, open_ntfs

VHD_SIGNATURES = (b"vhdxfile", b"conectix")
NOT_OPENED = {
    "BitLocker": "it is encrypted with BitLocker, so nothing in it can be read",
    "ReFS": "it holds ReFS, which is not read",
    "exFAT": "it holds exFAT, which is not read",
}
QUIET_KINDS = ("Microsoft reserved", "BIOS boot", "Linux swap")


class RawDisk:
    """A file that is the disk, byte for byte."""

    def __init__(self, source: Source, sector: int) -> None:
        self.size, self.sector, self._source = source.size, sector, source

    def read(self, offset: int, length: int) -> bytes:
        return self._source.read(offset, max(0, min(length, self.size - offset)))


@dataclass
class Opened:
    """``links`` as JSON holds them, the top first; ``chain`` is None for a raw disk."""

    disk: Disk
    chain: Chain | None
    links: list[dict[str, Any]]
    warnings: list[dict[str, str]] = field(default_factory=list)
    partial: bool = False

    def warn(self, where: str, words: str, *, lost: bool = False) -> None:
        self.warnings.append({"where": where, "words": words})
        self.partial = self.partial or lost


@dataclass(frozen=True)
class OpenedVolume:
    partition: Partition
    volume: Volume


def open_disk(folder: Folder, order: Mapping[str, Any], *, raw: bool = False) -> Opened:
    """A chain; where ``raw`` allows it also a plain disk image. Unreadable, OSError."""
    if raw and (found := _raw_disk(folder, order["top"])):
        return found
    chain = open_chain(order["top"], folder, order["parents"])
    opened = Opened(chain, chain, [link.as_dict() for link in chain.links])
    for words in chain.warnings:
        opened.warn("image", words)
    return opened


def _raw_disk(folder: Folder, name: str) -> Opened | None:
    """None for a VHD or VHDX. Unsupported for what shows neither partitions nor NTFS at its beginning."""
    source = folder.open(name)
    footer = source.read(max(source.size - 512, 0), 512)
    if source.read(0, 8) in VHD_SIGNATURES or footer[:8] == VHD_SIGNATURES[1] or _is_named_as_chain(name):
        source.close()
        return None
    for sector in (512, 4096):
        disk = RawDisk(source, sector)
        divided = layout(disk)
        if divided.style != "none" or any(one.file_system == "NTFS" for one in divided.partitions):
            return Opened(disk, None, [_raw_link(source, sector)])
    if kind := looks_like(source):
        raise Unsupported(f"{name} is no VHD or VHDX, and no plain disk: it is {kind}.")
    raise Unsupported(
        f"{name} is no VHD or VHDX, and as a plain disk it has neither partitions nor NTFS at its beginning."
    )


def _is_named_as_chain(name: str) -> bool:
    return name.lower().endswith((".vhd", ".vhdx", ".avhd", ".avhdx"))


def _raw_link(source: Source, sector: int) -> dict[str, Any]:
    return {
        "name": source.name,
        "format": "raw",
        "kind": "fixed",
        "file_size": source.size,
        "size": source.size,
        "block_size": 0,
        "sector": sector,
        "data_id": "",
        "file_id": "",
        "sequence": 0,
        "disk_id": "",
        "parent_id": "",
        "parent_names": [],
        "log": "clean",
        "warnings": [],
    }


def divided(opened: Opened, disk: Disk) -> Layout:
    """Its partitions; their warnings are noted."""
    found = layout(disk)
    for words in found.warnings:
        opened.warn("partitions", words)
    return found


def open_volumes(opened: Opened, disk: Cached, partitions: Sequence[Partition]) -> list[OpenedVolume]:
    """Each NTFS volume that can be opened. The rest is noted, unless nothing of a system ever lies there."""
    volumes = []
    for partition in partitions:
        where = place(partition)
        if partition.file_system == "NTFS":
            try:
                volumes.append(OpenedVolume(partition, open_ntfs(disk, partition)))
            except (Unreadable, OSError) as error:
                opened.warn(where, f"its NTFS volume cannot be opened: {error}", lost=True)
        elif partition.file_system in NOT_OPENED:
            opened.warn(where, NOT_OPENED[partition.file_system], lost=True)
        elif partition.file_system == "unknown" and partition.kind not in QUIET_KINDS:
            opened.warn(where, f"what it holds ({partition.kind or 'of no kind'}) is not known", lost=True)
    return volumes


def place(partition: Partition) -> str:
    return f"partition {partition.number}" if partition.number else "disk"


def image_facts(opened: Opened, layout: Layout | None) -> dict[str, Any]:
    return {
        "links": opened.links,
        "size": opened.disk.size,
        "sector": opened.disk.sector,
        "style": layout.style if layout else "none",
        "partitions": [asdict(partition) for partition in layout.partitions] if layout else [],
    }
