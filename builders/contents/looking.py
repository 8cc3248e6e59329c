"""What the files of a version are right now, from their headers alone: a fingerprint in milliseconds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models.functions import Now

from builders.adapters.errors import AdapterError, NotAuthenticated
from builders.contents.guarded import run
from builders.contents.places import Place, places
from builders.engine.workbench import is_transient
from builders.inspection.errors import Unreadable
from builders.inspection.sandbox import Limits, Stopped, Why
from lifecycle import fingerprints
from lifecycle.facts import ChainFacts
from lifecycle.models import StoreAccess, VDisk

T = TypeVar("T")
LIMITS = Limits(cpu_seconds=20, wall_seconds=40)
FACTS = {"name": str, "data_id": str, "file_size": int, "sequence": int}
MOST_LINKS = 65
OUR_LIMITS = frozenset({Why.WALL, Why.CPU, Why.MEMORY, Why.UNGUARDED})
BUSY = frozenset({Why.WALL, Why.CPU})
"""What a sound image can come to on a busy machine or over a slow line, and what may end well another time."""


class NotRead(Exception):
    """No place gave an answer. ``passing``: the same may succeed later without anybody changing something.

    ``of_image``: the files were there, and it is their content that cannot be read.
    """

    def __init__(self, words: str, *, passing: bool, of_image: bool = False) -> None:
        super().__init__(words)
        self.passing = passing
        self.of_image = of_image


@dataclass(frozen=True)
class Look:
    """``fingerprint``: of the files as a state of this one vDisk. ``links``: base first, the facts of each file with
    ``number`` and ``file`` as PVS names them."""

    place: Place
    fingerprint: str
    links: list[dict[str, Any]]


def look(vdisk: VDisk, chain: ChainFacts, number: int) -> Look:
    """The files as they are at the first place that answers. NotRead with the words of all of them."""
    return at_any_place(vdisk, chain, number, lambda place: look_at(place, chain, number))


def look_at(place: Place, chain: ChainFacts, number: int) -> Look:
    """At one place alone. Raises what the store or the child's reader raises."""
    with place.opened() as image:
        value = run("identify", [image], limits=LIMITS).value
    links = _links(value, chain, number)
    found = _of_vdisk(_with_times(_fingerprint(value), links, chain, number), place.vdisk)
    return Look(place, found, links)


def at_any_place(vdisk: VDisk, chain: ChainFacts, number: int, do: Callable[[Place], T]) -> T:
    """What ``do`` gives at the first place where it succeeds; a server that is away is passed over."""
    found = places(vdisk, chain, number)
    if not found.found:
        raise NotRead(found.why_none, passing=True)
    return first_that_works([(place,) for place in found.found], do)


def first_that_works(tries: Sequence[tuple[Place, ...]], do: Callable[..., T]) -> T:
    """What ``do`` gives for the first of the places, or sets of places. NotRead with the words of all of them."""
    words, passing, of_image = [], False, False
    for several in tries:
        at = " and ".join(dict.fromkeys(place.server for place in several))
        try:
            return do(*several)
        except AdapterError as error:
            note_turned_away(several, error)
            passing = passing or is_transient(error) or not error.permanent
            words.append(f"{at}: {error} {error.remedy}".strip())
        except Stopped as error:
            passing = passing or error.why in OUR_LIMITS
            words.append(f"{at}: {error}")
        except Unreadable as error:
            of_image = True
            words.append(f"{at}: {error}")
        except OSError as error:
            words.append(f"{at}: {error}")
    raise NotRead(" ".join(_sentences(words)), passing=passing, of_image=of_image)


def note_turned_away(several: Sequence[Place], error: Exception) -> None:
    """Remember a refused account: asking again for each version would lock it."""
    if isinstance(error, NotAuthenticated):
        keys = {place.access.pk for place in several}
        StoreAccess.objects.filter(pk__in=keys, turned_away_at=None).update(turned_away_at=Now())


def _fingerprint(value: dict[str, Any]) -> str:
    found = value.get("fingerprint")
    if not isinstance(found, str) or not re.fullmatch(r"[0-9a-f]{64}", found):
        raise Unreadable("The reader gave no fingerprint of the files.")
    return found


def _with_times(found: str, links: list[dict[str, Any]], chain: ChainFacts, number: int) -> str:
    """A VHD can be written to without a trace in what marks it; there the file times that PVS tells count too."""
    if all(link.get("format") == "VHDX" for link in links):
        return found
    return hashlib.sha256(f"{found}\n{fingerprints.fingerprint(chain, number)}".encode()).hexdigest()


def _of_vdisk(found: str, vdisk: str) -> str:
    """What marks an image is written in the image, so another vDisk's could claim to be this one: what was read is
    shared within a vDisk and never beyond."""
    return hashlib.sha256(f"{vdisk}\n{found}".encode()).hexdigest()


def _links(value: dict[str, Any], chain: ChainFacts, number: int) -> list[dict[str, Any]]:
    """Those of the chain that PVS names, each with what marks its content."""
    told = value.get("links")
    rows = told if isinstance(told, list) and len(told) <= MOST_LINKS else []
    by_name = {row["name"].casefold(): row for row in rows if isinstance(row, dict) and _is_whole(row)}
    links = []
    for link in chain.links_of(number):
        facts = by_name.get(link.file_name.casefold())
        if facts is None:
            raise Unreadable(f"The reader told nothing of {link.file_name}.")
        links.append(facts | {"number": link.number, "file": link.file_name})
    return links


def _is_whole(row: dict[str, Any]) -> bool:
    return all(type(row.get(name)) is kind for name, kind in FACTS.items())


def _sentences(words: list[str]) -> Iterator[str]:
    for text in words:
        yield text if text.endswith((".", "!", "?")) else f"{text}."
