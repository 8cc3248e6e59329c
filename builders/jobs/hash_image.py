"""Compute a BLAKE3 hash over every byte of each of the version's files, when somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from builders.contents import running, saving
from builders.contents.guarded import run
from builders.contents.inventory import check_unchanged
from builders.contents.looking import Look, NotRead, at_any_place, look_at
from builders.contents.places import Place
from builders.contents.running import Teller, Work
from builders.engine.announce import announce
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step
from builders.inspection.sandbox import Limits
from builders.jobs.steps.background import InBackground
from builders.jobs.steps.identify import IdentifyFiles, not_read, version_of
from lifecycle import topics
from lifecycle.facts import ChainFacts
from lifecycle.models import Job, Version, VersionImage

HOURS = 12
LIMITS = Limits(cpu_seconds=HOURS * 3600, wall_seconds=HOURS * 3600)


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [IdentifyFiles(), HashFiles()]


class HashFiles(InBackground):
    key = "hash"
    title = "Hash every file of the chain"
    needs = ("vdisk", "version", "fingerprint", "known")
    limit = timedelta(hours=HOURS)

    def work(self, ctx: StepContext, pen: running.Pen) -> Work:
        version, _ = version_of(ctx)
        key = version.pk

        def read(teller: Teller) -> dict[str, Any]:
            version = Version.objects.select_related("vdisk__store", "vdisk__farm").get(pk=key)
            chain = version.vdisk.chain()
            found, hashes, said = at_any_place(
                version.vdisk, chain, version.number, lambda place: _hash_at(place, chain, version.number, teller)
            )
            with transaction.atomic():
                pen.hold()
                saving.note_look(version, chain, found)
                VersionImage.objects.filter(version=version).update(hashes=hashes, hashed_at=Now())
                announce(topics.vdisk(version.vdisk_id))
            return {"hashes": hashes, "warnings": said}

        return read

    def take_over(self, ctx: StepContext, result: dict[str, Any]) -> Outcome:
        if problem := result.get("problem"):
            version, chain = version_of(ctx)
            raise not_read(version, chain, problem, passing=bool(result.get("passing")))
        for words in result.get("warnings") or ():
            ctx.warn(words)
        hashes = result["hashes"]
        ctx.log_lines([f"{one['file']}: BLAKE3 {one['blake3']}, {one['size']} bytes" for one in hashes])
        top = hashes[-1]
        words = f"{len(hashes)} file{'s' if len(hashes) > 1 else ''} hashed; {top['file']} is BLAKE3 {top['blake3']}"
        return Done(words, {"outcome": words})


def _hash_at(
    place: Place, chain: ChainFacts, number: int, teller: Teller
) -> tuple[Look, list[dict[str, Any]], list[str]]:
    """What the files are, the hash of each, and the guards that did not hold meanwhile."""
    before = look_at(place, chain, number)
    with place.opened() as image:
        result = run("hash", [image], limits=LIMITS, on_progress=teller)
    check_unchanged(before, look_at(place, chain, number), changed=bool(result.changed))
    files = result.value.get("files")
    return before, [_one(link, files) for link in before.links], list(result.weaker)


def _one(link: dict[str, Any], files: Any) -> dict[str, Any]:
    """``identity``: what marked the file's content when it was hashed."""
    told = files.get(link["file"]) if isinstance(files, dict) else None
    if not isinstance(told, dict) or told.get("size") != link["file_size"] or not isinstance(told.get("blake3"), str):
        raise NotRead(f"The reader gave no hash of {link['file']}.", passing=False)
    return {
        "file": link["file"],
        "size": told["size"],
        "blake3": told["blake3"],
        "identity": {"data_id": link["data_id"], "sequence": link["sequence"]},
    }
