"""What a job needs for itself while it works, how many may have it at once, and for whom a job waits.

A resource is a key: ``vdisk:12`` (a writing job has the vDisk alone), ``kind:merge``, ``store:3``, ``host:Farm``, and
``reading:3`` for the jobs that only read images of a store, so that they keep no other job waiting. Each but the vDisk
has as many places as PORTAL_LIMITS gives it; without a limit it is not counted. A job holds one place of each (rows of
Hold) from its admission to its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from lifecycle import queue
from lifecycle.models import Farm, Hold, Job, Store, VDisk
from lifecycle.states import Action, Reading

VDISK, KIND, STORE, HOST, READING = "vdisk", "kind", "store", "host", "reading"
KEY_LENGTH = 120


@dataclass(frozen=True)
class Holder:
    """A job that has a place of a resource. ``requested_by`` is a user name."""

    job_id: int
    title: str
    requested_by: str
    since: datetime

    @property
    def words(self) -> str:
        return f"job {self.job_id}, “{self.title}” ({self.requested_by})"


@dataclass(frozen=True)
class Blocker:
    """One reason why a job waits: the holders of a resource that is full, or, without any, jobs that come first."""

    resource: str
    name: str
    holders: tuple[Holder, ...] = ()
    ahead: int = 0

    @property
    def words(self) -> str:
        if not self.holders:
            return f"{_jobs(self.ahead)} before it in the queue for {self.name}"
        return f"{self.name}: held by {'; '.join(holder.words for holder in self.holders)}"


def needs_of(*, kind: str, farm: Farm, vdisk: VDisk | None, writes: bool, host: str = "") -> list[str]:
    """The keys of all that such a job needs. ``host`` is the outside system it works on, the farm unless named."""
    if kind in Reading.values:
        needs = [f"{KIND}:{kind}"] + ([f"{READING}:{vdisk.store_id}"] if vdisk is not None else [])
        return [need[:KEY_LENGTH] for need in needs]
    needs = [f"{VDISK}:{vdisk.pk}"] if vdisk is not None and writes else []
    needs.append(f"{KIND}:{kind}")
    if vdisk is not None and writes:
        needs.append(f"{STORE}:{vdisk.store_id}")
    needs.append(f"{HOST}:{host or farm.name}")
    return [need[:KEY_LENGTH] for need in needs]


def limit(resource: str) -> int | None:
    """How many jobs may have it at once; None when it is not counted."""
    what, _, _name = resource.partition(":")
    if what == VDISK:
        return 1
    limits = settings.PORTAL_LIMITS
    return limits.get(resource.casefold(), limits.get(what, 0)) or None


def counted(needs: Iterable[str]) -> dict[str, int]:
    """Those of the needs that have a limit, with it."""
    return {need: places for need in needs if (places := limit(need)) is not None}


def name_of(resource: str) -> str:
    return names_of([resource])[resource]


def names_of(resources: Iterable[str]) -> dict[str, str]:
    """Each key in words, with three queries at most."""
    keys = set(resources)
    vdisks = dict(VDisk.objects.filter(pk__in=_numbers(keys, VDISK)).values_list("pk", "name"))
    stores = dict(
        Store.objects.filter(pk__in=_numbers(keys, STORE) + _numbers(keys, READING)).values_list("pk", "name")
    )
    hosts = [name for key in keys for what, _, name in [key.partition(":")] if what == HOST]
    farms = set(Farm.objects.filter(name__in=hosts).values_list("name", flat=True)) if hosts else set()
    return {key: _name(key, vdisks, stores, farms) for key in keys}


def waits_for(job: Job) -> list[Blocker]:
    """Why the job is not let in now, as it is at this moment; empty when it was let in, is over or is not due yet."""
    if not job.is_active or job.admitted_at is not None:
        return []
    limits = counted(job.needs)
    holders = _holders(limits)
    names = names_of(limits)
    full = [need for need, places in limits.items() if len(holders[need]) >= places]
    blockers = [Blocker(need, names[need], tuple(holders[need])) for need in full]
    ahead = queue.ahead_of(job.pk, list(limits))
    return blockers + [Blocker(need, names[need], ahead=ahead[need]) for need in limits if ahead.get(need)]


def _holders(resources: Iterable[str]) -> dict[str, list[Holder]]:
    found: dict[str, list[Holder]] = defaultdict(list)
    rows = Hold.objects.filter(resource__in=list(resources)).select_related("job__requested_by").order_by("slot")
    for hold in rows:
        by = hold.job.requested_by.get_username()
        found[hold.resource].append(Holder(hold.job_id, hold.job.title, by, hold.since))
    return found


def _numbers(keys: Iterable[str], what: str) -> list[int]:
    named = [key.partition(":")[2] for key in keys if key.startswith(f"{what}:")]
    return [int(number) for number in named if number.isdecimal()]


def _name(key: str, vdisks: dict[int, str], stores: dict[int, str], farms: set[str]) -> str:
    what, _, name = key.partition(":")
    if what == VDISK and name.isdecimal():
        return f"vDisk {vdisks.get(int(name), f'no. {name}')}"
    if what == STORE and name.isdecimal():
        return f"store {stores.get(int(name), f'no. {name}')}"
    if what == READING and name.isdecimal():
        return f"reading in store {stores.get(int(name), f'no. {name}')}"
    if what == KIND:
        return f"jobs of the kind “{_kind(name)}”"
    if what == HOST and name in farms:
        return f"farm {name}"
    return f"{what} {name}"


def _kind(name: str) -> str:
    if name in Action.values:
        return Action(name).label
    return Reading(name).label if name in Reading.values else name


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"
