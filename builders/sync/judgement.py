"""What follows from the new picture: each target's verdict, and requests whose version changed."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db.models import F

from lifecycle import operations
from lifecycle.facts import ChainFacts
from lifecycle.models import Assignment, ChangeRequest, Farm, ProductionChange, Target, VDisk
from lifecycle.states import ProductionCause
from lifecycle.verdicts import TargetFacts, verdict


def judge_targets(farm: Farm) -> None:
    """Write each target's verdict, where it is another one than before."""
    chains = {vdisk.pk: vdisk.chain() for vdisk in VDisk.objects.filter(farm=farm, gone_at=None).with_chain()}
    changed_at, causes = _changes(farm)
    assigned: dict[int, list[int]] = defaultdict(list)
    for target_id, vdisk_id in Assignment.objects.filter(target__farm=farm).values_list("target_id", "vdisk_id"):
        assigned[target_id].append(vdisk_id)
    names = dict(VDisk.objects.filter(farm=farm).values_list("pk", "name"))
    changed = [
        target
        for target in Target.objects.filter(farm=farm, gone_at=None)
        if _judge(target, chains, changed_at, causes, sorted(assigned[target.pk]), names)
    ]
    fields = ["verdict", "verdict_words", "verdict_since", "expected_version", "assigned_names"]
    Target.objects.bulk_update(changed, fields, batch_size=1000)


def lapse_changes(farm: Farm) -> None:
    """End the open requests whose version is no longer what was asked about."""
    for change in ChangeRequest.objects.open().filter(vdisk__farm=farm).select_related("vdisk"):
        operations.lapse_if_changed(change)


def _changes(farm: Farm) -> tuple[dict[int, datetime], dict[int, str]]:
    """When and why production last changed to another version, per vDisk; the portal's first look is no change."""
    seen = ProductionChange.objects.filter(vdisk__farm=farm).exclude(cause=ProductionCause.FIRST_LOOK)
    changes = seen.exclude(number=F("before")).order_by("seen_at", "id")
    rows = list(changes.values_list("vdisk_id", "seen_at", "cause"))
    return {vdisk: at for vdisk, at, _ in rows}, {vdisk: cause for vdisk, _, cause in rows}


def _judge(  # noqa: PLR0917  the rows of one sync, read once for all targets
    target: Target,
    chains: dict[int, ChainFacts],
    changed_at: dict[int, datetime],
    causes: dict[int, str],
    assigned: list[int],
    names: dict[int, str],
) -> bool:
    """True when something differs from what the row says."""
    found = verdict(
        TargetFacts(
            type=target.type,
            enabled=target.enabled,
            active=target.active,
            booted_vdisk=target.booted_vdisk_id,
            booted_vdisk_name=names.get(target.booted_vdisk_id or 0, ""),
            booted_version=target.booted_version,
            assigned=tuple(assigned),
        ),
        chains,
        changed_at,
        causes,
    )
    wanted = {
        "verdict": found.code.value,
        "verdict_words": found.words,
        "verdict_since": found.since,
        "expected_version": found.expected,
        "assigned_names": ", ".join(names[pk] for pk in assigned)[:300],
    }
    differing = [name for name, value in wanted.items() if getattr(target, name) != value]
    for name in differing:
        setattr(target, name, wanted[name])
    return bool(differing)
