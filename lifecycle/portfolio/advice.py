"""Which way to take for a change that is wanted on a vDisk: in place, reverse image, or rebuild.

A pure function of measured facts. First what cannot be at all, with the reason; then factors, each with its value, the
way it favours and its weight in words. docs/portfolio.md tells people; the weights are our choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.estimates import UNKNOWN, Expected
from lifecycle.portfolio.factors import FACTORS, READY_FROM, SUFFICES
from lifecycle.portfolio.situation import Factor, Hypervisor, Method, Situation, Wanted


class Verdict(StrEnum):
    ADVISED = "advised"
    POSSIBLE = "possible"
    EXCLUDED = "excluded"


@dataclass(frozen=True)
class Option:
    method: Method
    verdict: Verdict
    score: int
    why_not: str
    expected: Expected
    factors: tuple[Factor, ...]


@dataclass(frozen=True)
class Advice:
    """``options`` the best first; ``for_rebuild``: what would have to be done for a rebuild to become possible."""

    headline: str
    options: tuple[Option, ...]
    factors: tuple[Factor, ...]
    for_rebuild: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def advised(self) -> Option | None:
        return self.options[0] if self.options and self.options[0].verdict == Verdict.ADVISED else None


def advise(wanted: Wanted, found: Situation) -> Advice:
    """The way to take for ``wanted``; says so when no way is left or too little is known."""
    factors = tuple(factor for ask in FACTORS if (factor := ask(wanted, found)) is not None)
    excluded = {method: why for method in Method if (why := _why_not(method, wanted, found))}
    options = [_option(method, factors, excluded, found) for method in Method]
    options.sort(key=lambda option: (bool(option.why_not), -option.score, _ORDER.index(option.method)))
    if options[0].why_not:
        headline = "No way is open as things are; each says below what stands against it."
    else:
        first = options[0]
        options[0] = Option(first.method, Verdict.ADVISED, first.score, "", first.expected, first.factors)
        headline = _headline(wanted, found, first)
    return Advice(headline, tuple(options), factors, tuple(_for_rebuild(found)), tuple(_unknown(wanted, found)))


_ORDER = (Method.IN_PLACE, Method.REBUILD, Method.REVERSE)
"""Of two ways that weigh the same, the one that changes less comes first, and rebuilding before reverse imaging."""


def _why_not(method: Method, wanted: Wanted, found: Situation) -> str:
    if wanted == Wanted.FIRMWARE and found.firmware.upper() == "UEFI":
        return "It starts with UEFI already."
    return _WHY_NOT[method](wanted, found)


def _why_not_rebuild(_wanted: Wanted, found: Situation) -> str:
    if not found.has_contents:
        return "Nobody knows what is in the image: its contents were not read yet."
    if found.open_programs:
        many = "1 program" if found.open_programs == 1 else f"{found.open_programs} programs"
        return f"{many} of the image would not come back: no ready package installs them."
    return ""


def _why_not_reverse(wanted: Wanted, _found: Situation) -> str:
    if wanted == Wanted.WINDOWS:
        return "An upgrade of Windows in the copy keeps all that has piled up, and is not offered by the portal."
    return ""


def _why_not_in_place(wanted: Wanted, found: Situation) -> str:
    if found.has_booted is False:
        return "No target boots this image any more, so nothing can be done in it while it is streamed."
    if found.maintenance_taken:
        return "There is a maintenance version already; promote or delete it first."
    if reason := _NEVER_IN_PLACE.get(wanted):
        return reason
    if wanted == Wanted.TOOLS and found.hypervisor in (Hypervisor.VSPHERE, Hypervisor.XENSERVER):
        return "The tools replace the driver of the network card through which the disk is streamed."
    if wanted == Wanted.TARGET_SOFTWARE and found.target_version and found.target_version < (7, 6, 1):
        return "Target software before 7.6.1 cannot be updated while it streams."
    return ""


_NEVER_IN_PLACE = {
    Wanted.HARDWARE: "The image must start on the new hardware before it can stream from it.",
    Wanted.FIRMWARE: "The partitions have to be laid out anew, which a streamed disk cannot do to itself.",
    Wanted.WINDOWS: "Setup restarts from the disk it changes, several times; a streamed disk cannot take that.",
    Wanted.HYPERVISOR: "The drivers of the new hypervisor must be there before the first start on it.",
    Wanted.CLEAN_UP: "What has piled up stays in each version that is made on top.",
}

_WHY_NOT = {
    Method.IN_PLACE: _why_not_in_place,
    Method.REBUILD: _why_not_rebuild,
    Method.REVERSE: _why_not_reverse,
}


def _option(method: Method, factors: tuple[Factor, ...], excluded: Mapping[Method, str], found: Situation) -> Option:
    mine = tuple(factor for factor in factors if factor.favours == method)
    why = excluded.get(method, "")
    verdict = Verdict.EXCLUDED if why else Verdict.POSSIBLE
    score = sum(factor.weight for factor in mine)
    return Option(method, verdict, score, why, found.durations.get(method, UNKNOWN), mine)


def _headline(wanted: Wanted, found: Situation, first: Option) -> str:
    if first.method == Method.IN_PLACE and wanted in SUFFICES:
        return "A maintenance version is enough: nothing of this touches the way the disk is streamed."
    if first.method == Method.REVERSE and found.open_programs:
        return "Reverse image now, and package what is missing so that the next one can be a rebuild."
    return {
        Method.IN_PLACE: "Do it in a maintenance version.",
        Method.REBUILD: "Rebuild it: all that is in it can be installed again.",
        Method.REVERSE: "Reverse image.",
    }[first.method]


def _for_rebuild(found: Situation) -> Iterator[str]:
    if not found.has_contents:
        yield "Have the contents of the image read."
    if found.open_programs:
        many = "1 program" if found.open_programs == 1 else f"{found.open_programs} programs"
        yield f"Package {many}, or say why they are not needed; the readiness page lists them."
    if found.readiness is not None and found.readiness < READY_FROM:
        yield f"Explain the rest of the image: {found.readiness} % of it is now, {READY_FROM} % are wanted."
    if found.unexplained_folders:
        many = "one folder is" if found.unexplained_folders == 1 else f"{found.unexplained_folders} folders are"
        yield f"Find out what the {many} that no program claims."


def _unknown(wanted: Wanted, found: Situation) -> Iterator[str]:
    if wanted == Wanted.TOOLS and found.hypervisor == Hypervisor.UNKNOWN:
        yield "On which hypervisor the targets run: on vSphere and XenServer the tools cannot be updated in place."
    if wanted == Wanted.TARGET_SOFTWARE and found.target_version is None:
        yield "Which target software is in the image."
    if found.has_booted is None:
        yield "Whether a target has booted this image."
    if not found.durations:
        yield "How long any of it takes here: no job of these kinds has succeeded yet."
