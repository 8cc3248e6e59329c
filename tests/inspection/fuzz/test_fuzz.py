"""Images that were damaged at random, all through the real child: no crash, no hang, memory within the limit.

PORTAL_MUTATIONS=2000 runs as many as are asked for in all; the usual run is a part of them.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from builders.adapters.store import LocalFolder
from builders.inspection.images import open_chain
from builders.inspection.sandbox import Image, Limits, Stopped, Why, keeper, run
from tests.inspection import sample

MUTATIONS = int(os.environ.get("PORTAL_MUTATIONS", "150"))
BATCH = 80
SEED = os.environ.get("PORTAL_MUTATIONS_SEED", "1")
LIMITS = Limits(cpu_seconds=60, wall_seconds=240)
HIVES = {rf"{sample.CONFIG}\SOFTWARE", rf"{sample.CONFIG}\SYSTEM"}
SPARSE_FILE = [(0, 4096), (0x10000, 4096), (0x20000, 4096), (0x30000, 512), (0x40000, 512)]
"""Signature, both headers, both region tables."""


def image_places(path: Path) -> list[tuple[int, int]]:
    """The structures of the file itself: those above, and the two regions: metadata and the table of blocks."""
    data = path.read_bytes()
    regions = [
        (int.from_bytes(data[at + 16 : at + 24], "little"), int.from_bytes(data[at + 24 : at + 28], "little"))
        for at in (0x30010, 0x30030)
    ]
    places = list(SPARSE_FILE)
    for start, length in regions:
        used = data[start : start + length].rstrip(b"\0")
        places += [(start, max(len(used), 64)), (start, max(len(used), 64))]
    return places


def in_file(path: Path, start: int, length: int) -> list[tuple[int, int]]:
    """A stretch of the disk as places of the topmost file."""
    found = []
    with open_chain(path.name, LocalFolder(path.parent)) as chain:
        for extent in chain.extents():
            first, last = max(extent.start, start), min(extent.start + extent.length, start + length)
            if extent.layer == 0 and extent.file_offset is not None and first < last:
                found.append((extent.file_offset + first - extent.start, last - first))
    return found


def targets(path: Path, disk=sample.DISK) -> list[dict]:
    volume = disk.windows.start * 512
    table = volume + 4 * 4096
    with open_chain(path.name, LocalFolder(path.parent)) as chain:
        boot = chain.read(volume, 512)
        table = volume + int.from_bytes(boot[48:56], "little") * boot[13] * 512
    files = sample.volume_of(path, disk)
    indexes = [place for name, places in files.items() for place in places if name not in HIVES]
    hives = [place for name in HIVES for place in files[name]]
    wanted = {
        "table": [(0, 512), (512, 1024)],
        "ntfs": [(volume, 512), (table, 40 * 1024), (table, 40 * 1024), *indexes[:40]],
        "hive": hives,
    }
    found = [{"kind": "image", "places": image_places(path)}]
    for kind, places in wanted.items():
        inside = [part for place in places for part in in_file(path, *place)]
        if inside:
            found.append({"kind": kind, "places": inside})
    return found


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, list[dict]]]:
    made = []
    files = sample.tree(sample.PROGRAMS, {rf"Program Files\many\{n:03}.txt": b"x" for n in range(60)})
    first = sample.base(tmp_path_factory.mktemp("mbr") / "W11.vhdx", files)
    made.append((first, targets(first)))
    second = sample.base(tmp_path_factory.mktemp("gpt") / "W11.vhdx", files, disk=sample.GPT_DISK)
    made.append((second, targets(second, sample.GPT_DISK)))
    below = sample.base(tmp_path_factory.mktemp("chain") / "W11.vhdx", sample.tree({}))
    third = sample.child(below.with_name("W11.1.avhdx"), below, files)
    made.append((third, targets(third)))
    return made


def test_damaged_images(images, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(keeper, "MODULES", {"mutate": "tests.inspection.fuzz.task"})
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    crashes: list[str] = []
    hangs: list[str] = []
    slowest, peak = 0.0, 0
    each = -(-MUTATIONS // len(images))
    for which, (path, places) in enumerate(images):
        assert {target["kind"] for target in places} >= {"image", "ntfs", "hive"}
        first = 0
        while first < each:
            reached = [first]

            def note(progress, reached=reached) -> None:
                reached[0] = progress.done

            options = {"seed": f"{SEED} {which}", "first": first, "last": min(first + BATCH, each), "targets": places}
            try:
                value = run(
                    "mutate", [Image(LocalFolder(path.parent), path.name)], options, limits=LIMITS, on_progress=note
                ).value
            except Stopped as stopped:
                (hangs if stopped.why in {Why.CPU, Why.WALL} else crashes).append(f"{which} {reached[0]}: {stopped}")
                first = reached[0] + 1
                continue
            outcomes.update(value["outcomes"])
            faults += [f"{which} {words}" for words in value["faults"]]
            slowest, peak = max(slowest, value["slowest"]), max(peak, value["peak_kib"])
            first = options["last"]
    total = sum(outcomes.values())
    with capsys.disabled():
        print(f"\n{total} mutations: crashes {len(crashes)}, hangs {len(hangs)}, faults of the reader {len(faults)};")
        print(f"slowest {slowest:.2f} s of processor time, peak {peak >> 10} MiB (limit {LIMITS.memory_mib})")
        for name, count in sorted(outcomes.items()):
            print(f"  {name}: {count}")
    assert (crashes, hangs, faults) == ([], [], [])
    assert total >= MUTATIONS
    assert peak >> 10 < LIMITS.memory_mib
    assert not any("memory" in name for name in outcomes)
    damaged = sum(count for name, count in outcomes.items() if "whole" not in name)
    assert damaged > total // 10, "the mutations hardly strike anything that is read"
