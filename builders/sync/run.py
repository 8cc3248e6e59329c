"""One sync of one farm, from claiming it to telling the pages. A farm that is away keeps its last picture."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from builders.adapters.errors import AdapterError, NotAuthenticated
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.adapters.pvs.model import FarmPicture
from builders.contents.noticing import have_read_what_is_new
from builders.engine import leases, masking
from builders.engine.announce import announce
from builders.engine.leases import Heartbeat, LeaseLost
from builders.sync.mirror import mirror
from lifecycle import topics
from lifecycle.models import Farm, SyncRun
from lifecycle.secrets import SecretUnreadable

logger = logging.getLogger(__name__)

KEEP_RUNS = timedelta(days=7)


def sync_farm(farm_id: int, opener: Callable[[Farm], ProvisioningFarm]) -> None:
    """The periodic sync: does nothing when the farm is being read already. A failure is written down, not raised."""
    lease = _claim(farm_id, only_when_due=True)
    if lease is None:
        return
    farm = Farm.objects.get(pk=farm_id)
    started = timezone.now()
    try:
        _write(lease, started, _read(lease, lambda: opener(farm)))
    except (AdapterError, SecretUnreadable) as error:
        note_turned_away(farm, error)
        _note_failure(lease, farm.name, started, str(error))
    except Exception:
        reference = uuid.uuid4().hex[:8]
        logger.exception("farm %s: the picture could not be taken over, reference %s", farm.name, reference)
        words = (
            f"What PVS told could not be taken over. This is a fault of the portal; see its log, reference {reference}."
        )
        _note_failure(lease, farm.name, started, words)
    except BaseException:
        _release(lease, farm)
        raise


def sync_now(farm_id: int, pvs: ProvisioningFarm) -> bool:
    """A sync on behalf of a job; False when another one is running. An adapter's error is the job's."""
    lease = _claim(farm_id, only_when_due=False)
    if lease is None:
        return False
    farm = Farm.objects.get(pk=farm_id)
    started = timezone.now()
    try:
        _write(lease, started, _read(lease, lambda: pvs))
    except BaseException:
        _release(lease, farm)
        raise
    return True


def note_turned_away(farm: Farm, error: Exception) -> None:
    """Remember a refused account: asking again every few seconds would lock it."""
    if isinstance(error, NotAuthenticated):
        Farm.objects.filter(pk=farm.pk, turned_away_at=None).update(turned_away_at=Now())
        farm.refresh_from_db()


@dataclass(frozen=True)
class SyncLease:
    """One reader's right to a farm's mirror. Short and renewed while reading: a reader that dies delays nobody long."""

    farm_id: int
    token: int

    def __str__(self) -> str:
        return f"sync of farm {self.farm_id}"

    def held(self) -> QuerySet[Farm]:
        return Farm.objects.filter(pk=self.farm_id, sync_lease_token=self.token, sync_lease_until__isnull=False)

    def renew(self) -> None:
        if not self.held().update(sync_lease_until=Now() + leases.length()):
            raise LeaseLost(str(self))


def _claim(farm_id: int, *, only_when_due: bool) -> SyncLease | None:
    """None when another reader has the farm."""
    with transaction.atomic():
        free = Q(sync_lease_until=None) | Q(sync_lease_until__lt=Now())
        due = Q(sync_due_at__lte=Now()) if only_when_due else Q()
        until = Now() + leases.length()
        token = F("sync_lease_token") + 1
        if not Farm.objects.filter(free, due, pk=farm_id).update(sync_lease_token=token, sync_lease_until=until):
            return None
        return SyncLease(farm_id, Farm.objects.values_list("sync_lease_token", flat=True).get(pk=farm_id))


def _read(lease: SyncLease, opener: Callable[[], ProvisioningFarm]) -> FarmPicture:
    with Heartbeat(lease):
        return opener().read_farm()


def _write(lease: SyncLease, started: datetime, picture: FarmPicture) -> None:
    with transaction.atomic():
        held = lease.held().select_for_update(no_key=True).first()
        if held is None:
            logger.warning("%s: another one took over; this picture is dropped", lease)
            return
        changed = mirror(held, picture)
        held.synced_at = picture.read_at
        held.sync_error = ""
        _finish(held, started, calls=picture.calls, round_trips=picture.round_trips, changed=changed)
        announce(topics.FARM)
    have_read_what_is_new(lease.farm_id)


def _note_failure(lease: SyncLease, name: str, started: datetime, words: str) -> None:
    words = masking.masked(words)
    logger.warning("farm %s: not read: %s", name, words)
    with transaction.atomic():
        held = lease.held().select_for_update(no_key=True).first()
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


def _release(lease: SyncLease, farm: Farm) -> None:
    """An unforeseen end: let the next sync come after the usual time."""
    lease.held().update(sync_lease_until=None, sync_due_at=Now() + timedelta(seconds=farm.sync_every_seconds))
