"""Promote a test version to production: what an approved change request starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NoReturn

from builders.adapters.errors import Unreachable
from builders.contents.opening import open_approved
from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, StepFailed, Wait
from builders.jobs.steps.ask import AskPvs
from builders.jobs.steps.chain import read_chain
from builders.jobs.steps.check import CheckAllowed
from builders.jobs.steps.refresh import RefreshMirror
from builders.jobs.steps.replication import WaitForReplication
from lifecycle import fingerprints, promotions
from lifecycle.facts import ChainFacts
from lifecycle.fingerprints import NOT_OPENED, Contents
from lifecycle.models import ChangeRequest, Decision, Job
from lifecycle.operations import PROMOTED
from lifecycle.states import Access, Action, ChangeEvent, ChangeState, Repeat


def steps(job: Job) -> Sequence[Step]:  # noqa: ARG001  all jobs of this kind are alike
    return [
        CheckAllowed(Action.PROMOTE_PRODUCTION),
        CompareWithApproved(),
        WaitForApprovedVersion(),
        PromoteToProduction(),
        RefreshMirror(),
    ]


class CompareWithApproved(Step):
    """An approval counts for the very files it was given for."""

    needs = ("vdisk", "version", "change")
    key = "compare"
    title = "Compare the version with what was approved"
    repeat = Repeat.BLINDLY
    poll = 5.0

    def run(self, ctx: StepContext) -> Outcome:
        chain = read_chain(ctx)
        if hidden := compare(ctx, chain):
            return Wait(None, f"No server shows {', '.join(hidden)} up to date; waiting to compare")
        opened = open_approved(ctx, chain)
        compare(ctx, chain, opened.contents)
        if opened.why_not and opened.may_come:
            return Wait(15, f"Its files cannot be opened to compare them: {opened.why_not}", sign_of_life=False)
        if opened.why_not:
            ctx.warn(f"Compared by what PVS tells of its files alone: {opened.why_not}")
        return Done("The version is the one that was approved")


class WaitForApprovedVersion(WaitForReplication):
    """Replication can take hours, and a version that somebody reopened meanwhile would never arrive."""

    def guard(self, ctx: StepContext, chain: ChainFacts) -> None:
        found = chain.get(ctx.version)
        if found and found.is_test:
            compare(ctx, chain)
        else:
            lapse(ctx, f"Version {ctx.version} is no longer in test.")


class PromoteToProduction(AskPvs):
    """Compares once more, right before PVS is asked, because replication may have taken hours.

    The files are opened again for that where the approval says what marks their content. An approval from before they
    were opened is compared by what PVS tells; where they could be opened then, and cannot now, nothing is promoted.
    """

    action = Action.PROMOTE_PRODUCTION
    key = "promote"
    title = "Promote the version to production"
    needs = ("vdisk", "version", "change")
    produces: ClassVar[Mapping[str, type]] = {PROMOTED: bool}

    def run(self, ctx: StepContext) -> Outcome:
        outcome = super().run(ctx)
        if isinstance(outcome, Done):
            return Done(outcome.message, {**outcome.produces, PROMOTED: True})
        return outcome

    def holds(self, ctx: StepContext, chain: ChainFacts) -> str:
        found = chain.get(ctx.version)
        if found is None or found.access not in (Access.PRODUCTION, Access.OVERRIDE):
            return ""
        if found.is_pending and found.scheduled_at:
            return f"Version {ctx.version} goes into production at {found.scheduled_at:%Y-%m-%d %H:%M} UTC"
        if chain.override and chain.override.number != ctx.version:
            return (
                f"Version {ctx.version} is in production, but targets keep booting the override {chain.override.number}"
            )
        return f"Version {ctx.version} is in production; targets boot it at their next restart"

    def ask(self, ctx: StepContext) -> None:
        ctx.farm.promote(ctx.disk_id, to="production", test_version=ctx.version, scheduled_at=_go_live_at(ctx))

    def guard(self, ctx: StepContext, chain: ChainFacts) -> None:
        if hidden := compare(ctx, chain):
            raise StepFailed(
                f"No server shows {', '.join(hidden)} up to date, so it cannot be compared with the approval."
            )
        opened = open_approved(ctx, chain)
        compare(ctx, chain, opened.contents)
        if opened.why_not and opened.may_come:
            raise Unreachable(f"Its files cannot be opened to compare them with the approval: {opened.why_not}")
        farm = ctx.job.farm
        if farm.automatic_merge and len(chain.links_of(ctx.version)) > farm.max_versions:
            ctx.warn(f"The farm merges by itself past {farm.max_versions} versions; this promotion may start a merge")


def compare(ctx: StepContext, chain: ChainFacts, contents: Contents = NOT_OPENED) -> list[str]:
    """Lapses the request and fails when the chain is not the one that was approved; the files it could not see."""
    approved = ctx.job.parameters.get("fingerprint")
    change = ctx.job.change
    if change is None or not approved or not _is_approved(change, approved, ctx.version):
        raise StepFailed("This promotion has no approved request; it is not carried out.")
    if ctx.job.runs > 1 and (why_not := promotions.overtaken(ctx.job)):  # in its first run, nothing is used up yet
        raise StepFailed(f"The approval no longer counts. {why_not}")
    now = fingerprints.links(chain, ctx.version, contents)
    if fingerprints.fingerprint_of(now) == approved:
        return []
    changes = "; ".join(fingerprints.changes(change.links, now))
    if changes:
        lapse(ctx, changes)
    return fingerprints.unseen(change.links, now)


def lapse(ctx: StepContext, words: str) -> NoReturn:
    """End the request: what was approved is not there any more."""
    change = ctx.job.change
    if change is not None:
        change.refresh_from_db()
        if change.is_live:
            change.move(ChangeEvent.LAPSE, by=None, words=words)
    raise StepFailed(f"The version changed since it was approved, so the approval no longer counts: {words}")


def _is_approved(change: ChangeRequest, fingerprint: str, number: int) -> bool:
    """By somebody else, for this version and these files, and not used up: asked of the rows, not of the job."""
    change.refresh_from_db()
    decisions = change.decisions.filter(verdict=Decision.Verdict.APPROVED, fingerprint=fingerprint)
    same = change.version_number == number and change.fingerprint == fingerprint
    return same and change.state == ChangeState.APPROVED and decisions.exclude(by=change.requested_by).exists()


def _go_live_at(ctx: StepContext) -> datetime | None:
    text = ctx.job.parameters.get("go_live_at")
    return datetime.fromisoformat(text) if text else None
