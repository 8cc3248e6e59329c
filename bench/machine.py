"""The machine that the figures were taken on, in a few words."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil


def description(*, durable: bool, commit_milliseconds: float) -> list[str]:
    """Lines for the head of a table; nothing in them names the machine or its user."""
    one, five, _ = os.getloadavg()
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("Django", "celery", "psycopg", "redis"))
    how = "as in production (fsync on)" if durable else "careless (fsync off)"
    return [
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {packages}",
        f"PostgreSQL {how}, a commit takes {commit_milliseconds:.2f} ms; PostgreSQL, Valkey, beat, worker and the "
        "measuring program share the cores",
        f"load of the machine when it was done: {one:.1f} (1 min), {five:.1f} (5 min)",
    ]


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
