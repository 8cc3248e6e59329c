"""Files that somebody names one by one, wherever they lie, beside those of one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from builders.adapters.store.local import LocalFile, LocalFolder


class NamedTwice(ValueError):
    """Two different files of one name: nobody could say which is meant."""


class GivenFiles:
    """A Folder: that of ``top``, and each of ``others`` in its own. Only names count, as in a store."""

    def __init__(self, top: Path, others: Sequence[Path] = ()) -> None:
        self._beside = LocalFolder(top.parent)
        self._elsewhere: dict[str, Path] = {}
        for path in others:
            known = self._elsewhere.setdefault(path.name, path)
            if path.name == top.name or known != path:
                raise NamedTwice(f"{path.name} is given twice. Files of one chain have different names.")

    def open(self, name: str) -> LocalFile:
        folder = self._elsewhere.get(name)
        return (LocalFolder(folder.parent) if folder else self._beside).open(name)

    def names(self) -> list[str]:
        return sorted({*self._beside.names(), *self._elsewhere})
