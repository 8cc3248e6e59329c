"""The mirror equals the picture, remembers what PVS forgets, and costs the same however many targets there are."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from builders.adapters.errors import Unreachable
from builders.adapters.pvs.enums import Access, DeviceType, InventoryState
from builders.adapters.pvs.model import FarmPicture
from builders.engine import leases
from builders.sync import run
from builders.sync.run import sync_farm, sync_now
from lifecycle import operations
from lifecycle.models import Assignment, AuditEntry, Boot, Farm, Job, ProductionChange, SyncRun, Target, VDisk, Version
from lifecycle.states import ChangeState
from lifecycle.verdicts import VerdictCode
from tests.sync.pictures import device, guid, inventory, picture, version

pytestmark = pytest.mark.django_db


class Pvs:
    """A farm whose picture is given."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def read_farm(self) -> FarmPicture:
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[no-any-return]


@pytest.fixture
def farm() -> Farm:
    return Farm.objects.create(name="Farm")


def look(farm: Farm, *pictures: Any) -> None:
    for one in pictures:
        assert sync_now(farm.pk, Pvs(one))  # type: ignore[arg-type]


def test_it_writes_what_it_read(farm: Farm) -> None:
    look(farm, picture())

    vdisk = VDisk.objects.get()
    assert (vdisk.name, vdisk.production_targets, vdisk.test_targets) == ("W11", 2, 0)
    assert [found.number for found in vdisk.versions.all()] == [0, 1]
    assert Target.objects.filter(verdict=VerdictCode.RIGHT).count() == 2
    farm.refresh_from_db()
    assert farm.guid == guid("farm")
    assert farm.synced_at is not None
    assert SyncRun.objects.get().round_trips == 3


def test_a_second_look_at_the_same_changes_nothing(farm: Farm) -> None:
    look(farm, picture(), picture())

    assert list(SyncRun.objects.order_by("id").values_list("changed", flat=True))[1] == 0
    assert AuditEntry.objects.count() == 0


def test_the_number_of_queries_does_not_grow_with_the_targets(farm: Farm) -> None:
    few, many = picture(devices=[device(n) for n in range(3)]), picture(devices=[device(n) for n in range(400)])
    counts = []
    for one in (few, many, picture(devices=[device(n, disk_version=0) for n in range(400)])):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            look(farm, one)
        counts.append(len(queries))

    assert counts[1] <= counts[0] + 6  # the second look compares instead of creating
    assert counts[2] <= counts[0] + 8


def test_what_pvs_no_longer_has_is_gone_and_can_come_back(farm: Farm) -> None:
    look(farm, picture(), picture(devices=[device(1)]))
    assert list(Target.objects.present().values_list("name", flat=True)) == ["MUC-00001"]
    assert Assignment.objects.count() == 1

    look(farm, picture())

    assert Target.objects.present().count() == 2


def test_a_deleted_version_that_comes_again_is_a_new_row(farm: Farm) -> None:
    with_two = picture(versions=[version(0), version(1), version(2, Access.MAINTENANCE)])
    look(farm, with_two, picture(), with_two)

    assert Version.objects.filter(number=2).count() == 2
    assert Version.objects.filter(number=2, gone_at=None).count() == 1


def test_it_notes_when_production_became_another_version(farm: Farm) -> None:
    look(farm, picture(), picture(versions=[version(0), version(1), version(2)]))

    newest = ProductionChange.objects.first()
    assert newest is not None
    assert (newest.before, newest.number) == (1, 2)
    target = Target.objects.get(name="MUC-00001")
    assert target.verdict == VerdictCode.OLD
    assert target.verdict_since == newest.seen_at


def test_an_old_version_at_the_first_look_has_no_date(farm: Farm) -> None:
    look(farm, picture(versions=[version(0), version(1), version(2)]))

    target = Target.objects.get(name="MUC-00001")
    assert (target.verdict, target.verdict_since) == (VerdictCode.OLD, None)


