"""New maintenance version: a differencing disk on top of the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from builders.adapters.errors import NotAuthenticated, Refused, Unreachable
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Stays, Step, StepFailed, Wait
from builders.jobs.steps.asking import is_settling
from builders.jobs.steps.chain import read_chain, version_facts
from builders.jobs.steps.check import CheckAllowed, check_allowed
from builders.jobs.steps.ours import CLOCKS_DIFFER, why_not_ours
from builders.jobs.steps.power import runs
from builders.jobs.steps.refresh import RefreshMirror
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.models import Job
from lifecycle.states import Action, Repeat

DESCRIPTION_LENGTH = 250
ALREADY_IN_MAINTENANCE = 160


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [CheckAllowed(Action.NEW_VERSION), CreateVersion(), DescribeVersion(), RefreshMirror()]


class CreateVersion(Step):
    """PVS has no room for a mark on a new version; what a lost answer left behind is the one above ``asked_above``."""

    key = "create"
    title = "Create the version"
    needs = ("vdisk",)
    produces: ClassVar[Mapping[str, type]] = {"version": int, "created": str}
    remembers = ("asked_above", "asked", "number", "created", "file_name")
    stands = True
    undoes = "deletes the version, if it is still in maintenance and no target runs it"
    clocks_differ: ClassVar[timedelta] = CLOCKS_DIFFER

    def run(self, ctx: StepContext) -> Outcome:
        chain = read_chain(ctx)
        if found := self._candidate(ctx, chain):
            return self._adopt(ctx, found)
        check_allowed(ctx, Action.NEW_VERSION, chain)
        asked_before = ctx.saved.get("asked")
        for name in ("number", "created", "file_name"):  # of one that is gone
            ctx.saved.pop(name, None)
        ctx.intend(asked_above=chain.highest.number if chain.highest else -1, asked=ctx.now.isoformat())
        try:
            made = ctx.farm.new_maintenance_version(ctx.disk_id)
        except (Refused, Unreachable, NotAuthenticated) as error:
            # the lost call of an earlier attempt may have taken effect between our look and this one
            in_the_way = isinstance(error, Refused) and error.code == ALREADY_IN_MAINTENANCE
            self._forget(ctx, asked_before)
            if asked_before and in_the_way and (found := self._candidate(ctx, read_chain(ctx))):
                return self._adopt(ctx, found)
            raise
        return self._done(ctx, version_facts(made))

    def _forget(self, ctx: StepContext, asked_before: str | None) -> None:
        """This call provably made nothing; one before it, which nobody answered, may have."""
        if asked_before:
            ctx.saved["asked"] = asked_before
        else:
            del ctx.saved["asked"]

    def _candidate(self, ctx: StepContext, chain: ChainFacts) -> VersionFacts | None:
        """What this job may have made: of the number that PVS named, or else what came after it was asked."""
        if not ctx.saved.get("asked"):
            return None
        if (number := _number(ctx)) is not None:
            return chain.get(number)
        found = chain.maintenance
        return found if found and found.number > ctx.saved["asked_above"] else None

    def _adopt(self, ctx: StepContext, found: VersionFacts) -> Done:
        if why_not := why_not_ours(ctx, found, self.clocks_differ):
            raise StepFailed(
                f"It is not certain that version {found.number} of {ctx.disk_name} is this job's: {why_not}. Look at "
                "it, and go on with it or delete it with the actions of the vDisk's page."
            )
        if not found.is_maintenance:
            raise StepFailed(f"Version {found.number}, which this job made, is not in maintenance any more.")
        ctx.log(f"Found version {found.number}, made by an earlier attempt")
        return self._done(ctx, found)

    def _done(self, ctx: StepContext, made: VersionFacts) -> Done:
        ctx.intend(number=made.number, created=made.created, file_name=made.file_name)
        ctx.set_version(made.number)
        words = f"Version {made.number} was created ({made.file_name}); a maintenance target can boot it now"
        return Done(words, {"version": made.number, "created": made.created, "outcome": words})

    def undo(self, ctx: StepContext) -> str | Wait:
        found = self._candidate(ctx, read_chain(ctx))
        if found is None:
            if _number(ctx) is None and is_settling(ctx):
                return Wait(None, "Looking for the version that PVS was asked for; the answer was lost")
            return ""
        if why_not := why_not_ours(ctx, found, self.clocks_differ):
            raise StepFailed(f"version {found.number} is not deleted, for it may be somebody else's: {why_not}")
        self.may_be_deleted(ctx, found)
        ctx.intend(number=found.number, created=found.created, file_name=found.file_name)
        ctx.farm.delete_version(ctx.disk_id, found.number)
        return f"Version {found.number} was deleted again"

    def may_be_deleted(self, ctx: StepContext, found: VersionFacts) -> None:
        """Raises Stays or StepFailed when this job's own version is used by now."""
        if not found.is_maintenance:
            raise Stays(f"Version {found.number} of {ctx.disk_name} is not in maintenance any more, and stays")
        if users := [device.name for device in ctx.farm.devices_of(ctx.disk_id) if runs(device, ctx, found.number)]:
            raise StepFailed(f"{', '.join(users)} runs it; shut it down first")

    def leaves(self, ctx: StepContext) -> str:
        if not ctx.saved.get("asked"):
            return ""
        vdisk = ctx.job.vdisk
        where = f"of {ctx.disk_name} in store {vdisk.store.name}" if vdisk else ""
        if (number := _number(ctx)) is not None:
            return f"version {number} {where} ({ctx.saved.get('file_name', '')}), in maintenance"
        return f"perhaps a version above {ctx.saved['asked_above']} {where}: PVS was asked for one and did not answer"


def _number(ctx: StepContext) -> int | None:
    number: int | None = ctx.saved.get("number", ctx.produced("version"))
    return number


class DescribeVersion(Step):
    """PVS's own record names one service account for everybody, so the person goes here."""

    key = "describe"
    title = "Note who asked for it in the version's description"
    needs = ("vdisk", "version")
    repeat = Repeat.BLINDLY
    stands = True

    def run(self, ctx: StepContext) -> Outcome:
        now = ctx.farm.version(ctx.disk_id, ctx.version).create_date
        created = ctx.produced("created")
        if created not in (None, now):  # it may be much later, and PVS gives numbers anew
            raise StepFailed(
                f"Version {ctx.version} is another one than this job made: it was made at {now}, and this job's at "
                f"{created}."
            )
        note = f"[{ctx.job.requested_by.get_username()}, portal job {ctx.job.pk}]"
        reason = ctx.job.reason[: DESCRIPTION_LENGTH - len(note) - 1]
        ctx.farm.describe(ctx.disk_id, ctx.version, f"{reason or 'no purpose given'} {note}")
        return Done("Description written")
