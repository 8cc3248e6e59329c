"""What jobs need, for whom they wait in words, and who is let in: the rules alone, then on rows."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from lifecycle import claims, queue
from lifecycle.models import Hold, Job, VDisk
from lifecycle.queue import Waiting
from lifecycle.states import JobState

LIMITS = {"host": 3, "store": 0, "kind": 0, "kind:merge": 1, "host:small farm": 2}


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.PORTAL_LIMITS = LIMITS


# --- what is needed, and how much there is of it


def test_a_writing_job_needs_its_vdisk_for_itself(vdisk: VDisk) -> None:
    needs = claims.needs_of(kind="merge", farm=vdisk.farm, vdisk=vdisk, writes=True)

    assert needs == [f"vdisk:{vdisk.pk}", "kind:merge", f"store:{vdisk.store_id}", f"host:{vdisk.farm.name}"]
    assert claims.limit(needs[0]) == 1


def test_a_job_that_changes_nothing_needs_neither_vdisk_nor_store(vdisk: VDisk) -> None:
    assert claims.needs_of(kind="boot-test", farm=vdisk.farm, vdisk=vdisk, writes=False) == [
        "kind:boot-test",
        f"host:{vdisk.farm.name}",
    ]


def test_a_job_may_work_on_another_host_than_the_farm(vdisk: VDisk) -> None:
    needs = claims.needs_of(kind="rebuild", farm=vdisk.farm, vdisk=vdisk, writes=True, host="HV01")

    assert needs[-1] == "host:HV01"


@pytest.mark.parametrize(
    ("resource", "places"),
    [
        ("vdisk:7", 1),
        ("host:Any", 3),
        ("host:Small Farm", 2),
        ("kind:merge", 1),
        ("kind:new-version", None),
        ("store:1", None),
        ("odd:1", None),
    ],
)
def test_a_limit_by_name_counts_before_the_one_for_all(resource: str, places: int | None) -> None:
    assert claims.limit(resource) == places


def test_what_is_not_limited_is_not_counted() -> None:
    assert claims.counted(["vdisk:1", "store:1", "host:A"]) == {"vdisk:1": 1, "host:A": 3}


def test_resources_have_names(vdisk: VDisk) -> None:
    assert claims.name_of(f"vdisk:{vdisk.pk}") == f"vDisk {vdisk.name}"
    assert claims.name_of(f"store:{vdisk.store_id}") == f"store {vdisk.store.name}"
    assert claims.name_of("host:HV01") == "host HV01"
    assert claims.name_of(f"host:{vdisk.farm.name}") == f"farm {vdisk.farm.name}"
    assert claims.name_of("kind:merge") == "jobs of the kind “Merge updates”"
    assert claims.name_of("vdisk:999999") == "vDisk no. 999999"


# --- for whom a job waits


def waiting(vdisk: VDisk, by: User, **values: Any) -> Job:
    needs = claims.needs_of(kind="merge", farm=vdisk.farm, vdisk=vdisk, writes=True)
    defaults = {"kind": "merge", "title": "Merge", "queues": True, "needs": needs, "requested_by": by}
    return Job.objects.create(farm=vdisk.farm, vdisk=vdisk, **defaults | values)


def hold(job: Job, *resources: str) -> None:
    for resource in resources:
        Hold.objects.create(job=job, resource=resource, slot=Hold.objects.filter(resource=resource).count() + 1)
    Job.objects.filter(pk=job.pk).update(admitted_at=timezone.now(), state=JobState.RUNNING)


def test_a_job_says_who_holds_what_it_waits_for(vdisk: VDisk, admin: User, approver: User) -> None:
    first = waiting(vdisk, approver, title="Merge the first")
    hold(first, f"vdisk:{vdisk.pk}", "kind:merge")
    second = waiting(vdisk, admin)

    blockers = claims.waits_for(second)

    holder = f"job {first.pk}, “Merge the first” ({approver.username})"
    assert [blocker.words for blocker in blockers] == [
        f"vDisk {vdisk.name}: held by {holder}",
        f"jobs of the kind “Merge updates”: held by {holder}",
    ]
    assert blockers[0].holders[0].job_id == first.pk


def test_a_job_says_how_many_come_before_it(vdisk: VDisk, admin: User) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    for minutes in range(2):
        waiting(vdisk, admin, created_at=long_ago + timedelta(minutes=minutes))
    third = waiting(vdisk, admin)

    found = {blocker.resource: blocker for blocker in claims.waits_for(third)}

    assert found[f"vdisk:{vdisk.pk}"].words == f"2 jobs are before it in the queue for vDisk {vdisk.name}"
    assert found["kind:merge"].ahead == 2


def test_one_job_before_it_is_told_in_the_singular() -> None:
    assert claims.Blocker("host:A", "host A", ahead=1).words == "1 job is before it in the queue for host A"


@pytest.mark.parametrize(
    "values",
    [
        {"admitted_at": timezone.now()},
        {"state": JobState.CANCELLED, "ended_at": timezone.now()},
    ],
    ids=["let in", "over"],
)
def test_a_job_that_is_let_in_or_over_waits_for_nobody(values: dict[str, Any], vdisk: VDisk, admin: User) -> None:
    waiting(vdisk, admin, created_at=timezone.now() - timedelta(hours=1))

    assert claims.waits_for(waiting(vdisk, admin, **values)) == []


def test_the_first_in_the_queue_waits_for_nobody(vdisk: VDisk, admin: User) -> None:
    assert claims.waits_for(waiting(vdisk, admin)) == []


def test_saying_for_whom_costs_the_same_however_many_wait(
    vdisk: VDisk, admin: User, django_assert_max_num_queries: Any
) -> None:
    first = waiting(vdisk, admin)
    hold(first, f"vdisk:{vdisk.pk}")
    jobs = [waiting(vdisk, admin) for _ in range(30)]

    with django_assert_max_num_queries(4):
        claims.waits_for(jobs[-1])


# --- who is let in: the rule alone


def line(*needs: str) -> list[Waiting]:
    return [Waiting(number, tuple(one.split())) for number, one in enumerate(needs, 1)]


def test_each_gets_the_lowest_free_place() -> None:
    admitted = queue.let_in(line("host:A", "host:A", "host:A"), limits={"host:A": 3}, taken={"host:A": [2]})

    assert admitted == {1: {"host:A": 1}, 2: {"host:A": 3}}


def test_who_cannot_be_let_in_keeps_its_places_from_those_behind() -> None:
    """Job 1 needs both; job 2 would take what is free of them for ever."""
    admitted = queue.let_in(
        line("vdisk:1 host:A", "vdisk:1 host:B"), limits={"vdisk:1": 1, "host:A": 1, "host:B": 1}, taken={"host:A": [1]}
    )

    assert admitted == {}


def test_jobs_for_one_vdisk_do_not_keep_a_host_idle() -> None:
    jobs = line(*["vdisk:1 host:A"] * 5, "vdisk:2 host:A")

    admitted = queue.let_in(
        jobs, limits={"vdisk:1": 1, "vdisk:2": 1, "host:A": 2}, taken={"vdisk:1": [1], "host:A": [1]}
    )

    assert list(admitted) == [6]


def test_a_limit_that_was_lowered_lets_nobody_in_until_it_is_kept() -> None:
    assert queue.let_in(line("host:A"), limits={"host:A": 2}, taken={"host:A": [3, 4]}) == {}
    assert queue.let_in(line("host:A"), limits={"host:A": 2}, taken={"host:A": [4]}) == {1: {"host:A": 1}}


RESOURCES = ["vdisk:1", "vdisk:2", "kind:merge", "store:1", "host:A", "host:B"]
NEEDS = st.lists(st.sampled_from(RESOURCES), unique=True, max_size=4).map(tuple)
PLACES = st.fixed_dictionaries(
    {name: st.just(1) if name.startswith("vdisk") else st.integers(1, 3) for name in RESOURCES}
)


@given(needs=st.lists(NEEDS, max_size=12), limits=PLACES, data=st.data())
def test_no_place_is_given_twice_and_the_first_that_can_is_let_in(
    needs: list[tuple[str, ...]], limits: dict[str, int], data: st.DataObject
) -> None:
    taken = {name: data.draw(st.sets(st.integers(1, places)), label=name) for name, places in limits.items()}
    jobs = [Waiting(number, one) for number, one in enumerate(needs)]

    admitted = queue.let_in(jobs, limits=limits, taken=taken)

    given = [(name, place) for places in admitted.values() for name, place in places.items()]
    assert len(given) == len(set(given))
    assert all(place not in taken[name] and 1 <= place <= limits[name] for name, place in given)
    assert all(set(places) == set(jobs[job_id].needs) for job_id, places in admitted.items())
    if jobs and all(len(taken[name]) < limits[name] for name in jobs[0].needs):
        assert jobs[0].job_id in admitted


@given(needs=st.lists(NEEDS, min_size=1, max_size=8), limits=PLACES)
def test_everybody_is_let_in_within_as_many_rounds_as_there_are_jobs(
    needs: list[tuple[str, ...]], limits: dict[str, int]
) -> None:
    """Who is let in ends before the next round; nobody is passed over for ever."""
    jobs = [Waiting(number, one) for number, one in enumerate(needs)]
    rounds = 0
    while jobs:
        admitted = queue.let_in(jobs, limits=limits, taken={})
        assert admitted
        jobs = [job for job in jobs if job.job_id not in admitted]
        rounds += 1
    assert rounds <= len(needs)


@pytest.mark.parametrize("wanted", list(permutations(["vdisk:1", "kind:merge", "store:1", "host:A"], 2)))
def test_nobody_starves_under_a_stream_that_never_ends(wanted: tuple[str, str]) -> None:
    """One job needs two things. Behind it there are always new ones for either; the two are never free at once."""
    limits = dict.fromkeys(wanted, 1)
    held_until = {wanted[0]: 1, wanted[1]: 2}
    for now in range(1, 50):
        taken = {name: {1} for name, until in held_until.items() if until > now}
        stream = [Waiting(now * 10 + n, (name,)) for n, name in enumerate(wanted)]
        admitted = queue.let_in([Waiting(0, wanted), *stream], limits=limits, taken=taken)
        if 0 in admitted:
            return
        held_until |= {name: now + 2 for places in admitted.values() for name in places}
    raise AssertionError(f"a job that needs {wanted} was never let in")


# --- the order


def order() -> list[int]:
    return [job.job_id for job in queue.candidates()]


@pytest.fixture
def ask(vdisk: VDisk) -> Any:
    """Jobs of several people, made one minute after the other, for vDisks that do not matter."""
    start = timezone.now() - timedelta(days=1)
    made: list[Job] = []

    def make(by: User, **values: Any) -> Job:
        defaults = {"created_at": start + timedelta(minutes=len(made)), "needs": [f"host:{len(made)}"]}
        made.append(waiting(vdisk, by, **defaults | values))
        return made[-1]

    return make


def test_people_take_turns(ask: Any, admin: User, approver: User) -> None:
    many = [ask(admin) for _ in range(3)]
    late = [ask(approver) for _ in range(2)]

    assert order() == [many[0].pk, late[0].pk, many[1].pk, late[1].pk, many[2].pk]


def test_who_was_let_in_last_comes_after_those_who_wait_since(ask: Any, admin: User, approver: User) -> None:
    ask(admin, admitted_at=timezone.now(), state=JobState.SUCCEEDED, ended_at=timezone.now())
    second = ask(admin)
    other = ask(approver)

    assert order() == [other.pk, second.pk]


def test_later_jobs_of_the_same_person_cost_nobody_their_turn(ask: Any, admin: User, approver: User) -> None:
    """The big job waits; small ones of the same person are let in meanwhile. It keeps its place in the round."""
    big = ask(admin)
    other = ask(approver)
    ask(admin, admitted_at=timezone.now(), state=JobState.RUNNING)

    assert order() == [big.pk, other.pk]


def test_who_comes_new_does_not_push_in(ask: Any, admin: User, approver: User, django_user_model: Any) -> None:
    first, second = ask(admin), ask(approver)
    new = ask(django_user_model.objects.create_user("new"))

    assert order() == [first.pk, second.pk, new.pk]


def test_only_the_first_for_a_vdisk_is_looked_at(ask: Any, admin: User) -> None:
    first = ask(admin, needs=["vdisk:1", "host:A"])
    for _ in range(5):
        ask(admin, needs=["vdisk:1", "host:A"])
    other = ask(admin, needs=["vdisk:2", "host:A"])

    assert order() == [first.pk, other.pk]


@pytest.mark.parametrize(
    "values",
    [
        {"due_at": timezone.now() + timedelta(hours=1)},
        {"admitted_at": timezone.now()},
        {"state": JobState.CANCELLED, "ended_at": timezone.now()},
        {"cancel_requested_at": timezone.now()},
    ],
    ids=["due later", "let in", "over", "cancelled before it began"],
)
def test_who_does_not_wait_is_not_in_the_line(values: dict[str, Any], ask: Any, admin: User) -> None:
    ask(admin, **values)

    assert order() == []


def test_a_cancelled_job_with_something_to_take_back_stands_in_line(ask: Any, admin: User) -> None:
    job = ask(admin, cancel_requested_at=timezone.now(), started_at=timezone.now())

    assert order() == [job.pk]
