"""The run from its ground to its verdict."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Count

from bench.chaos import fates, jobs, verdict
from bench.chaos.attendant import Attendant
from bench.chaos.crew import Crew
from bench.chaos.monkey import Monkey
from bench.chaos.verdict import Verdict
from bench.ground import Ground
from builders.adapters.powershell import pool
from lifecycle.models import Hold, Job, JobLogLine, JobStep
from tests.labprocess import LabProcess

LOOK_SECONDS = 0.2
PROGRESS_SECONDS = 10
LEASE_SECONDS = 4
EVIDENCE = "chaos-evidence"
CALM_SHARE = 0.85
"""When so many jobs are over, the troubles end and the rest has to come to its end by itself."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sizes:
    """``pace``: seconds between two troubles. ``shell_idle``: when the lab ends a shell that nobody uses."""

    jobs: int
    vdisks: int
    workers: int
    pace: float
    longest_pause: float
    shell_idle: float
    limit_seconds: float
    troubles: int
    """At least so many; and no more when ``is_short``, else they go on until most jobs are over."""
    is_short: bool


@dataclass
class Outcome:
    verdict: Verdict
    monkey: Monkey
    attendant: Attendant
    about: dict[str, Any]


def forget_evidence(results: Path) -> None:
    shutil.rmtree(results / EVIDENCE, ignore_errors=True)


def keep_evidence(ground: Ground, results: Path) -> Path:
    """What the processes said, and every line of every job's log, for whoever looks for the cause."""
    folder = results / EVIDENCE
    shutil.copytree(ground.folder / "logs", folder)
    for name in ("postgres.log", "guardian.log"):
        shutil.copy(ground.folder / "embedded" / name, folder)
    with (folder / "jobs.log").open("w", encoding="utf-8") as out:
        lines = JobLogLine.objects.order_by("job", "number").values_list("job", "number", "at", "step_position", "text")
        for job, number, at, step, text in lines.iterator():
            out.write(f"job {job} line {number} {at:%H:%M:%S.%f} step {step}: {text}\n")
    return folder


class Hanging(Exception):
    """The outer limit has passed, and jobs are not over."""


def run(ground: Ground, sizes: Sizes, seed: int, say: Say) -> Outcome:
    begun = time.monotonic()
    lab = LabProcess(
        ground.folder / "lab",
        speed=20,
        options=["--vdisks", str(sizes.vdisks), "--shell-idle", str(sizes.shell_idle)],
    )
    environment = ground.database("chaos") | {
        "PORTAL_LEASE_SECONDS": str(LEASE_SECONDS),
        "PORTAL_PRESENCE_SECONDS": "1",
        "PORTAL_LOG_LEVEL": "INFO",
    }
    with lab:
        people = jobs.make_people()
        farm = jobs.connect(lab.info)
        pool.close_all()  # the session of this program is none of those that are counted
        drawn = fates.draw(seed, sizes.jobs, sizes.vdisks, len(people) - 1, sizes.longest_pause)
        by_job = jobs.make_jobs(drawn, farm, people[:-1])
        say(f"{sizes.jobs} jobs of 20 steps on {sizes.vdisks} vDisks are in the queue")
        crew = Crew(sizes.workers, environment, ground.folder)
        try:
            monkey = Monkey(seed, crew, lab, ground.folder, sizes.pace, say)
            attendant = Attendant(by_job, people[-1])
            Course(sizes, crew, monkey, attendant, say).go()
            journal = _journal(lab)
            (ground.folder / "logs" / "journal.json").write_text(json.dumps(journal, indent=0), encoding="utf-8")
            found = verdict.reach(by_job, attendant.given_up, journal)
            verdict.add_unasked_ends(found, [words for post in crew.posts for words in post.unasked_ends], monkey.done)
            found.left_over += [f"{name} did not stop when asked to" for name in crew.stop()]
            _wait_for_idle_shells(lab, sizes.shell_idle)
            verdict.add_remains(found, lab.get("state"), lab.get("line"), ground.folder / "lab/stores", crew.temporary)
            suffered = sum(server["suffered"] for server in lab.get("line").values())
        except Exception:
            say(f"{_last_words(crew)}\n--- {lab.last_words()}")
            raise
        finally:
            crew.end()
    about = {"seed": seed, "jobs": sizes.jobs, "workers": sizes.workers, "seconds": round(time.monotonic() - begun)}
    found.figures["requests cut or delayed on the line"] = suffered
    return Outcome(found, monkey, attendant, about)


