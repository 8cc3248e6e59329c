"""Slow and stalled are two things, and each is said as soon as it is true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from lifecycle import progress
from lifecycle.estimates import Expected
from lifecycle.models import Job, JobStep
from lifecycle.progress import Pace
from lifecycle.states import JobState, StepState

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
USUAL = Expected(60, 120, 30)
SILENCE = 300


def _step(
    elapsed: float, *, heard: float | None = None, state: StepState = StepState.WAITING, **values: Any
) -> JobStep:
    """Begun ``elapsed`` seconds ago; outside last answered ``heard`` seconds ago."""
    sign_at = None if heard is None else NOW - timedelta(seconds=heard)
    return JobStep(state=state, started_at=NOW - timedelta(seconds=elapsed), sign_at=sign_at, **{"about": {}} | values)


@pytest.mark.parametrize(
    ("elapsed", "pace", "words"),
    [
        (0, Pace.ON_COURSE, ""),
        (60, Pace.ON_COURSE, ""),
        (61, Pace.SLOWER_THAN_HALF, "Slower than half: those took at most 60 s."),
        (120, Pace.SLOWER_THAN_HALF, "Slower than half: those took at most 60 s."),
        (121, Pace.SLOWER_THAN_NINE, "Slower than 9 of 10: those took at most 2 min."),
        (99_999, Pace.SLOWER_THAN_NINE, "Slower than 9 of 10: those took at most 2 min."),
    ],
)
def test_is_slower_as_soon_as_it_is(elapsed: float, pace: Pace, words: str) -> None:
    found = progress.judge(_step(elapsed), USUAL, NOW)

    assert (found.pace, found.words) == (pace, words)


@pytest.mark.parametrize("expected", [None, Expected(None, None, 2)])
def test_claims_nothing_without_history(expected: Expected | None) -> None:
    assert progress.judge(_step(99_999), expected, NOW) == progress.Judgement(Pace.UNKNOWN, "")


def test_nine_of_ten_are_not_claimed_from_a_few() -> None:
    assert progress.judge(_step(99_999), Expected(60, None, 4), NOW).pace == Pace.SLOWER_THAN_HALF


def test_a_slow_step_that_is_answered_is_not_stalled() -> None:
    step = _step(99_999, heard=SILENCE, about={"silence": SILENCE})

    assert progress.judge(step, USUAL, NOW).pace == Pace.SLOWER_THAN_NINE


def test_a_step_that_nobody_answers_is_stalled_however_early() -> None:
    found = progress.judge(
        _step(SILENCE + 10, heard=SILENCE + 1, about={"silence": SILENCE}), Expected(9e9, 9e9, 99), NOW
    )

    assert found.pace == Pace.STALLED
    assert found.words == "Stalled: no sign of life from outside for 5 min; 5 min of silence would be usual."


def test_silence_counts_from_the_start_before_the_first_answer() -> None:
    about = {"silence": SILENCE}

    assert progress.judge(_step(SILENCE, about=about), None, NOW).pace == Pace.UNKNOWN
    assert progress.judge(_step(SILENCE + 1, about=about), None, NOW).pace == Pace.STALLED


def test_an_answer_of_an_earlier_run_does_not_count_as_silence_since() -> None:
    resumed = _step(5, heard=90_000, about={"silence": SILENCE})

    assert progress.judge(resumed, USUAL, NOW).pace == Pace.ON_COURSE


def test_silence_is_not_blamed_on_the_outside_when_no_worker_asked() -> None:
    step = _step(SILENCE + 1, about={"silence": SILENCE})
    today, before = NOW - timedelta(minutes=3), NOW - timedelta(days=2)

    assert progress.judge(step, None, NOW, unattended_since=today) == progress.Judgement(
        Pace.STALLED, f"Stalled: no worker has looked since {timezone.localtime(today):%H:%M}; see Operations."
    )
    assert (
        f"since {timezone.localtime(before):%Y-%m-%d %H:%M};"
        in progress.judge(step, None, NOW, unattended_since=before).words
    )


def test_a_step_that_may_be_silent_for_longer_is_not_stalled_though_nobody_asks() -> None:
    step = _step(SILENCE, about={"silence": SILENCE})

    assert progress.judge(step, None, NOW, unattended_since=NOW).pace == Pace.UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "since"),
    [
        ({"due_at": -60}, -60),
        ({"due_at": -60, "lease_until": -40}, -40),
        ({"due_at": -90, "admitted_at": -40}, -40),
        ({"due_at": -60, "lease_until": 10}, None),
        ({"due_at": -90, "lease_until": -5}, None),
        ({"due_at": -20}, None),
        ({"due_at": 5}, None),
        ({"due_at": -60, "admitted_at": None}, None),
    ],
    ids=str,
)
def test_nobody_looked_when_it_is_long_due_and_in_no_hand(seconds: dict[str, int | None], since: int | None) -> None:
    moments = {
        name: None if ago is None else NOW + timedelta(seconds=ago)
        for name, ago in ({"admitted_at": -999} | seconds).items()
    }
    job = Job(state=JobState.RUNNING, **moments)

    expected = None if since is None else NOW + timedelta(seconds=since)
    assert progress.unattended_since(job, NOW) == expected
    assert progress.unattended_since(Job(state=JobState.FAILED, **moments), NOW) is None


@pytest.mark.parametrize(
    "state", [StepState.PENDING, StepState.DONE, StepState.FAILED, StepState.UNDONE, StepState.SKIPPED]
)
def test_what_does_not_run_is_not_judged(state: StepState) -> None:
    step = _step(99_999, heard=99_999, state=state, about={"silence": SILENCE})

    assert progress.judge(step, USUAL, NOW) == progress.Judgement(Pace.IDLE, "")


def test_a_whole_job_is_judged_unless_it_was_resumed() -> None:
    started = NOW - timedelta(seconds=500)

    assert progress.judge_job(Job(state=JobState.RUNNING, started_at=started), USUAL, NOW).pace == Pace.SLOWER_THAN_NINE
    assert progress.judge_job(Job(state=JobState.RUNNING, started_at=started, runs=2), USUAL, NOW).pace == Pace.UNKNOWN
    assert progress.judge_job(Job(state=JobState.WAITING), USUAL, NOW).pace == Pace.IDLE


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (None, ""),
        (Expected(None, None, 2), ""),
        (Expected(40, None, 3), "usually about 40 s"),
        (Expected(240, 420, 10), "usually about 4 min, 9 of 10 times within 7 min"),
    ],
)
def test_says_what_is_usual(expected: Expected | None, words: str) -> None:
    assert progress.expectation(expected) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "under a second"),
        (1, "1 s"),
        (119.4, "119 s"),
        (120, "2 min"),
        (7199, "2 h"),
        (7140, "119 min"),
        (12_000, "3 h 20 min"),
        (7200, "2 h"),
    ],
)
def test_says_how_long_in_few_words(seconds: float, words: str) -> None:
    assert progress.lasting(seconds) == words
