"""Waits until every server has the version. PVS copies nothing itself; it tells whether the copies are equal."""

from __future__ import annotations

from datetime import timedelta

from builders.engine.context import StepContext
from builders.engine.steps import Done, Outcome, Step, Wait
from builders.jobs.steps.chain import read_chain
from lifecycle.facts import ChainFacts, ReplicaFacts
from lifecycle.states import Repeat, ReplicaState


class WaitForReplication(Step):
    """Ends when all links of its chain are up to date on all servers."""

    key = "replication"
    title = "Wait until every server has the version"
    needs = ("vdisk", "version")
    repeat = Repeat.BLINDLY
    poll = 3.0
    limit = timedelta(hours=8)

    def run(self, ctx: StepContext) -> Outcome:
        if not ctx.saved.get("rescanned"):
            ctx.farm.update_inventory()
            ctx.intend(rescanned=True)
        chain = read_chain(ctx)
        self.guard(ctx, chain)
        copies = [copy for link in chain.links_of(ctx.version) for copy in chain.replicas_of(link.number)]
        behind = [copy for copy in copies if copy.state != ReplicaState.GOOD]
        if behind:
            progress = 100 * (len(copies) - len(behind)) // len(copies)
            return Wait(None, f"Not on every server yet: {_words(behind)}", progress)
        return Done(f"Up to date on {_servers(chain, ctx.version)}")

    def guard(self, ctx: StepContext, chain: ChainFacts) -> None:
        """Looked at each time: raises StepFailed when there is nothing left to wait for."""


def _words(behind: list[ReplicaFacts]) -> str:
    shown = [f"{copy.server} version {copy.number}: {_state(copy.state)}" for copy in behind[:4]]
    more = f" and {len(behind) - 4} more" if len(behind) > 4 else ""
    return "; ".join(shown) + more


def _state(number: int) -> str:
    return ReplicaState(number).label if number in ReplicaState.values else f"state {number}"


def _servers(chain: ChainFacts, number: int) -> str:
    return ", ".join(sorted(copy.server for copy in chain.replicas_of(number))) or "the only server"