def test_it_keeps_the_boots(farm: Farm) -> None:
    on_two = device(1, disk_version=2)
    look(
        farm, picture(), picture(), picture(versions=[version(0), version(1), version(2)], devices=[on_two, device(2)])
    )
    look(farm, picture(devices=[device(1, active=False), device(2)]))

    boots = list(Boot.objects.filter(target__name="MUC-00001").order_by("id"))
    assert [(boot.number, boot.ended_at is None) for boot in boots] == [(1, False), (2, False)]
    assert Boot.objects.filter(target__name="MUC-00002", ended_at=None).count() == 1


def test_a_change_made_in_the_console_is_audited_as_such(farm: Farm) -> None:
    look(farm, picture(), picture(versions=[version(0), version(1), version(2, Access.MAINTENANCE)]))

    entry = AuditEntry.objects.get(action="pvs.changed")
    assert entry.detail["made"] == "outside the portal"
    assert (entry.detail["before"], entry.detail["after"]) == ("not there", "maintenance")


def test_a_change_made_by_a_job_of_ours_is_not_called_outside(farm: Farm) -> None:
    look(farm, picture())
    user = User.objects.create_user("admin")
    Job.objects.create(kind="new-version", title="x", farm=farm, vdisk=VDisk.objects.get(), requested_by=user)

    look(farm, picture(versions=[version(0), version(1), version(2, Access.MAINTENANCE)]))

    assert not AuditEntry.objects.filter(action="pvs.changed").exists()


def test_a_change_in_the_console_is_called_so_even_while_a_job_of_ours_runs(farm: Farm) -> None:
    tested = picture(versions=[version(0), version(1), version(2, Access.TEST)])
    look(farm, tested)
    user = User.objects.create_user("admin")
    Job.objects.create(
        kind="promote-production", title="x", farm=farm, vdisk=VDisk.objects.get(), version_number=2, requested_by=user
    )

    look(farm, picture(versions=[version(0), version(1), version(2, Access.MAINTENANCE)]))

    assert AuditEntry.objects.get(action="pvs.changed").detail["after"] == "maintenance"


def test_the_verdict_names_what_really_happened(farm: Farm) -> None:
    chain = [version(0), version(1, Access.OVERRIDE), version(2)]
    look(farm, picture(versions=chain), picture(versions=[version(0), version(1), version(2)]))

    cleared = Target.objects.get(name="MUC-00001")
    assert "since the override was cleared" in cleared.verdict_words
    assert "promotion" not in cleared.verdict_words


def test_an_override_on_what_production_boots_anyway_moves_no_date(farm: Farm) -> None:
    look(
        farm,
        picture(versions=[version(0)], devices=[device(1, disk_version=0)]),
        picture(devices=[device(1, disk_version=0)]),
    )
    since = Target.objects.get().verdict_since

    look(farm, picture(versions=[version(0), version(1, Access.OVERRIDE)], devices=[device(1, disk_version=0)]))

    assert since is not None
    assert Target.objects.get().verdict_since == since


def test_an_open_request_lapses_when_its_version_is_written_to(farm: Farm) -> None:
    tested = picture(
        versions=[version(0), version(1), version(2, Access.TEST)], copies=[inventory(0), inventory(1), inventory(2)]
    )
    look(farm, tested)
    admin = User.objects.create_superuser("admin")
    change = operations.request_promotion(vdisk=VDisk.objects.get(), version=2, by=admin, reason="patches")
    look(farm, tested)
    change.refresh_from_db()
    assert change.state == ChangeState.OPEN

    written = inventory(2, file_time="2026-11-02T10:00:00Z")
    look(farm, replace(tested, inventory=(inventory(0), inventory(1), written)))

    change.refresh_from_db()
    assert change.state == ChangeState.LAPSED
    assert "was written to" in change.state_words


