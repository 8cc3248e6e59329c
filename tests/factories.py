"""Rows for tests, as a sync would have left them: a farm, its vDisks with versions, and targets that boot them."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from builders.contents import saving
from lifecycle.models import (
    Assignment,
    Boot,
    Collection,
    ContentItem,
    Farm,
    FarmConnection,
    ImageContent,
    Job,
    JobLogLine,
    JobStep,
    Replica,
    Server,
    Site,
    Store,
    Target,
    VDisk,
    Version,
    VersionImage,
    Worker,
)
from lifecycle.roles import Role
from lifecycle.states import Access, Action, JobState, ReplicaState, StepState, TargetType, VersionType
from lifecycle.verdicts import TargetFacts, verdict

PASSWORD = "a long password for tests"


def person(name: str, *roles: Role, **values: Any) -> User:
    user = User.objects.create_user(name, password=PASSWORD, **values)
    user.groups.set(Group.objects.filter(name__in=[str(role) for role in roles]))
    return user


def farm(name: str = "Test Farm", **values: Any) -> Farm:
    return Farm.objects.create(**{"name": name, "guid": uuid.uuid4(), "synced_at": timezone.now()} | values)


def connection(of: Farm, **values: Any) -> FarmConnection:
    defaults = {"host": "pvs01.example.org", "username": "svc", "password": "host secret", "ca_file": "/etc/ca.pem"}
    return FarmConnection.objects.create(farm=of, **defaults | values)


class Ground:
    """A farm with one site, one store and two servers, to put vDisks and targets on."""

    def __init__(self, name: str = "Test Farm") -> None:
        self.farm = farm(name)
        self.site = Site.objects.create(farm=self.farm, guid=uuid.uuid4(), name="Munich")
        self.store = Store.objects.create(farm=self.farm, guid=uuid.uuid4(), name="vDisks")
        self.servers = [
            Server.objects.create(farm=self.farm, site=self.site, guid=uuid.uuid4(), name=name)
            for name in ("PVS01", "PVS02")
        ]
        self.collection = Collection.objects.create(site=self.site, guid=uuid.uuid4(), name="Office")

    def vdisk(self, name: str = "W11-Office", **values: Any) -> VDisk:
        counts = {"production_targets": 24, "test_targets": 2, "maintenance_targets": 1}
        return VDisk.objects.create(
            farm=self.farm, site=self.site, store=self.store, guid=uuid.uuid4(), name=name, **counts | values
        )

    def targets(self, count: int, vdisk: VDisk, version: int | None, *, prefix: str = "MUC-OFF", **values: Any) -> None:
        """``count`` targets assigned to ``vdisk``; with a version they run it, without they are off. A few queries."""
        first = Target.objects.count() + 1
        rows = [self._target(f"{prefix}-{first + i:03}", first + i, vdisk, version, values) for i in range(count)]
        made = Target.objects.bulk_create(rows, batch_size=1000)
        Assignment.objects.bulk_create([Assignment(target=target, vdisk=vdisk) for target in made], batch_size=1000)
        if version is not None:
            Boot.objects.bulk_create([_boot(target) for target in made], batch_size=1000)

    def target(self, name: str, vdisk: VDisk, version: int | None, **values: Any) -> Target:
        self.targets(1, vdisk, version, prefix=name, **values)
        found = Target.objects.order_by("-id")[0]
        Target.objects.filter(pk=found.pk).update(name=name)
        return Target.objects.get(pk=found.pk)

    def _target(self, name: str, index: int, vdisk: VDisk, version: int | None, values: dict[str, Any]) -> Target:
        mac = f"00155D{index:06X}"
        is_on = version is not None
        facts = {
            "farm": self.farm,
            "collection": self.collection,
            "guid": uuid.uuid4(),
            "name": name,
            "mac": "-".join(mac[at : at + 2] for at in range(0, 12, 2)),
            "mac_digits": mac,
            "type": TargetType.PRODUCTION,
            "active": is_on,
            "ip": f"10.20.{index // 250}.{index % 250 + 1}" if is_on else "",
            "server": self.servers[index % 2] if is_on else None,
            "booted_vdisk": vdisk if is_on else None,
            "booted_version": version,
            "booted_at": timezone.now() - timedelta(hours=5, minutes=index) if is_on else None,
        }
        target = Target(**facts | values)
        judged = verdict(
            TargetFacts(
                type=target.type,
                active=target.active,
                booted_vdisk=vdisk.pk if is_on else None,
                booted_vdisk_name=vdisk.name,
                booted_version=version,
                assigned=(vdisk.pk,),
            ),
            {vdisk.pk: vdisk.chain()},
            {vdisk.pk: timezone.now() - timedelta(days=1)},
        )
        target.verdict, target.verdict_words = judged.code, judged.words
        target.verdict_since, target.expected_version = judged.since, judged.expected
        return target


def version(vdisk: VDisk, number: int, access: Access = Access.PRODUCTION, **values: Any) -> Version:
    """With the ``can_*`` flags that a server gives in that state, and its files good on every server."""
    is_base = values.get("type", VersionType.BASE if number == 0 else VersionType.MANUAL) in (
        VersionType.BASE,
        VersionType.MERGE_BASE,
    )
    created_at = values.pop("created_at", datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(days=20 * number))
    replicas: dict[str, ReplicaState] = values.pop("replicas", {})
    in_test = access == Access.TEST
    in_maintenance = access in (Access.MAINTENANCE, Access.MAINTENANCE_HIGHEST)
    defaults: dict[str, Any] = {
        "type": VersionType.BASE if number == 0 else VersionType.MANUAL,
        "file_name": f"{vdisk.name}.vhdx" if number == 0 else f"{vdisk.name}.{number}.{'vhdx' if is_base else 'avhdx'}",
        "created": created_at.strftime("%Y-%m-%d %H:%M:%S"),
        "created_at": created_at,
        "first_seen_at": created_at,
        "can_promote": in_test or in_maintenance,
        "can_revert_test": access == Access.PRODUCTION and not is_base,
        "can_revert_maintenance": not in_maintenance and not is_base,
        "can_override": access == Access.PRODUCTION,
        "can_delete": True,
    }
    made = Version.objects.create(vdisk=vdisk, number=number, access=access, **defaults | values)
    for server in Server.objects.filter(farm=vdisk.farm):
        state = replicas.get(server.name, ReplicaState.GOOD)
        has_file = state != ReplicaState.FILE_MISSING
        Replica.objects.create(
            vdisk=vdisk,
            number=number,
            server=server,
            state=state,
            file_time=created_at.strftime("%Y-%m-%dT%H:%M:%S.0000000") if has_file else "",
        )
    for remembered in ("present_versions", "present_replicas"):
        if hasattr(vdisk, remembered):
            delattr(vdisk, remembered)
    return made


def office(ground: Ground) -> VDisk:
    """Base 0, production 1 to 3, test 4: the usual case."""
    vdisk = ground.vdisk("W11-Office")
    version(vdisk, 0, description="Windows 11 24H2, Office, base image")
    version(vdisk, 1, description="Updates of April", device_count=0)
    version(vdisk, 2, description="Updates of May, Acrobat 25", device_count=2)
    version(vdisk, 3, description="Updates of June, new VDA", device_count=20)
    version(vdisk, 4, Access.TEST, description="Updates of July, Teams 2.1", device_count=2)
    return vdisk


def job(vdisk: VDisk, by: User, *, state: JobState = JobState.RUNNING, **values: Any) -> Job:
    ended = None if state in (JobState.WAITING, JobState.RUNNING, JobState.UNDOING) else timezone.now()
    defaults: dict[str, Any] = {
        "kind": Action.PROMOTE_TEST.value,
        "title": f"Promote to test: {vdisk.name}",
        "farm": vdisk.farm,
        "vdisk": vdisk,
        "requested_by": by,
        "state": state,
        "started_at": timezone.now() - timedelta(seconds=40),
        "ended_at": ended,
        "admitted_at": None if state == JobState.WAITING else timezone.now() - timedelta(seconds=40),
        "undo_cause": "cancelled" if state == JobState.UNDOING else "",
    }
    return Job.objects.create(**defaults | values)


def worker(name: str = "celery@worker1", *, silent_seconds: float = 0, **values: Any) -> Worker:
    seen = timezone.now() - timedelta(seconds=silent_seconds)
    defaults = {"machine": "worker1", "process": 4711, "threads": 4, "seen_at": seen, "started_at": seen}
    return Worker.objects.create(name=name, **defaults | values)


def beat(name: str = "beat@worker1", **values: Any) -> Worker:
    return worker(name, role=Worker.Role.BEAT, **values)


def step(of: Job, title: str, state: StepState = StepState.PENDING, **values: Any) -> JobStep:
    position = of.steps.count() + 1
    return JobStep.objects.create(job=of, position=position, key=f"step-{position}", title=title, state=state, **values)


def contents(of: Version, report: dict[str, Any]) -> ImageContent:
    """What a version holds, as a job that read it leaves it."""
    fingerprint = hashlib.sha256(repr((of.pk, report)).encode()).hexdigest()
    content = ImageContent.objects.create(fingerprint=fingerprint, reader_version="1", report=report)
    ContentItem.objects.bulk_create(saving.items(content))
    VersionImage.objects.update_or_create(version=of, defaults={"content": content, "fingerprint": fingerprint})
    return content


def log_lines(of: Job, *texts: str) -> None:
    first = of.lines + 1
    JobLogLine.objects.bulk_create(
        [JobLogLine(job=of, number=first + index, text=text) for index, text in enumerate(texts)]
    )
    of.lines += len(texts)
    Job.objects.filter(pk=of.pk).update(lines=of.lines)


def _boot(target: Target) -> Boot:
    return Boot(
        target=target,
        vdisk=target.booted_vdisk,
        vdisk_name=target.booted_vdisk.name if target.booted_vdisk else "",
        number=target.booted_version or 0,
        server_name=target.server.name if target.server else "",
        seen_at=target.booted_at or timezone.now(),
    )
