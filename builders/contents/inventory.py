"""Has one image read whole: its files before and after, the report between. Partial results are kept, with words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from builders.contents import guarded
from builders.contents.guarded import run
from builders.contents.looking import BUSY, Look, NotRead, at_any_place, look_at
from builders.contents.places import Place
from builders.inspection.sandbox import Limits, Progress, Result, Stopped, Why
from lifecycle.facts import ChainFacts
from lifecycle.models import VDisk

FORMAT = 1
LISTS = ("programs", "patches", "services", "drivers", "features", "tasks", "appx", "hidden", "signs", "warnings")


@dataclass(frozen=True)
class Taken:
    """``again``: it is partial for want of time, and the same may come further later."""

    look: Look
    report: dict[str, Any]
    partial: bool
    seconds: float
    bytes_read: int
    again: bool = False


def take(
    vdisk: VDisk, chain: ChainFacts, number: int, fingerprint: str, on_progress: Callable[[Progress], None]
) -> Taken:
    """NotRead when no file could be reached, or when somebody writes to one: ``fingerprint`` is what the files were
    before, and they are looked at again afterwards. What is wrong with the image itself ends in a report, too: an empty
    one, partial, that says why."""
    try:
        return at_any_place(
            vdisk, chain, number, lambda place: _take_at(place, chain, number, fingerprint, on_progress)
        )
    except NotRead as error:
        if error.passing or not error.of_image:
            raise
        words = str(error)
    seen = at_any_place(vdisk, chain, number, lambda place: look_at(place, chain, number))
    return Taken(seen, _incomplete({}, words), True, 0.0, 0)


def _take_at(
    place: Place, chain: ChainFacts, number: int, fingerprint: str, on_progress: Callable[[Progress], None]
) -> Taken:
    try:
        with place.opened() as image:
            result = run("inventory", [image], limits=Limits(**settings.PORTAL_INSPECT_LIMITS), on_progress=on_progress)
        report, partial = _checked(result)
        seconds, size, written = result.seconds, result.bytes_read, result.changed
        why = result.stopped.why if result.stopped else None
    except Stopped as stopped:
        if stopped.why in BUSY | {Why.UNGUARDED} and not stopped.partial:
            raise
        report, partial = _incomplete(stopped.partial, str(stopped)), True
        seconds, size, written, why = 0.0, 0, (), stopped.why
    after = look_at(place, chain, number)
    if written or after.fingerprint != fingerprint:
        raise NotRead(f"{', '.join(written) or place.files[0]} changed on {place.server} meanwhile.", passing=True)
    return Taken(after, report, partial, seconds, size, again=why in BUSY)


def check_unchanged(before: Look, after: Look, *, changed: bool) -> None:
    """NotRead, to be tried again: what was read may be of two states."""
    if changed or (before.fingerprint, before.links) != (after.fingerprint, after.links):
        names = [one["file"] for one, other in zip(before.links, after.links, strict=False) if one != other] or [
            before.place.files[0]
        ]
        raise NotRead(f"{', '.join(names)} changed on {before.place.server} while it was read.", passing=True)


def _checked(result: Result) -> tuple[dict[str, Any], bool]:
    report = result.value
    if report.get("format") != FORMAT:
        raise NotRead(f"The reader gave a report of format {report.get('format')!r}, not {FORMAT}.", passing=False)
    report["warnings"] = [*(report.get("warnings") or []), *guarded.as_warnings(result)]
    return report, bool(report.get("partial"))


def _incomplete(parts: dict[str, Any], words: str) -> dict[str, Any]:
    """The report as far as it was told before the end, and that it is not whole."""
    told = parts.get("report")
    report: dict[str, Any] = {"format": FORMAT, "image": {}, "os": {}, "office": None, "platform": {}}
    report |= {name: [] for name in LISTS} | (told if isinstance(told, dict) else {})
    report["warnings"] = [*report["warnings"], {"where": "image", "words": words}]
    report["partial"] = True
    return report
