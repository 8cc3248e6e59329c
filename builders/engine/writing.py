"""One write of a job: its row, a step's row and log lines, in one statement that does nothing once the lease is lost.

One statement is one trip to the database, and is atomic by itself: a line and what it tells come together or not at
all. Times are the database's, so that the clocks of the workers do not matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import Model

from builders.engine.leases import Lease, LeaseLost, length
from lifecycle.models import Job, JobStep
from lifecycle.states import JobState


@dataclass(frozen=True)
class Sql:
    """A value that the database computes."""

    text: str
    values: tuple[Any, ...] = ()


AT = Sql("STATEMENT_TIMESTAMP()")
ENDED_AT = Sql("GREATEST(started_at, STATEMENT_TIMESTAMP())")
"""Of a step; never before its start, whatever happens to the clock."""


LONGEST_WAIT = timedelta(minutes=10)
"""A job that waits is looked at at least this often, whatever its step asks for."""


def due_in(seconds: float) -> Sql:
    """A due time; at once when cancelling was asked for and nobody has seen it, as that write named an earlier one."""
    seconds = min(seconds, LONGEST_WAIT.total_seconds())
    return Sql(
        "CASE WHEN cancel_requested_at IS NULL OR state = %s THEN STATEMENT_TIMESTAMP() + %s * interval '1 second' "
        "ELSE STATEMENT_TIMESTAMP() END",
        (JobState.UNDOING.value, seconds),
    )


@dataclass(frozen=True)
class Lines:
    """Log lines of one level, which belong to one step or to none."""

    texts: Sequence[str]
    level: str
    position: int | None


@dataclass(frozen=True)
class Following:
    """A step that is begun in the write that ends the one before, with a line; not when cancelling was asked for."""

    step_id: int
    position: int
    changes: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class Written:
    """What the database said: when it was, and whether somebody has asked to cancel."""

    at: datetime
    cancel_asked: bool


def write(
    lease: Lease,
    *,
    job: Mapping[str, Any] | None = None,
    step: tuple[int, Mapping[str, Any]] | None = None,
    lines: Lines | None = None,
    following: Following | None = None,
) -> Written:
    """Set columns of the job, and of the step with that id; append the lines. LeaseLost when another worker has it.

    Nor is anything written to a job that was given back or has ended, whoever had it last.
    """
    count = len(lines.texts) if lines else 0
    sets = {"lease_until": Sql("STATEMENT_TIMESTAMP() + %s * interval '1 second'", (length().total_seconds(),))}
    if count or following:
        sets["lines"] = Sql(f"lines + %s{' + (cancel_requested_at IS NULL)::int' if following else ''}", (count,))
    columns, values = _sets(Job, sets | dict(job or {}))
    parts = [
        f"held AS (UPDATE lifecycle_job SET {columns} "  # noqa: S608  our columns
        "WHERE id = %s AND lease_token = %s AND lease_until IS NOT NULL "
        "RETURNING id, lines, cancel_requested_at IS NOT NULL AS cancel_asked)"
    ]
    values += [lease.job_id, lease.token]
    last = "held.lines - (NOT held.cancel_asked)::int" if following else "held.lines"
    if lines and count == 1:
        parts.append(_SAID_ONE.format(last))
        values += [lines.position, lines.level, lines.texts[0]]
    elif lines and count:
        parts.append(_SAID.format(last))
        values += [lines.position, lines.level, count, list(lines.texts)]
    if step and step[1]:
        columns, more = _sets(JobStep, step[1])
        noted = f"UPDATE lifecycle_jobstep SET {columns} FROM held WHERE lifecycle_jobstep.id = %s"  # noqa: S608
        parts.append(f"noted AS ({noted})")
        values += [*more, step[0]]
    if following:
        columns, more = _sets(JobStep, following.changes)
        parts.append(_BEGUN.format(columns))
        values += [*more, following.step_id, following.position, following.text]
    statement = f"WITH {', '.join(parts)} SELECT STATEMENT_TIMESTAMP(), cancel_asked FROM held"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost(f"job {lease.job_id}: lease {lease.token} was lost or given back")
    return Written(*row)


_SAID = (
    "said AS (INSERT INTO lifecycle_joblogline (job_id, step_position, at, level, number, text) "
    "SELECT held.id, %s::smallint, STATEMENT_TIMESTAMP(), %s, {} - %s + line.number, line.text "
    "FROM held, unnest(%s::text[]) WITH ORDINALITY AS line (text, number))"
)

_SAID_ONE = (
    "said AS (INSERT INTO lifecycle_joblogline (job_id, step_position, at, level, number, text) "
    "SELECT held.id, %s::smallint, STATEMENT_TIMESTAMP(), %s, {}, %s FROM held)"
)
_BEGUN = (
    "begun AS (UPDATE lifecycle_jobstep SET {} FROM held WHERE lifecycle_jobstep.id = %s AND NOT held.cancel_asked), "
    "announced AS (INSERT INTO lifecycle_joblogline (job_id, step_position, at, level, number, text) "
    "SELECT held.id, %s::smallint, STATEMENT_TIMESTAMP(), 'info', held.lines, %s FROM held WHERE NOT held.cancel_asked)"
)


def insert_steps(steps: Sequence[JobStep]) -> None:
    """A job's new rows, in one statement with one value: the database takes them apart. Each gets its id."""
    fields = [field for field in JobStep._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    statement = (
        f"INSERT INTO lifecycle_jobstep ({columns}) SELECT {columns} "  # noqa: S608  our columns
        "FROM jsonb_populate_recordset(NULL::lifecycle_jobstep, %s::jsonb) RETURNING position, id"
    )
    rows = [{field.column: getattr(step, field.attname) for field in fields} for step in steps]
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(rows, cls=DjangoJSONEncoder)])
        ids = dict(cursor.fetchall())
    for step in steps:
        step.pk = ids[step.position]
        step._state.adding, step._state.db = False, connection.alias


def _sets(model: type[Model], changes: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """``column = value, ...`` and the values."""
    texts: list[str] = []
    values: list[Any] = []
    for name, value in changes.items():
        field: Any = model._meta.get_field(name)
        if isinstance(value, Sql):
            texts.append(f'"{field.column}" = {value.text}')
            values += value.values
        elif value is None or type(value) is int:  # what needs no quoting
            texts.append(f'"{field.column}" = {"NULL" if value is None else value}')
        else:
            texts.append(f'"{field.column}" = %s')
            values.append(field.get_db_prep_save(value, connection))
    return ", ".join(texts), values