class Course:
    """The main loop: troubles, people and replacements, until every job is over."""

    def __init__(self, sizes: Sizes, crew: Crew, monkey: Monkey, attendant: Attendant, say: Say) -> None:
        self.sizes, self.crew, self.monkey, self.attendant, self.say = sizes, crew, monkey, attendant, say
        self._told_at = 0.0
        self._is_calm = False

    def go(self) -> None:
        until = time.monotonic() + self.sizes.limit_seconds
        while not self.crew.is_ready():
            self.crew.attend()
            self._check(until, "the workers to be ready")
        while not self.attendant.is_over or not self._is_calm:
            self.crew.attend()
            self._trouble()
            self._people()
            self._tell()
            self._check(until, "the jobs to be over")

    def _trouble(self) -> None:
        if self._is_calm:
            return
        self.monkey.act()
        share = len(self.attendant.over) / self.sizes.jobs
        enough = sum(self.monkey.done.values()) >= self.sizes.troubles
        if enough and (self.sizes.is_short or share >= CALM_SHARE):
            self._is_calm = True
            self.monkey.rest()
            self.say("the troubles are over; the rest has to come to its end")

    def _people(self) -> None:
        try:
            self.attendant.attend()
        except (OperationalError, InterfaceError):  # the database is being restarted: they try again
            connection.close()

    def _tell(self) -> None:
        if time.monotonic() - self._told_at > PROGRESS_SECONDS:
            self._told_at = time.monotonic()
            self.say(f"{len(self.attendant.over)} of {self.sizes.jobs} jobs are over")

    def _check(self, until: float, what: str) -> None:
        if time.monotonic() > until:
            raise Hanging(f"waited {self.sizes.limit_seconds:.0f} s in vain for {what}\n{_what_hangs()}")
        time.sleep(LOOK_SECONDS)


def _journal(lab: LabProcess) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    while page := lab.get(f"journal?after={entries[-1]['number'] if entries else 0}")["entries"]:
        entries += page
    return entries


def _wait_for_idle_shells(lab: LabProcess, idle_seconds: float) -> None:
    """Shells of killed workers are the host's to end; those of live ones were closed when they stopped."""
    until = time.monotonic() + idle_seconds + 10
    while any(server["shells"] for server in lab.get("line").values()) and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)


def _what_hangs() -> str:
    lines = []
    for job in Job.objects.active().order_by("pk")[:10]:
        lines.append(f"{job}: {job.state}, due {job.due_at}, lease {job.lease_owner} until {job.lease_until}")
        steps = JobStep.objects.filter(job=job, started_at__isnull=False).order_by("-position")[:2]
        lines += [f"    {step.position} {step.key}: {step.state} {step.message} {step.saved}" for step in steps]
        lines += [f"    {line.text}" for line in JobLogLine.objects.filter(job=job).order_by("-number")[:5]]
    lines += [f"hold: {hold}" for hold in Hold.objects.all()[:50]]
    lines += [f"{row['state']}: {row['n']}" for row in Job.objects.values("state").annotate(n=Count("pk"))]
    return "\n".join(lines)


def _last_words(crew: Crew) -> str:
    return "\n".join(f"--- {post.life.log.name} ends with:\n{post.life.tail()}" for post in crew.posts)
