"""Mutated hives: whatever becomes of them, a report comes out, and only errors of one family leave the reader.

INSPECTION_MUTATIONS sets how many mutations each test makes (25 without it).
"""

import json
import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.inspection.errors import Unreadable
from builders.inspection.inventory import Volumes, take
from builders.inspection.inventory.pe import version_in
from builders.inspection.registry import Hive
from builders.inspection.registry.cells import MOST_CELLS
from builders.inspection.registry.logs import entries_of, old_changes
from tests.inspection.inventory.made import CBS, CONFIG, SERVICES, Windows, program_file
from tests.inspection.registry.hive_writer import HiveWriter, log_of, signed

COUNT = int(os.environ.get("INSPECTION_MUTATIONS", "25"))
OFTEN = settings(max_examples=COUNT, deadline=None, suppress_health_check=list(HealthCheck))


def windows():
    made = Windows()
    for number in range(12):
        made.program(f"App{number}", DisplayName=f"App {number}", DisplayVersion=f"1.{number}", Publisher="Contoso")
        made.system.put(rf"{SERVICES}\Service{number}", Type=0x10, Start=2, ImagePath="C:\\x.exe", DisplayName="x" * 20)
        made.software.put(rf"{CBS}\Packages\Package_for_KB50000{number:02d}~a~b~~1.0", CurrentState=0x70)
    made.user("anna").put(r"Software\Microsoft\Windows\CurrentVersion\Run", A="b")
    return made


MADE = windows()
SOFTWARE, SYSTEM = MADE.software.content(), MADE.system.content()
WHOLE = MADE.volume()


def mutated(content, draw_seed):
    """Some bytes, words or whole runs changed, or the end cut off; the head's checksum put right half of the time."""
    dice = random.Random(draw_seed)
    changed = bytearray(content)
    for _ in range(dice.choice((1, 4, 40, 400))):
        place = dice.randrange(len(changed) - 8)
        kind = dice.randrange(5)
        if kind == 0:
            changed[place] ^= 1 << dice.randrange(8)
        elif kind == 1:
            changed[place : place + 4] = dice.choice((b"\xff" * 4, bytes(4), b"\0\0\0\x80", b"\x20\0\0\0"))
        elif kind == 2:
            other = dice.randrange(len(changed) - 64)
            changed[place : place + 64] = changed[other : other + 64]
        elif kind == 3:
            at = place // 4 * 4
            changed[at : at + 4] = dice.randrange(len(changed)).to_bytes(4, "little")
        elif dice.random() < 0.05:
            del changed[max(place, 5000) :]
            break
    del changed[len(content) :]
    return signed(bytes(changed)) if dice.random() < 0.5 and len(changed) > 4096 else bytes(changed)


@given(st.integers(min_value=0))
@OFTEN
def test_a_report_comes_out_of_any_hive(seed):
    volume = MADE.volume()
    volume.put(rf"{CONFIG}\SOFTWARE", mutated(SOFTWARE, seed)).put(rf"{CONFIG}\SYSTEM", mutated(SYSTEM, seed + 1))
    report = take(Volumes([volume], style="GPT")).as_dict()
    assert len(json.dumps(report)) < 5_000_000
    assert not any("could not be read: " in warning["words"] for warning in report["warnings"]), report["warnings"]


@given(st.integers(min_value=0))
@OFTEN
def test_only_one_family_of_errors_leaves_the_hive_reader(seed):
    try:
        hive = Hive(mutated(SOFTWARE, seed))
        waiting = [hive.root]
        for _ in range(2000):
            if not waiting:
                break
            key = waiting.pop()
            for name in key.value_names():
                key.text(name), key.texts(name), key.number(name), key.raw(name)
            waiting.extend(key.keys())
    except Unreadable:
        return
    assert hive.cells.read <= MOST_CELLS


@given(st.integers(min_value=0))
@OFTEN
def test_logs_of_any_bytes_are_read_or_left(seed):
    before = HiveWriter().put("A", B="1").content(at_least=16384)
    after = HiveWriter().put("A", B="2").content(at_least=16384)
    log = mutated(log_of(before, after, sequence=3), seed)
    assert len(entries_of(log)) <= 1
    old_changes(log, 1 << 30)
    dirty = signed(before[:4] + b"\4\0\0\0\3\0\0\0" + before[12:])
    assert Hive(dirty, logs=[log]).key("A").text("B") in ("1", "2")


@given(st.integers(min_value=0))
@OFTEN
def test_program_files_of_any_bytes_are_read_or_refused(seed):
    try:
        version_in(mutated(program_file(), seed))
    except Unreadable:
        return


def test_a_hive_that_leads_to_itself_without_end_is_left_at_a_limit(monkeypatch):
    monkeypatch.setattr("builders.inspection.registry.cells.MOST_CELLS", 5000)
    writer = HiveWriter()
    for number in range(30):
        writer.put(rf"Tree\A{number:02d}\B")
    content = bytearray(writer.content())
    tree = content.index(b"Tree") - 76
    for number in range(30):
        place = content.index(f"A{number:02d}".encode()) - 76
        content[place + 20 : place + 32] = content[tree + 20 : tree + 32]
    hive = Hive(bytes(content))
    waiting, seen = [hive.root], 0
    while waiting and seen < 100_000:
        seen += 1
        waiting.extend(waiting.pop().keys())
    assert seen < 100_000
    assert any("more than" in words for _, words in hive.problems)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 4095, 4096, 4100])
def test_a_stump_of_a_hive_is_refused_in_words(size):
    with pytest.raises(Unreadable):
        Hive(SOFTWARE[:size])
