"""What is wrong with the running of the portal, and what to do. The worst first; nothing when everything runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.figures import ScheduleCounts
from lifecycle.models import Farm, Worker
from lifecycle.operating import Condition, QueueNow, WorkerNow

START_WORKER = "celery -A builders worker -P threads -c 4"
START_BEAT = "celery -A builders beat --pidfile="


class Weight(StrEnum):
    BAD = "bad"  # work stands still
    WARN = "warn"  # work goes on, but somebody should look


@dataclass(frozen=True)
class Trouble:
    """``words``: what is wrong and what follows from it. ``remedy``: what to do. ``command``: what to type, or ""."""

    weight: Weight
    words: str
    remedy: str
    command: str = ""


def troubles(
    *,
    crew: Sequence[WorkerNow],
    queue: QueueNow,
    farms: Sequence[Farm],
    schedules: ScheduleCounts,
    broker_answers: bool,
) -> list[Trouble]:
    found = [
        *_of_broker(broker_answers),
        *_of_workers([each for each in crew if each.role == Worker.Role.WORKER]),
        *_of_beats([each for each in crew if each.role == Worker.Role.BEAT]),
        *_of_late_jobs(queue),
        *_of_dead(crew),
        *_of_farms(farms),
        *_of_hosts(crew),
        *_of_schedules(schedules),
    ]
    return sorted(found, key=lambda trouble: trouble.weight != Weight.BAD)


def in_service(crew: Sequence[WorkerNow]) -> list[WorkerNow]:
    """Without those that are dead and whose place another process of the same name has taken."""
    back = {(each.role, each.machine, each.name) for each in crew if each.is_live}
    return [
        each for each in crew if each.condition != Condition.DEAD or (each.role, each.machine, each.name) not in back
    ]


def _of_broker(answers: bool) -> Iterable[Trouble]:
    if not answers:
        yield Trouble(
            Weight.BAD,
            "Redis does not answer: no job reaches a worker, and open pages are not told of changes.",
            "Start it again, or look at REDIS_URL and the network. Nothing is lost: what is due is handed out then.",
        )


def _of_workers(workers: Sequence[WorkerNow]) -> Iterable[Trouble]:
    if any(each.condition == Condition.ALIVE for each in workers):
        return
    draining = [each.name for each in workers if each.is_live]
    if draining:
        what = f"No worker takes new work: {_and(draining)} {'was' if len(draining) == 1 else 'were'} asked to drain. "
        yield Trouble(Weight.BAD, f"{what}Jobs wait.", "Let one take up work again, or start another:", START_WORKER)
    else:
        yield Trouble(Weight.BAD, "No worker is alive: jobs wait.", "Start one:", START_WORKER)


def _of_beats(beats: Sequence[WorkerNow]) -> Iterable[Trouble]:
    if not any(each.is_live for each in beats):
        yield Trouble(
            Weight.BAD,
            "No beat is alive, and nothing else hands out what is due: jobs, schedules and looks at the farm wait.",
            "Start one:",
            START_BEAT,
        )


def _of_late_jobs(queue: QueueNow) -> Iterable[Trouble]:
    if queue.late:
        many = "1 job is" if queue.late == 1 else f"{queue.late} jobs are"
        yield Trouble(
            Weight.WARN,
            f"{many} late: let in, due, and no worker has begun.",
            "If all threads of the workers are busy, start another worker; else look at the logs of worker and beat.",
        )


def _of_dead(crew: Sequence[WorkerNow]) -> Iterable[Trouble]:
    for each in in_service(crew):
        if each.condition == Condition.DEAD:
            yield Trouble(
                Weight.WARN,
                f"The {each.role.label} {each.name} (process {each.process} on {each.machine}) fell silent without a "
                "goodbye and counts as dead.",
                "What it had in hand goes to others by itself. Look at its log and its machine, then start it again.",
            )


def _of_farms(farms: Sequence[Farm]) -> Iterable[Trouble]:
    for farm in farms:
        if farm.turned_away_at:
            yield Trouble(
                Weight.BAD,
                f"PVS {farm.name} refused the portal's account. It is not tried again, so that it is not locked out.",
                "Set the connection anew, with the right password: python manage.py farm …",
            )
        elif farm.sync_error:
            yield Trouble(Weight.WARN, f"Reading {farm.name} failed: {farm.sync_error}", "It is tried again by itself.")
        elif farm.is_stale:
            yield Trouble(
                Weight.WARN,
                f"The picture of {farm.name} is late.",
                "It is read by a worker: if none of them is in trouble, look at the log of the workers.",
            )


def _of_hosts(crew: Sequence[WorkerNow]) -> Iterable[Trouble]:
    for host in sorted({each.host for worker in crew if worker.is_live for each in worker.sessions if each.resting}):
        yield Trouble(
            Weight.WARN,
            f"{host} could not be reached a moment ago; other servers are asked first.",
            "Look at the server and its WinRM listener. It is tried again within half a minute.",
        )


def _of_schedules(schedules: ScheduleCounts) -> Iterable[Trouble]:
    if schedules.late:
        many = "1 schedule is" if schedules.late == 1 else f"{schedules.late} schedules are"
        yield Trouble(
            Weight.WARN,
            f"{many} late: the time has passed and nothing was started.",
            "Beat starts them: see that one is alive.",
        )


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
