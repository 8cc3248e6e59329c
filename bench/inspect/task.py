"""One measurement, in a process of its own: `python -m bench.inspect.task NAME FOLDER`. Prints one line of JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.inspect.ground import NAMES
from builders.adapters.store import LocalFolder
from builders.inspection.images import changed, flatten, open_chain
from builders.inspection.sandbox import Image, Limits, run
from builders.inspection.volumes import Cached, layout, list_files, open_ntfs

BASE, MIDDLE, TOP = NAMES
PIECE = 8 << 20


def inventory(folder: Path) -> dict[str, Any]:
    """As the product does it: in a confined child, the files passed to it."""
    found = run("inventory", [Image(LocalFolder(folder), TOP)], limits=Limits(memory_mib=400))
    with open_chain(TOP, LocalFolder(folder)) as chain:
        allocated = chain.allocated()
    if len(found.value["programs"]) != 150 or found.stopped:
        raise SystemExit(f"{len(found.value['programs'])} programs were found, {found.stopped}")
    return {"bytes_read": found.bytes_read, "allocated": allocated}


def files(folder: Path) -> dict[str, Any]:
    with open_chain(TOP, LocalFolder(folder)) as chain:
        disk = Cached(chain)
        partition = layout(disk).partitions[0]
        count = sum(1 for _ in list_files(open_ntfs(disk, partition)))
    return {"files": count}


def difference(folder: Path) -> dict[str, Any]:
    at = LocalFolder(folder)
    found = run("compare-files", [Image(at, MIDDLE), Image(at, TOP)], limits=Limits(memory_mib=400))
    counts = found.value["volumes"][0]["counts"]
    return {"bytes_read": found.bytes_read, "differing": found.value["differing_bytes"], "changed": counts["changed"]}


def blocks(folder: Path) -> dict[str, Any]:
    at = LocalFolder(folder)
    with open_chain(MIDDLE, at) as one, open_chain(TOP, at) as other:
        return {"differing": sum(length for _, length in changed(one, other))}


def read(folder: Path) -> dict[str, Any]:
    with open_chain(TOP, LocalFolder(folder)) as chain:
        return {"bytes": sum(len(chain.read(start, PIECE)) for start in range(0, chain.size, PIECE))}


def flat(folder: Path) -> dict[str, Any]:
    with open_chain(TOP, LocalFolder(folder)) as chain, (folder / "flat.raw").open("wb") as target:
        return {"bytes": flatten(chain, target)}


TASKS: dict[str, Callable[[Path], dict[str, Any]]] = {
    task.__name__: task for task in (inventory, files, difference, blocks, read, flat)
}


def main() -> None:
    name, folder = sys.argv[1:]
    begun = time.perf_counter()
    found = TASKS[name](Path(folder))
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - begun, **found}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # whatever takes its time to be taken down is not measured


if __name__ == "__main__":
    main()
