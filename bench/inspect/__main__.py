"""Measure the reading of images on this machine: `python -m bench.inspect [--small] [--peer PYTHON]`.

Prints the table and writes inspect.json. Needs Debian's ntfs-3g, wimtools and qemu-utils. dissect is put into a
virtual environment of its own beside the image, or taken from ``--peer``; without either its rows are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from bench import machine, results
from bench.inspect import ground
from bench.inspect.sizes import SMALL, Sizes

ROOT = Path(__file__).resolve().parents[2]
PEER = ("dissect.ntfs==3.16", "dissect.regf==3.14", "dissect.util==3.24")


def main() -> None:
    options = _options()
    if missing := ground.missing_tools():
        sys.exit(f"The image is made with tools that are not here; to have them: {missing}")
    sizes = SMALL if options.small else Sizes()
    with tempfile.TemporaryDirectory(prefix="bench-inspect-", dir=options.folder) as name:
        folder = Path(name)
        ground.make(folder, sizes, _say)
        found = measure(folder, sizes, options.peer or ("" if options.no_peer else _install(folder)))
    file = results.write("inspect", found, options.results)
    sys.stdout.write(table(found, sizes) + "\n")
    _say(f"written to {file}")


def measure(folder: Path, sizes: Sizes, peer: str) -> dict[str, Any]:
    """Every figure. Each task is done once unmeasured, so that all read from memory, then ``runs`` times."""
    ours = [sys.executable, "-m", "bench.inspect.task"]
    taken: dict[str, dict[str, Any]] = {}
    for task in ("inventory", "files", "blocks", "difference", "read", "flat"):
        _say(task)
        taken[task] = _median([*ours, task, str(folder)], sizes.runs)
    _say("cat")
    floor = _seconds(["cat", *(str(folder / each) for each in ground.NAMES)], sizes.runs)
    _say("qemu-img")
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "raw", str(folder / "flat.raw"), str(folder / "copy.raw")]
    qemu = _seconds(convert, sizes.runs)
    found: dict[str, Any] = {
        "inventory_bytes_fraction": taken["inventory"]["bytes_read"] / taken["inventory"]["allocated"],
        "diff_vs_changed": taken["difference"]["bytes_read"] / taken["difference"]["differing"],
        "read_vs_cat": taken["read"]["seconds"] / floor,
        "flatten_vs_qemu": taken["flat"]["seconds"] / qemu,
        "peak_mib": max(each["peak_mib"] for each in taken.values()),
        "ours": taken,
        "cat_seconds": floor,
        "qemu_seconds": qemu,
    }
    if peer:
        theirs = {}
        for task in ("inventory", "files"):
            _say(f"dissect: {task}")
            theirs[task] = _median([peer, str(ROOT / "bench/inspect/peer.py"), task, str(folder)], min(2, sizes.runs))
        found |= {
            "inventory_vs_peer": theirs["inventory"]["seconds"] / taken["inventory"]["seconds"],
            "list_vs_peer": theirs["files"]["seconds"] / taken["files"]["seconds"],
            "peer": theirs,
        }
    return found


def _median(command: list[str], runs: int) -> dict[str, Any]:
    """What the median run said of itself, and the most memory that any process of any run held."""
    taken, peak = [], 0
    for _ in range(runs + 1):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        peak = max(peak, usage.ru_maxrss)
        taken.append(json.loads(said))
    measured = sorted(taken[1:], key=lambda each: float(each["seconds"]))
    return {**measured[len(measured) // 2], "peak_mib": peak / 1024}


def _seconds(command: list[str], runs: int) -> float:
    times = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def _install(folder: Path) -> str:
    """An interpreter with dissect, for this run alone; empty when it cannot be had."""
    place = folder / "peer"
    venv.create(place, with_pip=True)
    done = subprocess.run([place / "bin/pip", "install", "--quiet", *PEER], capture_output=True, text=True, check=False)
    if done.returncode:
        _say(f"dissect cannot be installed, so nothing is compared with it: {done.stderr.strip()[-300:]}")
        return ""
    return str(place / "bin/python")


def table(found: dict[str, Any], sizes: Sizes) -> str:
    """The rows of docs/benchmarks.md."""
    ours, peer = found["ours"], found.get("peer", {})
    one, five, _ = os.getloadavg()

    def took(task: str) -> str:
        return f"{ours[task]['seconds']:.2f} s"

    def beside(task: str, ratio: str) -> str:
        return f"dissect {peer[task]['seconds']:.2f} s, {found[ratio]:.1f} times" if peer else "not measured"

    def over(name: str, seconds: str, ratio: str) -> str:
        return f"{name} {found[seconds]:.2f} s, {found[ratio]:.2f} times"

    reads = f"reads {found['diff_vs_changed']:.2f} of the changed bytes"
    rows = [
        (
            "inventory, in its child process",
            took("inventory"),
            beside("inventory", "inventory_vs_peer"),
            "at least 2 times",
        ),
        ("bytes it reads, of the allocated", f"{found['inventory_bytes_fraction']:.1%}", "", "under 5%"),
        (
            f"list of {ours['files']['files']:,} files",
            took("files"),
            beside("files", "list_vs_peer"),
            "at least 12 times",
        ),
        ("where two neighbours may differ", took("blocks"), "", ""),
        ("files that differ between neighbours", took("difference"), reads, "by the change, not the disk"),
        ("the whole virtual disk", took("read"), over("cat", "cat_seconds", "read_vs_cat"), "at most 3 times"),
        ("flat copy", took("flat"), over("qemu-img", "qemu_seconds", "flatten_vs_qemu"), "at most 1.5 times"),
        ("most memory of one process", f"{found['peak_mib']:.0f} MiB", "", "under 400 MiB"),
    ]
    head = [
        f"- {machine.processor()}, {os.cpu_count()} cores, load {one:.1f} (1 min), {five:.1f} (5 min)",
        f"- {sizes.volume_mib:,} MiB NTFS, {sizes.files:,} files, chain of {len(ground.NAMES)}, median of {sizes.runs}",
        "",
        "| | Measured | Beside | Goal |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.inspect", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny image: shows that it works, not how fast")
    parser.add_argument("--peer", default="", help="an interpreter that has dissect")
    parser.add_argument("--no-peer", action="store_true", help="do not compare with dissect")
    parser.add_argument("--folder", type=Path, default=None, help="where 20 GB are free for a while")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder for inspect.json")
    return parser.parse_args()


_begun = time.monotonic()


def _say(what: str) -> None:
    sys.stderr.write(f"[{time.monotonic() - _begun:4.0f} s] {what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
