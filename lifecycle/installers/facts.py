"""The facts of one installer, as they are kept with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

LONGEST = 200
MOST_WARNINGS = 10


class Unreadable(Exception):
    """The file is not what it seems to be, or is damaged. ``str(error)`` is a sentence."""


@dataclass(frozen=True)
class Facts:
    """``kind`` is a value of InstallerKind, ``architecture`` one of Architecture; "" is what the file does not say."""

    kind: str = "other"
    name: str = ""
    version: str = ""
    vendor: str = ""
    architecture: str = ""
    product_code: str = ""
    upgrade_code: str = ""
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"warnings": list(self.warnings)}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Facts:
        """From what ``as_dict`` gave, also by an older or newer release; what is of the wrong type is left out."""
        texts = {each.name: values.get(each.name) for each in fields(cls) if each.name != "warnings"}
        warnings = values.get("warnings")
        return cls(
            **{name: plain(value) for name, value in texts.items() if isinstance(value, str)},
            warnings=tuple(plain(each) for each in warnings if isinstance(each, str))[:MOST_WARNINGS]
            if isinstance(warnings, list | tuple)
            else (),
        )


def plain(text: str) -> str:
    """In one line, without control characters, of bounded length."""
    printable = "".join(" " if unicodedata.category(each) in ("Cc", "Cs", "Co") else each for each in text)
    return " ".join(printable.split())[:LONGEST]
