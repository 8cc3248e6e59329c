"""The copy job between the stores, seen through inventory."""

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from lab.pvs import replication
from lab.pvs.inventory import InventoryState, inventory
from lab.pvs.lifecycle import Action
from lab.pvs.model import Replication
from lab.pvs.scheduler import Scheduler
from tests.lab.conftest import NOON, Stage
from tests.lab.test_lifecycle_table import disk_of, do, maintenance
from tests.lab.test_lifecycle_table import test_state as in_test

GOOD, MISSING, OLD = InventoryState.UP_TO_DATE, InventoryState.FILE_MISSING, InventoryState.FILE_OUT_OF_DATE


def states(stage: Stage, number: int = 2) -> list[InventoryState]:
    version = disk_of(stage).version(number)
    assert version is not None
    return [row.state for row in inventory(stage.datacentre, version)]


def test_a_test_version_reaches_the_other_server_after_a_while(stage: Stage) -> None:
    in_test(stage)
    stage.pass_time(3)
    assert states(stage) == [GOOD, MISSING]

    stage.pass_time(2)

    assert states(stage) == [GOOD, GOOD]


def test_a_copy_keeps_time_and_content(stage: Stage) -> None:
    in_test(stage)
    stage.pass_time(6)

    one, two = (stage.datacentre.folders.path(name, "W11-CAD.2.avhdx") for name in ("PVS01", "PVS02"))

    assert one.stat().st_mtime_ns == two.stat().st_mtime_ns
    assert one.read_bytes() == two.read_bytes()


def test_the_stores_are_looked_at_although_the_clock_was_put_back(stage: Stage) -> None:
    stage.clock.moment = NOON + timedelta(hours=1)
    seen: list[datetime] = []
    scheduler = Scheduler(stage.datacentre, lambda: seen.append(stage.clock.moment))
    scheduler.start()
    try:
        wait_for(lambda: len(seen) > 2)
        stage.clock.moment = NOON
        with stage.datacentre.locked(changing=True):
            in_test(stage)
        wait_for(lambda: any(copy.file_name == "W11-CAD.2.avhdx" for copy in stage.datacentre.farm.copies))
    finally:
        scheduler.stop()


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def test_maintenance_versions_are_not_copied(stage: Stage) -> None:
    maintenance(stage)

    stage.pass_time(20)

    assert states(stage) == [GOOD, MISSING]


def test_nothing_arrives_while_copies_are_held(stage: Stage) -> None:
    replication.set_mode(stage.datacentre, Replication.HOLD, "PVS02")
    in_test(stage)
    stage.pass_time(20)
    assert states(stage) == [GOOD, MISSING]

    replication.set_mode(stage.datacentre, Replication.RUN, None)
    stage.pass_time(6)

    assert states(stage) == [GOOD, GOOD]


def test_a_broken_copy_is_out_of_date_and_is_mended_later(stage: Stage) -> None:
    replication.set_mode(stage.datacentre, Replication.BREAK, "PVS02")
    in_test(stage)
    stage.pass_time(6)
    assert states(stage) == [GOOD, OLD]

    replication.set_mode(stage.datacentre, Replication.RUN, "PVS02")
    stage.pass_time(6)

    assert states(stage) == [GOOD, GOOD]


def test_what_changed_in_maintenance_is_copied_after_the_promotion(stage: Stage) -> None:
    do(stage, Action.REVERT_TO_MAINTENANCE)
    stage.datacentre.folders.note("PVS01", "W11-CAD.1.avhdx", stage.clock.now(), "a patch")
    stage.pass_time(10)
    assert states(stage, 1) == [GOOD, OLD]

    do(stage, Action.PROMOTE_TO_PRODUCTION)
    stage.pass_time(6)

    assert states(stage, 1) == [GOOD, GOOD]


def test_a_server_that_is_down_cannot_be_reached(stage: Stage) -> None:
    stage.datacentre.farm.servers[1].up = False

    assert states(stage, 1) == [GOOD, InventoryState.SERVER_NOT_REACHABLE]


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("W11-CAD.1.avhdx", MISSING),
        ("W11-CAD.1.pvp", InventoryState.PROPERTIES_MISSING),
    ],
)
def test_a_file_removed_by_hand_shows_and_is_copied_again(stage: Stage, name: str, state: InventoryState) -> None:
    stage.datacentre.folders.path("PVS02", name).unlink()
    assert states(stage, 1) == [GOOD, state]

    stage.pass_time(6)

    assert states(stage, 1) == [GOOD, GOOD]


def test_properties_of_another_date_are_out_of_date(stage: Stage) -> None:
    path = stage.datacentre.folders.path("PVS02", "W11-CAD.1.pvp")
    os.utime(path, (path.stat().st_mtime - 60, path.stat().st_mtime - 60))

    assert states(stage, 1) == [GOOD, InventoryState.PROPERTIES_OUT_OF_DATE]


def test_lock_files_stay_where_they_are(stage: Stage) -> None:
    stage.datacentre.folders.lock("PVS01", "W11-CAD.1.avhdx")

    stage.pass_time(10)

    assert not stage.datacentre.folders.path("PVS02", "W11-CAD.1.lok").exists()


def test_a_removed_version_leaves_no_file(stage: Stage) -> None:
    in_test(stage)
    stage.pass_time(6)

    do(stage, Action.REMOVE)

    assert not list(stage.datacentre.folders.root.glob("*/W11-CAD.2.*"))
