"""Dirty hives: what their logs hold counts where it is sound, and words where it is not."""

import pytest

from builders.inspection.registry import Hive, was_closed
from builders.inspection.registry.logs import entries_of, marvin
from tests.inspection.registry.hive_writer import HiveWriter, entry, head, log_of, old_log_of, signed


def states(*versions, at_least=16384):
    """One hive in several states of the same length."""
    return [HiveWriter().put(r"Apps\App", Version=version).content(at_least=at_least) for version in versions]


def stored(before, *, primary, secondary):
    root, bins = int.from_bytes(before[36:40], "little"), int.from_bytes(before[40:44], "little")
    return head(primary, secondary, root, bins) + before[4096:]


def version(hive):
    return hive.key(r"Apps\App").text("Version")


def test_a_closed_hive_needs_no_log():
    (content,) = states("1.0")
    assert was_closed(content[:512])
    hive = Hive(content, logs=[b"rubbish"])
    assert (hive.is_dirty, hive.state, hive.log_entries) == (False, "", 0)


def test_the_log_of_a_dirty_hive_counts():
    before, after = states("1.0", "2.0")
    hive = Hive(stored(before, primary=8, secondary=7), logs=[log_of(before, after, sequence=7)])
    assert hive.is_dirty
    assert version(hive) == "2.0"
    assert hive.log_entries == 1
    assert "1 change(s) from its logs are included" in hive.state


def test_both_logs_count_in_the_order_of_their_entries():
    one, two, three, four = states("1.0", "2.0", "3.0", "4.0")
    first = log_of(one, two, sequence=7) + entry(two, three, sequence=8)
    second = log_of(three, four, sequence=9)
    for logs in ([first, second], [second, first]):
        hive = Hive(stored(one, primary=10, secondary=7), logs=logs)
        assert (version(hive), hive.log_entries) == ("4.0", 3)


def test_entries_older_than_the_hive_and_those_after_a_gap_do_not_count():
    one, two, three, four = states("1.0", "2.0", "3.0", "4.0")
    log = log_of(three, one, sequence=6) + entry(one, two, sequence=7)
    beyond = log_of(three, four, sequence=9)
    hive = Hive(stored(one, primary=10, secondary=7), logs=[log, beyond])
    assert (version(hive), hive.log_entries) == ("2.0", 1)


@pytest.mark.parametrize("place", [4, 12, 41, 60, 512 + 7, -1])
def test_a_torn_entry_does_not_count(place):
    before, after = states("1.0", "2.0")
    log = bytearray(log_of(before, after, sequence=7))
    at = place if place < 0 else 512 + place
    log[at] ^= 0xFF
    hive = Hive(stored(before, primary=8, secondary=7), logs=[bytes(log)])
    assert version(hive) == "1.0"
    assert "its logs hold nothing that fits" in hive.state


def test_an_entry_that_is_cut_short_does_not_count():
    before, after = states("1.0", "2.0")
    log = log_of(before, after, sequence=7)
    assert [len(entries_of(log[:length])) for length in (len(log), len(log) - 1, 600, 512, 0)] == [1, 0, 0, 0, 0]


def test_a_dirty_hive_without_logs_says_so():
    (before,) = states("1.0")
    hive = Hive(stored(before, primary=8, secondary=7))
    assert version(hive) == "1.0"
    assert "has no logs; its last changes may be missing" in hive.state


def test_a_wrong_checksum_makes_a_hive_dirty():
    (before,) = states("1.0")
    assert Hive(before[:508] + b"\1\2\3\4" + before[512:]).is_dirty


def test_a_hive_that_grew_is_read_to_its_new_end():
    (before,) = states("1.0")
    after = HiveWriter().put(r"Apps\App", Version="v" * 30_000).content()
    hive = Hive(stored(before, primary=8, secondary=7), logs=[log_of(before, after, sequence=7)])
    assert hive.key(r"Apps\App").raw("Version") == ("v" * 30_000 + "\0").encode("utf-16-le")
    assert hive.problems == []


def test_the_older_kind_of_log_counts_too():
    before, after = states("1.0", "2.0", at_least=64 << 10)
    hive = Hive(stored(before, primary=8, secondary=7), logs=[old_log_of(before, after)])
    assert (version(hive), hive.log_entries) == ("2.0", 1)
    cut = Hive(stored(before, primary=8, secondary=7), logs=[old_log_of(before, after)[:-1]])
    assert version(cut) == "1.0"


def test_a_destroyed_head_is_replaced_by_the_one_in_the_log():
    before, after = states("1.0", "2.0")
    whole = stored(before, primary=8, secondary=7)
    log = signed(whole[:512]) + entry(before, after, sequence=7)
    hive = Hive(bytes(4096) + whole[4096:], logs=[log])
    assert version(hive) == "2.0"
    assert any("head is destroyed" in words for _, words in hive.problems)


@pytest.mark.parametrize(
    ("content", "check"),
    [
        ("", 0x30ED35C100CD3C7D),
        ("af", 0x48E73FC77D75DDC1),
        ("e70f", 0xB5F6E1FC485DBFF8),
        ("37f495", 0xF0B07C789B8CF7E8),
        ("153fb79826", 0xE6C08C6DA2AFA997),
        ("0932e6246c47", 0x6F04BF1A5EA24060),
        ("ab427ea8d10fc7", 0xE11847E4F0678C41),
    ],
)
def test_the_check_of_entries_gives_the_values_that_are_published_for_it(content, check):
    assert marvin(bytes.fromhex(content), 0x004FB61A001BDBCC) == check
