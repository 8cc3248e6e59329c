"""Tries every interleaving of a model: breadth first, each state once, the shortest way to what must not be.

A model is a start and a function that lists what can happen next. Two kinds of promise are checked:

- *never*: no reachable state, and no single action, breaks a rule. The first one found has the shortest trace.
- *always an end*: from every reachable state some way leads to an end by helpful actions alone (workers work, time
  passes, messages arrive; nobody kills, loses, doubles or asks for anything more). That is termination under strong
  fairness: whoever may act again and again does so at last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S", bound=Hashable)
MOST_STATES = 1_000_000


class Move(NamedTuple, Generic[S]):
    """One atomic action. ``helpful``: the system does it by itself. ``wrong``: the rule that the action breaks."""

    words: str
    after: S
    helpful: bool = True
    wrong: str = ""


class Model(Generic[S]):
    """``start``, ``moves(state)``, ``wrong(state)`` (the broken rule, or ""), ``ended(state)``.

    ``same(state)`` may fold states that differ only in names (two workers that changed places).
    """

    def __init__(
        self,
        start: S,
        moves: Callable[[S], Iterable[Move[S]]],
        wrong: Callable[[S], str],
        ended: Callable[[S], bool],
        same: Callable[[S], Hashable] = lambda state: state,
    ) -> None:
        self.start = start
        self.moves = moves
        self.wrong = wrong
        self.ended = ended
        self.same = same


@dataclass
class Verdict:
    """``rule`` is empty when nothing is wrong; then ``trace`` is too."""

    states: int
    moves: int
    rule: str = ""
    trace: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        size = f"{self.states} states, {self.moves} moves"
        if not self.rule:
            return f"holds in all of {size}"
        lines = [f"{number:3}. {words}" for number, words in enumerate(self.trace, 1)]
        return "\n".join([f"broken: {self.rule} ({size})", *lines])


NO_END = "no job is lost: from every state the work can still come to its end"


def check(model: Model[S], *, but_for: frozenset[str] = frozenset()) -> Verdict:
    """Look at all reachable states. Rules named in ``but_for`` are not looked at, to see what else breaks."""
    return _Search(model, but_for).run()


class _Search(Generic[S]):
    """States are numbered as they are found; ``came`` says from which state and by which words."""

    def __init__(self, model: Model[S], but_for: frozenset[str]) -> None:
        self.model = model
        self.but_for = but_for
        self.number: dict[Hashable, int] = {}
        self.came: list[tuple[int, str]] = []
        self.helped_from: list[list[int]] = []
        self.ends: list[int] = []
        self.moves = 0

    def run(self) -> Verdict:
        queue: deque[S] = deque()
        if rule := self._enter(self.model.start, -1, "", queue):
            return self._broken(rule, [])
        at = 0
        while queue:
            state = queue.popleft()
            for move in self.model.moves(state):
                self.moves += 1
                if move.wrong and move.wrong not in self.but_for:
                    return self._broken(move.wrong, [*self._trace(at), move.words])
                known = self.number.get(self.model.same(move.after))
                if known is None:
                    known = len(self.came)
                    if rule := self._enter(move.after, at, move.words, queue):
                        return self._broken(rule, self._trace(known))
                if move.helpful:
                    self.helped_from[known].append(at)
            at += 1
        return self._without_end() or Verdict(len(self.came), self.moves)

    def _enter(self, state: S, parent: int, words: str, queue: deque[S]) -> str:
        index = len(self.came)
        if index >= MOST_STATES:
            raise MemoryError(f"more than {MOST_STATES} states; make the model smaller")
        self.number[self.model.same(state)] = index
        self.came.append((parent, words))
        self.helped_from.append([])
        if self.model.ended(state):
            self.ends.append(index)
        queue.append(state)
        rule = self.model.wrong(state)
        return "" if rule in self.but_for else rule

    def _without_end(self) -> Verdict | None:
        """Backwards from the ends along helpful moves; what is not reached so can never end."""
        if NO_END in self.but_for:
            return None
        good = bytearray(len(self.came))
        stack = list(self.ends)
        for index in stack:
            good[index] = 1
        while stack:
            for before in self.helped_from[stack.pop()]:
                if not good[before]:
                    good[before] = 1
                    stack.append(before)
        lost = good.find(0)
        return None if lost < 0 else self._broken(NO_END, [*self._trace(lost), "from here no way leads to an end"])

    def _trace(self, index: int) -> list[str]:
        return list(self._back(index))[::-1]

    def _back(self, index: int) -> Iterator[str]:
        while index > 0:
            index, words = self.came[index]
            yield words

    def _broken(self, rule: str, trace: list[str]) -> Verdict:
        return Verdict(len(self.came), self.moves, rule, trace)
