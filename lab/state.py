"""The farm as a JSON file: dataclasses out and in by their annotations."""

import dataclasses
import enum
import json
import time
import types
import typing
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.files import write_private
from lab.pvs.datacentre import Datacentre
from lab.pvs.model import Farm

FORMAT = 2  # 1: disks without a file system
LONGEST_DELAY_SECONDS = 0.5


class StateFile:
    """Writes at most every half second, and when told to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written_at = 0.0

    def load(self) -> Farm | None:
        """None when there is no state, or one of another format."""
        if not self._path.exists():
            return None
        stored = json.loads(self._path.read_text(encoding="utf-8"))
        return typing.cast(Farm, decode(Farm, stored["farm"])) if stored.get("format") == FORMAT else None

    def save(self, datacentre: Datacentre, *, now: bool = False) -> None:
        """Debounced unless `now`. The text is made under the lock and written outside of it."""
        if not datacentre.unsaved or (not now and time.monotonic() - self._written_at < LONGEST_DELAY_SECONDS):
            return
        with datacentre.locked() as farm:
            datacentre.unsaved = False
            text = json.dumps({"format": FORMAT, "farm": encode(farm)}, indent=1)
        write_private(self._path, text)
        self._written_at = time.monotonic()


def encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list):
        return [encode(entry) for entry in value]
    if isinstance(value, enum.Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value


def decode(kind: Any, value: Any) -> Any:
    """The inverse, guided by type annotations: dataclasses, lists, optionals, enumerations and moments."""
    if value is None:
        return None
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        return decode(next(argument for argument in arguments if argument is not types.NoneType), value)
    if origin is list:
        return [decode(arguments[0], entry) for entry in value]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return typing.cast(Any, kind)(**{name: decode(hints[name], entry) for name, entry in value.items()})
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    return datetime.fromisoformat(value) if kind is datetime else value
