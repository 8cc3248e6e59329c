"""Stores what was read: contents once for each state of an image, with their items; the looks of each version."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from builders.contents import READER_VERSION
from builders.contents.looking import Look
from builders.engine.announce import announce
from lifecycle import contents, fingerprints, operations, topics
from lifecycle.facts import ChainFacts
from lifecycle.models import ChangeRequest, ContentItem, ImageContent, Version, VersionImage
from lifecycle.program_versions import sort_key
from lifecycle.watching import content_arrived

logger = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(hours=6)
AT_ONCE = 2000
"""Items in one statement."""


def note_look(version: Version, chain: ChainFacts, look: Look) -> ImageContent | None:
    """The version's files are these; what is known of that state already and need not be read again, or None.

    An open request to promote it ends here when they are not the files that it was made for.
    """
    known = ImageContent.objects.filter(fingerprint=look.fingerprint, reader_version=READER_VERSION).first()
    with transaction.atomic():
        image = _image(version)
        keep = image.content if image.content_id and image.fingerprint == look.fingerprint else None
        before = image.content_id
        again = is_read_again(image) and known is not None and known.pk == before
        image.fingerprint, image.links, image.content = look.fingerprint, look.links, known or keep
        image.mirrored = fingerprints.fingerprint(chain, version.number)
        image.read_from, image.looked_at, image.reader_version = look.place.server, Now(), READER_VERSION
        image.problem = ""
        if not again:
            image.tries, image.retry_at = 0, None
        image.save()
        if known and known.pk != before:
            _tell(known)
        for change in ChangeRequest.objects.open().filter(vdisk=version.vdisk_id, version_number=version.number):
            operations.lapse_if_changed(change)
        announce(topics.vdisk(version.vdisk_id))
    return None if again else known


def is_read_again(image: VersionImage) -> bool:
    """What it shows is partial for want of time, and an end of it is still looked for."""
    return image.retry_at is not None and image.content is not None and image.content.partial


def note_end(version: Version, *, again: bool) -> None:
    """After a reading whose contents were stored; the caller holds the transaction. ``again``: it came to its end for
    want of time, so that it is begun anew, ever later, until a whole one is there."""
    image = _image(version)
    if again and image.content is not None and image.content.partial:
        _put_off(image)
    else:
        image.tries, image.retry_at = 0, None
    image.save(update_fields=["tries", "retry_at"])


def note_problem(version: Version, chain: ChainFacts, words: str, *, passing: bool) -> None:
    """Why nothing could be read. What was known before stays; a passing trouble is looked at again, ever later."""
    with transaction.atomic():
        image = _image(version)
        image.problem, image.looked_at, image.reader_version = words, Now(), READER_VERSION
        image.mirrored = fingerprints.fingerprint(chain, version.number)
        if passing:
            _put_off(image)
        else:
            image.tries, image.retry_at = 0, None
        image.save()
        announce(topics.vdisk(version.vdisk_id))


def save_content(
    fingerprint: str, report: dict[str, Any], *, partial: bool, seconds: float, bytes_read: int
) -> ImageContent:
    """Once for each state and reader; the caller holds the transaction. A partial one gives way to one that is more."""
    report = clean(report)
    same = ImageContent.objects.select_for_update().filter(fingerprint=fingerprint, reader_version=READER_VERSION)
    found = same.first()
    if found is not None and (not found.partial or partial):
        content = found
    else:
        shown_by = VersionImage.objects.filter(fingerprint=fingerprint)
        if found is not None:
            shown_by.filter(content=found).update(content=None)
            found.delete()
        content = ImageContent.objects.create(
            fingerprint=fingerprint,
            reader_version=READER_VERSION,
            report=report,
            partial=partial,
            seconds=seconds,
            bytes_read=bytes_read,
        )
        ContentItem.objects.bulk_create(items(content), batch_size=AT_ONCE)
    VersionImage.objects.filter(fingerprint=fingerprint).exclude(content=content).update(content=content)
    _tell(content)
    return content


def items(content: ImageContent) -> Iterator[ContentItem]:
    """The report line by line, each field cut to its column."""
    for category, found in contents.all_items(content.report).items():
        for item in found:
            if item.key:
                yield ContentItem(
                    content=content,
                    category=category.value,
                    key=item.key[:300],
                    name=item.name[:300],
                    version=item.version[:120],
                    sort_key=sort_key(item.version)[:200],
                    publisher=item.publisher[:300],
                    kind=item.kind[:20],
                    scope=item.scope[:20],
                    view=item.view[:20],
                    source=item.source,
                )


def clean(value: Any) -> Any:
    """As JSON of the database takes it: an image may hold texts with zero characters or halves of pairs."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {clean(str(name)): clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [clean(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _put_off(image: VersionImage) -> None:
    pause = min(FIRST_PAUSE * 2 ** min(image.tries, 20), LONGEST_PAUSE)
    image.tries, image.retry_at = min(image.tries + 1, 1000), Now() + pause


def _image(version: Version) -> VersionImage:
    VersionImage.objects.get_or_create(version=version)
    return VersionImage.objects.select_for_update().get(version=version)


def _tell(content: ImageContent) -> None:
    """Kept searches look at it; a fault of one of them does not lose what was read."""
    try:
        with transaction.atomic():
            content_arrived(content)
    except Exception:
        logger.exception("kept searches could not look at %s", content)
