"""The measures of an NTFS volume, from its first sector or the copy of it at the partition's end."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from builders.inspection.errors import Damaged, Unsupported
from builders.inspection.sources import Disk
from builders.inspection.volumes.file_systems import BITLOCKER, EMPTY, NTFS, UNKNOWN, file_system_of

_FIELDS = struct.Struct("<HB26xQQQb3xb3xQ")
"""From byte 11: bytes of a sector, sectors of a cluster; from 40: sectors of the volume, cluster of the file table, of
its mirror, size of a file record, size of an index record, serial number."""
_LARGEST_CLUSTER = 2 << 20
_RECORD_SIZES = frozenset({512, 1024, 2048, 4096, 8192, 16384})


@dataclass(frozen=True)
class Geometry:
    sector: int
    cluster: int
    """Bytes, like all sizes here."""
    record: int
    """Bytes of a record of the file table."""
    size: int
    """Bytes of the volume; never more than the partition has."""
    table_at: int
    """Offset of the file table's beginning in the volume, of its mirror below."""
    mirror_at: int
    serial: int

    @property
    def clusters(self) -> int:
        return self.size // self.cluster


def geometry_of(volume: Disk) -> tuple[Geometry, bytes, str]:
    """Measures, the sector they come from if it is the copy (else empty), and a warning where there is one."""
    first = volume.read(0, 512)
    system = file_system_of(first) if any(first) else EMPTY
    if system not in {NTFS, EMPTY, UNKNOWN}:
        raise Unsupported(_words_for(system))
    try:
        return measures(first, volume.size), b"", ""
    except Damaged as problem:
        copy = backup_of(volume)
        if copy is None:
            raise Damaged(f"The volume's first sector is damaged ({problem}) and so is its copy.") from problem
        words = f"The volume's first sector is damaged ({problem}); its copy at the partition's end was used."
        return measures(copy, volume.size), copy, words


def backup_of(volume: Disk) -> bytes | None:
    """The copy of the first sector, if the last sector of the partition holds one."""
    for sector in {volume.sector, 512}:
        copy = volume.read(volume.size - sector, 512)
        try:
            measures(copy, volume.size)
        except Damaged:
            continue
        return copy
    return None


def measures(first: bytes, available: int) -> Geometry:
    """Damaged for anything that no NTFS has. ``available`` is what the partition holds, in bytes."""
    if len(first) < 512 or first[3:11] != b"NTFS    ":
        raise Damaged("it does not say NTFS")
    sector, per_cluster, sectors, table, mirror, record, _, serial = _FIELDS.unpack_from(first, 11)
    if sector not in {512, 1024, 2048, 4096}:
        raise Damaged(f"it says that a sector has {sector} bytes")
    cluster = sector * per_cluster if per_cluster <= 0x80 else sector << min(256 - per_cluster, 32)
    if not 0 < cluster <= _LARGEST_CLUSTER or cluster & (cluster - 1):
        raise Damaged(f"it says that a cluster has {cluster} bytes")
    record_size = record * cluster if record > 0 else 1 << min(-record, 32)
    if record_size not in _RECORD_SIZES:
        raise Damaged(f"it says that a file record has {record_size} bytes")
    size = min(sectors * sector, available)
    if not 0 < table * cluster < size:
        raise Damaged("its file table lies outside of the volume")
    return Geometry(sector, cluster, record_size, size, table * cluster, mirror * cluster, serial)


def _words_for(system: str) -> str:
    if system == BITLOCKER:
        return "The volume is encrypted with BitLocker and is not read; take BitLocker off the image."
    return f"The volume's file system is {system}, which is not read; only NTFS is."
