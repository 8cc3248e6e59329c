"""Reading the whole farm: three batches, whose length grows with sites, servers and vDisks and not with targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import chain
from typing import TypeVar
from uuid import UUID

from builders.adapters.errors import NotFound
from builders.adapters.powershell.transport import Reply, Request
from builders.adapters.pvs import requests, rows
from builders.adapters.pvs.hosts import FarmHosts
from builders.adapters.pvs.model import FarmPicture, PvsAssignment
from builders.adapters.pvs.rows import Row

T = TypeVar("T")

# The order in which requests.of_site asks, and requests.of_disk.
SERVERS, COLLECTIONS, DISKS, DEVICES = range(4)
OF_SITE = 4
VERSIONS, INVENTORY, ASSIGNED = range(3)
OF_DISK = 3


class PictureReading:
    """One reading. `run` once."""

    def __init__(self, hosts: FarmHosts, *, zone: tzinfo, patience_seconds: float) -> None:
        self._hosts = hosts
        self._zone = zone
        self._patience = patience_seconds
        self._calls = 0
        self._round_trips = 0
        self._host = ""

    def run(self) -> FarmPicture:
        read_at = datetime.now(UTC)  # before the first question: what changes meanwhile is seen next time
        farm, sites, stores = self._ask(requests.farm_wide(), "describe the farm")
        found_sites = self._build([sites], rows.site_from)
        by_site = self._ask(
            list(chain.from_iterable(requests.of_site(site.site_id) for site in found_sites)), "list its sites"
        )
        server_rows = self._rows(by_site[SERVERS::OF_SITE])
        disks = self._build(by_site[DISKS::OF_SITE], rows.disk_from)
        disk_ids = tuple(disk.disk_id for disk in disks)
        details, statuses, gone = self._ask_in_detail(disk_ids, [row.id("ServerId") for row in server_rows])
        return FarmPicture(
            read_at=read_at,
            host=self._host,
            farm=self._build([farm], rows.farm_from)[0],
            sites=found_sites,
            servers=tuple(rows.server_from(row, statuses.get(row.id("ServerId"))) for row in server_rows),
            stores=self._build([stores], rows.store_from),
            collections=self._build(by_site[COLLECTIONS::OF_SITE], rows.collection_from),
            disks=tuple(disk for disk in disks if disk.disk_id not in gone),
            versions=self._build([replies[VERSIONS] for replies in details.values()], rows.version_from),
            inventory=self._build([replies[INVENTORY] for replies in details.values()], rows.inventory_from),
            devices=self._build(by_site[DEVICES::OF_SITE], rows.device_from),
            assignments=tuple(
                PvsAssignment(disk_id, row.id("DeviceId"))
                for disk_id, replies in details.items()
                for row in self._rows([replies[ASSIGNED]])
            ),
            calls=self._calls,
            round_trips=self._round_trips,
            gone=gone,
        )

    def _ask(self, batch: Sequence[Request], purpose: str) -> list[Reply]:
        replies, errors = self._ask_leniently(batch, purpose)
        for error in errors:
            if error:
                raise error
        return replies

    def _ask_leniently(self, batch: Sequence[Request], purpose: str) -> tuple[list[Reply], list[Exception | None]]:
        if not batch:  # a farm without sites, or without vDisks and servers
            return [], []
        answers = self._hosts.read(batch, purpose, patience_seconds=self._patience)
        self._calls += len(batch)
        self._round_trips += 1
        self._host = answers.host
        return answers.replies, [answers.error(index) for index in range(len(batch))]

    def _ask_in_detail(
        self, disk_ids: Sequence[UUID], server_ids: Sequence[UUID]
    ) -> tuple[dict[UUID, list[Reply]], dict[UUID, Row], tuple[UUID, ...]]:
        """Replies by vDisk, status by server, and the vDisks that were deleted since the batch before.

        A server that cannot be asked for its status is no reason to go without a picture.
        """
        batch = [
            *chain.from_iterable(requests.of_disk(disk_id) for disk_id in disk_ids),
            *(requests.server_status(server_id) for server_id in server_ids),
        ]
        replies, errors = self._ask_leniently(batch, "describe its vDisks")
        details: dict[UUID, list[Reply]] = {}
        gone: list[UUID] = []
        for index, disk_id in enumerate(disk_ids):
            mine = slice(index * OF_DISK, (index + 1) * OF_DISK)
            error = next(filter(None, errors[mine]), None)
            if error is None:
                details[disk_id] = replies[mine]
            elif isinstance(error, NotFound):
                gone.append(disk_id)
            else:
                raise error
        status_rows = self._rows(reply for reply in replies[len(disk_ids) * OF_DISK :] if reply.ok)
        return details, {row.id("ServerId"): row for row in status_rows}, tuple(gone)

    def _rows(self, replies: Iterable[Reply]) -> list[Row]:
        return [Row(item, self._zone) for reply in replies for item in reply.items]

    def _build(self, replies: Iterable[Reply], build: Callable[[Row], T]) -> tuple[T, ...]:
        return tuple(build(row) for row in self._rows(replies))
