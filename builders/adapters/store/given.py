"""Files that somebody names one by one, wherever they lie, beside those of one folder."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from builders.adapters.store.local import LocalFile, LocalFolder


class NamedTwice(ValueError):
    """Two different files of one name: nobody could say which is meant."""


class GivenFiles:
    """A Folder: that of ``top``, and each of ``others`` in its own. Only names count, as in a store.

    A file that nobody named is looked for beside the last of ``others`` first, as it is below that one, then beside the
    ones before it, and at last beside ``top``.
    """

    def __init__(self, top: Path, others: Sequence[Path] = ()) -> None:
        self._beside = LocalFolder(top.parent)
        self._elsewhere: dict[str, Path] = {}
        for path in others:
            known = self._elsewhere.setdefault(path.name, path)
            if path.name == top.name or known != path:
                raise NamedTwice(f"{path.name} is given twice. Files of one chain have different names.")

        folders = [path.parent for path in (top, *others)]
        self.searched = tuple(dict.fromkeys(reversed(folders)))
        self.not_found: list[str] = []
        self._top = top.name

    def open(self, name: str) -> LocalFile:
        if name == self._top:
            return self._beside.open(name)
        if path := self._elsewhere.get(name):
            return LocalFolder(path.parent).open(name)
        for folder in self.searched[:-1]:
            with contextlib.suppress(FileNotFoundError):
                return LocalFolder(folder).open(name)
        try:
            return LocalFolder(self.searched[-1]).open(name)
        except FileNotFoundError:
            self.not_found.append(name)
            raise

    def names(self) -> list[str]:
        beside = (name for folder in self.searched for name in LocalFolder(folder).names())
        return sorted({*beside, *self._elsewhere})
