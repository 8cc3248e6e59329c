"""A lab in its own process for the wire; for the rules a datacentre in this one, with a clock that stands still."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab.clock import Clock
from lab.pvs import replication
from lab.pvs.datacentre import Datacentre
from lab.pvs.initial import create_files, initial_farm
from lab.pvs.model import Farm
from lab.pvs.scheduler import advance
from lab.stores.folders import StoreFolders
from tests.lab.session import Session
from tests.labprocess import LabProcess

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class StillClock(Clock):
    """Time passes when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment


class Stage:
    """A datacentre whose time is moved by hand."""

    def __init__(self, farm: Farm, folder: Path) -> None:
        self.clock = StillClock()
        self.datacentre = Datacentre(farm, StoreFolders(folder), self.clock)
        create_files(farm, self.datacentre.folders)

    def pass_time(self, seconds: float) -> None:
        """In small steps, as the scheduler would see it."""
        end = self.clock.moment + timedelta(seconds=seconds)
        while self.clock.moment < end:
            self.clock.moment = min(end, self.clock.moment + timedelta(seconds=0.5))
            with self.datacentre.locked():
                replication.plan(self.datacentre)
                advance(self.datacentre)


def one_disk_farm(name: str = "W11-CAD") -> Farm:
    """The initial farm with one vDisk and its targets only: quick to lay out on disk."""
    farm = initial_farm(NOON)
    farm.vdisks = [disk for disk in farm.vdisks if disk.name == name]
    farm.devices = [device for device in farm.devices if device.vdisk_id == farm.vdisks[0].id]
    return farm


@pytest.fixture
def make_stage(tmp_path: Path) -> Callable[..., Stage]:
    return lambda name="W11-CAD": Stage(one_disk_farm(name), tmp_path / "stores")


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage()


@pytest.fixture(scope="session")
def running_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("lab"), speed=20) as process:
        yield process


@pytest.fixture
def lab(running_lab: LabProcess) -> LabProcess:
    """The shared lab, as it was found on its first day."""
    running_lab.post("/reset")
    return running_lab


@pytest.fixture
def open_session(lab: LabProcess) -> Iterator[Callable[..., Session]]:
    """Sessions that are closed at the end of the test, as far as they still can be."""
    opened: list[Session] = []

    def open_one(server: int = 0, **options: Any) -> Session:
        session = Session(lab.info, server, **options)
        opened.append(session)
        return session

    yield open_one
    for session in opened:
        session.abandon()


@pytest.fixture
def session(open_session: Callable[..., Session]) -> Session:
    return open_session().connect()
