"""List the files that differ between two versions, when somebody asks for it: only blocks that differ are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from builders.contents import READER_VERSION, running, saving
from builders.contents.guarded import as_warnings, run
from builders.contents.inventory import check_unchanged
from builders.contents.looking import Look, NotRead, first_that_works, look_at
from builders.contents.places import Place, places
from builders.contents.running import Teller, Work
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed
from builders.inspection.sandbox import Limits, Result
from builders.jobs.steps.background import InBackground
from lifecycle import readings
from lifecycle.facts import ChainFacts
from lifecycle.models import FileComparison, Job, Version

TIMES_LONGER = 10
"""Than one image: both are listed, and contents that differ are read."""


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CompareFiles()]


class CompareFiles(InBackground):
    """Both chains are read at one place where that is possible, so that what they share is seen to be shared."""

    key = "compare-files"
    title = "Compare the files of both versions"
    needs = ("vdisk", "version", "before", "after")
    limit = timedelta(hours=2)

    def work(self, ctx: StepContext, pen: running.Pen) -> Work:
        keys = (ctx.need("before", int), ctx.need("after", int))

        def read(teller: Teller) -> dict[str, Any]:
            before, after = (_Side(key) for key in keys)
            result = first_that_works(
                _pairs(before, after), lambda one, other: _compare((before, one), (after, other), teller)
            )
            with transaction.atomic():
                pen.hold()
                before.note()
                after.note()
                FileComparison.objects.get_or_create(
                    before=before.fingerprint,
                    after=after.fingerprint,
                    reader_version=READER_VERSION,
                    defaults={
                        "result": saving.clean(result.value),
                        "partial": bool(result.value.get("partial")),
                        "seconds": result.seconds,
                    },
                )
            return {"before": before.fingerprint, "after": after.fingerprint}

        return read

    def take_over(self, ctx: StepContext, result: dict[str, Any]) -> Outcome:  # noqa: ARG002  one shape for all
        if problem := result.get("problem"):
            raise StepFailed(problem)
        found = FileComparison.objects.get(
            before=result["before"], after=result["after"], reader_version=READER_VERSION
        )
        counts = _counts(found.result)
        words = f"{counts['changed']} files changed, {counts['added']} added, {counts['removed']} removed"
        return Done(words, {"outcome": words})


class _Side:
    """One of the two versions."""

    def __init__(self, key: int) -> None:
        version = Version.objects.select_related("vdisk__store", "vdisk__farm").filter(pk=key, gone_at=None).first()
        if version is None:
            raise NotRead("One of the two versions no longer exists.", passing=False)
        self.version = version
        self.chain: ChainFacts = version.vdisk.chain()
        self.seen: Look | None = None
        if why_not := readings.why_not_read(self.chain, version.number):
            raise NotRead(why_not, passing=True)

    def places(self) -> tuple[Place, ...]:
        found = places(self.version.vdisk, self.chain, self.version.number)
        if not found.found:
            raise NotRead(found.why_none, passing=True)
        return found.found

    def look_at(self, place: Place) -> Look:
        self.seen = look_at(place, self.chain, self.version.number)
        return self.seen

    @property
    def fingerprint(self) -> str:
        assert self.seen is not None
        return self.seen.fingerprint

    def note(self) -> None:
        assert self.seen is not None
        saving.note_look(self.version, self.chain, self.seen)


def _pairs(before: _Side, after: _Side) -> list[tuple[Place, ...]]:
    """Those in one store on one server first: there, what both chains share is one file."""
    pairs = [(one, other) for one in before.places() for other in after.places()]
    return sorted(pairs, key=lambda pair: pair[0].access.pk != pair[1].access.pk)


def _compare(before: tuple[_Side, Place], after: tuple[_Side, Place], teller: Teller) -> Result:
    sides = (before, after)
    seen = [side.look_at(place) for side, place in sides]
    with before[1].opened() as one, after[1].opened() as other:
        result = run("compare-files", [one, other], limits=_limits(), on_progress=teller)
    result.value["warnings"] = [*(result.value.get("warnings") or []), *as_warnings(result)]
    for (side, place), first in zip(sides, seen, strict=True):
        check_unchanged(first, side.look_at(place), changed=bool(result.changed))
    return result


def _limits() -> Limits:
    usual = settings.PORTAL_INSPECT_LIMITS
    longer = {name: usual[name] * TIMES_LONGER for name in ("cpu_seconds", "wall_seconds")}
    return Limits(**usual | longer)


def _counts(result: dict[str, Any]) -> dict[str, int]:
    """Over all volumes."""
    names = ("added", "removed", "changed")
    told = [volume.get("counts") or {} for volume in result.get("volumes") or []]
    return {name: sum(int(counts.get(name) or 0) for counts in told) for name in names}
