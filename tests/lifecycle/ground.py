"""Rows from facts, and people from roles."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from django.contrib.auth.models import Group, User
from django.utils import timezone

from lifecycle import operations
from lifecycle.facts import ChainFacts, ReplicaFacts, VersionFacts
from lifecycle.models import AuditEntry, ChangeRequest, Farm, Job, Replica, Server, Site, Store, VDisk, Version
from lifecycle.roles import Role
from tests.lifecycle.chains import chain, copy, in_test, version

IN_TEST = 2
"""The version of ``ready`` that stands in test."""


def ready() -> ChainFacts:
    """Two versions in production, one in test, each on both servers."""
    copies = tuple(copy(number, server) for number in (0, 1, 2) for server in ("PVS01", "PVS02"))
    return chain(version(0), version(1), in_test(IN_TEST), replicas=copies)


def person(name: str, *roles: Role, superuser: bool = False) -> User:
    user = User.objects.create_user(name, is_superuser=superuser)
    user.groups.set(Group.objects.filter(name__in=[str(role) for role in roles]))
    return user


def make_farm(name: str = "Farm") -> Farm:
    return Farm.objects.create(name=name, guid=uuid.uuid4())


def make_vdisk(farm: Farm, name: str, facts: ChainFacts) -> VDisk:
    site, _ = Site.objects.get_or_create(farm=farm, name="Munich", defaults={"guid": uuid.uuid4()})
    store, _ = Store.objects.get_or_create(farm=farm, name="vDisks", defaults={"guid": uuid.uuid4()})
    vdisk = VDisk.objects.create(
        farm=farm,
        site=site,
        store=store,
        guid=uuid.uuid4(),
        name=name,
        write_cache_type=0 if facts.private else 4,
        test_targets=facts.test_targets,
        maintenance_targets=facts.maintenance_targets,
    )
    write_chain(vdisk, facts)
    return VDisk.objects.get(pk=vdisk.pk)


def write_chain(vdisk: VDisk, facts: ChainFacts) -> None:
    """Make the mirror say this, as a sync would."""
    vdisk.versions.all().delete()
    vdisk.replicas.all().delete()
    Version.objects.bulk_create(_version(vdisk, found) for found in facts.versions)
    Replica.objects.bulk_create(_replica(vdisk, found) for found in facts.replicas)


def _version(vdisk: VDisk, facts: VersionFacts) -> Version:
    return Version(vdisk=vdisk, first_seen_at=timezone.now(), **asdict(facts))


def _replica(vdisk: VDisk, facts: ReplicaFacts) -> Replica:
    server, _ = Server.objects.get_or_create(
        farm=vdisk.farm, site=vdisk.site, name=facts.server, defaults={"guid": uuid.uuid4()}
    )
    return Replica(
        vdisk=vdisk,
        server=server,
        number=facts.number,
        state=facts.state,
        file_time=facts.file_time,
        properties_time=facts.properties_time,
    )


def request(vdisk: VDisk, by: User, reason: str = "Patches of November") -> ChangeRequest:
    return operations.request_promotion(vdisk=vdisk, version=IN_TEST, by=by, reason=reason)


def end(job: Job, state: str, outcome: str = "That is what came of it.") -> Job:
    """As the engine ends a job, with what hangs on it."""
    Job.objects.filter(pk=job.pk).update(state=state, outcome=outcome, ended_at=timezone.now())
    job = Job.objects.get(pk=job.pk)
    operations.job_ended(job)
    return job


def trail() -> list[str]:
    """The actions of the audit trail, oldest first."""
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