def test_an_open_request_survives_a_server_that_goes_away(farm: Farm) -> None:
    tested = picture(
        versions=[version(0), version(1), version(2, Access.TEST)], copies=[inventory(0), inventory(1), inventory(2)]
    )
    look(farm, tested)
    admin = User.objects.create_superuser("admin")
    change = operations.request_promotion(vdisk=VDisk.objects.get(), version=2, by=admin, reason="patches")

    lost = inventory(2, server="PVS02", file_time="", state=InventoryState.SERVER_NOT_REACHABLE)
    look(farm, replace(tested, inventory=(*tested.inventory, lost)))

    change.refresh_from_db()
    assert change.state == ChangeState.OPEN


def test_a_farm_that_is_away_keeps_its_last_picture(farm: Farm) -> None:
    look(farm, picture())
    seen = Farm.objects.get().synced_at
    Farm.objects.update(sync_due_at=seen)

    sync_farm(farm.pk, lambda _farm: Pvs(Unreachable("PVS01 does not answer")))  # type: ignore[arg-type,return-value]

    farm.refresh_from_db()
    assert farm.synced_at == seen
    assert farm.sync_error == "PVS01 does not answer"
    assert farm.sync_lease_until is None
    assert Target.objects.present().count() == 2


def test_only_one_reads_a_farm_at_a_time(farm: Farm) -> None:
    class Nested(Pvs):
        def read_farm(self) -> FarmPicture:
            assert not sync_now(farm.pk, Pvs(picture()))  # type: ignore[arg-type]
            return super().read_farm()

    look(farm, picture())
    assert sync_now(farm.pk, Nested(picture()))  # type: ignore[arg-type]


def test_a_reader_that_was_killed_holds_the_farm_no_longer_than_a_lease(farm: Farm) -> None:
    class Killed(BaseException):
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_release", lambda *_: None)  # a killed process tidies nothing up
        with pytest.raises(Killed):
            sync_now(farm.pk, Pvs(Killed()))  # type: ignore[arg-type]
    assert not sync_now(farm.pk, Pvs(picture()))  # type: ignore[arg-type]
    left = ExpressionWrapper(F("sync_lease_until") - Now(), output_field=DurationField())
    assert Farm.objects.annotate(left=left).get().left <= leases.length()

    Farm.objects.update(sync_lease_until=Now() - timedelta(seconds=1))

    assert sync_now(farm.pk, Pvs(picture()))  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_takes_long_keeps_the_farm(farm: Farm, settings: Any) -> None:
    settings.PORTAL_LEASE_SECONDS = 1

    class Slow(Pvs):
        def read_farm(self) -> FarmPicture:
            first = Farm.objects.values_list("sync_lease_until", flat=True).get()
            while Farm.objects.filter(sync_lease_until=first).exists():
                time.sleep(0.05)
            return super().read_farm()

    assert sync_now(farm.pk, Slow(picture()))  # type: ignore[arg-type]
    assert SyncRun.objects.count() == 1


def test_the_picture_of_a_reader_that_was_overtaken_is_dropped(farm: Farm) -> None:
    class Overtaken(Pvs):
        def read_farm(self) -> FarmPicture:
            Farm.objects.update(sync_lease_until=Now() - timedelta(seconds=1))
            look(farm, picture())
            return super().read_farm()

    sync_now(farm.pk, Overtaken(picture(devices=[])))  # type: ignore[arg-type]

    assert Target.objects.present().count() == 2
    assert SyncRun.objects.count() == 1


def test_a_fault_while_reading_frees_the_farm(farm: Farm) -> None:
    with pytest.raises(ZeroDivisionError):
        sync_now(farm.pk, Pvs(ZeroDivisionError()))  # type: ignore[arg-type]

    look(farm, picture())


def test_it_sees_new_numbers_of_a_newer_pvs(farm: Farm) -> None:
    look(
        farm,
        picture(versions=[version(0), version(1), version(2, Access(42))], devices=[device(1, type=DeviceType(9))]),
    )

    assert Version.objects.get(number=2).access == 42
    assert Target.objects.get().type == 9
