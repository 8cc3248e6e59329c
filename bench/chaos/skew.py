"""A worker whose clock is wrong, and jumps: what Python and Django tell as the time is moved by a file's number.

``CHAOS_SKEW_FILE`` names the file; it holds seconds, and is read anew five times a second. The monotonic clock stays.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

VARIABLE = "CHAOS_SKEW_FILE"
LOOK_SECONDS = 0.2

_true_time, _true_now = time.time, timezone.now
_offset = 0.0


def install() -> None:
    """Before anything else is imported that takes these functions by name."""
    file = os.environ.get(VARIABLE)
    if not file:
        return
    time.time = lambda: _true_time() + _offset
    timezone.now = _wrong_now
    threading.Thread(target=_follow, args=(Path(file),), daemon=True, name="wrong clock").start()


def _wrong_now() -> datetime:
    return _true_now() + timedelta(seconds=_offset)


def _follow(file: Path) -> None:
    global _offset  # noqa: PLW0603  one clock a process
    while True:
        with contextlib.suppress(OSError, ValueError):
            _offset = float(file.read_text(encoding="utf-8"))
        time.sleep(LOOK_SECONDS)
