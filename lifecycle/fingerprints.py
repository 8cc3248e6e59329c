"""What exactly was asked to be approved: the files of a version's chain, as PVS reports them.

Until the portal opens the images themselves, a link is named by its file name, its creation date and the file time of
the copies that PVS calls up to date. Replication keeps file times, a maintenance target that writes changes them, and
a server that goes away or comes back changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from typing import TypedDict

from lifecycle.facts import ChainFacts
from lifecycle.states import ReplicaState


class Link(TypedDict):
    number: int
    file: str
    created: str
    written: str


def links(chain: ChainFacts, number: int) -> list[Link]:
    """The chain of ``number``, base first."""
    return [
        Link(number=link.number, file=link.file_name, created=link.created, written=_written(chain, link.number))
        for link in chain.links_of(number)
    ]


def fingerprint(chain: ChainFacts, number: int) -> str:
    """64 hex digits that change when any file under version ``number`` changes."""
    text = json.dumps(links(chain, number), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def difference(before: list[Link], after: list[Link]) -> list[str]:
    """What changed between two chains, a sentence each."""
    old, new = ({link["number"]: link for link in side} for side in (before, after))
    words = [f"version {number} left the chain" for number in sorted(old.keys() - new.keys())]
    words += [f"version {number} came into the chain" for number in sorted(new.keys() - old.keys())]
    for number in sorted(old.keys() & new.keys()):
        if old[number] != new[number]:
            words.append(f"{new[number]['file']} was written to ({_moved(old[number], new[number])})")
    return words


def unseen(before: list[Link], after: list[Link]) -> list[str]:
    """The files whose time was known and no server tells now: whether they changed cannot be said."""
    now = {link["number"]: link for link in after}
    return [
        link["file"]
        for link in before
        if link["written"] and link["number"] in now and not now[link["number"]]["written"]
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


def _written(chain: ChainFacts, number: int) -> str:
    copies = chain.replicas_of(number)
    return ", ".join(sorted({copy.file_time for copy in copies if copy.state == ReplicaState.GOOD and copy.file_time}))


def _moved(old: Link, new: Link) -> str:
    if old["written"] != new["written"]:
        return f"file time {old['written'] or 'unknown'}, now {new['written'] or 'unknown'}"
    return f"was {old['file']} of {old['created']}, now {new['file']} of {new['created']}"
