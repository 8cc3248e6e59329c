"""Numbers and rows of the wire become our values; what is unknown or missing never crashes."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from builders.adapters.powershell.transport import Json
from builders.adapters.pvs import rows
from builders.adapters.pvs.enums import (
    Access,
    DeviceType,
    InventoryState,
    MergeAccess,
    ServerState,
    VersionFilter,
    WriteCacheType,
)
from builders.adapters.pvs.rows import Row

DISK = "11111111-2222-3333-4444-555555555555"
NOBODY = "00000000-0000-0000-0000-000000000000"


def row(values: dict[str, Json], zone: str = "UTC") -> Row:
    return Row(values, ZoneInfo(zone))


def test_the_four_orders_of_numbers_differ() -> None:
    """Taken from the guide: whoever mixes them up promotes to the wrong place."""
    assert [Access.PRODUCTION, Access.MAINTENANCE, Access.TEST] == [0, 1, 7]
    assert [DeviceType.PRODUCTION, DeviceType.TEST, DeviceType.MAINTENANCE] == [0, 1, 2]
    assert [MergeAccess.PRODUCTION, MergeAccess.TEST, MergeAccess.MAINTENANCE] == [0, 1, 2]
    assert [VersionFilter.MAINTENANCE, VersionFilter.TEST, VersionFilter.OVERRIDE] == [1, 2, 3]


@pytest.mark.parametrize("kind", [Access, DeviceType, InventoryState, ServerState, WriteCacheType])
def test_an_unknown_number_stays_a_number_and_says_so(kind: type[Access]) -> None:
    unknown = kind(42)

    assert unknown == 42
    assert unknown.word == "unknown (42)"
    assert not unknown.is_known
    assert 42 not in list(kind)


def test_a_known_number_has_a_word() -> None:
    assert Access(2).word == "maintenance highest version"
    assert InventoryState(5).word == "server not reachable"


def test_an_unknown_access_is_neither_maintenance_nor_a_merge() -> None:
    assert not Access(42).is_maintenance
    assert not Access(42).is_merging


def test_text_is_not_a_number() -> None:
    with pytest.raises(ValueError, match="not a valid Access"):
        Access("production")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ("", None), ("0", 0), (0, 0), ("17", 17), (4294967295, 4294967295)],
)
def test_numbers_arrive_as_numbers_text_or_nothing(value: Json, expected: int | None) -> None:
    assert row({"X": value}).number_or_none("X") == expected


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("1", True), ("True", True), (0, False), (None, False)])
def test_flags_arrive_in_many_ways(value: Json, expected: bool) -> None:
    assert row({"X": value}).flag("X") is expected


def test_an_id_of_zeros_is_nobody() -> None:
    assert row({"X": NOBODY}).id_or_none("X") is None
    assert row({"X": DISK.upper()}).id_or_none("X") == UUID(DISK)


def test_a_list_of_one_may_arrive_bare() -> None:
    assert row({"Ip[]": "10.0.0.1"}).texts("Ip[]") == ("10.0.0.1",)
    assert row({"Ip[]": ["10.0.0.1", "10.0.0.2"]}).texts("Ip[]") == ("10.0.0.1", "10.0.0.2")
    assert row({"Ip[]": None}).texts("Ip[]") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01 14:30:00", datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        ("2026-05-01T14:30:00.1234567Z", datetime(2026, 5, 1, 14, 30, 0, 123456, tzinfo=UTC)),
        ("0001-01-01T00:00:00.0000000Z", None),
        ("", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_a_time_without_zone_is_the_farms_and_all_become_utc(text: Json, expected: datetime | None) -> None:
    assert row({"X": text}, "Europe/Berlin").moment("X") == expected


def version_row(**changes: Json) -> dict[str, Json]:
    row: dict[str, Json] = dict.fromkeys(rows.VERSION)
    row.update({"DiskLocatorId": DISK, "Version": 3, "Access": 7, "Type": 1, "CreateDate": "2026-05-01 14:30:00"})
    return row | changes


def test_a_version_keeps_the_date_as_written_beside_the_moment() -> None:
    version = rows.version_from(row(version_row(), "Europe/Berlin"))

    assert version.create_date == "2026-05-01 14:30:00"
    assert version.created_at == datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    assert version.access is Access.TEST
    assert version.scheduled_at is None
    assert version.task_id is None


@pytest.mark.parametrize(("flag", "field"), [(name, None) for name in rows.VERSION if name.startswith("Can")])
def test_every_can_flag_arrives_in_its_own_field(flag: str, field: None) -> None:
    name = "can" + "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in flag[3:])

    version = rows.version_from(row(version_row(**{flag: True})))

    flags = {key for key, value in vars(version).items() if key.startswith("can_") and value}
    assert flags == {name}


def device_row(**changes: Json) -> dict[str, Json]:
    row: dict[str, Json] = dict.fromkeys(rows.DEVICE)
    row.update({"DeviceId": DISK, "DeviceName": "MUC-OFF-001", "DeviceMac": "00:15:5d:00:00:01", "Type": 0})
    return row | changes


def test_what_a_target_booted_means_nothing_while_it_is_off() -> None:
    """Then the vDisk's name is a list of all that are assigned, and version 0 is not the base."""
    device = rows.device_from(
        row(device_row(Active=False, DiskLocatorId=NOBODY, DiskLocatorName="W11,W10", DiskVersion=0, Ip="0.0.0.0"))
    )

    assert device.disk_id is None
    assert device.disk_name == ""
    assert device.disk_version is None
    assert device.disk_version_access is None
    assert device.ip is None


