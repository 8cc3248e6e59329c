"""Pictures of a farm as the adapter gives them, for any number of targets."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from builders.adapters.pvs.enums import (
    Access,
    DeviceType,
    InventoryState,
    MergeAccess,
    ServerState,
    VersionType,
    WriteCacheType,
)
from builders.adapters.pvs.model import (
    FarmPicture,
    PvsAssignment,
    PvsCollection,
    PvsDevice,
    PvsDiskInfo,
    PvsDiskInventory,
    PvsDiskVersion,
    PvsFarm,
    PvsServer,
    PvsSite,
    PvsStore,
)

SPACE = uuid.UUID("12345678-0000-0000-0000-000000000000")


def guid(name: str) -> uuid.UUID:
    return uuid.uuid5(SPACE, name)


def version(number: int, access: Access = Access.PRODUCTION, **values: Any) -> PvsDiskVersion:
    base = PvsDiskVersion(
        disk_id=guid("W11"),
        version=number,
        file_name=f"W11.{number}.avhdx" if number else "W11.vhdx",
        description="",
        created_at=datetime(2026, 11, 1, 8, number % 60, tzinfo=UTC),
        create_date=f"2026-11-01 08:{number % 60:02}:00",
        scheduled_at=None,
        is_pending=False,
        access=access,
        type=VersionType.MANUAL if number else VersionType.BASE,
        delete_when_free=False,
        device_count=0,
        good_inventory_status=True,
        task_id=None,
        temporary_version_set=False,
        can_delete=False,
        can_promote=access in (Access.TEST, Access.MAINTENANCE),
        can_revert_test=False,
        can_revert_maintenance=False,
        can_override=False,
        can_set_scheduled_date=False,
        can_merge=False,
        can_merge_base=False,
    )
    return replace(base, **values)


def inventory(number: int, server: str = "PVS01", **values: Any) -> PvsDiskInventory:
    base = PvsDiskInventory(
        disk_id=guid("W11"),
        version=number,
        server_id=guid(server),
        server_name=server,
        file_path=f"D:\\vDisks\\W11.{number}.avhdx",
        file_time=f"2026-11-01T08:{number % 60:02}:00Z",
        properties_time=f"2026-11-01T08:{number % 60:02}:01Z",
        active=ServerState.UP,
        state=InventoryState.UP_TO_DATE,
    )
    return replace(base, **values)


def device(number: int, **values: Any) -> PvsDevice:
    active = values.get("active", True)
    base = PvsDevice(
        device_id=guid(f"T{number}"),
        name=f"MUC-{number:05}",
        mac=f"00-50-56-{number >> 16 & 255:02X}-{number >> 8 & 255:02X}-{number & 255:02X}",
        description="",
        type=DeviceType.PRODUCTION,
        enabled=True,
        collection_id=guid("Office"),
        collection_name="Office",
        site_id=guid("Munich"),
        site_name="Munich",
        active=active,
        ip="10.0.0.1" if active else None,
        server_id=guid("PVS01") if active else None,
        server_name="PVS01" if active else "",
        disk_id=guid("W11") if active else None,
        disk_name="W11",
        disk_version=1 if active else None,
        disk_version_access=Access.PRODUCTION if active else None,
        disk_file_name="W11.1.avhdx" if active else "",
        status="2" if active else "",
    )
    return replace(base, **values)


def picture(
    *,
    versions: Sequence[PvsDiskVersion] = (version(0), version(1)),
    copies: Sequence[PvsDiskInventory] = (inventory(0), inventory(1)),
    devices: Sequence[PvsDevice] = (device(1), device(2)),
    **values: Any,
) -> FarmPicture:
    """One site, one store, one server, one vDisk that every device has assigned."""
    site, store, server = guid("Munich"), guid("store"), guid("PVS01")
    base = FarmPicture(
        read_at=datetime.now(UTC),
        host="PVS01",
        farm=PvsFarm(guid("farm"), "Farm", "", False, 5, MergeAccess.MAINTENANCE, False, 100),
        sites=(PvsSite(site, "Munich", "", 60, 100),),
        servers=(PvsServer(server, "PVS01", "", "", site, "Munich", ("10.0.0.2",), ServerState.UP, len(devices)),),
        stores=(PvsStore(store, "vDisks", "", "D:\\vDisks", None),),
        collections=(PvsCollection(guid("Office"), "Office", "", site, "Munich", True, len(devices), 0),),
        disks=(
            PvsDiskInfo(
                disk_id=guid("W11"),
                name="W11",
                description="",
                site_id=site,
                site_name="Munich",
                store_id=store,
                store_name="vDisks",
                enabled=True,
                server_id=None,
                server_name="",
                active=True,
                mapped=False,
                locked=False,
                device_count=len(devices),
                write_cache_type=WriteCacheType.DEVICE_RAM_OVERFLOW_TO_DISK,
                write_cache_size_mb=1024,
                is_vhdx=True,
                disk_size_bytes=64 << 30,
                block_size_kb=32768,
                temporary_version_set=False,
                role=100,
            ),
        ),
        versions=tuple(versions),
        inventory=tuple(copies),
        devices=tuple(devices),
        assignments=tuple(PvsAssignment(guid("W11"), found.device_id) for found in devices),
        calls=12,
        round_trips=3,
    )
    return replace(base, **values)
