"""A filter on system calls that no later code of this process can take off.

It needs no rights and no library, works in containers, and closes what Landlock leaves open: sockets of every family,
new processes, signals to others. It is written as a program of the kernel's packet filter (seccomp(2), bpf(4)).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator

from builders.inspection.sandbox.syscalls import BY_ARGUMENT, ENDS, REFUSED

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
KILL, ERROR, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16  # offsets in what the filter is shown
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
SECOND_TABLE = 0x40000000  # x86-64 numbers its calls once more for another size of pointers
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2

Step = tuple[int, int, int, int]
"""Code, steps to skip if true, if false, value."""


def _argument(index: int, high: bool = False) -> Step:
    return (LOAD, 0, 0, ARGUMENTS + 8 * index + (4 if high else 0))


def _answer(number: int, verdict: int) -> list[Step]:
    return [(EQUAL, 0, 1, number), (RETURN, 0, 0, verdict)]


def _if_called(number: int, *steps: Step) -> list[Step]:
    return [(EQUAL, 0, len(steps), number), *steps]


def _by_argument(calls: dict[str, int], own_process: int) -> Iterator[Step]:
    for name, flags in (("open", 1), ("openat", 2)):
        if name in calls:
            refuse = (RETURN, 0, 0, ERROR | errno.EACCES)
            allow = (RETURN, 0, 0, ALLOW)
            yield from _if_called(calls[name], _argument(flags), (ANY_BIT, 0, 1, WRITES), refuse, allow)
    for name in ("kill", "tgkill"):  # abort() tells itself
        allow, end = (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL)
        yield from _if_called(calls[name], _argument(0), (EQUAL, 0, 1, own_process), allow, end)
    # Limits may be read; setting them anew comes with an address.
    asks = [_argument(2), (ANY_BIT, 2, 0, 0xFFFFFFFF), _argument(2, high=True), (ANY_BIT, 0, 1, 0xFFFFFFFF)]
    refuse, allow = (RETURN, 0, 0, ERROR | errno.EPERM), (RETURN, 0, 0, ALLOW)
    yield from _if_called(calls["prlimit64"], *asks, refuse, allow)


def program(machine: str, own_process: int) -> bytes:
    """The filter for a machine as ``platform.machine`` names it. KeyError for one that it is not written for."""
    column, mark = MACHINES[machine]
    steps: list[Step] = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, mark), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    if machine == "x86_64":
        steps += [(AT_LEAST, 0, 1, SECOND_TABLE), (RETURN, 0, 0, KILL)]
    for table, verdict in ((ENDS, KILL), (REFUSED, ERROR | errno.EPERM)):
        for numbers in table.values():
            if numbers[column] >= 0:
                steps += _answer(numbers[column], verdict)
    calls = {name: numbers[column] for name, numbers in BY_ARGUMENT.items() if numbers[column] >= 0}
    steps += [*_by_argument(calls, own_process), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]


def enforce() -> str:
    """Put the filter on this process. An empty string, or why it could not be done."""
    try:
        steps = program(platform.machine(), os.getpid())
    except KeyError:
        return f"no filter on system calls is written for {platform.machine()}"
    buffer = ctypes.create_string_buffer(steps, len(steps))
    given = _Program(len(steps) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    system = ctypes.CDLL(None, use_errno=True)
    if system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or system.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(given)):
        return f"the kernel takes no filter on system calls ({os.strerror(ctypes.get_errno())})"
    return ""
