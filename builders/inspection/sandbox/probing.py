"""Whether this machine has the guards that a child puts on itself, asked without putting one on."""

from __future__ import annotations

import ctypes
import errno
import platform

from builders.inspection.sandbox.seccomp import MACHINES, MODE_FILTER, PR_SET_SECCOMP

LANDLOCK_CREATE_RULESET = 444
"""On every machine."""
ASK_VERSION = 1


def missing_guards() -> list[str]:
    """Names of those that are not there."""
    return [name for name, is_there in (("Landlock", has_landlock()), ("seccomp", has_filters())) if not is_there]


def has_landlock() -> bool:
    return int(_library().syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(ASK_VERSION))) >= 1


def has_filters() -> bool:
    """A kernel that takes filters finds that the address of this one is none; another does not know the question."""
    if platform.machine() not in MACHINES:
        return False
    refused = _library().prctl(PR_SET_SECCOMP, MODE_FILTER, None)
    return refused == -1 and ctypes.get_errno() == errno.EFAULT


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
