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


def _written(chain: ChainFacts, number: int) -> str:
    copies = chain.replicas_of(number)
    return ", ".join(sorted({copy.file_time for copy in copies if copy.state == ReplicaState.GOOD and copy.file_time}))


def _moved(old: Link, new: Link) -> str:
    if old["written"] != new["written"]:
        return f"file time {old['written'] or 'unknown'}, now {new['written'] or 'unknown'}"
    return f"was {old['file']} of {old['created']}, now {new['file']} of {new['created']}"
