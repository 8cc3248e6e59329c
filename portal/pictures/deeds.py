"""What the codes of the audit trail say to people. The code stays beside it: it is what one searches for."""

from __future__ import annotations

from lifecycle.states import Action, Reading

_DEEDS: dict[str, str] = {
    "change.request": "requested production",
    "change.approve": "approved the request",
    "change.reject": "rejected the request",
    "change.withdraw": "withdrew the request",
    "change.lapse": "ended the request: the version changed",
    "change.finish": "noted the promotion as done",
    "change.fail": "noted the promotion as failed",
    "change.resume": "let the failed promotion go on",
    "job.cancel": "asked to cancel the job",
    "job.resume": "resumed the job from its failed step",
    "job.restart": "restarted the job from an earlier step",
    "job.keep": "had what the job built kept for longer",
    "job.remind": "reminded that keeping what the job built ends soon",
    "job.clean-up": "had what the job built cleaned up",
    "job.cleaned-up": "noted what the job built as cleaned up",
    "job.decide": "left it to a person what becomes of what the job built",
    "job.succeeded": "noted the job as succeeded",
    "job.failed": "noted the job as failed",
    "job.errored": "noted a fault of the portal",
    "job.cancelled": "noted the job as cancelled",
    "farm.connect": "connected the farm",
    "store.access": "set the way to a store",
    "store.access-removed": "removed the way to a store",
    "person.create": "created the person",
    "person.change": "changed the person",
    "person.shut-out": "shut the person out",
    "package.create": "made the package",
    "package.revise": "revised the package",
    "package.owner": "gave the package another owner",
    "package.ready": "declared the package ready",
    "package.draft": "made the package a draft again",
    "package.retire": "retired the package",
    "package.reinstate": "reinstated the package",
    "package.test": "noted a test of the package",
    "installer.upload": "put the installer into the package folder",
    "installer.check": "looked at the installer in the package folder",
    "pvs.changed": "saw a change made in PVS",
    "program.decide": "decided which package installs the program",
    "program.withdraw": "withdrew what was decided about the program",
    "schedule.create": "made the schedule",
    "schedule.change": "changed the schedule",
    "schedule.pause": "paused the schedule",
    "schedule.resume": "resumed the schedule",
    "schedule.remove": "removed the schedule",
    "schedule.run": "ran the schedule now",
    "watch.keep": "kept the search",
    "watch.drop": "dropped the kept search",
    "window.create": "made the maintenance window",
    "window.change": "changed the maintenance window",
    "window.remove": "removed the maintenance window",
    "worker.drain": "had the worker take no more work",
    "worker.undrain": "had the worker take work again",
} | {f"job.start.{kind.value}": f"started: {kind.label}" for kind in (*Action, *Reading)}


def deed(code: str) -> str:
    """The words for ``code``; empty when there are none."""
    return _DEEDS.get(code, "")
