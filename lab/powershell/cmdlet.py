"""What a cmdlet is to the simulated PowerShell: a name, typed parameters, and something to call."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from lab.powershell.errors import binding_error


class Kind(StrEnum):
    """Type of a parameter."""

    TEXT = "String"
    TEXTS = "String[]"
    NUMBER = "UInt32"
    NUMBERS = "UInt32[]"
    FLAG = "SwitchParameter"
    DATE = "DateTime"


@dataclass(frozen=True)
class Signature:
    """Name with module, and the kind of each parameter."""

    name: str
    parameters: Mapping[str, Kind]


class CmdletHost(Protocol):
    """The machine behind a powershell.exe."""

    name: str
    modules: Mapping[str, str]

    def open_session(self, process_number: int) -> "CmdletSession": ...


class CmdletSession(Protocol):
    """One PowerShell process: what it loaded and connected to lives as long as the process."""

    def invoke(self, name: str, parameters: Mapping[str, object], cancelled: threading.Event) -> list[object]:
        """Objects the cmdlet writes: property bags (dict) or plain values. Raises CmdletFailed and its kin."""


def bind(signature: Signature, parameters: Mapping[str, object]) -> dict[str, object]:
    """Arguments with the types the parameters have, under their proper names; a null is left out.

    For a date a null means none: that is how a schedule is taken back.
    """
    known = {name.lower(): name for name in signature.parameters}
    bound: dict[str, object] = {}
    for given, value in parameters.items():
        name = known.get(given.lower())
        if name is None:
            text = f"A parameter cannot be found that matches parameter name '{given}'."
            raise binding_error(signature.name, "NamedParameterNotFound", text)
        if value is not None:
            bound[name] = _convert(signature, name, value)
        elif signature.parameters[name] is Kind.DATE:
            bound[name] = None
    return bound


def _convert(signature: Signature, name: str, value: object) -> object:
    kind = signature.parameters[name]
    try:
        if kind is Kind.TEXTS:
            return [_text(one) for one in (value if isinstance(value, list) else [value])]
        if kind is Kind.NUMBERS:
            return [_number(one) for one in (value if isinstance(value, list) else [value])]
        return {Kind.TEXT: _text, Kind.NUMBER: _number, Kind.FLAG: _flag, Kind.DATE: _date}[kind](value)
    except (TypeError, ValueError) as error:
        text = f"Cannot bind parameter '{name}'. Cannot convert value to type \"{kind.value}\"."
        raise binding_error(signature.name, "CannotConvertArgumentNoMessage", text) from error


def _text(value: object) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError("not a text")


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a number")
    number = int(value)
    if not 0 <= number < 1 << 32:
        raise ValueError("not an unsigned 32-bit number")
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def _date(value: object) -> datetime | None:
    """To the minute, as the server keeps it; the lab's servers live in UTC. An empty text means no date."""
    if not isinstance(value, str):
        raise TypeError("not a date")
    if not value:
        return None
    moment = datetime.fromisoformat(value)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(second=0, microsecond=0)
