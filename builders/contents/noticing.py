"""After a sync: which versions are to be read, and the jobs for them. Costs a few queries where nothing changed."""

from __future__ import annotations

import logging

from django.utils import timezone

from builders.contents import READER_VERSION
from builders.engine.announce import announce
from lifecycle import readings, topics
from lifecycle.models import Farm, StoreAccess

logger = logging.getLogger(__name__)


def have_read_what_is_new(farm_id: int) -> int:
    """Queue a reading of each version whose files are unknown or changed; how many. Never raises for a fault of its
    own: the picture of the farm counts without it."""
    try:
        return _queue(farm_id)
    except Exception:
        logger.exception("farm %s: no reading was queued", farm_id)
        return 0


def _queue(farm_id: int) -> int:
    if not StoreAccess.objects.filter(store__farm=farm_id).exists():
        return 0
    farm = Farm.objects.get(pk=farm_id)
    room = readings.automatic_room(farm)
    if not room:
        return 0
    wanted = readings.due(farm, reader_version=READER_VERSION, now=timezone.now())[:room]
    started = [job for vdisk, number in wanted if (job := readings.start_automatic(vdisk, number))]
    if started:
        announce(topics.JOBS)
    return len(started)
