"""A lab for all tests of this folder, put back to its beginning before each, and farms that reach it."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from builders.adapters.powershell.connection import HostConnection
from builders.adapters.powershell.pool import SessionPool
from builders.adapters.powershell.tls import CaFile
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.adapters.pvs.hosts import FarmHosts
from builders.adapters.pvs.session import open_session
from tests.labprocess import LabProcess

FarmMaker = Callable[..., ProvisioningFarm]


@pytest.fixture(scope="session")
def lab_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("lab"), speed=20) as lab:
        yield lab


@pytest.fixture
def lab(lab_process: LabProcess) -> LabProcess:
    lab_process.post("/reset")
    lab_process.post("/faults/clear")
    return lab_process


@pytest.fixture
def connections(lab: LabProcess) -> Callable[..., list[HostConnection]]:
    """One a server, as lab.json says; changes apply to each."""

    def make(**changes: Any) -> list[HostConnection]:
        info = lab.info
        values: dict[str, Any] = {
            "username": info["username"],
            "password": info["password"],
            "tls": CaFile(info["ca_file"]),
            "transport": "basic",
            "operation_timeout_seconds": 2,
        }
        return [HostConnection(**{**values, **server, **changes}) for server in info["servers"]]

    return make


@pytest.fixture
def make_pool() -> Iterator[Callable[..., SessionPool]]:
    """Pools of this test's own, closed at its end."""
    pools: list[SessionPool] = []

    def make(connection: HostConnection, **options: Any) -> SessionPool:
        pools.append(SessionPool(partial(open_session, connection), label=connection.label, **options))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def make_farm(make_pool: Callable[..., SessionPool]) -> FarmMaker:
    def make(connections: Sequence[HostConnection], **options: Any) -> ProvisioningFarm:
        return ProvisioningFarm(FarmHosts([make_pool(connection) for connection in connections]), **options)

    return make


@pytest.fixture
def farm(connections: Callable[..., list[HostConnection]], make_farm: FarmMaker) -> ProvisioningFarm:
    return make_farm(connections())
