"""How large the image is."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Sizes:
    """``files`` of ``bytes_a_file`` on average; ``keys`` programs' worth of hive; ``changed`` files a version."""

    files: int = 100_000
    bytes_a_file: int = 34_000
    volume_mib: int = 5200
    keys: int = 120_000
    changed: int = 200
    block_mib: int = 32
    runs: int = 3


SMALL = Sizes(files=1500, bytes_a_file=9000, volume_mib=96, keys=2000, changed=10, block_mib=2, runs=1)
