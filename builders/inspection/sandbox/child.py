"""The child: takes one order, gives up its rights, reads, answers. Started by ``keeper``, never by hand."""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from builders.inspection.errors import Unreadable
from builders.inspection.sandbox.confinement import confine, end_with
from builders.inspection.sandbox.distant import AskedFolder, Count
from builders.inspection.sandbox.limits import Limits
from builders.inspection.sandbox.wire import Line

CHUNK = 1 << 20
MOST_WORDS = 2_000
PACKAGE = Path(__file__).resolve().parents[2]


class _Teller:
    def __init__(self, line: Line) -> None:
        self._line = line

    def progress(self, words: str, done: int = 0, total: int = 0) -> None:
        self._line.tell({"ask": "progress", "words": words[:MOST_WORDS], "done": done, "total": total})

    def part(self, name: str, value: Any) -> None:
        _send(self._line, "part", {"name": name}, value)


def _send(line: Line, kind: str, header: dict[str, Any], value: Any) -> None:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    for at in range(0, len(data) or 1, CHUNK):
        last = at + CHUNK >= len(data)
        line.tell({"ask": kind, "last": last} | header, data[at : at + CHUNK])


def _failure(error: BaseException) -> tuple[str, str]:
    if isinstance(error, MemoryError):
        return "MemoryError", ""
    if isinstance(error, Unreadable | OSError | RecursionError):
        return type(error).__name__, str(error)[:MOST_WORDS]
    traceback.print_exc()
    return "Exception", f"{type(error).__name__}: {error}"[:MOST_WORDS]


def _readable() -> list[str]:
    """Where modules are found, and nothing else of the portal: not its settings, keys or data."""
    root = str(PACKAGE.parent)
    return [str(PACKAGE), *(path for path in sys.path if path and path != root)]


def serve(line: Line, starter: int) -> None:
    end_with(starter)
    order, _ = line.hear()
    header = order.header
    tasks = importlib.import_module(header["module"]).TASKS
    run = tasks[header["task"]]
    weaker = confine(Limits(**header["limits"]), _readable())
    count = Count()
    folders = [AskedFolder(number, line, count) for number in range(len(header["images"]))]
    line.tell({"ask": "begun", "weaker": weaker})
    try:
        value = run(folders, header["images"], header["options"], _Teller(line))
        _send(line, "result", {"bytes_read": count.bytes}, value)
    except ConnectionError:
        os._exit(1)
    except BaseException as error:  # the child's border: whatever it was, the one who waits is told
        kind, words = _failure(error)
        line.tell({"ask": "failed", "kind": kind, "words": words, "bytes_read": count.bytes})


def main() -> None:
    sys.dont_write_bytecode = True
    descriptor, starter = int(sys.argv[2]), int(sys.argv[3])
    with socket.socket(fileno=descriptor) as end:
        serve(Line(end), starter)
    sys.stderr.flush()
    os._exit(0)  # nothing is worth tidying up, and tidying up could hang
