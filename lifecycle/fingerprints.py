"""What exactly was asked to be approved: the files of a version's chain, as PVS reports them and as they are inside.

A link is named by its file name, its creation date and the file time of the copies that PVS calls up to date.
Replication keeps file times, a maintenance target that writes changes them, and a server that goes away or comes back
changes nothing. Where the portal has opened the file, the link also says what marks its content: the identity that a
VHDX takes anew when data is written, its size and its sequence number. A link without that mark, from before the file
was opened or while no store can be read, is compared by the rest alone: what nobody saw is no change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NotRequired, TypedDict

from lifecycle.facts import ChainFacts
from lifecycle.states import ReplicaState


class Content(TypedDict):
    """``size`` in bytes of the file; ``data_id`` as text, ``sequence`` as the file's header has them."""

    data_id: str
    size: int
    sequence: int


class Link(TypedDict):
    number: int
    file: str
    created: str
    written: str
    content: NotRequired[Content]


Contents = Mapping[int, Content]
"""By the number of the version whose file it is."""
NOT_OPENED: Contents = {}


def links(chain: ChainFacts, number: int, contents: Contents = NOT_OPENED) -> list[Link]:
    """The chain of ``number``, base first."""
    return [
        _link(
            Link(number=link.number, file=link.file_name, created=link.created, written=_written(chain, link.number)),
            contents.get(link.number),
        )
        for link in chain.links_of(number)
    ]


def fingerprint(chain: ChainFacts, number: int, contents: Contents = NOT_OPENED) -> str:
    """64 hex digits that change when any file under version ``number`` changes."""
    return fingerprint_of(links(chain, number, contents))


def fingerprint_of(found: list[Link]) -> str:
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def difference(before: list[Link], after: list[Link]) -> list[str]:
    """What changed between two chains, a sentence each."""
    old, new = ({link["number"]: link for link in side} for side in (before, after))
    words = [f"version {number} left the chain" for number in sorted(old.keys() - new.keys())]
    words += [f"version {number} came into the chain" for number in sorted(new.keys() - old.keys())]
    for number in sorted(old.keys() & new.keys()):
        if moved := _moved(old[number], new[number]):
            words.append(f"{new[number]['file']} was written to ({moved})")
    return words


def unseen(before: list[Link], after: list[Link]) -> list[str]:
    """The files whose time was known and no server tells now: whether they changed cannot be said."""
    now = {link["number"]: link for link in after}
    return [
        link["file"]
        for link in before
        if link["written"] and link["number"] in now and not now[link["number"]]["written"]
    ]


def unopened(before: list[Link], after: list[Link]) -> list[str]:
    """The files that were known from inside and are not now: whether their content changed cannot be said."""
    now = {link["number"]: link for link in after}
    return [
        link["file"]
        for link in before
        if "content" in link and link["number"] in now and "content" not in now[link["number"]]
    ]


def changes(before: list[Link], after: list[Link]) -> list[str]:
    """Like ``difference``, but a file that is out of sight, as when its servers are down, is not called changed."""
    known = {link["number"]: link["written"] for link in before}
    return difference(
        before, [Link(**(link | {"written": link["written"] or known.get(link["number"], "")})) for link in after]
    )


def out_of_sight(chain: ChainFacts, number: int) -> list[str]:
    """The files under version ``number`` that PVS knows copies of, none of them up to date on a server it reaches."""
    return [
        link.file_name
        for link in chain.links_of(number)
        if chain.replicas_of(link.number) and not _written(chain, link.number)
    ]


def _link(link: Link, content: Content | None) -> Link:
    return Link(**link, content=content) if content else link


def _written(chain: ChainFacts, number: int) -> str:
    copies = chain.replicas_of(number)
    return ", ".join(sorted({copy.file_time for copy in copies if copy.state == ReplicaState.GOOD and copy.file_time}))


def _moved(old: Link, new: Link) -> str:
    """How one link differs, in words; empty when it does not."""
    if old["written"] != new["written"]:
        return f"file time {old['written'] or 'unknown'}, now {new['written'] or 'unknown'}"
    if (old["file"], old["created"]) != (new["file"], new["created"]):
        return f"was {old['file']} of {old['created']}, now {new['file']} of {new['created']}"
    return _rewritten(old.get("content"), new.get("content"))


def _rewritten(old: Content | None, new: Content | None) -> str:
    if old is None or new is None or old == new:
        return ""
    if old["size"] != new["size"]:
        return f"its content is another one: {old['size']} bytes, now {new['size']}"
    if old["data_id"] != new["data_id"]:
        return f"its content is another one: {old['data_id']}, now {new['data_id']}"
    return f"it was opened for writing: sequence {old['sequence']}, now {new['sequence']}"
