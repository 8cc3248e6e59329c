"""Kept searches: somebody is told when the new contents of a version hold what they look for."""

from __future__ import annotations

import logging

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from lifecycle import searching
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import AuditEntry, ContentItem, ImageContent, Notice, Version, Watch
from lifecycle.searching import Wanted

logger = logging.getLogger(__name__)

MOST_NAMED = 5
MOST_WATCHES = 100  # of one person


def content_arrived(content: ImageContent) -> list[Notice]:
    """Look with every kept search at contents that a version shows since now; call it after the version's image is
    written, in the same transaction or later. Calling it again tells nobody twice. Returns the notices that are new."""
    versions = list(Version.objects.filter(image__content=content, gone_at=None).select_related("vdisk"))
    if not versions:
        return []
    made = []
    for watch in Watch.objects.order_by("id"):
        for version in versions:
            if watch.vdisk_id in (None, version.vdisk_id):
                notice = _notice(watch, version, content)
                made += [notice] if notice else []
    if made:
        logger.info("%s kept searches found something in %s", len(made), content)
    return made


def _notice(watch: Watch, version: Version, content: ImageContent) -> Notice | None:
    found = ContentItem.objects.filter(searching.matching(Wanted.of(watch)), content=content)
    named = [f"{item.name} {item.version}".strip() for item in found.order_by("name", "sort_key")[:MOST_NAMED]]
    if not named:
        return None
    count = len(named) if len(named) < MOST_NAMED else found.count()
    notice, is_new = Notice.objects.get_or_create(
        watch=watch, version=version, content=content, defaults={"found": named, "count": count}
    )
    return notice if is_new else None


def keep(wanted: Wanted, *, by: User, by_mail: bool = False) -> Watch:
    """Keep a search. One that is kept already is not kept twice."""
    for field, words in searching.why_not(wanted).items():
        raise Incomplete(field, words)
    if by_mail and not by.email:
        raise Incomplete("by_mail", "Your login has no e-mail address; whoever runs the portal can add it.")
    if by_mail and not _takes_mail(by.email):
        raise Incomplete("by_mail", "Your login's e-mail address is none; whoever runs the portal can correct it.")
    if Watch.objects.filter(owner=by).count() >= MOST_WATCHES:
        raise NotNow(f"You keep {MOST_WATCHES} searches already. Drop one first.")
    try:
        with transaction.atomic():
            watch = Watch.objects.create(
                owner=by,
                words=" ".join(wanted.words.split()),
                category=wanted.category,
                comparison=wanted.comparison,
                version=wanted.version.strip(),
                vdisk_id=wanted.vdisk,
                by_mail=by_mail,
            )
            AuditEntry.objects.record(by=by, action="watch.keep", on=watch, detail={"by mail": by_mail})
    except IntegrityError as error:
        raise NotNow("You keep this search already.") from error
    return watch


def _takes_mail(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def drop(watch: Watch, *, by: User) -> None:
    """No longer look for it; what it found goes with it."""
    with transaction.atomic():
        AuditEntry.objects.record(by=by, action="watch.drop", on=watch)
        watch.delete()


def mark_seen(of: User, notices: list[int] | None = None) -> int:
    """These notices of this person have been seen, or all of theirs; how many that changed."""
    rows = Notice.objects.of(of).unseen()
    if notices is not None:
        rows = rows.filter(pk__in=notices)
    return rows.update(seen_at=timezone.now())
