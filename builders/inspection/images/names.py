"""File names out of parent locators: paths of the machine on which the file was made."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 255


def plain_names(paths: Iterable[str]) -> tuple[str, ...]:
    """The last part of each path, once each, in order. The folders are another machine's and are not followed."""
    names = (re.split(r"[\\/]", path.strip("\0 "))[-1] for path in paths)
    return tuple(dict.fromkeys(name for name in names if is_plain(name)))


def is_plain(name: str) -> bool:
    """A file name without a folder, a drive or a stream."""
    return 0 < len(name) <= _LONGEST and name not in (".", "..") and not re.search(r'[\\/:*?"<>|\x00-\x1f]', name)
