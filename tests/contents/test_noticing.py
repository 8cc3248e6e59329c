"""After a sync: what is read, in which order, how much at a time; and nothing of it can spoil the sync."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from builders.contents import noticing
from builders.contents.noticing import have_read_what_is_new
from builders.contents.places import places
from lifecycle import readings
from lifecycle.models import Job, Server, StoreAccess, VDisk, Version
from lifecycle.states import Access, Reading, ReplicaState, ServerStatus, VersionType
from tests import factories


def asked() -> list[int | None]:
    return list(Job.objects.filter(kind=Reading.INSPECT).order_by("id").values_list("version_number", flat=True))


def test_without_a_way_nothing_happens(vdisk: VDisk) -> None:
    assert have_read_what_is_new(vdisk.farm_id) == 0
    assert not Job.objects.exists()


def test_what_runs_in_production_is_read_first(vdisk: VDisk, way: StoreAccess) -> None:
    assert have_read_what_is_new(vdisk.farm_id) == 5
    assert asked() == [3, 4, 2, 1, 0]
    assert have_read_what_is_new(vdisk.farm_id) == 0


def test_so_many_at_a_time_and_no_more(vdisk: VDisk, way: StoreAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "AT_ONCE", 2)

    assert have_read_what_is_new(vdisk.farm_id) == 2
    assert have_read_what_is_new(vdisk.farm_id) == 0
    assert asked() == [3, 4]


def test_a_fault_of_ours_does_not_spoil_the_sync(
    vdisk: VDisk, way: StoreAccess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault")

    monkeypatch.setattr(noticing.readings, "due", broken)

    assert have_read_what_is_new(vdisk.farm_id) == 0
    assert "a fault" in caplog.text


@pytest.mark.parametrize(
    ("values", "due"),
    [
        ({}, True),
        ({"device_count": 1, "access": Access.MAINTENANCE}, False),
        ({"device_count": 1, "access": Access.TEST}, True),
        ({"access": Access.MERGE}, False),
        ({"delete_when_free": True}, True),
        ({"delete_when_free": True, "device_count": 0}, False),
    ],
)
def test_what_cannot_hold_together_is_left_for_later(version: Version, values: dict[str, Any], *, due: bool) -> None:
    Version.objects.filter(pk=version.pk).update(**values)
    chain = VDisk.objects.get(pk=version.vdisk_id).chain()

    assert readings.is_due(chain, version.number, None, "1", timezone.now()) is due


def due_numbers(vdisk: VDisk) -> list[int]:
    chain = VDisk.objects.get(pk=vdisk.pk).chain()
    return [each.number for each in chain.versions if readings.is_due(chain, each.number, None, "1", timezone.now())]


def test_what_is_to_be_deleted_is_read_while_a_target_runs_it_or_what_stands_on_it(vdisk: VDisk) -> None:
    versions = vdisk.versions
    versions.filter(number=3).update(type=VersionType.MERGE_BASE)
    versions.filter(number__lt=3).update(delete_when_free=True)
    assert due_numbers(vdisk) == [0, 1, 2, 3, 4], "two targets still run version 2, which stands on 0 and 1"

    versions.filter(number=2).update(device_count=0)
    versions.filter(number=1).update(device_count=1)
    assert due_numbers(vdisk) == [0, 1, 3, 4]

    versions.filter(number=1).update(device_count=0)
    assert due_numbers(vdisk) == [3, 4]


def test_what_is_to_be_deleted_is_read_while_another_version_is_built_on_it(vdisk: VDisk) -> None:
    vdisk.versions.filter(number=1).update(delete_when_free=True)
    vdisk.versions.update(device_count=0)
    assert due_numbers(vdisk) == [0, 1, 2, 3, 4]


def test_files_that_no_server_has_up_to_date_are_not_looked_for(version: Version) -> None:
    version.vdisk.replicas.filter(number=4).update(state=ReplicaState.FILE_OUTDATED)
    chain = VDisk.objects.get(pk=version.vdisk_id).chain()

    assert not readings.is_due(chain, 4, None, "1", timezone.now())
    assert "W11-Office.4.avhdx" in readings.why_not_read(chain, 4)


# --- where


def found(vdisk: VDisk, number: int = 4) -> list[str]:
    fresh = VDisk.objects.get(pk=vdisk.pk)
    return [place.server for place in places(fresh, fresh.chain(), number).found]


@pytest.fixture
def ways(vdisk: VDisk, ground: factories.Ground) -> None:
    for server in ground.servers:
        StoreAccess.objects.create(
            store=vdisk.store, server=server, kind=StoreAccess.Kind.LOCAL, path=f"/{server.name}"
        )


def test_the_least_busy_server_comes_first(vdisk: VDisk, ways: None) -> None:
    Server.objects.filter(name="PVS01").update(device_count=40)
    assert found(vdisk) == ["PVS02", "PVS01"]


def test_a_server_without_all_files_up_to_date_or_that_is_down_is_left_out(vdisk: VDisk, ways: None) -> None:
    vdisk.replicas.filter(number=2, server__name="PVS01").update(state=ReplicaState.FILE_OUTDATED)
    assert found(vdisk) == ["PVS02"]
    assert found(vdisk, 1) == ["PVS01", "PVS02"]
    Server.objects.filter(name="PVS02").update(status=ServerStatus.DOWN)
    assert found(vdisk) == []


def test_one_share_for_all_servers_is_one_place_though_a_server_is_down(vdisk: VDisk, way: StoreAccess) -> None:
    assert len(found(vdisk)) == 1
    Server.objects.update(status=ServerStatus.DOWN)
    assert len(found(vdisk)) == 1


def test_the_files_are_those_of_the_chain_top_first(vdisk: VDisk, way: StoreAccess) -> None:
    (place,) = places(vdisk, vdisk.chain(), 2).found
    assert place.files == ("W11-Office.2.avhdx", "W11-Office.1.avhdx", "W11-Office.vhdx")
