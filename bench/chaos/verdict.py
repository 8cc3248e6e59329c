"""After the run: did every job end in a true state, did anything happen twice, is anything left over?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import Count, Max, Min, Q

from bench.chaos import effects
from bench.chaos.attendant import expected_states
from bench.chaos.effects import Life
from bench.chaos.fates import Fate
from bench.chaos.kind import EARLY, STEPS
from lifecycle.models import AuditEntry, Hold, Job, JobLogLine, JobStep
from lifecycle.states import ACTIVE_JOB_STATES, JobState, StepState

INITIAL = {0: "production", 1: "production"}  # of each further vDisk of the lab
TAKEN_OVER = "The worker that was at this step was lost"
SPOKE_OF = re.compile(r"[Vv]ersion (\d+) was (?:created|deleted again)|Found version (\d+)")


@dataclass
class Verdict:
    """Findings in words; empty lists mean that all is well."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Worth knowing, and no fault of the engine."""

    @property
    def is_well(self) -> bool:
        return not (self.lost or self.doubled or self.left_over)


def reach(fates: Mapping[int, Fate], given_up: Mapping[int, str], journal: list[dict[str, Any]]) -> Verdict:
    """What rows and journal say. The rest (``add_remains``) is seen when the processes have stopped."""
    verdict = Verdict()
    jobs = {job.pk: job for job in Job.objects.filter(pk__in=fates)}
    verdict.lost += _untrue_ends(jobs, fates, given_up)
    verdict.lost += _gaps_in_logs(jobs)
    broken = AuditEntry.objects.verify()
    if broken is not None:
        verdict.lost.append(f"the audit chain is broken at row {broken.pk}")
    succeeded = [pk for pk, job in jobs.items() if job.state == JobState.SUCCEEDED]
    lives = effects.lives(journal)
    found = effects.judge(lives, succeeded, _claimed(jobs, lives), jobs)
    verdict.doubled += found.doubled
    verdict.lost += found.lost
    verdict.figures = _figures(journal, jobs)
    verdict.lost += [f"{verdict.figures['too early']} pauses ended before their time"] * bool(
        verdict.figures["too early"]
    )
    return verdict


def _untrue_ends(jobs: Mapping[int, Job], fates: Mapping[int, Fate], given_up: Mapping[int, str]) -> list[str]:
    wrong = [f"job {pk} is gone" for pk in fates if pk not in jobs]
    done = dict(
        Job.objects.filter(pk__in=jobs)
        .annotate(done=Count("steps", filter=Q(steps__state=StepState.DONE)))
        .values_list("pk", "done")
    )
    audited = Counter(
        AuditEntry.objects.filter(job__in=jobs, action__in=[f"job.{state}" for state in JobState.values]).values_list(
            "job", flat=True
        )
    )
    for pk, job in jobs.items():
        if job.state in ACTIVE_JOB_STATES:
            wrong.append(f"job {pk} has not ended: it is {job.state}")
        elif job.state not in expected_states(fates[pk]):
            why = given_up.get(pk) or job.outcome
            wrong.append(f"job {pk} ({fates[pk].name}) has {job.state}: {why}")
        elif job.state != JobState.CANCELLED and (job.state == JobState.SUCCEEDED) != (done[pk] == STEPS):
            wrong.append(f"job {pk} has {job.state} with {done[pk]} steps done")
        elif not audited[pk]:
            wrong.append(f"the end of job {pk} is not in the audit trail")
    return wrong


def _gaps_in_logs(jobs: Mapping[int, Job]) -> list[str]:
    rows = (
        JobLogLine.objects.filter(job__in=jobs)
        .values("job")
        .annotate(first=Min("number"), last=Max("number"), count=Count("number"))
    )
    found = {row["job"]: (row["first"], row["last"], row["count"]) for row in rows}
    return [
        f"the log of job {pk} has {found.get(pk)} (first, last, count) and should have {job.lines} lines"
        for pk, job in jobs.items()
        if found.get(pk) != (1, job.lines, job.lines)
    ]


def _claimed(jobs: Mapping[int, Job], lives: list[Life]) -> Counter[tuple[str, int]]:
    """Versions of which a job's log speaks and that never got its mark, by vDisk and number."""
    marked = {(life.job, life.number) for life in lives}
    told: set[tuple[int, int]] = set()
    lines = JobLogLine.objects.filter(Q(text__contains="ersion "), job__in=jobs).values_list("job", "text")
    for pk, text in lines.iterator():
        told |= {(pk, int(one or other)) for one, other in SPOKE_OF.findall(text)}
    names = dict(Job.objects.filter(pk__in=jobs).values_list("pk", "vdisk__name"))
    return Counter((names[pk], number) for pk, number in told - marked)


def _figures(journal: list[dict[str, Any]], jobs: Mapping[int, Job]) -> dict[str, int]:
    states = Counter(job.state for job in jobs.values())
    lines = JobLogLine.objects.filter(job__in=jobs)
    steps = JobStep.objects.filter(job__in=jobs)
    return {
        **{f"jobs {state}": states[state] for state in JobState.values if states[state]},
        "steps done": steps.filter(state=StepState.DONE).count(),
        "effects in the farm": len(journal),
        "log lines": lines.count(),
        "steps taken over from a lost worker": lines.filter(text__startswith=TAKEN_OVER).count(),
        "transient failures survived": lines.filter(text__contains="the next follows in").count(),
        "lost answers found to have worked": lines.filter(text__startswith="Found version").count(),
        "too early": lines.filter(text__startswith=EARLY).count(),
    }


def add_unasked_ends(verdict: Verdict, ends: list[str], troubles: Mapping[str, int]) -> None:
    """Celery's worker may end by itself, with code 1, when its broker vanishes while it has messages in hand.

    Whoever supervises it starts it again, as here. Any other such end is a fault.
    """
    broker_gone = troubles.get("kill Valkey", 0)
    (verdict.notes if len(ends) <= broker_gone else verdict.lost).extend(
        f"{words}, and nobody had asked it to" for words in ends
    )
    verdict.figures["processes that ended by themselves"] = len(ends)


def add_remains(verdict: Verdict, state: dict[str, Any], line: dict[str, Any], stores: Path, temporary: Path) -> None:
    """Locks, versions, sessions and files: nothing of the run may be there any more. All processes have stopped."""
    left = verdict.left_over
    left += [f"hold: {hold}" for hold in Hold.objects.all()]
    left += [f"lease of {job}" for job in Job.objects.filter(lease_until__isnull=False)]
    left += [f"{job} is still handed out" for job in Job.objects.active()]
    left += [f"{job} keeps {job.kept}" for job in Job.objects.exclude(kept="")]
    for disk in state["vdisks"]:
        if disk["name"].startswith("Further-"):
            left += _versions_left(disk)
            left += _files_left(disk, stores)
    left += [f"task of PVS: {task['command']}" for task in state["tasks"] if task["state"] == "processing"]
    left += [f"session on {name}: {shell}" for name, server in line.items() for shell in server["shells"]]
    left += [f"temporary file {path.name}" for path in temporary.iterdir()]


def _versions_left(disk: dict[str, Any]) -> list[str]:
    now = {version["number"]: version["access"] for version in disk["versions"]}
    return [] if now == INITIAL else [f"{disk['name']} has versions {now}"]


def _files_left(disk: dict[str, Any], stores: Path) -> list[str]:
    known = {Path(version["file"]).stem for version in disk["versions"]}
    files = stores.glob(f"*/{disk['name']}*")
    return [f"file {path.parent.name}/{path.name}" for path in files if path.stem not in known]
