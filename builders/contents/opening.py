"""Opens the files of an approved version right now, to compare what marks their content with the approval."""

from __future__ import annotations

from dataclasses import dataclass, field

from builders.contents.looking import NotRead, look
from builders.engine.context import StepContext
from lifecycle import identities, readings
from lifecycle.facts import ChainFacts
from lifecycle.fingerprints import Contents


@dataclass(frozen=True)
class Opened:
    """``why_not`` in words when an approval says what its files hold and that cannot be compared now.

    ``may_come``: a way to the store is set, so that it is to be waited for.
    """

    contents: Contents = field(default_factory=dict)
    why_not: str = ""
    may_come: bool = False


def open_approved(ctx: StepContext, chain: ChainFacts) -> Opened:
    """Nothing is opened for an approval that does not say what its files hold: there is nothing to compare it with."""
    change, vdisk = ctx.job.change, ctx.job.vdisk
    if change is None or vdisk is None or not any("content" in link for link in change.links):
        return Opened()
    if not readings.has_access(vdisk):
        return Opened(why_not=f"there is no way to the files of store {vdisk.store.name} any more.")
    try:
        found = look(vdisk, chain, ctx.version)
    except NotRead as error:
        return Opened(why_not=str(error), may_come=True)
    return Opened(identities.of_links(found.links))
