"""Hives of a volume, with the logs that belong to them."""

from __future__ import annotations

from builders.inspection.inventory.finding import MISSES, Volume
from builders.inspection.registry import Hive, was_closed

MOST_LOG = 64 << 20


def open_hive(volume: Volume, path: str) -> Hive:
    """A hive from a volume, with its logs when it was not closed. FileNotFoundError, OSError, Unreadable."""
    opened = volume.open(path)
    problems: list[str] = []
    ends = () if was_closed(opened.read(512)) else (".LOG1", ".LOG2", ".LOG")
    logs = [log for end in ends if (log := _log(volume, path + end, problems))]
    hive = Hive(opened, logs=logs, name=path)
    for words in problems:
        hive.note("", words)
    return hive


def _log(volume: Volume, path: str, problems: list[str]) -> bytes:
    try:
        log = volume.read(path, MOST_LOG + 1)
    except FileNotFoundError:
        return b""
    except MISSES as error:
        problems.append(f"its log {path} cannot be read: {error}")
        return b""
    if len(log) > MOST_LOG:
        problems.append(f"its log {path} is longer than {MOST_LOG:,} bytes; the rest was not read")
    return log[:MOST_LOG]
