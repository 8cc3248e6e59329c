"""What may be asked is one table; everything that the adapter asks is on it, and nothing else."""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from builders.adapters.powershell.allowlist import Kind, check
from builders.adapters.powershell.transport import Json, Request
from builders.adapters.pvs import requests
from builders.adapters.pvs.cmdlets import ALLOWED, qualified
from builders.adapters.pvs.enums import MergeAccess

DISK = UUID("11111111-2222-3333-4444-555555555555")
WHEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def everything_the_adapter_asks() -> Iterator[Request]:
    yield requests.connect()
    yield from requests.introduction()
    yield from requests.farm_wide()
    yield from requests.of_site(DISK)
    yield from requests.of_disk(DISK)
    yield from requests.task(5)
    yield requests.server_status(DISK)
    yield requests.disk(DISK)
    yield requests.version(DISK, 2)
    yield requests.devices_of(DISK)
    yield requests.device(DISK)
    yield requests.new_maintenance_version(DISK)
    yield requests.promote(DISK, to="test", test_version=None, scheduled_at=None, zone=UTC)
    yield requests.promote(DISK, to="production", test_version=4, scheduled_at=WHEN, zone=UTC)
    yield requests.revert(DISK, to="test", version=None)
    yield requests.revert(DISK, to="test", version=3)
    yield requests.set_override(DISK, 1)
    yield requests.clear_override(DISK)
    yield requests.delete_version(DISK, 1)
    yield requests.merge(DISK, new_base=True, access=MergeAccess.TEST)
    yield requests.set_scheduled(DISK, 3, WHEN, UTC)
    yield requests.set_scheduled(DISK, 3, None, UTC)
    yield requests.describe(DISK, 3, "May patches")
    yield requests.update_inventory()
    yield requests.power("Boot", [DISK])
    yield requests.power("Reboot", [DISK], message="Back in a minute", delay_seconds=10)
    yield requests.power("Shutdown", [DISK], message="Good night", delay_seconds=0)


def test_every_request_of_the_adapter_is_allowed() -> None:
    for request in everything_the_adapter_asks():
        check(request, ALLOWED)


def test_nothing_is_allowed_that_the_adapter_does_not_ask() -> None:
    asked: dict[str, set[str]] = {}
    for request in everything_the_adapter_asks():
        asked.setdefault(request.cmdlet, set()).update(request.parameters)

    assert asked == {cmdlet: set(parameters) for cmdlet, parameters in ALLOWED.items()}


def test_the_list_above_is_complete() -> None:
    makers = {
        name
        for name, function in inspect.getmembers(requests, inspect.isfunction)
        if function.__module__ == requests.__name__
    }
    used = inspect.getsource(everything_the_adapter_asks)

    used_indirectly = {"call", "farm_time", "versions", "inventory", "assigned_devices"}
    assert {name for name in makers - used_indirectly if f"requests.{name}(" not in used} == set()


@pytest.mark.parametrize(
    ("cmdlet", "parameters", "words"),
    [
        ("Restart-Computer", {}, "not on the allow list"),
        ("Get-PvsFarm", {"FarmName": "x"}, "-FarmName is not on the allow list"),
        ("Get-PvsDiskVersion", {"DiskLocatorId": "W11-Office"}, "takes id"),
        ("Get-PvsDiskVersion", {"Version": "3"}, "takes number"),
        ("Get-PvsDiskVersion", {"Version": True}, "takes number"),
        ("Merge-PvsDisk", {"NewBase": 1}, "takes switch"),
        ("Invoke-PvsPromoteDiskVersion", {"ScheduledDate": "tomorrow"}, "takes moment"),
        ("Start-PvsDeviceBoot", {"DeviceId": str(DISK)}, "takes ids"),
        ("Set-PvsDiskVersion", {"Description": None}, "takes text"),
    ],
)
def test_what_the_runner_or_the_cmdlet_would_refuse_is_refused_here(
    cmdlet: str, parameters: dict[str, Json], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        check(Request(qualified(cmdlet), parameters), ALLOWED)


def test_a_moment_may_be_none_because_that_means_no_date() -> None:
    check(Request(qualified("Set-PvsDiskVersion"), {"ScheduledDate": None}), ALLOWED)


def test_every_kind_of_parameter_is_in_use() -> None:
    assert {kind for parameters in ALLOWED.values() for kind in parameters.values()} == set(Kind)
