"""How things are written on the pages: ages, times, signs. No rule of the domain lives here."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from django import template
from django.contrib.auth.models import User
from django.template.defaultfilters import date as date_filter
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lifecycle.operating import Condition
from lifecycle.portfolio.matching import Cover
from lifecycle.states import Action, ChangeState, JobState, StepState
from lifecycle.verdicts import VerdictCode
from portal.pictures import deeds, times, words
from portal.pictures.words import counted

register = template.Library()

HASH = re.compile(r"[0-9a-f]{64}")
_AGES = ((86400, "d"), (3600, "h"), (60, "min"))

_TONES: dict[str, str] = {
    JobState.WAITING: "busy",
    JobState.RUNNING: "busy",
    JobState.UNDOING: "warn",
    JobState.SUCCEEDED: "good",
    JobState.FAILED: "bad",
    JobState.ERRORED: "bad",
    JobState.CANCELLED: "quiet",
    StepState.PENDING: "quiet",
    StepState.DONE: "good",
    StepState.UNDONE: "warn",
    StepState.SKIPPED: "quiet",
    ChangeState.OPEN: "busy",
    ChangeState.APPROVED: "busy",
    ChangeState.REJECTED: "bad",
    ChangeState.WITHDRAWN: "quiet",
    ChangeState.LAPSED: "warn",
    Condition.ALIVE: "good",
    Condition.DRAINING: "busy",
    Condition.DRAINED: "warn",
    Condition.STOPPED: "quiet",
    Condition.DEAD: "bad",
    VerdictCode.RIGHT: "good",
    VerdictCode.OLD: "warn",
    VerdictCode.NEWER: "warn",
    VerdictCode.OTHER: "warn",
    VerdictCode.WRONG_VDISK: "bad",
    VerdictCode.OFF: "quiet",
    VerdictCode.DISABLED: "quiet",
    VerdictCode.UNASSIGNED: "quiet",
    Cover.READY: "good",
    Cover.NEEDS_NONE: "quiet",
    Cover.LACKING: "warn",
    Cover.UNSURE: "busy",
    Cover.UNCOVERED: "bad",
}

_SIGNS = {"good": "tick", "bad": "cross", "warn": "alert", "busy": "clock", "quiet": "dash"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A sign from the page's own set; it says nothing to a screen reader, the words beside it do."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"></use></svg>', name)


@register.filter
def tone(state: str) -> str:
    """How a state feels: good, busy, warn, bad or quiet. The style sheet knows a colour for each."""
    return _TONES.get(str(state), "quiet")


@register.simple_tag
def state(value: str, label: str) -> SafeString:
    """A state as a pill: sign and words, never colour alone."""
    feeling = tone(value)
    sign = "spin" if value in (JobState.RUNNING, JobState.UNDOING) else _SIGNS[feeling]
    return format_html('<span class="pill {}">{}<span>{}</span></span>', feeling, icon(sign), label)


def short_age(moment: datetime, now: datetime | None = None) -> str:
    """``12 s``, ``5 min``, ``3 h``, ``14 d``: enough to see at a glance."""
    seconds = max(0, int(((now or timezone.now()) - moment).total_seconds()))
    return next((f"{seconds // size} {unit}" for size, unit in _AGES if seconds >= size), f"{seconds} s")


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """An age that the page's script keeps current, with the exact time for those who ask."""
    if moment is None:
        return format_html('<span class="{}">unknown</span>', "quiet")
    return format_html(
        '<time datetime="{}" title="{}" data-age>{}</time>',
        moment.isoformat(timespec="seconds"),
        exact_seconds(moment),
        short_age(moment),
    )


@register.filter
def exact(moment: datetime | None) -> str:
    """``2026-03-04 15:06`` in the portal's time zone; nothing for no moment."""
    return words.exact(moment) if moment else ""


@register.filter
def exact_seconds(moment: datetime | None) -> str:
    return date_filter(timezone.localtime(moment), "Y-m-d H:i:s") if moment else ""


@register.filter
def file_moment(text: str) -> str:
    """``2026-03-04T15:06:07.1234567Z``, as a server writes it, for people: ``2026-03-04 15:06:07``."""
    return text.replace("T", " ").rstrip("Z").partition(".")[0]


@register.filter
def clock(moment: datetime) -> str:
    return date_filter(timezone.localtime(moment), "H:i:s")


@register.filter
def clock_to_come(moment: datetime) -> str:
    """``15:06:07``, or ``2026-03-05 00:06:07`` when that is not today."""
    is_today = timezone.localtime(moment).date() == timezone.localdate()
    return clock(moment) if is_today else exact_seconds(moment)


@register.filter
def how_many(count: int, noun: str) -> str:
    """``3|how_many:"target"`` is ``3 targets``."""
    return counted(count, noun)


@register.filter
def person(user: User | None) -> str:
    """A display name, else the login name; the portal itself when there is nobody."""
    return (user.get_full_name() or user.get_username()) if user else "the portal"


@register.filter
def deed(code: str) -> str:
    """An action code of the audit trail in words; a code without words says itself."""
    return deeds.deed(code) or code


@register.filter
def wall(moment: datetime, zone: str) -> str:
    """``Sun 2026-03-29 03:00``, as a clock in that time zone shows it."""
    return times.wall(moment, zone)


@register.filter
def action_label(code: str) -> str:
    """What a kind of job is called."""
    return Action(code).label if code in Action.values else code


@register.simple_tag
def duration(start: datetime | None, end: datetime | None) -> str:
    if start is None:
        return ""
    seconds = int(((end or timezone.now()) - start).total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60:02d} s"


@register.simple_tag
def elapsed(since: datetime) -> SafeString:
    """How long since then, like ``duration``; the page's script counts on."""
    return format_html(
        '<time datetime="{}" data-elapsed>{}</time>', since.isoformat(timespec="seconds"), duration(since, None)
    )


@register.simple_tag
def countdown(moment: datetime) -> SafeString:
    """``in 12 s``, or ``now``; the page's script counts down."""
    seconds = math.ceil((moment - timezone.now()).total_seconds())
    words_for = f"in {seconds} s" if seconds > 0 else "now"
    return format_html('<time datetime="{}" data-until>{}</time>', moment.isoformat(), words_for)


@register.filter
def pretty(value: Any) -> str:
    """One value of an audit row's detail; of a hash the beginning is enough to tell it from another."""
    if isinstance(value, str) and HASH.fullmatch(value):
        return f"{value[:12]}…"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return str(value)
