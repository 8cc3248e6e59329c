"""The chain of a vDisk as a drawing: swim lanes from maintenance down to production, newest version on the left.

All numbers are units of the drawing's own view box. Each differencing disk has an arrow to the disk it builds on.
"""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.booting import lane
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.states import Lane, VersionType
from portal.pictures.lanes import Card

NODE_WIDTH, NODE_HEIGHT = 146, 58
STEP = 192
LANE_HEIGHT, EMPTY_HEIGHT, LANE_GAP = 112, 28, 8
LEFT, RIGHT, TOP = 124, 16, 4  # the names of the lanes stand left of all disks, where no arrow goes
FLAG_HEIGHT = 30


@dataclass(frozen=True, kw_only=True)
class Band:
    lane: Lane
    y: int
    height: int = LANE_HEIGHT

    @property
    def name(self) -> str:
        return self.lane.value

    @property
    def label_y(self) -> int:
        return self.y + self.height // 2 + 4


@dataclass(frozen=True, kw_only=True)
class Node:
    card: Card
    x: int
    y: int
    width: int = NODE_WIDTH
    height: int = NODE_HEIGHT

    @property
    def shape(self) -> str:
        """``base``, ``merged`` or ``differencing``: how the disk is drawn."""
        if self.card.version.is_base:
            return "base"
        return "merged" if self.card.version.type == VersionType.MERGE else "differencing"

    @property
    def centre_x(self) -> int:
        return self.x + self.width // 2

    @property
    def middle_y(self) -> int:
        return self.y + self.height // 2

    @property
    def foot_y(self) -> int:
        return self.y + self.height

    # Where the words of the drawing stand; a template cannot add.

    @property
    def number_x(self) -> int:
        return self.x + 12

    @property
    def number_y(self) -> int:
        return self.y + 38

    @property
    def text_x(self) -> int:
        return self.x + 20 + 15 * len(str(self.card.number))

    @property
    def kind_y(self) -> int:
        return self.y + 25

    @property
    def targets_y(self) -> int:
        return self.y + 43

    @property
    def flag_y(self) -> int:
        return self.y - 7

    @property
    def inner_x(self) -> int:
        return self.x + 4

    @property
    def inner_y(self) -> int:
        return self.y + 4

    @property
    def inner_width(self) -> int:
        return self.width - 8

    @property
    def inner_height(self) -> int:
        return self.height - 8


@dataclass(frozen=True)
class Link:
    """``path`` is SVG path data from a disk to the one it builds on."""

    child: int
    parent: int
    path: str
    is_obsolete: bool


@dataclass(frozen=True, kw_only=True)
class Drawing:
    width: int
    height: int
    bands: tuple[Band, ...]
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    words: str


def parent_of(version: VersionFacts, chain: ChainFacts) -> VersionFacts | None:
    """The disk that ``version`` builds on. A merged disk holds all updates, so it builds on the base itself."""
    if version.is_base:
        return None
    below = [other for other in chain.versions if other.number < version.number]
    if version.type == VersionType.MERGE:
        below = [other for other in below if other.is_base]
    return below[-1] if below else None


def draw(all_cards: tuple[Card, ...], chain: ChainFacts) -> Drawing:
    """``all_cards``: newest first, as ``lanes.cards`` gives them."""
    width = max(LEFT + RIGHT + STEP * len(all_cards) - (STEP - NODE_WIDTH), 320)
    bands = stack_bands({lane(card.version) for card in all_cards})
    tops = {band.lane: band.y + FLAG_HEIGHT for band in bands}
    nodes = {
        card.number: Node(card=card, x=LEFT + STEP * index, y=tops[lane(card.version)])
        for index, card in enumerate(all_cards)
    }
    return Drawing(
        width=width,
        height=bands[-1].y + bands[-1].height + TOP,
        bands=bands,
        nodes=tuple(nodes.values()),
        links=tuple(_links(nodes, chain)),
        words=_words(chain),
    )


def stack_bands(filled: set[Lane]) -> tuple[Band, ...]:
    """One under the other; a lane without a version is but a line with its name."""
    bands: list[Band] = []
    for name in Lane:
        y = bands[-1].y + bands[-1].height + LANE_GAP if bands else TOP
        bands.append(Band(lane=name, y=y, height=LANE_HEIGHT if name in filled else EMPTY_HEIGHT))
    return tuple(bands)


def _links(nodes: dict[int, Node], chain: ChainFacts) -> list[Link]:
    found = []
    for version in chain.versions:
        parent = parent_of(version, chain)
        if parent:
            path = _path(nodes[version.number], nodes[parent.number])
            found.append(Link(version.number, parent.number, path, version.delete_when_free))
    return found


def _path(child: Node, parent: Node) -> str:
    """Side to side between neighbours; in a bow under the disks between, where a merge skips some."""
    if parent.x - child.x > STEP:
        low = max(child.foot_y, parent.foot_y) + 16
        return (
            f"M {child.centre_x} {child.foot_y} C {child.centre_x} {low}, {child.centre_x + 40} {low}, "
            f"{child.centre_x + 60} {low} L {parent.centre_x - 60} {low} "
            f"C {parent.centre_x - 20} {low}, {parent.centre_x} {low}, {parent.centre_x} {parent.foot_y + 5}"
        )
    start, end = child.x + child.width, parent.x - 5
    bend = (end - start) // 2
    return (
        f"M {start} {child.middle_y} C {start + bend} {child.middle_y}, {end - bend} {parent.middle_y}, "
        f"{end} {parent.middle_y}"
    )


def _words(chain: ChainFacts) -> str:
    """The drawing for those who cannot see it."""
    parts = []
    for version in reversed(chain.versions):
        parent = parent_of(version, chain)
        onto = f", builds on version {parent.number}" if parent else ", a base"
        parts.append(f"version {version.number} in {lane(version).value}{onto}")
    return f"Chain of {chain.name}: {'; '.join(parts)}."
