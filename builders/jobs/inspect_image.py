"""Read what is in a version: its files' identity first, then, unless that state was read before, the contents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction

from builders.contents import inventory, running, saving
from builders.contents.running import Teller, Work
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed
from builders.jobs.steps.background import InBackground
from builders.jobs.steps.identify import IdentifyFiles, not_read, version_of
from lifecycle.models import ImageContent, Job, Version


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [IdentifyFiles(), ReadContents()]


class ReadContents(InBackground):
    """Reads nothing when the same state was read before by the same reader, unless a person asked to read anew."""

    key = "read"
    title = "Read what is in it"
    needs = ("vdisk", "version", "fingerprint", "known")
    limit = timedelta(hours=2)

    def run(self, ctx: StepContext) -> Outcome:
        if ctx.need("known", bool) and not ctx.job.parameters.get("anew"):
            words = f"Version {ctx.version} is in a state that was read before; nothing had to be read"
            return Done(words, {"outcome": words})
        return super().run(ctx)

    def work(self, ctx: StepContext, pen: running.Pen) -> Work:
        version, _ = version_of(ctx)
        key, fingerprint = version.pk, ctx.need("fingerprint", str)

        def read(teller: Teller) -> dict[str, Any]:
            version = Version.objects.select_related("vdisk__store", "vdisk__farm").get(pk=key)
            chain = version.vdisk.chain()
            taken = inventory.take(version.vdisk, chain, version.number, fingerprint, teller)
            with transaction.atomic():
                pen.hold()
                saving.note_look(version, chain, taken.look)
                content = saving.save_content(
                    taken.look.fingerprint,
                    taken.report,
                    partial=taken.partial,
                    seconds=taken.seconds,
                    bytes_read=taken.bytes_read,
                )
                saving.note_end(version, again=taken.again)
            return {"content": content.pk}

        return read

    def take_over(self, ctx: StepContext, result: dict[str, Any]) -> Outcome:
        if problem := result.get("problem"):
            version, chain = version_of(ctx)
            raise not_read(version, chain, problem, passing=bool(result.get("passing")))
        content = ImageContent.objects.filter(pk=result["content"]).first()
        if content is None:
            raise StepFailed("What was read has been replaced by another reading meanwhile.")
        if content.partial:
            for warning in _warnings(content):
                ctx.warn(warning)
        words = f"Version {ctx.version}: {_told(content)}"
        return Done(words, {"outcome": words})


def _told(content: ImageContent) -> str:
    programs = len(content.report.get("programs") or ())
    megabytes = content.bytes_read / (1 << 20)
    how = f"{programs} program{'' if programs == 1 else 's'} found, {megabytes:.0f} MiB read in {content.seconds:.0f} s"
    return f"only partly read; {how}" if content.partial else how


def _warnings(content: ImageContent) -> list[str]:
    rows = content.report.get("warnings") or []
    return [f"{row.get('where')}: {row.get('words')}" for row in rows[:20] if isinstance(row, dict)]
