"""The mirrored rows: from rows to facts, and finding a target."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from lifecycle.models import Collection, Farm, Target, VDisk
from lifecycle.states import ChangeState, JobState
from tests.lifecycle.chains import STAGES, chain, copy, in_test, version
from tests.lifecycle.ground import make_vdisk, ready, write_chain


@pytest.mark.parametrize("facts", [ready(), *(staged for staged, _ in STAGES.values())])
def test_rows_give_back_the_facts_they_were_made_of(facts: object, farm: Farm) -> None:
    assert make_vdisk(farm, "W11", facts).chain() == facts  # type: ignore[arg-type]


def test_rows_that_are_gone_are_no_facts(vdisk: VDisk) -> None:
    vdisk.versions.filter(number=2).update(gone_at=timezone.now())
    vdisk.replicas.filter(server__name="PVS02").update(gone_at=timezone.now())

    found = vdisk.chain()

    assert [one.number for one in found.versions] == [0, 1]
    assert {one.server for one in found.replicas} == {"PVS01"}


def test_a_number_may_come_again_after_its_first_owner_is_gone(vdisk: VDisk) -> None:
    old = vdisk.versions.get(number=2)
    vdisk.versions.filter(number=2).update(gone_at=timezone.now())
    old.pk = None
    old.save(force_insert=True)

    assert vdisk.chain().get(2)


def test_chains_of_many_vdisks_cost_three_queries(farm: Farm, django_assert_num_queries: object) -> None:
    for number in range(4):
        make_vdisk(farm, f"W{number}", ready())

    with django_assert_num_queries(3):  # type: ignore[operator]
        chains = [vdisk.chain() for vdisk in VDisk.objects.with_chain()]

    assert len(chains) == 4


@pytest.mark.parametrize(("kind", "private"), [(0, True), (10, True), (1, False), (4, False), (9, False)])
def test_private_is_told_by_the_write_cache(kind: int, private: bool, vdisk: VDisk) -> None:
    vdisk.write_cache_type = kind

    assert vdisk.chain().private is private


def test_a_vdisk_that_is_gone_is_not_present(vdisk: VDisk) -> None:
    VDisk.objects.update(gone_at=timezone.now())

    assert not VDisk.objects.present().exists()


@pytest.mark.parametrize(
    ("every", "age", "stale"), [(60, 179, False), (60, 181, True), (5, 29, False), (5, 31, True), (60, None, True)]
)
def test_a_picture_is_stale_after_three_intervals(every: int, age: int | None, stale: bool) -> None:
    synced_at = None if age is None else timezone.now() - timedelta(seconds=age)

    assert Farm(name="x", sync_every_seconds=every, synced_at=synced_at).is_stale is stale


@pytest.fixture
def target(vdisk: VDisk) -> Target:
    collection = Collection.objects.create(site=vdisk.site, guid=uuid.uuid4(), name="Office")
    return Target.objects.create(
        farm=vdisk.farm,
        collection=collection,
        guid=uuid.uuid4(),
        name="MUC-OFF-001",
        mac="00-15-5D-01-02-0A",
        mac_digits="00155D01020A",
        type=0,
        ip="10.20.1.17",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "MUC-OFF-001",
        "muc",
        "off-0",
        "00-15-5D-01-02-0A",
        "00:15:5d:01:02:0a",
        "0015.5d01.020a",
        "5d01",
        "10.20.1",
    ],
)
def test_a_target_is_found(text: str, target: Target) -> None:
    assert list(Target.objects.search(text)) == [target]


@pytest.mark.parametrize("text", ["MUC-OFF-002", "00155D01020B", "20.1.17", "%", "_", "xyz", "10.20.2"])
def test_a_target_is_not_found(text: str, target: Target) -> None:
    assert not Target.objects.search(text).exists()


def test_a_verdict_may_be_as_long_as_its_names(target: Target) -> None:
    """One long verdict must not stop the sync of a whole farm."""
    target.verdict_words = "Wrong vDisk: runs X, assigned is " + ", ".join(f"{number:052}" for number in range(8))
    target.save()


def test_states_name_themselves_in_words() -> None:
    assert all(state.label for state in (*ChangeState, *JobState))


def test_a_rewritten_chain_is_read_anew(vdisk: VDisk) -> None:
    write_chain(vdisk, chain(version(0), in_test(1), replicas=(copy(0),)))

    assert VDisk.objects.get().chain().highest == in_test(1)