def test_a_running_target_says_what_it_booted_and_how_it_fares() -> None:
    device = rows.device_from(
        row(
            device_row(
                Active=True, DiskLocatorId=DISK, DiskVersion=0, DiskVersionAccess=0, Ip="10.1.0.7", Status="12,40"
            )
        )
    )

    assert device.disk_id == UUID(DISK)
    assert device.disk_version == 0
    assert device.mac == "00-15-5D-00-00-01"
    assert (device.retries, device.ram_cache_percent) == (12, 40)


@pytest.mark.parametrize(("status", "expected"), [("", (None, None)), ("7", (7, None)), ("x,y", (None, None))])
def test_a_status_may_say_less(status: str, expected: tuple[int | None, int | None]) -> None:
    device = rows.device_from(row(device_row(Active=True, Status=status)))

    assert (device.retries, device.ram_cache_percent) == expected


def test_no_secret_of_a_target_is_ever_asked_for() -> None:
    assert {"Password", "AdPassword", "AdSignature", "User", "DomainObjectSID"} & set(rows.DEVICE) == set()


def test_inventory_numbers_arrive_as_text() -> None:
    inventory = rows.inventory_from(
        row({"DiskLocatorId": DISK, "Version": "3", "ServerId": DISK, "State": "2", "Active": "1"})
    )

    assert inventory.version == 3
    assert inventory.state is InventoryState.FILE_OUT_OF_DATE
    assert inventory.active is ServerState.UP


def test_a_private_vdisk_is_told_by_its_cache() -> None:
    values: dict[str, Json] = {"DiskLocatorId": DISK, "WriteCacheType": 10}

    assert rows.disk_from(row(values)).is_private
    assert not rows.disk_from(row(values | {"WriteCacheType": 9})).is_private


def test_a_server_without_status_counts_by_its_own_row() -> None:
    values: dict[str, Json] = {"ServerId": DISK, "ServerName": "PVS01", "Active": 2, "Ip[]": ["10.0.0.1"]}

    assert rows.server_from(row(values), None).status is ServerState.UNKNOWN
    assert rows.server_from(row(values), row({"Status": 0})).status is ServerState.DOWN
