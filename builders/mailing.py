"""Mails what kept searches found, to those who want it by mail. One mail a person, however much was found."""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.core.mail import send_mail
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from lifecycle.models import Notice
from lifecycle.models.watches import NoticeQuerySet

logger = logging.getLogger(__name__)

LOOK_EVERY = 30.0
MOST_TRIES = 10
AT_ONCE = 200
LINES = 50


class Mailing:
    """A chore that keeps nobody waiting: a slow mail server holds up a thread of its own, one at a time."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._next = float("-inf")

    def __call__(self) -> None:
        busy = self._thread is not None and self._thread.is_alive()
        if not settings.PORTAL_MAIL_HOST or busy or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_EVERY
        self._thread = threading.Thread(target=_send_and_leave, name="mail", daemon=True)
        self._thread.start()


def _send_and_leave() -> None:
    try:
        send_due()
    except Exception:
        logger.exception("notices could not be mailed")
    finally:
        connection.close()


def send_due() -> int:
    """How many mails went out. What could not be sent is tried again, ``MOST_TRIES`` times; two senders do not meet.
    Each person is a transaction of its own: whatever is wrong with one keeps no mail from the others."""
    owners = _due().order_by("watch__owner_id").values_list("watch__owner_id", flat=True).distinct()
    return sum(_sent_to(owner) for owner in list(owners))


def _due() -> NoticeQuerySet:
    return Notice.objects.filter(mailed_at=None, watch__by_mail=True, mail_tries__lt=MOST_TRIES).filter(
        watch__owner__is_active=True, seen_at=None
    )


def _sent_to(owner: int) -> bool:
    try:
        with transaction.atomic():
            rows = _due().filter(watch__owner_id=owner).select_related("watch__owner", "watch__vdisk", "version__vdisk")
            locked = rows.select_for_update(of=("self",), skip_locked=True).order_by("id")
            notices = list(locked[:AT_ONCE])
            return bool(notices) and _mail(notices)
    except Exception:
        logger.exception("notices for person %s could not be mailed", owner)
        return False


def _mail(notices: list[Notice]) -> bool:
    owner = notices[0].watch.owner
    mine = Notice.objects.filter(pk__in=[notice.pk for notice in notices])
    if not owner.email or not owner.has_perm("lifecycle.view_content"):
        mine.update(mail_tries=MOST_TRIES)
        return False
    try:
        send_mail(_subject(notices), _text(notices), None, [owner.email])
    except Exception as error:  # the server's, or of an address or a text that no mail can hold
        logger.warning("notices for %s could not be mailed: %s", owner.get_username(), error)
        mine.update(mail_tries=F("mail_tries") + 1)
        return False
    mine.update(mailed_at=timezone.now())
    return True


def _subject(notices: list[Notice]) -> str:
    one = notices[0]
    if len(notices) == 1:
        return _one_line(f"vDisk Portal: {one.watch} in {one.version.vdisk.name} version {one.version.number}")
    return f"vDisk Portal: kept searches found something in {len(notices)} places"


def _text(notices: list[Notice]) -> str:
    lines = [
        _one_line(
            f"{notice.watch}: {notice.version.vdisk.name} version {notice.version.number} holds "
            f"{', '.join(map(str, notice.found))}"
        )
        for notice in notices[:LINES]
    ]
    if len(notices) > LINES:
        lines.append(f"and {len(notices) - LINES} more")
    return "\n".join([*lines, "", "The portal shows all of it under Contents, Kept searches."]) + "\n"


def _one_line(text: str) -> str:
    """Names come from images: none of them begins a line that looks like the portal's."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
