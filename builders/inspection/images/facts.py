"""What one file of a chain says of itself, and the fingerprint of a chain."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LinkFacts:
    """Read from the headers of one file in milliseconds. Identifiers are in lower case, without braces."""

    name: str
    format: str
    """"VHDX" or "VHD"."""
    kind: str
    """"fixed", "dynamic" or "differencing"."""
    file_size: int
    size: int
    """Bytes of the virtual disk."""
    block_size: int
    """Bytes; 0 where the file has no blocks (a fixed VHD)."""
    sector: int
    data_id: str
    """Changes with the content. VHDX: DataWriteGuid. A VHD has no such thing: its unique id, time stamp and a checksum
    of its footer, header and block table, which a write into a block that is there already does not change."""
    file_id: str
    """VHDX: FileWriteGuid, which changes with any write. VHD: empty."""
    sequence: int
    """VHDX: number of the current header. VHD: 0."""
    disk_id: str
    """VHDX: the virtual disk's own id, the same in all files of a chain. VHD: the file's unique id."""
    parent_id: str
    """What the parent's id must be (VHDX: DataWriteGuid, VHD: unique id); empty without a parent."""
    parent_names: tuple[str, ...]
    """Plain file names by which the parent may be found, the likeliest first."""
    log: str
    """"clean", or "dirty": not closed in order; what the log holds is applied while reading."""
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "parent_names": list(self.parent_names), "warnings": list(self.warnings)}


def fingerprint_of(links: Sequence[LinkFacts]) -> str:
    """64 hexadecimal digits for the content of a chain, whatever its files are called.

    ``links`` as ``Chain.links`` has them, the top first; they are hashed from the base on.
    """
    digest = hashlib.sha256(b"image chain 1\n")
    for link in reversed(links):
        facts = (link.format, link.kind, link.file_size, link.size, link.data_id, link.sequence)
        digest.update(("\t".join(map(str, facts)) + "\n").encode())
    return digest.hexdigest()
