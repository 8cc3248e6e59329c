"""(5) SQL statements per step, as PostgreSQL itself heard them from the worker."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.engine import jobs
from bench.engine.sizes import Sizes
from bench.ground import Ground
from bench.processes import beat, wait_for, wait_ready, worker

HEARD = re.compile(
    r"^worker (\d+) LOG:  (?:statement|execute [^:]+):\s+(.*(?:\n\t.*)*)", re.MULTILINE
)  # a statement of several lines goes on behind tabs
ENDS = {"COMMIT", "ROLLBACK"}
BOUNDS = ENDS | {"BEGIN", "SAVEPOINT", "RELEASE"}
WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\b")
READS = {"SELECT"}
WAIT_SECONDS = 0.3
LIMIT_SECONDS = 1200


@dataclass
class Statements:
    """Everything that the worker asked while it ran jobs of so many steps."""

    steps: int
    words: Counter[str] = field(default_factory=Counter)
    writing_transactions: int = 0

    @property
    def per_step(self) -> float:
        """Without those that only mark a transaction."""
        return sum(count for word, count in self.words.items() if word not in BOUNDS) / self.steps

    @property
    def bounds_per_step(self) -> float:
        """BEGIN, COMMIT, SAVEPOINT and the like."""
        return sum(count for word, count in self.words.items() if word in BOUNDS) / self.steps

    @property
    def commits_per_step(self) -> float:
        """Transactions that changed something, each of which waits for the disk."""
        return self.writing_transactions / self.steps


def measure(ground: Ground, sizes: Sizes, *, wait: bool) -> Statements:
    """Jobs whose steps are done at once, or, with ``wait``, wait once each."""
    environment = ground.database("statements_wait" if wait else "statements", tell_statements=True)
    jobs.scripted([[WAIT_SECONDS if wait else 0.0] * sizes.steps for _ in range(sizes.counted_jobs)])
    offset = ground.statement_log.stat().st_size
    with worker(environment, ground.folder) as working, beat(environment, ground.folder) as beating:
        wait_ready(working)
        wait_for("all jobs to end", jobs.all_ended, working, beating, seconds=LIMIT_SECONDS)
    jobs.check_succeeded()
    with ground.statement_log.open("rb") as log:
        log.seek(offset)
        heard = log.read().decode(errors="replace")
    return count(HEARD.findall(heard), sizes.counted_jobs * sizes.steps)


def count(heard: Iterable[tuple[str, str]], steps: int) -> Statements:
    """``heard``: number of the connection's server process, and the statement, in order."""
    found = Statements(steps)
    inside: set[str] = set()
    wrote: set[str] = set()
    for connection, statement in heard:
        word = statement.split(None, 1)[0].upper().rstrip(";")
        writes = word not in READS and WRITES.search(statement) is not None
        found.words[word] += 1
        if word == "BEGIN":
            inside.add(connection)
        elif writes and connection in inside:
            wrote.add(connection)
        elif writes:
            found.writing_transactions += 1
        elif word in ENDS:
            found.writing_transactions += connection in wrote and word == "COMMIT"
            inside.discard(connection)
            wrote.discard(connection)
    return found
