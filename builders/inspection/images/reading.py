"""Reads that must be complete."""

from __future__ import annotations

from builders.inspection.errors import Damaged
from builders.inspection.sources import Source


def exactly(source: Source, offset: int, length: int, what: str) -> bytes:
    """``length`` bytes at ``offset``; Damaged, with ``what`` should be there, where the file is shorter."""
    if offset < 0 or offset + length > source.size:
        raise Damaged(
            f"{source.name} is {source.size:,} bytes long, but {what} should lie at byte {offset:,}, "
            f"{length:,} bytes: the file is cut off or damaged. Copy it again from another server"
        )
    found = source.read(offset, length)
    if len(found) != length:
        raise Damaged(f"{source.name} became shorter while it was read: {what} at byte {offset:,} is missing")
    return found
