"""What the child gives up before it sees a byte of an image. None of it can be taken back."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import resource
import signal
from collections.abc import Sequence
from pathlib import Path

import landlockpy

from builders.inspection.sandbox import seccomp
from builders.inspection.sandbox.limits import MIB, Limits

PR_SET_PDEATHSIG = 1
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
ALARM_AFTER = 10
"""Seconds past the limit at which a child ends by itself, should nobody be left to end it."""


def end_with(starter: int) -> None:
    """Be killed when the process that started this one dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != starter:
        os._exit(1)


def confine(limits: Limits, readable: Sequence[str]) -> list[str]:
    """Limits, no writing, no network, no other process. Returns a sentence for each guard this kernel lacks.

    ``readable``: folders and files that may still be opened, for modules that are imported late.
    """
    weaker = []
    _limit(limits)
    if words := _landlock(readable):
        weaker.append(f"Reading is not confined by Landlock: {words}.")
    if words := seccomp.enforce():
        weaker.append(f"Calls to the kernel are not filtered: {words}.")
    return weaker


def _landlock(readable: Sequence[str]) -> str:
    # The library would start a compiler and the linker to find the C library that is loaded already.
    ctypes.util.find_library = lambda name: None  # noqa: ARG005  the signature is ctypes'
    if not landlockpy.supported():
        return "the kernel does not have it"
    scoped = landlockpy.Scope.ABSTRACT_UNIX_SOCKET | landlockpy.Scope.SIGNAL
    try:
        with landlockpy.Ruleset(scoped=scoped) as rules:
            for path in (*readable, *LIBRARIES):
                _allow_reading(rules, path)
            rules.restrict()
    except OSError as error:
        return f"the kernel refuses it ({error.strerror or error})"
    return ""


def _allow_reading(rules: landlockpy.Ruleset, path: str) -> None:
    if not os.path.exists(path):
        return
    rights = landlockpy.AccessFS.READ_FILE
    if os.path.isdir(path):
        rights |= landlockpy.AccessFS.READ_DIR
    rules.allow_path(path, rights)


def _limit(limits: Limits) -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _hard(resource.RLIMIT_AS, taken + limits.memory_mib * MIB)
    _hard(resource.RLIMIT_FSIZE, 0)
    _hard(resource.RLIMIT_CORE, 0)
    _hard(resource.RLIMIT_NOFILE, limits.open_files)
    _hard(resource.RLIMIT_NPROC, 0)
    # The first limit ends it by a signal of its own, which tells the one who waits what it was.
    most = _within(resource.RLIMIT_CPU, limits.cpu_seconds + 2)
    resource.setrlimit(resource.RLIMIT_CPU, (min(limits.cpu_seconds, most), most))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(limits.wall_seconds + ALARM_AFTER)


def _within(kind: int, value: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _hard(kind: int, value: int) -> None:
    value = _within(kind, value)
    resource.setrlimit(kind, (value, value))
