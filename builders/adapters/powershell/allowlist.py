"""Which cmdlets with which parameters may run, and how that table is written into the runner.

It is checked on this side as well, with types, so that a mistake of ours is found before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from uuid import UUID

from builders.adapters.powershell.transport import Json, Request


class Kind(Enum):
    """What a parameter takes. A moment is text in the host's own local time, "2026-05-01T18:30"."""

    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    SWITCH = "switch"
    ID = "id"
    IDS = "ids"
    MOMENT = "moment"


AllowList = Mapping[str, Mapping[str, Kind]]

_LISTS = {Kind.TEXTS: Kind.TEXT, Kind.IDS: Kind.ID}
_SCALARS = {Kind.TEXT: str, Kind.NUMBER: int, Kind.SWITCH: bool}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_CMDLET = re.compile(r"[A-Za-z][\w.]*\\[A-Za-z]+-[A-Za-z]\w*")
_PARAMETER = re.compile(r"[A-Za-z]\w*")


def check(request: Request, allowed: AllowList) -> None:
    """Raise ValueError when the runner would refuse the request, or the parameter's type is not the cmdlet's."""
    parameters = allowed.get(request.cmdlet)
    if parameters is None:
        raise ValueError(f"{request.cmdlet} is not on the allow list")
    for name, value in request.parameters.items():
        kind = parameters.get(name)
        if kind is None:
            raise ValueError(f"{request.cmdlet} -{name} is not on the allow list")
        if not _fits(value, kind):
            raise ValueError(f"{request.cmdlet} -{name} takes {kind.value}, not {value!r}")


def render_table(allowed: AllowList) -> str:
    """The body of the runner's `$Allow` table, one line a cmdlet."""
    return "".join(_render_line(cmdlet, tuple(parameters)) for cmdlet, parameters in allowed.items())


def _render_line(cmdlet: str, parameters: tuple[str, ...]) -> str:
    if not _CMDLET.fullmatch(cmdlet) or not all(_PARAMETER.fullmatch(name) for name in parameters):
        raise ValueError(f"not a module-qualified cmdlet with plain parameter names: {cmdlet}")
    names = ", ".join(f"'{name}'" for name in parameters)
    return f"    '{cmdlet}' = {names or '@()'}\n"


def _fits(value: Json, kind: Kind) -> bool:
    if kind in _LISTS:
        return isinstance(value, list) and all(_fits(entry, _LISTS[kind]) for entry in value)
    if kind is Kind.ID:
        return _is_id(value)
    if kind is Kind.MOMENT:
        return value is None or (isinstance(value, str) and _MOMENT.fullmatch(value) is not None)
    return type(value) is _SCALARS[kind]  # exactly: True is an int to isinstance


def _is_id(value: Json) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False
