"""A Provisioning farm as the portal uses it.

Every method raises the errors of builders.adapters.errors. Reading may be asked of any host of the farm and is
repeated once when the line breaks. A change is one request and is never repeated: OutcomeUnknown says that only
reading the farm can tell whether it happened. Busy (return codes 16 and 177) means that it goes on: wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Literal, Self, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from builders.adapters.powershell.connection import HostConnection
from builders.adapters.powershell.transport import Reply, Request
from builders.adapters.pvs import requests, rows
from builders.adapters.pvs.answers import gone
from builders.adapters.pvs.cmdlets import MODULE
from builders.adapters.pvs.enums import MergeAccess
from builders.adapters.pvs.hosts import Answers, FarmHosts
from builders.adapters.pvs.model import (
    FarmGreeting,
    FarmPicture,
    PvsDevice,
    PvsDiskInfo,
    PvsDiskInventory,
    PvsDiskVersion,
    PvsTask,
)
from builders.adapters.pvs.picture import PictureReading
from builders.adapters.pvs.rows import Row
from builders.adapters.pvs.session import pools_for

Built = TypeVar("Built")

READ_PATIENCE_SECONDS = 120.0
PICTURE_PATIENCE_SECONDS = 600.0  # a batch: tens of thousands of targets with their live status
WRITE_PATIENCE_SECONDS = 300.0  # the farm itself gives up waiting earlier, with 177


class ProvisioningFarm:
    """`time_zone` is that of the farm's servers: Provisioning writes local times without saying so."""

    def __init__(
        self,
        hosts: FarmHosts,
        *,
        time_zone: tzinfo | str = "UTC",
        read_patience_seconds: float = READ_PATIENCE_SECONDS,
        picture_patience_seconds: float = PICTURE_PATIENCE_SECONDS,
        write_patience_seconds: float = WRITE_PATIENCE_SECONDS,
    ) -> None:
        self._hosts = hosts
        self._zone = ZoneInfo(time_zone) if isinstance(time_zone, str) else time_zone
        self._read_patience = read_patience_seconds
        self._picture_patience = picture_patience_seconds
        self._write_patience = write_patience_seconds

    @classmethod
    def at(
        cls, connections: Sequence[HostConnection], *, time_zone: tzinfo | str = "UTC", sessions_per_host: int = 4
    ) -> Self:
        """The farm behind these hosts, in order of preference; sessions are shared within this process."""
        return cls(FarmHosts(pools_for(connections, limit=sessions_per_host)), time_zone=time_zone)

    # -- reading --

    def greet(self) -> FarmGreeting:
        """A connection test: who answers, with which versions, and what the account may do."""
        answers = self._read(requests.introduction(), "introduce itself")
        answers.raise_first_error()
        name, version, farm = (self._rows(reply)[0] for reply in answers.replies)
        described = rows.farm_from(farm)
        greeting = self._hosts.greeting(answers.host)
        return FarmGreeting(
            host=answers.host,
            server_name=name.text("."),
            powershell=greeting.powershell if greeting else "",
            snapin=greeting.modules.get(MODULE, "") if greeting else "",
            version=version.text("MapiVersion"),
            farm_name=described.name,
            role=described.role,
        )

    def read_farm(self) -> FarmPicture:
        """Everything the portal mirrors, in three round trips, however many targets there are."""
        return PictureReading(self._hosts, zone=self._zone, patience_seconds=self._picture_patience).run()

    def disk(self, disk_id: UUID) -> PvsDiskInfo:
        return self._read_one(requests.disk(disk_id), rows.disk_from, f"describe vDisk {disk_id}", "vDisk")

    def versions(self, disk_id: UUID) -> tuple[PvsDiskVersion, ...]:
        """Highest first. Provisioning promises no order."""
        found = self._read_all(requests.versions(disk_id), rows.version_from, f"list the versions of vDisk {disk_id}")
        return tuple(sorted(found, key=lambda version: version.version, reverse=True))

    def version(self, disk_id: UUID, number: int) -> PvsDiskVersion:
        purpose = f"describe version {number} of vDisk {disk_id}"
        return self._read_one(requests.version(disk_id, number), rows.version_from, purpose, "version")

    def inventory(self, disk_id: UUID) -> tuple[PvsDiskInventory, ...]:
        purpose = f"compare the files of vDisk {disk_id} on all servers"
        return tuple(self._read_all(requests.inventory(disk_id), rows.inventory_from, purpose))

    def devices_of(self, disk_id: UUID) -> tuple[PvsDevice, ...]:
        """The targets that have the vDisk assigned, with live status."""
        purpose = f"list the targets of vDisk {disk_id}"
        return tuple(self._read_all(requests.devices_of(disk_id), rows.device_from, purpose))

    def device(self, device_id: UUID) -> PvsDevice:
        return self._read_one(requests.device(device_id), rows.device_from, f"describe target {device_id}", "target")

    def task(self, task_id: int) -> PvsTask:
        """NotFound when the farm no longer knows the task: then read what it was about."""
        answers = self._read(requests.task(task_id), f"report on task {task_id}")
        error = answers.error(0)
        if error:
            raise error
        reply, status = answers.replies
        if not reply.items:
            raise gone(answers.asked, "task")
        # A task that has just ended may have no percentage, so its error does not count.
        percent = Row(status.items[0], self._zone).number_or_none(".") if status.items else None
        return rows.task_from(Row(reply.items[0], self._zone), percent)

    # -- changing versions --

    def new_maintenance_version(self, disk_id: UUID) -> PvsDiskVersion:
        purpose = f"create a maintenance version of vDisk {disk_id}"
        reply = self._write(requests.new_maintenance_version(disk_id), purpose)
        return rows.version_from(Row(reply.items[0], self._zone))

    def promote(
        self,
        disk_id: UUID,
        *,
        to: Literal["test", "production"],
        test_version: int | None = None,
        scheduled_at: datetime | None = None,
    ) -> None:
        """The maintenance version, or to production the test version named. May start a merge by itself."""
        request = requests.promote(
            disk_id, to=to, test_version=test_version, scheduled_at=scheduled_at, zone=self._zone
        )
        which = "the maintenance version" if test_version is None else f"test version {test_version}"
        self._write(request, f"promote {which} of vDisk {disk_id} to {to}")

    def revert(self, disk_id: UUID, *, to: Literal["maintenance", "test"], version: int | None = None) -> None:
        which = "the highest version" if version is None else f"version {version}"
        self._write(requests.revert(disk_id, to=to, version=version), f"take {which} of vDisk {disk_id} back to {to}")

    def set_override(self, disk_id: UUID, version: int) -> None:
        purpose = f"make production targets boot version {version} of vDisk {disk_id}"
        self._write(requests.set_override(disk_id, version), purpose)

    def clear_override(self, disk_id: UUID) -> None:
        self._write(requests.clear_override(disk_id), f"end the override of vDisk {disk_id}")

    def delete_version(self, disk_id: UUID, version: int) -> None:
        self._write(requests.delete_version(disk_id, version), f"delete version {version} of vDisk {disk_id}")

    def merge(self, disk_id: UUID, *, new_base: bool, access: MergeAccess | None = None) -> None:
        """Started, not finished: watch `task_id` and `access` of the new highest version."""
        purpose = f"merge vDisk {disk_id} {'into a new base' if new_base else 'since its last base'}"
        self._write(requests.merge(disk_id, new_base=new_base, access=access), purpose)

    def set_scheduled(self, disk_id: UUID, version: int, when: datetime | None) -> None:
        """None releases a version that waits for its date."""
        purpose = f"set the date of version {version} of vDisk {disk_id}"
        self._write(requests.set_scheduled(disk_id, version, when, self._zone), purpose)

    def describe(self, disk_id: UUID, version: int, text: str) -> None:
        self._write(requests.describe(disk_id, version, text), f"describe version {version} of vDisk {disk_id} anew")

    def update_inventory(self) -> None:
        """Have the servers look at their files now instead of at their next poll."""
        self._write(requests.update_inventory(), "look at the files in its stores again")

    # -- targets: each returns the tasks to watch --

    def boot(self, device_ids: Sequence[UUID]) -> tuple[int, ...]:
        return self._power(requests.power("Boot", device_ids), f"boot {_targets(device_ids)}")

    def reboot(
        self, device_ids: Sequence[UUID], *, message: str | None = None, delay_seconds: int | None = None
    ) -> tuple[int, ...]:
        request = requests.power("Reboot", device_ids, message=message, delay_seconds=delay_seconds)
        return self._power(request, f"restart {_targets(device_ids)}")

    def shutdown(
        self, device_ids: Sequence[UUID], *, message: str | None = None, delay_seconds: int | None = None
    ) -> tuple[int, ...]:
        request = requests.power("Shutdown", device_ids, message=message, delay_seconds=delay_seconds)
        return self._power(request, f"shut down {_targets(device_ids)}")

    # -- one way down --

    def _power(self, request: Request, purpose: str) -> tuple[int, ...]:
        tasks = (row.number_or_none("TaskId") for row in self._rows(self._write(request, purpose)))
        return tuple(task for task in tasks if task is not None)

    def _write(self, request: Request, purpose: str) -> Reply:
        return self._hosts.write(request, purpose, patience_seconds=self._write_patience)

    def _read(self, batch: Sequence[Request], purpose: str) -> Answers:
        return self._hosts.read(batch, purpose, patience_seconds=self._read_patience)

    def _read_all(self, request: Request, build: Callable[[Row], Built], purpose: str) -> Iterable[Built]:
        answers = self._read([request], purpose)
        answers.raise_first_error()
        return (build(row) for row in self._rows(answers.replies[0]))

    def _read_one(self, request: Request, build: Callable[[Row], Built], purpose: str, what: str) -> Built:
        answers = self._read([request], purpose)
        answers.raise_first_error()
        found = self._rows(answers.replies[0])
        if not found:
            raise gone(answers.asked, what)
        return build(found[0])

    def _rows(self, reply: Reply) -> list[Row]:
        return [Row(item, self._zone) for item in reply.items]


def _targets(device_ids: Sequence[UUID]) -> str:
    return f"target {device_ids[0]}" if len(device_ids) == 1 else f"{len(device_ids)} targets"
