"""Disk images: chains of VHD and VHDX files read as the one disk their guest sees. Nothing is ever written to them.

``facts`` what a file says of itself, ``opening`` how a chain is put together, ``chain`` the disk, ``comparing`` where
two disks may differ, ``flattening`` one plain copy.
"""

from builders.inspection.images.chain import Chain, Extent
from builders.inspection.images.comparing import changed
from builders.inspection.images.facts import LinkFacts, fingerprint_of
from builders.inspection.images.flattening import flatten
from builders.inspection.images.kinds import looks_like
from builders.inspection.images.opening import DEEPEST, identify, open_chain

__all__ = [
    "DEEPEST",
    "Chain",
    "Extent",
    "LinkFacts",
    "changed",
    "fingerprint_of",
    "flatten",
    "identify",
    "looks_like",
    "open_chain",
]
