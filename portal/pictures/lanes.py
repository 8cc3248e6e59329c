"""A vDisk as a road with three lanes, and its versions as cards on it.

Cards run from the newest version on the left to the base on the right, so that the whole row is also the chain: each
differencing disk builds on its right neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lifecycle.booting import lane, next_for_maintenance, next_for_production, next_for_test, situation
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.models import ChangeRequest, Job, VDisk
from lifecycle.states import Action, Lane, Situation
from lifecycle.transitions import judge
from portal.pictures.words import KIND_LABEL, SITUATION_LABEL, Replication, purpose, replication

CARDS_SHOWN = 4  # what fits into one line of a lane; older releases beyond it are folded


@dataclass(frozen=True, kw_only=True)
class Card:
    """One version. ``boots`` names the types of target that boot it at their next restart."""

    version: VersionFacts
    situation: Situation
    label: str
    kind: str
    purpose: str
    created_at: datetime | None
    boots: tuple[str, ...]
    replication: Replication

    @property
    def number(self) -> int:
        return self.version.number

    @property
    def boots_production(self) -> bool:
        return "production" in self.boots


@dataclass(frozen=True, kw_only=True)
class LaneView:
    lane: Lane
    cards: tuple[Card, ...] = ()
    older: tuple[Card, ...] = ()
    obsolete: tuple[Card, ...] = ()

    @property
    def name(self) -> str:
        return self.lane.value

    @property
    def is_empty(self) -> bool:
        return not (self.cards or self.older or self.obsolete)


@dataclass(frozen=True, kw_only=True)
class Road:
    """One row of the board."""

    vdisk: VDisk
    lanes: tuple[LaneView, ...]
    next_production: VersionFacts | None
    may_add: bool
    jobs: tuple[Job, ...] = ()
    changes: tuple[ChangeRequest, ...] = ()


def road(vdisk: VDisk, *, jobs: tuple[Job, ...] = (), changes: tuple[ChangeRequest, ...] = ()) -> Road:
    """``vdisk`` comes from ``with_chain``, so that nothing is queried here."""
    chain = vdisk.chain()
    all_cards = cards(vdisk, chain)
    return Road(
        vdisk=vdisk,
        lanes=tuple(_lane_view(name, all_cards) for name in Lane),
        next_production=next_for_production(chain),
        may_add=judge(Action.NEW_VERSION, chain).allowed,
        jobs=jobs,
        changes=changes,
    )


def cards(vdisk: VDisk, chain: ChainFacts) -> tuple[Card, ...]:
    """All versions, newest first."""
    created = {version.number: version.created_at for version in vdisk.present_versions}
    boots = boots_next(chain)
    return tuple(_card(version, chain, created[version.number], boots) for version in reversed(chain.versions))


def boots_next(chain: ChainFacts) -> dict[int, tuple[str, ...]]:
    """Per version number, the types of target that boot it at their next restart."""
    found: dict[int, tuple[str, ...]] = {}
    for kind, version in (
        ("production", next_for_production(chain)),
        ("test", next_for_test(chain)),
        ("maintenance", next_for_maintenance(chain)),
    ):
        if version:
            found[version.number] = (*found.get(version.number, ()), kind)
    return found


def _card(
    version: VersionFacts, chain: ChainFacts, created_at: datetime | None, boots: dict[int, tuple[str, ...]]
) -> Card:
    where = situation(version, chain)
    return Card(
        version=version,
        situation=where,
        label=SITUATION_LABEL[where],
        kind=KIND_LABEL.get(version.type, f"type {version.type}"),
        purpose=purpose(version, chain, where),
        created_at=created_at,
        boots=boots.get(version.number, ()),
        replication=replication(version, chain),
    )


def _lane_view(name: Lane, all_cards: tuple[Card, ...]) -> LaneView:
    mine = [card for card in all_cards if lane(card.version) == name]
    obsolete = tuple(card for card in mine if card.situation == Situation.OBSOLETE)
    current = [card for card in mine if card.situation != Situation.OBSOLETE]
    superseded = [card for card in current if card.situation == Situation.SUPERSEDED and not card.boots]
    room = max(0, CARDS_SHOWN - (len(current) - len(superseded)))
    folded = tuple(superseded[room:])
    return LaneView(
        lane=name, cards=tuple(card for card in current if card not in folded), older=folded, obsolete=obsolete
    )
