"""What the portal remembers and PVS does not: boots, changes of the production version, changes made by others."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from lifecycle.booting import next_for_production
from lifecycle.models import AuditEntry, Boot, Farm, Job, ProductionChange, Target, VDisk
from lifecycle.states import ACTIVE_JOB_STATES, Access, Action, ProductionCause

VersionKey = tuple[int, int]
OURS_FOR = timedelta(seconds=30)
"""A change seen this long after a job of ours that brings it about is counted as ours."""
BRINGS_ABOUT: dict[str, frozenset[int | None]] = {
    Action.NEW_VERSION: frozenset({Access.MAINTENANCE, Access.MAINTENANCE_HIGHEST, None}),  # None: taken back
    Action.PROMOTE_TEST: frozenset({Access.TEST}),
    Action.PROMOTE_PRODUCTION: frozenset({Access.PRODUCTION}),
    Action.REVERT_TEST: frozenset({Access.TEST}),
    Action.REVERT_MAINTENANCE: frozenset({Access.MAINTENANCE, Access.MAINTENANCE_HIGHEST}),
    Action.SET_OVERRIDE: frozenset({Access.OVERRIDE, Access.PRODUCTION}),  # the former override is released again
    Action.CLEAR_OVERRIDE: frozenset({Access.PRODUCTION}),
    Action.MERGE: frozenset({Access.MERGE_TEST, Access.TEST}),
    Action.MERGE_BASE: frozenset({Access.MERGE_TEST, Access.TEST}),
    Action.DELETE_VERSION: frozenset({None}),
}
"""What a version's access is after a job of ours (None: the version is gone); anything else was somebody else."""
TOUCHES_OTHERS = frozenset(
    {Action.NEW_VERSION, Action.MERGE, Action.MERGE_BASE, Action.SET_OVERRIDE, Action.REVERT_MAINTENANCE}
)
"""Jobs that begin without the number of the version they end with, or change another one besides."""


def note_production_changes(farm: Farm, now: datetime) -> None:
    """A row whenever another version is the one that production targets boot next."""
    last = ProductionChange.objects.filter(vdisk=OuterRef("pk")).order_by("-seen_at", "-id")
    known = {
        pk: (row, number, is_override)
        for pk, row, number, is_override in VDisk.objects.filter(farm=farm, gone_at=None).values_list(
            "pk",
            Subquery(last.values("pk")[:1]),
            Subquery(last.values("number")[:1]),
            Subquery(last.values("is_override")[:1]),
        )
    }
    new = []
    for vdisk in VDisk.objects.filter(farm=farm, gone_at=None).with_chain():
        following = next_for_production(vdisk.chain())
        number = following.number if following else None
        row, before, was_override = known.get(vdisk.pk, (None, None, None))
        is_override = bool(following and following.is_override)
        if row is None or number != before or is_override != was_override:
            change = ProductionChange(vdisk=vdisk, number=number, before=before, is_override=is_override, seen_at=now)
            change.cause = _cause(change, was_override) if row else ProductionCause.FIRST_LOOK
            new.append(change)
    ProductionChange.objects.bulk_create(new)


def _cause(change: ProductionChange, was_override: bool | None) -> ProductionCause:
    if change.is_override:
        return ProductionCause.OVERRIDE_SET
    if was_override:
        return ProductionCause.OVERRIDE_CLEARED
    forward = change.number is not None and (change.before is None or change.number > change.before)
    return ProductionCause.PROMOTION if forward else ProductionCause.ROLL_BACK


def note_boots(farm: Farm, now: datetime) -> None:
    """Close the stays that are over, open the new ones. A restart onto the same version is not always seen."""
    open_boots = {boot.target_id: boot for boot in Boot.objects.filter(target__farm=farm, ended_at=None)}
    running = Target.objects.filter(farm=farm, gone_at=None, active=True, booted_version__isnull=False)
    over, new, fresh = [], [], []
    seen = set()
    for target in running.select_related("server", "booted_vdisk"):
        seen.add(target.pk)
        boot = open_boots.get(target.pk)
        if boot and (boot.vdisk_id, boot.number) == (target.booted_vdisk_id, target.booted_version):
            continue
        if boot:
            over.append(boot.pk)
        target.booted_at = now
        fresh.append(target)
        new.append(_boot(target, now))
    over += [boot.pk for pk, boot in open_boots.items() if pk not in seen]
    Boot.objects.filter(pk__in=over).update(ended_at=now)
    Boot.objects.bulk_create(new, batch_size=1000)
    Target.objects.bulk_update(fresh, ["booted_at"], batch_size=1000)
    Target.objects.filter(farm=farm, active=False, booted_at__isnull=False).update(booted_at=None)


def _boot(target: Target, now: datetime) -> Boot:
    return Boot(
        target=target,
        vdisk=target.booted_vdisk,
        vdisk_name=target.booted_vdisk.name if target.booted_vdisk else "",
        number=target.booted_version or 0,
        server_name=target.server.name if target.server else "",
        seen_at=now,
    )


def note_version_changes(farm: Farm, before: dict[VersionKey, int], after: dict[VersionKey, int]) -> None:
    """An audit row for each change of a version that no job of ours explains: somebody worked in the console."""
    if not before:
        return  # the first look at a farm: everything is new and nothing changed
    changes = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    if not changes:
        return
    ours = _changes_of_our_jobs(farm)
    names = dict(VDisk.objects.filter(farm=farm).values_list("pk", "name"))
    for vdisk_id, number in changes:
        was, now = before.get((vdisk_id, number)), after.get((vdisk_id, number))
        if (vdisk_id, number, now) in ours or (vdisk_id, None, now) in ours:
            continue
        AuditEntry.objects.record(
            by=None,
            action="pvs.changed",
            on_name=f"{names.get(vdisk_id, '')} version {number}",
            detail={"before": _word(was), "after": _word(now), "vdisk": vdisk_id, "made": "outside the portal"},
        )


def _changes_of_our_jobs(farm: Farm) -> set[tuple[int | None, int | None, int | None]]:
    """(vDisk, version, access afterwards) that jobs of ours explain; version None: any of that vDisk."""
    recent = Q(ended_at__gte=timezone.now() - OURS_FOR) | Q(state__in=sorted(ACTIVE_JOB_STATES))
    jobs = Job.objects.filter(recent, farm=farm, writes=True).values_list("vdisk_id", "kind", "version_number")
    return {
        (vdisk, None if kind in TOUCHES_OTHERS else number, access)
        for vdisk, kind, number in jobs
        for access in BRINGS_ABOUT.get(kind, frozenset())
    }


def _word(access: int | None) -> str:
    if access is None:
        return "not there"
    return str(Access(access).label) if access in Access.values else f"access {access}"
