"""The design holds in every interleaving; each known bad design is found when it is put back.

Run with ``-s`` to read the sizes and, for each bad design, the shortest way into the harm it does.
"""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.engine.model import rules
from tests.engine.model.actions import model
from tests.engine.model.checker import NO_END, Model, Move, Verdict, check
from tests.engine.model.pictures import STANDS_FOR
from tests.engine.model.world import TRUE, Design, Scene

ONE_JOB = Scene()
"""One job, two workers, everything that can go wrong."""
MESSAGES_ONLY = Scene(kills=False, cut=False, fails=False, cancels=False, resumes=False)
UNDOES_FAILURES = Scene(undoes_failures=True, messages=False)
THREE_WORKERS = Scene(workers=3, messages=False, fails=False, resumes=False, waits=False)
SHORT_JOBS = Scene(messages=False, lost=False, doubled=False, cut=False, waits=False)
"""Jobs of one step, without what the scenes above have tried already."""
TWO_JOBS = replace(SHORT_JOBS, needs=((0, 1), (1, 0)), kills=False, fails=False, resumes=False)
"""They need the same two places. A worker that is paused for ever does for one that is killed."""
TWO_JOBS_RESUMED = replace(SHORT_JOBS, needs=((0,), (0,)), workers=1)
LONG_PAUSES = Scene(long_pauses=True, messages=False)
"""A worker may be paused right before its call for longer than anybody waits for it."""


class BadDesign(NamedTuple):
    words: str
    scene: Scene
    switches: dict[str, bool]
    rule: str
    but_for: tuple[str, ...] = ()


