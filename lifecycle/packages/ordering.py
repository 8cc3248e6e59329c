"""What is installed after what: by phase, and never before what it needs. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lifecycle.package_kinds import Phase


@dataclass(frozen=True)
class Node:
    """A package as the order sees it; ``needs`` and ``conflicts`` are keys."""

    key: str
    phase: Phase
    needs: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Order:
    """``keys`` in the order of installation; those of ``cycles`` and what needs them are not among them."""

    keys: tuple[str, ...]
    cycles: tuple[tuple[str, ...], ...] = ()
    missing: tuple[tuple[str, str], ...] = field(default=())
    clashes: tuple[tuple[str, str], ...] = field(default=())
    """Pairs that cannot stand beside each other."""


def order(wanted: Iterable[str], catalogue: Mapping[str, Node]) -> Order:
    """The wanted packages and all that they need. ``missing``: who needs what the catalogue does not have."""
    chosen, missing = _with_needs(wanted, catalogue)
    cycles = find_cycles({key: catalogue[key] for key in chosen})
    found = tuple(_by_phase({key: catalogue[key] for key in chosen}))
    return Order(found, cycles, tuple(missing), tuple(_clashes(chosen, catalogue)))


def in_words(cycle: Iterable[str]) -> str:
    """``a needs b, b needs c, c needs a``."""
    keys = list(cycle)
    return ", ".join(f"{key} needs {then}" for key, then in zip(keys, [*keys[1:], keys[0]], strict=True))


def find_cycles(nodes: Mapping[str, Node]) -> tuple[tuple[str, ...], ...]:
    """One cycle for each knot of packages that need each other, each begun at its least key, in order of these.

    No recursion: chains may be long. Each package is looked at once; where it stands on the way, that is a cycle.
    """
    done: set[str] = set()
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for start in sorted(nodes):
        way: list[str] = []
        stack = [(start, iter(sorted(nodes[start].needs)))] if start not in done else []
        way += [key for key, _rest in stack]
        while stack:
            key, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                way.pop()
                done.add(key)
            elif following in way:
                cycle = way[way.index(following) :]
                found.setdefault(frozenset(cycle), _turned(cycle))
            elif following in nodes and following not in done:
                stack.append((following, iter(sorted(nodes[following].needs))))
                way.append(following)
    return tuple(sorted(found.values()))


def too_early(node: Node, catalogue: Mapping[str, Node]) -> list[str]:
    """What it needs although that belongs to a later phase."""
    return [key for key in sorted(node.needs & catalogue.keys()) if catalogue[key].phase.rank > node.phase.rank]


def _turned(cycle: list[str]) -> tuple[str, ...]:
    least = cycle.index(min(cycle))
    return (*cycle[least:], *cycle[:least])


def _with_needs(wanted: Iterable[str], catalogue: Mapping[str, Node]) -> tuple[set[str], list[tuple[str, str]]]:
    chosen: set[str] = set()
    missing: list[tuple[str, str]] = []
    waiting = [("", key) for key in sorted(set(wanted))]
    while waiting:
        by, key = waiting.pop()
        if key not in catalogue:
            missing.append((by, key))
        elif key not in chosen:
            chosen.add(key)
            waiting += [(key, needed) for needed in sorted(catalogue[key].needs)]
    return chosen, sorted(missing)


def _by_phase(nodes: Mapping[str, Node]) -> Iterator[str]:
    """Whatever is free comes next, the earliest phase first, then by key."""
    open_needs = {key: len(node.needs & nodes.keys()) for key, node in nodes.items()}
    needed_by: dict[str, list[str]] = {}
    for node in nodes.values():
        for key in node.needs & nodes.keys():
            needed_by.setdefault(key, []).append(node.key)
    free = [(nodes[key].phase.rank, key) for key, count in open_needs.items() if not count]
    heapq.heapify(free)
    while free:
        _rank, key = heapq.heappop(free)
        yield key
        for waiting in needed_by.get(key, ()):
            open_needs[waiting] -= 1
            if not open_needs[waiting]:
                heapq.heappush(free, (nodes[waiting].phase.rank, waiting))


def _clashes(chosen: set[str], catalogue: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    pairs = {tuple(sorted((key, other))) for key in chosen for other in catalogue[key].conflicts & chosen}
    yield from ((low, high) for low, high in sorted(pairs))
