"""What leaves the process: strings, numbers, booleans, null, arrays and dictionaries."""

from collections.abc import Mapping
from datetime import UTC, datetime


def plain(value: object) -> object:
    """As the runner's projection: moments become UTC ISO 8601 with seven digits, as .NET's format "o" writes them."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


def select(thing: object, path: str) -> object:
    """`A.B` collects B over a list A; a trailing `[]` keeps a list of one a list; `.` is the thing itself."""
    value = thing
    if path.rstrip("[]") != ".":
        for name in path.rstrip("[]").split("."):
            value = _member(value, name)
    if path.endswith("[]"):
        value = [] if value is None else value if isinstance(value, list) else [value]
    elif isinstance(value, list) and len(value) < 2 and len(path) > 1 and "." in path:
        value = value[0] if value else None  # PowerShell unrolls what it has collected
    return plain(value)


def _member(value: object, name: str) -> object:
    """A property, heedless of case; over a list, the property of each entry that has it."""
    if isinstance(value, list):
        found = [_member(entry, name) for entry in value]
        return [entry for entry in found if entry is not None]
    if isinstance(value, Mapping):
        return next((entry for key, entry in value.items() if str(key).lower() == name.lower()), None)
    return None
