"""What is sent for each change, and the traps of the cmdlets that a missing parameter would spring."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.adapters.pvs import requests
from builders.adapters.pvs.enums import MergeAccess

DISK = UUID("11111111-2222-3333-4444-555555555555")
BERLIN = ZoneInfo("Europe/Berlin")
WHEN = datetime(2026, 7, 1, 18, 30, tzinfo=UTC)
JUST_THE_DISK = {"DiskLocatorId": str(DISK)}


def test_promotion_to_test_says_so() -> None:
    request = requests.promote(DISK, to="test", test_version=None, scheduled_at=None, zone=UTC)

    assert request.cmdlet == r"Citrix.PVS.SnapIn\Invoke-PvsPromoteDiskVersion"
    assert request.parameters == {**JUST_THE_DISK, "Test": True}


def test_promotion_of_the_maintenance_version_to_production_has_no_switch() -> None:
    request = requests.promote(DISK, to="production", test_version=None, scheduled_at=None, zone=UTC)

    assert request.parameters == JUST_THE_DISK


def test_promotion_of_a_test_version_at_a_date_is_in_the_farms_own_time() -> None:
    request = requests.promote(DISK, to="production", test_version=4, scheduled_at=WHEN, zone=BERLIN)

    assert request.parameters == {**JUST_THE_DISK, "TestVersion": 4, "ScheduledDate": "2026-07-01T20:30"}


@pytest.mark.parametrize("extra", [{"test_version": 3}, {"scheduled_at": WHEN}])
def test_promotion_to_test_takes_no_version_and_no_date(extra: dict[str, object]) -> None:
    arguments = {"test_version": None, "scheduled_at": None} | extra

    with pytest.raises(ValueError, match="neither"):
        requests.promote(DISK, to="test", zone=UTC, **arguments)  # type: ignore[arg-type]


def test_version_zero_is_a_version() -> None:
    assert requests.set_override(DISK, 0).parameters == {**JUST_THE_DISK, "Version": 0}
    assert requests.delete_version(DISK, 0).parameters == {**JUST_THE_DISK, "Version": 0}


def test_reverting() -> None:
    assert requests.revert(DISK, to="maintenance", version=None).parameters == JUST_THE_DISK
    assert requests.revert(DISK, to="test", version=None).parameters == {**JUST_THE_DISK, "Test": True}
    assert requests.revert(DISK, to="test", version=3).parameters == {**JUST_THE_DISK, "Version": 3}


def test_only_the_highest_goes_back_to_maintenance() -> None:
    with pytest.raises(ValueError, match="highest"):
        requests.revert(DISK, to="maintenance", version=3)


def test_clearing_the_override_is_the_same_cmdlet_without_a_version() -> None:
    assert requests.clear_override(DISK).cmdlet == requests.set_override(DISK, 1).cmdlet
    assert requests.clear_override(DISK).parameters == JUST_THE_DISK


def test_merging() -> None:
    assert requests.merge(DISK, new_base=False, access=None).parameters == JUST_THE_DISK
    assert requests.merge(DISK, new_base=True, access=MergeAccess.PRODUCTION).parameters == {
        **JUST_THE_DISK,
        "NewBase": True,
        "Access": 0,
    }


def test_no_date_is_said_as_none() -> None:
    assert requests.set_scheduled(DISK, 3, None, UTC).parameters["ScheduledDate"] is None


def test_a_description_is_at_most_250_characters() -> None:
    requests.describe(DISK, 3, "x" * 250)

    with pytest.raises(ValueError, match="at most 250"):
        requests.describe(DISK, 3, "x" * 251)


def test_nobody_named_means_nobody_and_not_everybody() -> None:
    with pytest.raises(ValueError, match="no target"):
        requests.power("Shutdown", [])


def test_a_moment_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        requests.farm_time(datetime(2026, 7, 1, 18, 30), BERLIN)


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)))
def test_a_date_never_comes_early_and_less_than_a_minute_late(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)

    sent = datetime.fromisoformat(requests.farm_time(moment, UTC)).replace(tzinfo=UTC)

    assert 0 <= (sent - moment).total_seconds() < 60
