"""One sync of one farm, from claiming it to telling the pages. A farm that is away keeps its last picture."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from builders.adapters.errors import AdapterError, NotAuthenticated
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.adapters.pvs.model import FarmPicture
from builders.engine.announce import announce
from builders.sync.mirror import mirror
from lifecycle import topics
from lifecycle.models import Farm, SyncRun
from lifecycle.secrets import SecretUnreadable

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
"""Longer than any sync may take; a worker that dies in one delays the next by as much."""
KEEP_RUNS = timedelta(days=7)


def sync_farm(farm_id: int, opener: Callable[[Farm], ProvisioningFarm]) -> None:
    """The periodic sync: does nothing when the farm is being read already. A failure is written down, not raised."""
    claimed = _claim(farm_id, only_when_due=True)
    if claimed is None:
        return
    farm = Farm.objects.get(pk=farm_id)
    started = timezone.now()
    try:
        _write(farm, claimed, started, opener(farm).read_farm())
    except (AdapterError, SecretUnreadable) as error:
        note_turned_away(farm, error)
        _note_failure(farm, claimed, started, str(error))
    except Exception:
        reference = uuid.uuid4().hex[:8]
        logger.exception("farm %s: the picture could not be taken over, reference %s", farm.name, reference)
        words = (
            f"What PVS told could not be taken over. This is a fault of the portal; see its log, reference {reference}."
        )
        _note_failure(farm, claimed, started, words)
    except BaseException:
        _release(farm, claimed)
        raise


def sync_now(farm_id: int, pvs: ProvisioningFarm) -> bool:
    """A sync on behalf of a job; False when another one is running. An adapter's error is the job's."""
    claimed = _claim(farm_id, only_when_due=False)
    if claimed is None:
        return False
    farm = Farm.objects.get(pk=farm_id)
    started = timezone.now()
    try:
        _write(farm, claimed, started, pvs.read_farm())
    except BaseException:
        _release(farm, claimed)
        raise
    return True


def note_turned_away(farm: Farm, error: Exception) -> None:
    """Remember a refused account: asking again every few seconds would lock it."""
    if isinstance(error, NotAuthenticated):
        Farm.objects.filter(pk=farm.pk, turned_away_at=None).update(turned_away_at=Now())
        farm.refresh_from_db()


def _claim(farm_id: int, *, only_when_due: bool) -> datetime | None:
    """The end of our lease, which is also its name; None when another reader holds one."""
    free = Q(sync_lease_until=None) | Q(sync_lease_until__lt=Now())
    due = Q(sync_due_at__lte=Now()) if only_when_due else Q()
    if not Farm.objects.filter(free, due, pk=farm_id).update(sync_lease_until=Now() + LEASE):
        return None
    return Farm.objects.values_list("sync_lease_until", flat=True).get(pk=farm_id)


def _write(farm: Farm, claimed: datetime, started: datetime, picture: FarmPicture) -> None:
    with transaction.atomic():
        held = Farm.objects.select_for_update(no_key=True).filter(pk=farm.pk, sync_lease_until=claimed).first()
        if held is None:
            logger.warning("farm %s: another sync took over; this picture is dropped", farm.name)
            return
        changed = mirror(held, picture)
        held.synced_at = picture.read_at
        held.sync_error = ""
        _finish(held, started, calls=picture.calls, round_trips=picture.round_trips, changed=changed)
        announce(topics.FARM)


def _note_failure(farm: Farm, claimed: datetime, started: datetime, words: str) -> None:
    logger.warning("farm %s: not read: %s", farm.name, words)
    with transaction.atomic():
        held = Farm.objects.select_for_update(no_key=True).filter(pk=farm.pk, sync_lease_until=claimed).first()
        if held is not None:
            held.sync_error = words
            _finish(held, started, error=words)
            announce(topics.FARM)


def _finish(
    farm: Farm, started: datetime, *, calls: int = 0, round_trips: int = 0, changed: int = 0, error: str = ""
) -> None:
    farm.sync_lease_until = None
    farm.save()
    Farm.objects.filter(pk=farm.pk).update(sync_due_at=Now() + timedelta(seconds=farm.sync_every_seconds))
    now = max(timezone.now(), started)
    SyncRun.objects.create(
        farm=farm, started_at=started, ended_at=now, calls=calls, round_trips=round_trips, changed=changed, error=error
    )
    SyncRun.objects.filter(farm=farm, started_at__lt=now - KEEP_RUNS).delete()


def _release(farm: Farm, claimed: datetime) -> None:
    """An unforeseen end: let the next sync come after the usual time."""
    pause = Now() + timedelta(seconds=farm.sync_every_seconds)
    Farm.objects.filter(pk=farm.pk, sync_lease_until=claimed).update(sync_lease_until=None, sync_due_at=pause)
