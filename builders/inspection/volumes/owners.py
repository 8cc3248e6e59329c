"""Whose clusters are these? One pass over the file table, reading lists of clusters alone."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from builders.inspection.errors import Damaged
from builders.inspection.volumes.records import IN_USE, NUMBER
from builders.inspection.volumes.runs import decoded
from builders.inspection.volumes.stretches import Stretch, joined, within, without
from builders.inspection.volumes.table import FileTable

FEW = 1000
"""Stretches up to this number are crossed off as their owner is found; more would cost more than reading on."""
_begin = struct.Struct("<IIB").unpack_from
_head = struct.Struct("<20xHHI4xQ").unpack_from


def owners_of(table: FileTable, stretches: list[Stretch]) -> set[int]:
    """First records of the files that have a cluster in one of the stretches; stops when all have an owner."""
    size, cluster = table.geometry.record, table.geometry.cluster
    owners: set[int] = set()
    for first, chunk, damaged in table.chunks() if stretches else ():
        for index, flags in enumerate(chunk[22::size]):
            if not flags & IN_USE or index in damaged:
                continue
            taken: list[Stretch] = []
            for lowest, count in _clusters(chunk, index * size, size, table.geometry.clusters):
                taken.extend(within(stretches, lowest * cluster, (lowest + count) * cluster))
            if taken:
                base = _head(chunk, index * size)[3]
                owners.add(base & NUMBER if base else first + index)
                if len(stretches) < FEW:
                    stretches = without(stretches, joined(taken))
                if not stretches:
                    return owners
    return owners


def _clusters(chunk: bytearray, start: int, size: int, clusters: int) -> Iterator[tuple[int, int]]:
    """Runs of all attributes of one record, up to the first that is damaged."""
    try:
        at, _, used, _ = _head(chunk, start)
        end = start + min(used, size)
        at += start
        while at + 16 <= end:
            kind, length, is_spread = _begin(chunk, at)
            if kind == 0xFFFFFFFF or length < 24 or at + length > end:
                return
            if is_spread:
                runs = at + int.from_bytes(chunk[at + 32 : at + 34], "little")
                for lowest, count in decoded(bytes(chunk[runs : at + length]), clusters):
                    if lowest >= 0:
                        yield lowest, count
            at += length
    except (Damaged, struct.error):
        return
