"""The shape of what a child can be asked to do: folders, orders, options and a teller in, an object of JSON out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from builders.inspection.sources import Folder

Order = dict[str, Any]
"""``top`` and ``parents`` of one image, as names in its folder."""
Options = Mapping[str, Any]

MODULES = {
    "identify": "builders.inspection.sandbox.identity",
    "inventory": "builders.inspection.sandbox.contents",
    "files": "builders.inspection.sandbox.files",
    "compare-files": "builders.inspection.sandbox.files",
    "hash": "builders.inspection.sandbox.hashing",
}
"""Each has its tasks in TASKS, and is imported before the child gives up its rights. Only these tasks exist."""


class Teller(Protocol):
    """What a task may say while it works."""

    def progress(self, words: str, done: int = 0, total: int = 0) -> None: ...

    def part(self, name: str, value: Any) -> None:
        """A piece of the answer that is to be kept if the rest cannot be had."""
        ...


Task = Callable[[Sequence[Folder], Sequence[Order], Options, Teller], dict[str, Any]]
