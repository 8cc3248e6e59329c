"""What speaks for which way, one small question each: the measured value, the way it favours, its weight in words."""

from __future__ import annotations

from collections.abc import Callable

from lifecycle.portfolio.situation import Factor, Hypervisor, Method, Situation, Wanted, Weight

READY_FROM = 95
"""Per cent of an image that packages must explain before rebuilding it is the first choice."""
OLD_DAYS = 3 * 365
LONG_CHAIN = 5
BARELY_DAYS = 2


SUFFICES = frozenset({Wanted.PATCH, Wanted.APPLICATION, Wanted.VDA})
"""What touches nothing of the way the disk is streamed."""


def _is_enough(wanted: Wanted, _found: Situation) -> Factor | None:
    if wanted not in SUFFICES:
        return None
    words = "streaming is not touched by it; a maintenance version suffices"
    return Factor("What changes", Wanted(wanted).label, Method.IN_PLACE, Weight.STRONG, words)


def _tools(wanted: Wanted, found: Situation) -> Factor | None:
    if wanted != Wanted.TOOLS:
        return None
    if found.hypervisor == Hypervisor.HYPERV:
        words = "its integration services come with Windows and replace no driver the stream needs"
        return Factor("Hypervisor", found.hypervisor.label, Method.IN_PLACE, Weight.STRONG, words)
    if found.hypervisor == Hypervisor.UNKNOWN:
        return None
    words = "either other way serves for new tools alone, and reverse imaging changes least"
    return Factor("Hypervisor", found.hypervisor.label, Method.REVERSE, Weight.SLIGHT, words)


def _target_software(wanted: Wanted, found: Situation) -> Factor | None:
    if wanted != Wanted.TARGET_SOFTWARE or found.target_version is None:
        return None
    version = ".".join(map(str, found.target_version))
    if found.target_version < (7, 6, 1):
        return Factor("Target software", version, Method.REBUILD, Weight.SOME, "too old to be updated in place")
    words = "can be updated in place since 7.6.1; one published series succeeded about half of the time"
    return Factor("Target software", version, Method.IN_PLACE, Weight.SOME, words)


def _coverage(_wanted: Wanted, found: Situation) -> Factor | None:
    if found.readiness is None:
        return None
    measured = f"{found.readiness} % explained by packages"
    if found.readiness >= READY_FROM:
        return Factor("Readiness", measured, Method.REBUILD, Weight.STRONG, "the image can be made again from packages")
    return Factor(
        "Readiness", measured, Method.REVERSE, Weight.SOME, "a rebuild today would lose what is not explained"
    )


def _folders(_wanted: Wanted, found: Situation) -> Factor | None:
    if not found.unexplained_folders:
        return None
    words = "software put there by hand comes along in a copy, not in a rebuild"
    return Factor("Unclaimed folders", str(found.unexplained_folders), Method.REVERSE, Weight.SLIGHT, words)


def _age(_wanted: Wanted, found: Situation) -> Factor | None:
    if found.age_days is None:
        return None
    years = f"{found.age_days} days" if found.age_days < 730 else f"{found.age_days // 365} years"
    if found.age_days >= OLD_DAYS:
        words = "old images carry old profiles, ghost devices and leftovers; each copy takes them along"
        return Factor("Age of the image", years, Method.REBUILD, Weight.SOME, words)
    return Factor("Age of the image", years, None, Weight.SLIGHT, "not old enough to matter")


def _chain(_wanted: Wanted, found: Situation) -> Factor | None:
    if found.versions < LONG_CHAIN:
        return None
    words = "a rebuild starts a fresh chain, and needs no merge before"
    return Factor("Versions in the chain", str(found.versions), Method.REBUILD, Weight.SLIGHT, words)


def _signs(_wanted: Wanted, found: Situation) -> Factor | None:
    if not found.signs:
        return None
    words = "the image was not sealed cleanly; a copy takes that along"
    return Factor("Signs of an unsealed image", str(found.signs), Method.REBUILD, Weight.SLIGHT, words)


def _nature(wanted: Wanted, _found: Situation) -> Factor | None:
    reasons = {
        Wanted.FIRMWARE: (Weight.SOME, "the partitions are made right from the start"),
        Wanted.WINDOWS: (Weight.STRONG, "a new release is installed clean"),
        Wanted.HYPERVISOR: (Weight.SOME, "drivers of the old hypervisor do not come along"),
        Wanted.CLEAN_UP: (Weight.STRONG, "only a rebuild leaves it all behind"),
        Wanted.HARDWARE: (Weight.SLIGHT, "the drivers are installed for the new hardware from the start"),
    }
    if wanted not in reasons:
        return None
    weight, words = reasons[wanted]
    return Factor("What changes", Wanted(wanted).label, Method.REBUILD, weight, words)


def _boots(_wanted: Wanted, found: Situation) -> Factor | None:
    if found.has_booted is not False:
        return None
    words = "only methods that work on the file itself are left"
    return Factor("Boots", "no target boots it", Method.REBUILD, Weight.SOME, words)


def _past(_wanted: Wanted, found: Situation) -> Factor | None:
    tried = found.reverse_failures + found.reverse_successes
    if tried == 0:
        return None
    measured = f"{found.reverse_successes} of {tried} succeeded"
    if found.reverse_failures > found.reverse_successes:
        return Factor("Reverse imaging here", measured, Method.REBUILD, Weight.SOME, "it mostly failed here before")
    return Factor("Reverse imaging here", measured, Method.REVERSE, Weight.SLIGHT, "it has worked here before")


def _deadline(_wanted: Wanted, found: Situation) -> Factor | None:
    if found.days_left is None:
        return None
    measured = f"{found.days_left} days"
    if found.days_left > BARELY_DAYS:
        return Factor("Time until it must be done", measured, None, Weight.SLIGHT, "enough for any way")
    if found.open_programs:
        words = "too short to package what is missing"
        return Factor("Time until it must be done", measured, Method.REVERSE, Weight.SOME, words)
    words = "the packages are there; a rebuild needs nobody to sit beside it"
    return Factor("Time until it must be done", measured, Method.REBUILD, Weight.SLIGHT, words)


FACTORS: tuple[Callable[[Wanted, Situation], Factor | None], ...] = (
    _is_enough,
    _nature,
    _tools,
    _target_software,
    _coverage,
    _folders,
    _age,
    _chain,
    _signs,
    _boots,
    _past,
    _deadline,
)