UNTRUE_ENDS = (rules.TRUE_CANCEL, rules.TRUE_FAILURE, rules.TRUE_SUCCESS, rules.CANCEL_ANSWERED)
BAD_DESIGNS = [
    BadDesign("no fencing token: the lease is a matter of time only", ONE_JOB, {"fenced": False}, rules.ONE_WRITER),
    BadDesign(
        "no fencing token, and what comes of it in the farm",
        ONE_JOB,
        {"fenced": False},
        rules.ONCE,
        but_for=(rules.ONE_WRITER, *UNTRUE_ENDS),
    ),
    BadDesign(
        "the token is looked at before the write, not in the write's transaction",
        ONE_JOB,
        {"token_in_the_writing_transaction": False},
        rules.ONE_WRITER,
    ),
    BadDesign(
        "log lines are appended outside the fenced transaction, since they only append",
        ONE_JOB,
        {"lines_fenced": False},
        rules.LINES_IN_ORDER,
    ),
    BadDesign(
        "a claim does not look whether the lease is over", ONE_JOB, {"claim_checks_the_lease": False}, rules.ONE_WORKER
    ),
    BadDesign(
        "whether a lease is over is judged by the worker's own clock",
        ONE_JOB,
        {"database_clock": False},
        rules.ONE_WORKER,
    ),
    BadDesign(
        "times are judged by the worker's own clock, and what comes of it in the farm",
        ONE_JOB,
        {"database_clock": False},
        rules.ONCE,
        but_for=(rules.ONE_WORKER, *UNTRUE_ENDS),
    ),
    BadDesign(
        "the intention is not saved before the call", ONE_JOB, {"intention_before_the_call": False}, rules.TRUE_FAILURE
    ),
    BadDesign(
        "the intention is not saved before the call, and what comes of it in the farm",
        ONE_JOB,
        {"intention_before_the_call": False},
        rules.ONCE,
        but_for=UNTRUE_ENDS,
    ),
    BadDesign("a call is repeated without a look first", ONE_JOB, {"look_before_repeating": False}, rules.ONCE),
    BadDesign(
        "what was created is known by an id in the worker's memory alone, not by a tag",
        ONE_JOB,
        {"found_by_tag": False},
        rules.ONCE,
    ),
    BadDesign(
        "a look that finds nothing is believed at once, though the call before may still take effect",
        ONE_JOB,
        {"late_calls_waited_for": False},
        rules.ONCE,
        but_for=UNTRUE_ENDS,
    ),
    BadDesign(
        "the message is the job: what waits is a message with an ETA, and a lost one is a lost job",
        MESSAGES_ONLY,
        {"rows_are_handed_out": False},
        NO_END,
    ),
    BadDesign(
        "the message is the permission: what the broker delivers again after its visibility timeout runs again",
        ONE_JOB,
        {"message_only_wakes": False},
        rules.ONCE,
        but_for=UNTRUE_ENDS,
    ),
    BadDesign(
        "a job that was handed out is never handed out again", MESSAGES_ONLY, {"dispatch_expires": False}, NO_END
    ),
    BadDesign(
        "holds are released in a transaction after the one that ends the job",
        ONE_JOB,
        {"holds_end_with_the_job": False},
        rules.NOTHING_HELD,
    ),
    BadDesign(
        "holds are released before the last write",
        TWO_JOBS,
        {"holds_freed_before_the_end": True},
        rules.ONE_PER_PLACE,
    ),
    BadDesign("holds are taken one after the other", TWO_JOBS, {"holds_taken_together": False}, NO_END),
    BadDesign(
        "the cancel flag is read at the start of the job only",
        ONE_JOB,
        {"cancel_seen_each_turn": False},
        rules.CANCEL_SEEN,
    ),
    BadDesign(
        "a job succeeds or fails though a cancel came between the last look at the flag and the end",
        ONE_JOB,
        {"cancel_compared_at_the_end": False},
        rules.CANCEL_ANSWERED,
    ),
    BadDesign("the undo runs in the web, under no lease", ONE_JOB, {"undo_under_lease": False}, rules.TRUE_CANCEL),
    BadDesign(
        "the undo knows only what a finished step produced, not what was intended",
        ONE_JOB,
        {"undo_looks_by_tag": False},
        rules.TRUE_CANCEL,
    ),
    BadDesign("the undo leaves failed steps out", ONE_JOB, {"undo_of_failed_steps": False}, rules.TRUE_CANCEL),
    BadDesign(
        "the undo takes a step that a resume set back for one that was never begun",
        ONE_JOB,
        {"undo_of_resumed_steps": False},
        rules.TRUE_CANCEL,
    ),
    BadDesign(
        "a resumed job that waits for its place is undone without having it",
        TWO_JOBS_RESUMED,
        {"undo_only_with_holds": False},
        rules.ONE_PER_PLACE,
    ),
    BadDesign(
        "a resume forgets the saved intention",
        ONE_JOB,
        {"resume_keeps_the_intention": False},
        rules.ONCE,
        but_for=UNTRUE_ENDS,
    ),
]


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (ONE_JOB, "one job, two workers"),
        (UNDOES_FAILURES, "one job that takes back what it did when it fails"),
        (THREE_WORKERS, "one job, three workers"),
        (TWO_JOBS, "two jobs that need the same places"),
        (TWO_JOBS_RESUMED, "two jobs, failed and resumed"),
    ],
)
def test_the_design_keeps_every_promise(scene: Scene, words: str) -> None:
    verdict = check(model(scene, TRUE))

    print(f"\n{words}: {verdict}")
    assert not verdict.rule, str(verdict)
    assert verdict.states > 1000, "a model that can hardly move proves nothing"


@pytest.mark.parametrize("bad", BAD_DESIGNS, ids=lambda bad: bad.words)
def test_a_known_bad_design_is_found(bad: BadDesign) -> None:
    design = replace(TRUE, **bad.switches)

    verdict = check(model(bad.scene, design), but_for=frozenset(bad.but_for))

    print(f"\n{bad.words}: {verdict}")
    assert verdict.rule == bad.rule, str(verdict)
    assert verdict.trace


def test_every_switch_of_the_design_is_tried_the_other_way() -> None:
    tried = {name for bad in BAD_DESIGNS for name in bad.switches}

    assert tried == set(Design.__dataclass_fields__)


