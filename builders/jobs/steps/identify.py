"""What the version's files are, from their headers: quick, and enough to know whether they were read before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from builders.contents import saving
from builders.contents.looking import Look, NotRead, look
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed
from lifecycle import readings
from lifecycle.facts import ChainFacts
from lifecycle.models import Version
from lifecycle.states import Repeat


class IdentifyFiles(Step):
    """Looks at the files on a server that has them up to date, and on the next one when that is away.

    Asks PVS for nothing: the mirror says where the files lie, so that a farm that is away keeps nobody from reading.
    """

    key = "identify"
    title = "Look what the version's files are"
    needs = ("vdisk", "version")
    produces: ClassVar[Mapping[str, type]] = {"fingerprint": str, "known": bool}
    repeat = Repeat.BLINDLY

    def run(self, ctx: StepContext) -> Outcome:
        version, chain = version_of(ctx)
        found = _look(version, chain)
        if lock := found.place.lock_words():
            ctx.warn(f"{found.place.files[0]} on {found.place.server}: {lock}.")
        known = saving.note_look(version, chain, found)
        files = len(found.links)
        words = f"{files} file{'s' if files > 1 else ''} on {found.place.server}, fingerprint {found.fingerprint[:12]}"
        return Done(words, {"fingerprint": found.fingerprint, "known": known is not None})


def version_of(ctx: StepContext) -> tuple[Version, ChainFacts]:
    """The job's version and its chain, as the mirror has them. StepFailed when it cannot be read now."""
    vdisk = ctx.job.vdisk
    found = Version.objects.select_related("vdisk__store", "vdisk__farm").filter(
        vdisk=vdisk, number=ctx.version, gone_at=None
    )
    version = found.first()
    if version is None:
        raise StepFailed(f"Version {ctx.version} no longer exists.")
    chain = version.vdisk.chain()
    if why_not := readings.why_not_read(chain, version.number):
        raise StepFailed(why_not)
    return version, chain


def _look(version: Version, chain: ChainFacts) -> Look:
    try:
        return look(version.vdisk, chain, version.number)
    except NotRead as error:
        raise not_read(version, chain, str(error), passing=error.passing) from error


def not_read(version: Version, chain: ChainFacts, words: str, *, passing: bool) -> StepFailed:
    """Noted on the version, and what the step is to raise."""
    saving.note_problem(version, chain, words, passing=passing)
    later = " The portal tries again by itself." if passing else ""
    return StepFailed(f"{words}{later}")
