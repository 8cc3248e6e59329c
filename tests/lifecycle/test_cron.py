"""Times by the clock, above all in the two nights of the year in which clocks lie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle import cron
from lifecycle.errors import Incomplete

BERLIN = "Europe/Berlin"
ZONES = (
    "UTC",
    BERLIN,
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Africa/Cairo",
)


def _local(fields: str, after: str, count: int, zone: str = BERLIN) -> list[str]:
    """The next times, as a clock on the wall shows them, with what it is ahead of UTC."""
    begin = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    found = cron.next_times(fields, zone, begin, count)
    return [moment.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M%z") for moment in found]


def test_a_time_that_the_clocks_skip_comes_right_after_the_gap() -> None:
    assert _local("30 2 * * *", "2026-03-28T12:00", 3) == ["03-29 03:00+0200", "03-30 02:30+0200", "03-31 02:30+0200"]


def test_two_times_that_the_clocks_skip_come_once() -> None:
    assert _local("0,30 2 * * *", "2026-03-28T12:00", 2) == ["03-29 03:00+0200", "03-30 02:00+0200"]


def test_a_time_that_the_clocks_pass_twice_counts_once() -> None:
    assert _local("30 2 * * *", "2026-10-24T12:00", 2) == ["10-25 02:30+0200", "10-26 02:30+0100"]


@pytest.mark.parametrize("minutes", range(0, 125, 5))
def test_within_the_double_hour_the_time_never_comes_again(minutes: int) -> None:
    """Asked at any moment from its first 02:45 on, through the second one, as when a schedule is resumed then."""
    first = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 02:45 of summer time

    assert cron.next_time("45 2 * * *", BERLIN, first + timedelta(minutes=minutes)) == datetime(
        2026, 10, 26, 1, 45, tzinfo=UTC
    )


def test_what_comes_every_half_hour_follows_the_clock_through_both_nights() -> None:
    spring = _local("*/30 * * * *", "2026-03-29T01:15", 3)
    autumn = _local("*/30 * * * *", "2026-10-25T01:45", 5)

    assert spring == ["03-29 01:30+0100", "03-29 03:00+0200", "03-29 03:30+0200"]
    assert autumn == [
        "10-25 02:00+0200",
        "10-25 02:30+0200",
        "10-25 02:00+0100",
        "10-25 02:30+0100",
        "10-25 03:00+0100",
    ]


def test_the_hour_of_the_day_stays_when_the_clocks_change() -> None:
    before, after = cron.next_times("0 22 * * *", BERLIN, datetime(2026, 10, 24, 12, tzinfo=UTC), 2)

    assert (before.hour, after.hour) == (20, 21)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("", "Five fields are needed"),
        ("0 3 * *", "these are 4"),
        ("0 0 3 * * *", "these are 6"),
        ("@daily", "these are 1"),
        ("61 * * * *", "The minute “61” makes no sense: 0 to 59"),
        ("0 24 * * *", "The hour “24” makes no sense: 0 to 23"),
        ("0 0 32 * *", "The day-of-month “32”"),
        ("0 0 31 2 *", "None of these months has a day 31."),
        ("0 0 * 13 *", "The month “13”"),
        ("0 0 * * 8", "The day-of-week “8”"),
        ("0 0 * * MO", "The day-of-week “MO”"),
        ("*/0 * * * *", "The minute “*/0”"),
        ("5-1 * * * *", "The minute “5-1”"),
        ("* * */20 * 1L", "No day fits these fields"),
    ],
)
def test_says_which_field_makes_no_sense(fields: str, words: str) -> None:
    with pytest.raises(Incomplete, match=None) as refusal:
        cron.check(fields, BERLIN, datetime(2026, 1, 1, tzinfo=UTC))

    assert refusal.value.field == "cron"
    assert words in str(refusal.value)


@pytest.mark.parametrize("name", ["", "Berlin", "europe/berlin", "../../etc/passwd", "/etc/localtime", "CEST+9"])
def test_says_that_a_time_zone_is_unknown(name: str) -> None:
    with pytest.raises(Incomplete, match="is no time zone") as refusal:
        cron.check("0 3 * * *", name, datetime(2026, 1, 1, tzinfo=UTC))

    assert refusal.value.field == "time_zone"


def test_explains_itself() -> None:
    assert cron.explain("30 2 * * SUN") == "At 02:30 on Sunday"


_FIELD = st.text(alphabet="0123456789*/,-L#WMONSUJAN ", max_size=24)


@given(st.one_of(st.text(max_size=40), _FIELD, st.builds("{} {} {} {} {}".format, *[_FIELD] * 5)))
def test_reads_any_text_or_says_why_not(fields: str) -> None:
    refused_for, explained = "", ""
    try:
        cron.check(fields, "UTC", datetime(2026, 1, 1, tzinfo=UTC))
        explained = cron.explain(fields)
    except Incomplete as refusal:
        refused_for = refusal.field

    assert refused_for == "cron" or explained


def _numbers(least: int, most: int) -> st.SearchStrategy[str]:
    some = st.lists(st.integers(least, most), min_size=1, max_size=3).map(lambda found: ",".join(map(str, found)))
    return st.one_of(st.just("*"), some, st.integers(1, 30).map(lambda step: f"*/{step}"))


_CLOCK = st.builds("{} {} * * {}".format, _numbers(0, 59), _numbers(0, 23), st.sampled_from(["*", "1-5", "SUN"]))
_MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@settings(max_examples=300)
@given(_CLOCK, st.sampled_from(ZONES), _MOMENTS)
def test_times_are_later_and_in_order_and_do_not_depend_on_when_one_asks(
    fields: str, zone: str, after: datetime
) -> None:
    found = cron.next_times(fields, zone, after, 6)

    assert len(found) == 6
    assert found == sorted(set(found))
    assert found[0] > after
    asked_anew = [cron.next_time(fields, zone, moment) for moment in [after, *found[:-1]]]
    assert asked_anew == found


@settings(max_examples=200)
@given(_CLOCK, st.sampled_from(ZONES), _MOMENTS, st.integers(1, 3000))
def test_the_last_time_of_a_span_is_the_one_after_which_none_comes_within_it(
    fields: str, zone: str, since: datetime, minutes: int
) -> None:
    until = since + timedelta(minutes=minutes)

    last = cron.last_time(fields, zone, since=since, until=until)
    count = cron.count_times(fields, zone, since=since, until=until, most=5000)

    if last is None:
        assert count == 0
        following = cron.next_time(fields, zone, since - timedelta(microseconds=1))
    else:
        assert count > 0
        assert since <= last <= until
        following = cron.next_time(fields, zone, last)
    assert following is not None
    assert following > until
