"""Many mutations of one image in one child: each is told before it begins, so that one that ends the child is known."""

from __future__ import annotations

import re
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any

from builders.inspection.errors import Unreadable
from builders.inspection.sandbox import contents, files, identity
from tests.inspection.fuzz.mutations import Patch, Place, Target, applied, mutated

CELL = 64

_STATUS = Path("/proc/self/status").open(encoding="ascii")  # noqa: SIM115  opened while the process still may


class MutatedFile:
    def __init__(self, name: str, data: bytes, patches: list[Patch]) -> None:
        self.name, self.size, self._data, self._patches = name, len(data), data, patches

    def read(self, offset: int, length: int) -> bytes:
        return applied(self._data, self._patches, offset, length)

    def close(self) -> None:
        pass


class MutatedFolder:
    def __init__(self, data: dict[str, bytes], name: str, patches: list[Patch]) -> None:
        self._data, self._name, self._patches = data, name, patches

    def open(self, name: str) -> MutatedFile:
        if name not in self._data:
            raise FileNotFoundError(name)
        return MutatedFile(name, self._data[name], self._patches if name == self._name else [])

    def names(self) -> list[str]:
        return sorted(self._data)


class Silent:
    def progress(self, words: str, done: int = 0, total: int = 0) -> None:
        pass

    def part(self, name: str, value: Any) -> None:
        pass


def mutate(folders: Any, orders: Any, options: Any, tell: Any) -> dict[str, Any]:
    """Numbers ``first`` to ``last`` of ``seed``: whole, partial, unreadable, or the reader's fault."""
    folder, order = folders[0], orders[0]
    data = {name: _all(folder, name) for name in folder.names() if name.endswith("vhdx")}
    targets = [Target(each["kind"], _filled(data[order["top"]], each["places"])) for each in options["targets"]]
    outcomes: dict[str, int] = {}
    faults, slowest = [], 0.0
    for number in range(options["first"], options["last"]):
        tell.progress(str(number), number)
        target = targets[number % len(targets)]
        patches = mutated(data[order["top"]], target, Random(f"{options['seed']} {number}"))
        began = time.process_time()
        outcome = _outcome(MutatedFolder(data, order["top"], patches), order, number, faults)
        slowest = max(slowest, time.process_time() - began)
        outcomes[f"{target.kind} {outcome}"] = outcomes.get(f"{target.kind} {outcome}", 0) + 1
    return {"outcomes": outcomes, "faults": faults, "slowest": slowest, "peak_kib": _peak_kib()}


def _peak_kib() -> int:
    """Of this program alone: what getrusage tells includes what the process was before, a copy of the test run."""
    _STATUS.seek(0)
    return int(re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read())[1])  # type: ignore[index]


def _outcome(folder: MutatedFolder, order: dict[str, Any], number: int, faults: list[str]) -> str:
    words = "whole"
    for task in (contents.inventory, files.listed, identity.identify):
        try:
            value = task([folder], [order], {}, Silent())
            if value.get("partial") or value.get("warnings"):
                words = "partial"
        except (Unreadable, OSError):
            words = "unreadable"
        except MemoryError:
            return "out of memory"
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            faults.append(
                f"{number}: {type(error).__name__}: {error} ({last.filename.rpartition('builders')[2]}:{last.lineno})"
            )
            return "fault"
    return words


def _filled(data: bytes, places: list[list[int]]) -> tuple[Place, ...]:
    """The parts of the places that hold something, for damage to zeros is mostly none."""
    found = [
        (at, min(CELL, start + length - at))
        for start, length in places
        for at in range(start, start + length, CELL)
        if any(data[at : min(at + CELL, start + length)])
    ]
    return tuple(found)


def _all(folder: Any, name: str) -> bytes:
    source = folder.open(name)
    data = source.read(0, source.size)
    source.close()
    return data


TASKS = {"mutate": mutate}
