"""Which host is asked, and what is never asked twice."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from builders.adapters.errors import (
    AdapterError,
    Busy,
    CertificateProblem,
    NotAuthenticated,
    NotFound,
    OutcomeUnknown,
    Refused,
    TimedOut,
    Unreachable,
)
from builders.adapters.powershell.pool import SessionPool
from builders.adapters.powershell.transport import Greeting, Transport
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.adapters.pvs.hosts import FarmHosts
from builders.adapters.pvs.session import prepared
from tests.adapters.fakes import GREETING, FakeTransport, farm_error

DISK = UUID("11111111-2222-3333-4444-555555555555")


class Host:
    """One server of the farm: transports that can be told to fail."""

    def __init__(self, name: str) -> None:
        self.transport = FakeTransport({"Get-PvsDiskVersion": []})
        self.down: AdapterError | None = None
        self.opened = 0
        self.pool = SessionPool(self.open, label=name)

    def open(self) -> tuple[Transport, Greeting]:
        self.opened += 1
        if self.down:
            raise self.down
        self.transport.open()
        return self.transport, GREETING

    @property
    def asked(self) -> int:
        return len(self.transport.batches)


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    pair = Host("PVS01"), Host("PVS02")
    yield pair
    for host in pair:
        host.pool.close()


@pytest.fixture
def farm(hosts: tuple[Host, Host]) -> ProvisioningFarm:
    return ProvisioningFarm(FarmHosts([host.pool for host in hosts]))


def test_the_first_host_is_preferred(farm: ProvisioningFarm, hosts: tuple[Host, Host]) -> None:
    farm.versions(DISK)
    farm.set_override(DISK, 3)

    assert (hosts[0].asked, hosts[1].asked) == (2, 0)


@pytest.mark.parametrize("down", [Unreachable("x", words="it refuses"), CertificateProblem("x", words="wrong one")])
def test_an_unreachable_host_is_passed_over_for_reading_and_changing(
    farm: ProvisioningFarm, hosts: tuple[Host, Host], down: AdapterError
) -> None:
    hosts[0].down = down

    farm.versions(DISK)
    farm.set_override(DISK, 3)

    assert hosts[1].asked == 2
    assert hosts[0].opened == 1  # it rests, and the other is asked first


def test_when_nobody_answers_the_first_speaks_and_all_are_named(
    farm: ProvisioningFarm, hosts: tuple[Host, Host]
) -> None:
    for host in hosts:
        host.down = Unreachable("x", words="it refuses the connection")

    with pytest.raises(Unreachable, match="PVS01 was asked to") as caught:
        farm.versions(DISK)

    assert caught.value.details == "PVS01: it refuses the connection; PVS02: it refuses the connection"


def test_a_wrong_certificate_is_not_hidden_behind_a_host_that_is_down(
    farm: ProvisioningFarm, hosts: tuple[Host, Host]
) -> None:
    hosts[0].down = Unreachable("x", words="down")
    hosts[1].down = CertificateProblem("x", words="its certificate is not the pinned one")

    with pytest.raises(CertificateProblem, match="PVS02"):
        farm.versions(DISK)


def test_a_wrong_password_is_not_carried_to_the_next_host(farm: ProvisioningFarm, hosts: tuple[Host, Host]) -> None:
    hosts[0].down = NotAuthenticated("x", words="the account was not accepted")

    with pytest.raises(NotAuthenticated, match="PVS01 was asked"):
        farm.versions(DISK)

    assert (hosts[0].opened, hosts[1].opened) == (1, 0)


def test_a_question_is_asked_again_when_the_line_breaks(farm: ProvisioningFarm, hosts: tuple[Host, Host]) -> None:
    hosts[0].transport.errors = [OutcomeUnknown("x", words="lost")]

    farm.versions(DISK)

    assert (hosts[0].asked, hosts[1].asked) == (2, 0)


def test_a_question_that_breaks_the_line_twice_goes_to_the_next_host(
    farm: ProvisioningFarm, hosts: tuple[Host, Host]
) -> None:
    hosts[0].transport.errors = [OutcomeUnknown("x", words="lost"), OutcomeUnknown("x", words="lost")]

    farm.versions(DISK)

    assert (hosts[0].asked, hosts[1].asked) == (2, 1)


def test_a_question_that_takes_too_long_is_not_asked_elsewhere(
    farm: ProvisioningFarm, hosts: tuple[Host, Host]
) -> None:
    hosts[0].transport.errors = [TimedOut("x", words="it did not finish in time")]

    with pytest.raises(TimedOut):
        farm.versions(DISK)

    assert (hosts[0].asked, hosts[1].asked) == (1, 0)


def lost() -> AdapterError:
    error = OutcomeUnknown("x", words="the connection failed")
    error.in_flight = ("1",)
    return error


def overdue() -> AdapterError:
    error = TimedOut("x", words="it did not finish in time")
    error.in_flight = ("1",)
    return error


@pytest.mark.parametrize("make", [lost, overdue])
def test_a_change_whose_outcome_is_unknown_is_never_asked_again(
    farm: ProvisioningFarm, hosts: tuple[Host, Host], make: object
) -> None:
    assert callable(make)
    hosts[0].transport.errors = [make()]

    with pytest.raises(OutcomeUnknown, match="boot version 3") as caught:
        farm.set_override(DISK, 3)

    assert caught.value.in_flight == ("1",)
    assert (hosts[0].asked, hosts[1].asked) == (1, 0)


def test_a_change_is_one_request_in_its_own_batch(farm: ProvisioningFarm, hosts: tuple[Host, Host]) -> None:
    farm.promote(DISK, to="test")

    assert [len(batch) for batch in hosts[0].transport.batches] == [1]


@pytest.mark.parametrize(("code", "kind"), [(160, Refused), (44, NotFound), (177, Busy), (16, Busy)])
def test_a_farms_no_is_the_farms_no_and_not_asked_elsewhere(
    farm: ProvisioningFarm, hosts: tuple[Host, Host], code: int, kind: type[AdapterError]
) -> None:
    hosts[0].transport.answers["New-PvsDiskMaintenanceVersion"] = farm_error(code)

    with pytest.raises(kind) as caught:
        farm.new_maintenance_version(DISK)

    assert caught.value.code == code
    assert (hosts[0].asked, hosts[1].asked) == (1, 0)


def test_a_host_whose_service_stopped_under_a_session_is_passed_over_for_reading(
    farm: ProvisioningFarm, hosts: tuple[Host, Host]
) -> None:
    farm.versions(DISK)
    hosts[0].transport.answers["Get-PvsDiskVersion"] = farm_error(191)

    farm.versions(DISK)

    assert hosts[1].asked == 1
    assert hosts[0].transport.closed


def test_a_change_that_meets_a_stopped_service_is_refused_and_the_session_given_up(
    farm: ProvisioningFarm, hosts: tuple[Host, Host]
) -> None:
    """The code may be about another server, so nobody else is asked."""
    hosts[0].transport.answers["Set-PvsOverrideVersion"] = farm_error(191)

    with pytest.raises(Refused) as caught:
        farm.set_override(DISK, 3)

    assert not caught.value.permanent
    assert hosts[0].transport.closed
    assert hosts[1].asked == 0


def test_an_empty_answer_about_one_object_is_not_found(farm: ProvisioningFarm) -> None:
    with pytest.raises(NotFound, match="there is no such version"):
        farm.version(DISK, 9)


# -- opening a session on a Provisioning server --


def test_a_session_starts_by_connecting_to_its_own_server() -> None:
    transport = FakeTransport()

    prepared(transport)

    (batch,) = transport.batches
    assert batch[0].cmdlet.endswith("Set-PvsConnection")
    assert batch[0].parameters == {"Server": "localhost", "Port": 54321}


def test_a_server_whose_service_is_down_counts_as_unreachable() -> None:
    transport = FakeTransport({"Set-PvsConnection": farm_error(191, "No service.")})

    with pytest.raises(Unreachable, match="Provisioning service does not answer"):
        prepared(transport)

    assert transport.closed


def test_an_account_without_rights_is_refused_and_not_sent_to_the_next_server() -> None:
    with pytest.raises(Refused) as caught:
        prepared(FakeTransport({"Set-PvsConnection": farm_error(13)}))

    assert caught.value.code == 13


def test_a_server_without_the_console_is_passed_over() -> None:
    class Bare(FakeTransport):
        def open(self) -> Greeting:
            super().open()
            return Greeting("PVS01", "5.1", "10.0", "FullLanguage", {}, {"Citrix.PVS.SnapIn": "the dll was not found"})

    transport = Bare()

    with pytest.raises(Unreachable, match="the dll was not found") as caught:
        prepared(transport)

    assert caught.value.permanent
    assert transport.closed
