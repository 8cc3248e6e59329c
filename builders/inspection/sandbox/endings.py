"""How a child can end other than with an answer, as one sentence a person can act on."""

from __future__ import annotations

import signal

from builders.inspection import errors
from builders.inspection.sandbox.collecting import Failure
from builders.inspection.sandbox.limits import Limits
from builders.inspection.sandbox.outcome import Json, Stopped, Why

KINDS: dict[str, type[errors.Unreadable]] = {
    kind.__name__: kind
    for kind in (errors.Unreadable, errors.Damaged, errors.Unsupported, errors.WrongParent, errors.OutOfPlace)
}
TELL_US = "The worker's log holds the rest; such an image is worth a look by whoever keeps the portal."


def ran_out_of_time(limits: Limits, partial: Json) -> Stopped:
    words = f"Reading the image was stopped after {limits.wall_seconds} seconds, the longest that is allowed."
    return Stopped(words, Why.WALL, partial)


def unguarded(weaker: tuple[str, ...]) -> Stopped:
    words = (
        f"Nothing was read, for a guard that is required is missing on this machine. {' '.join(weaker)} "
        "Run the workers where both guards are there, or see PORTAL_INSPECT_REQUIRE_GUARDS."
    )
    return Stopped(words, Why.UNGUARDED, {})


def garbage(what: str, partial: Json) -> Stopped:
    words = f"Reading the image was stopped: the process that read it sent {what}. {TELL_US}"
    return Stopped(words, Why.TOO_MUCH if what.startswith("more than") else Why.GARBAGE, partial)


def out_of_memory(limits: Limits, partial: Json) -> Stopped:
    words = (
        f"Reading the image was stopped: it needed more than {limits.memory_mib} MiB of memory, which a sound image "
        "does not."
    )
    return Stopped(words, Why.MEMORY, partial)


def said_no(failure: Failure, limits: Limits, partial: Json) -> errors.Unreadable:
    """What a task raised, as an error on this side."""
    if failure.kind == "MemoryError":
        return out_of_memory(limits, partial)
    if failure.kind in KINDS:
        return KINDS[failure.kind](failure.words)
    if failure.kind == "FileNotFoundError":
        return errors.Unreadable(failure.words)
    words = f"Reading the image failed: {failure.words or failure.kind}. {TELL_US}"
    return Stopped(words, Why.CRASH, partial)


def how_it_ended(code: int, limits: Limits, partial: Json) -> Stopped:
    """``code`` as subprocess gives it: the negative number of a signal, or what the process itself returned."""
    if code == -signal.SIGXCPU:
        words = f"Reading the image was stopped after {limits.cpu_seconds} seconds of processor time."
        return Stopped(words, Why.CPU, partial)
    if code == -signal.SIGALRM:
        return ran_out_of_time(limits, partial)
    if code == -signal.SIGSYS:
        words = (
            "Reading the image was stopped: the process that read it tried to start another one, to reach the network "
            f"or to change the machine. The image may have been made to attack this portal. {TELL_US}"
        )
        return Stopped(words, Why.FORBIDDEN, partial)
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
    words = f"Reading the image broke down ({name}): its structures mislead the reader. {TELL_US}"
    return Stopped(words, Why.CRASH, partial)