@pytest.mark.parametrize("place", sorted(set(STANDS_FOR.values())))
def test_what_the_model_is_a_picture_of_exists(place: str) -> None:
    _found(place)


def _found(place: str) -> object:
    parts = place.split(".")
    depth = next(n for n in range(len(parts) - 1, 0, -1) if parts[n - 1].islower())
    found: object = import_module(".".join(parts[:depth]))
    for name in parts[depth:]:
        found = getattr(found, name)
    return found


class TestThePageAboutIt:
    """docs/engine.md names tests as its witnesses."""

    ROOT = Path(__file__).parents[3]
    PAGE = (ROOT / "docs" / "engine.md").read_text()

    def test_every_file_that_it_names_exists(self) -> None:
        there = {
            path.name for folder in ("builders", "lifecycle", "tests") for path in (self.ROOT / folder).rglob("*.py")
        }
        named = {Path(name).name for name in re.findall(r"`([\w/]+\.py)`", self.PAGE)}

        assert named
        assert named <= there, named - there

    def test_every_bad_design_that_it_names_is_tried(self) -> None:
        words = " ".join(bad.words for bad in BAD_DESIGNS)
        named = [" ".join(quoted.split()) for quoted in re.findall(r"`model/`: ([^*]*)\*", self.PAGE)]
        quotes = [quote for part in named for quote in re.findall(r'"([^"]+)"', part)]

        assert quotes
        assert not [quote for quote in quotes if quote not in words]


class TestWhatNoEngineCanPromise:
    """A token fences the database. The farm does not know it; it alone could stop a call that comes too late."""

    UNSAID = frozenset({rules.TRUE_CANCEL, rules.TRUE_FAILURE})

    def test_a_very_late_call_creates_nothing_twice_where_the_farm_refuses_twins(self) -> None:
        scene = replace(LONG_PAUSES, refuses_twins=True)

        verdict = check(model(scene, TRUE), but_for=self.UNSAID)

        print(f"\nvery late calls, the farm refuses twins: {verdict}")
        assert not verdict.rule, str(verdict)

    def test_a_very_late_call_creates_a_twin_where_it_does_not(self) -> None:
        verdict = check(model(LONG_PAUSES, TRUE), but_for=self.UNSAID)

        print(f"\nvery late calls, the farm takes twins: {verdict}")
        assert verdict.rule == rules.ONCE

    def test_a_very_late_call_can_arrive_after_the_end(self) -> None:
        verdict = check(model(replace(LONG_PAUSES, refuses_twins=True), TRUE))

        print(f"\nvery late calls: {verdict}")
        assert verdict.rule == rules.TRUE_CANCEL


class TestChecker:
    """A small machine of its own: 0 to 3, from where one way leads to an end and another into a trap."""

    @staticmethod
    def verdict(*, trap: bool, helpful: bool = True, forbidden: int = -1) -> Verdict:
        ways = {0: [1], 1: [2, 3] if trap else [2], 2: [9], 3: [3], 9: []}
        return check(
            Model(
                start=0,
                moves=lambda at: [Move(f"to {to}", to, helpful) for to in ways[at]],
                wrong=lambda at: "forbidden" if at == forbidden else "",
                ended=lambda at: at == 9,
            )
        )

    def test_counts_each_state_once(self) -> None:
        verdict = self.verdict(trap=False)

        assert (verdict.rule, verdict.states, verdict.moves) == ("", 4, 3)

    def test_finds_the_shortest_way_to_a_forbidden_state(self) -> None:
        assert self.verdict(trap=False, forbidden=2).trace == ["to 1", "to 2"]

    def test_finds_a_circle_without_an_end(self) -> None:
        verdict = self.verdict(trap=True)

        assert verdict.rule == NO_END
        assert verdict.trace == ["to 1", "to 3", "from here no way leads to an end"]

    def test_does_not_count_on_bad_luck_for_an_end(self) -> None:
        assert self.verdict(trap=False, helpful=False).rule == NO_END

    def test_a_rule_can_be_left_out(self) -> None:
        assert "broken" in str(self.verdict(trap=False, forbidden=2))
