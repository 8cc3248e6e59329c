"""What really happened in the farm, by the lab's journal, and whether any of it happened twice or not at all.

Each version that came to be is followed from its birth to its end, and belongs to the job whose mark stands in its
description. A job makes one version and merges one; with each of them a step's effect comes once, in the order of the
steps. An effect that comes again, a version too many, and a version of no job at all count as doubled; what is missing
from the life of a succeeded job's versions counts as lost.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MARK = re.compile(r"portal job (\d+)\]$")

NEW, DESCRIBE, DELETE = "New-PvsDiskMaintenanceVersion", "Set-PvsDiskVersion -Description", "Remove-PvsDiskVersion"
TO_TEST, TO_PRODUCTION = "Invoke-PvsPromoteDiskVersion -Test", "Invoke-PvsPromoteDiskVersion -TestVersion"
SET, CLEAR, BACK = "Set-PvsOverrideVersion -Version", "Set-PvsOverrideVersion", "Invoke-PvsRevertDiskVersion -Version"
MERGE, MERGED, GIVEN_UP = "Merge-PvsDisk", "merge finished", "merge cancelled"

LIFE_OF_MADE = (NEW, DESCRIBE, TO_TEST, TO_PRODUCTION, SET, CLEAR, BACK, DELETE)
LIFE_OF_MERGED = (MERGE, MERGED, DESCRIBE, DELETE)
DISPLACED = re.compile(r"version (\d+): override -> production")


@dataclass
class Life:
    """One version: its entries in order."""

    vdisk: str
    number: int
    birth: int
    entries: list[str] = field(default_factory=list)
    job: int | None = None
    displaced: bool = False  # another version became the override in its place

    @property
    def is_merged(self) -> bool:
        return self.entries[0] == MERGE

    @property
    def was_given_up(self) -> bool:
        """A merge that PVS itself broke off leaves nothing, and may be begun again."""
        return GIVEN_UP in self.entries

    @property
    def script(self) -> tuple[str, ...]:
        return LIFE_OF_MERGED if self.is_merged else LIFE_OF_MADE

    def twice(self) -> list[str]:
        """Effects that came more often than the steps ask for, or against their order."""
        found = [what for what, times in Counter(self.entries).items() if times > 1]
        known = [self.script.index(what) for what in self.entries if what in self.script]
        if not found and known != sorted(known):
            found.append("effects out of order")
        return found + [what for what in self.entries if what not in (*self.script, GIVEN_UP)]

    def missing(self) -> list[str]:
        missing = [what for what in self.script if what not in self.entries]
        if self.displaced and CLEAR in missing:
            missing.remove(CLEAR)
        return missing

    def __str__(self) -> str:
        return f"{self.vdisk} version {self.number} (entry {self.birth}, job {self.job}): {', '.join(self.entries)}"


def lives(journal: Iterable[Mapping[str, Any]]) -> list[Life]:
    """Every version that came to be, in order of birth."""
    found: dict[int, Life] = {}
    now: dict[tuple[str, int], Life] = {}
    for entry in journal:
        if not entry["birth"]:
            continue
        life = found.setdefault(entry["birth"], Life(entry["subject"], entry["version"], entry["birth"]))
        now[life.vdisk, life.number] = life
        life.entries.append(entry["what"])
        if mark := MARK.search(entry["text"]):
            life.job = int(mark[1])
        for other in entry["others"]:
            if (moved := DISPLACED.fullmatch(other)) and (one := now.get((life.vdisk, int(moved[1])))):
                one.displaced = True
    return list(found.values())


@dataclass
class Findings:
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def judge(
    found: Iterable[Life], succeeded: Iterable[int], claimed: Mapping[tuple[str, int], int], jobs: Iterable[int]
) -> Findings:
    """``claimed``: by vDisk and number, how many versions without a mark jobs say that they made and took away."""
    findings, ours = Findings(), set(jobs)
    of_job: dict[int, list[Life]] = defaultdict(list)
    unmarked: Counter[tuple[str, int]] = Counter()
    for life in found:
        if life.was_given_up:
            continue
        findings.doubled += [f"{what}: {life}" for what in life.twice()]
        if life.job in ours:
            of_job[life.job].append(life)
        else:
            unmarked[life.vdisk, life.number] += 1
    for place, times in unmarked.items():
        if times > claimed.get(place, 0):
            findings.doubled.append(f"{times} versions {place} bear no job's mark; jobs know {claimed.get(place, 0)}")
    for job, versions in of_job.items():
        for is_merged in (False, True):
            alike = [life for life in versions if life.is_merged == is_merged]
            if len(alike) > 1:
                findings.doubled.append(f"job {job} made it {len(alike)} times: {'; '.join(map(str, alike))}")
    for job in succeeded:
        findings.lost += _lost(job, of_job[job])
    return findings


def _lost(job: int, versions: list[Life]) -> list[str]:
    lost = [f"job {job} succeeded, but {what} is missing: {life}" for life in versions for what in life.missing()]
    for is_merged, what in ((False, "a version"), (True, "a merged version")):
        if not any(life.is_merged == is_merged for life in versions):
            lost.append(f"job {job} succeeded, but never made {what}")
    return lost
