"""Copy sparse files without filling their holes."""

import os
from pathlib import Path

_PIECE = 1 << 20


def copy_sparse(source: Path, target: Path, *, portion: float = 1.0) -> None:
    """Copy with the file's time, as a good replication tool does.

    The copy appears under its name only when it is whole. `portion` below 1 copies just the first part of the
    bytes, as a tool that was cut off would leave it.
    """
    partial = target.with_name(target.name + ".part")
    size = int(source.stat().st_size * portion)
    with source.open("rb", buffering=0) as read, partial.open("wb", buffering=0) as written:
        written.truncate(size)
        for start, end in data_extents(read.fileno(), size):
            for at in range(start, end, _PIECE):
                os.pwrite(written.fileno(), os.pread(read.fileno(), min(_PIECE, end - at), at), at)
    times = source.stat()
    os.utime(partial, ns=(times.st_atime_ns, times.st_mtime_ns))
    partial.replace(target)


def data_extents(fd: int, size: int) -> list[tuple[int, int]]:
    """(start, end) of what is no hole, in order."""
    extents: list[tuple[int, int]] = []
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
            end = os.lseek(fd, start, os.SEEK_HOLE)
        except OSError:  # nothing but a hole up to the end
            break
        except AttributeError:  # a system that cannot tell holes
            return [(0, size)]
        if start >= size:
            break
        extents.append((start, min(end, size)))
        at = end
    return extents
