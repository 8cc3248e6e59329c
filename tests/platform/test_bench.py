"""The benchmark of the engine works: a real worker and beat, tiny numbers, each promised figure; not how fast it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.engine.bare import split
from bench.engine.statements import HEARD, count
from bench.inspect import ground
from bench.results import percentile
from tests.conftest import require_extra

ROOT = Path(__file__).resolve().parents[2]
OUTER_LIMIT_SECONDS = 600


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What it printed and what it wrote, on servers of its own as always."""
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "bench.engine", "--small", "--results", str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PORTAL_EMBEDDED_DURABLE": "0"},
        capture_output=True,
        text=True,
        timeout=OUTER_LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "engine.json").read_text(encoding="utf-8"))


def test_the_benchmark_writes_every_promised_figure(run: tuple[str, dict[str, Any]]) -> None:
    _, figures = run

    assert set(figures["due_to_start_seconds"]) == {"p50", "p95", "p99"}
    assert set(figures["worker_rss_mib"]) == {"idle", "loaded"}
    for value in _numbers(figures):
        assert value > 0, figures
    assert figures["makespan_ratio"] >= 1
    assert figures["sql_per_waiting_step"] > figures["sql_per_step"]


def test_the_printed_table_is_the_one_of_the_document(run: tuple[str, dict[str, Any]]) -> None:
    printed, _ = run
    document = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").splitlines()

    rows = [line for line in printed.splitlines() if line.startswith("| ")]

    assert len(rows) > 8
    for line in rows:
        measure = _without_numbers(line.split("|")[1])
        assert any(_without_numbers(other.split("|")[1]) == measure for other in document if other.startswith("| "))


def test_the_benchmark_of_images_writes_every_promised_figure(tmp_path: Path) -> None:
    missing = ground.missing_tools()
    require_extra("tools that make an NTFS volume", not missing, missing)
    command = [sys.executable, "-m", "bench.inspect", "--small", "--no-peer", "--results", str(tmp_path)]

    done = subprocess.run(
        [*command, "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=OUTER_LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "inspect.json").read_text(encoding="utf-8"))
    promised = {"inventory_bytes_fraction", "diff_vs_changed", "read_vs_cat", "flatten_vs_qemu", "peak_mib"}
    assert all(figures[name] > 0 for name in promised)
    assert figures["ours"]["files"]["files"] > 1500
    assert figures["ours"]["difference"]["changed"] >= 10


def test_statements_are_told_from_the_bounds_of_transactions() -> None:
    log = """
beat 9 LOG:  statement: UPDATE t SET a = 0
worker 1 LOG:  statement: BEGIN
worker 2 LOG:  statement: WITH held AS (UPDATE t SET a = 1 RETURNING a)
\tSELECT a FROM held
worker 1 LOG:  statement: SELECT a FROM t FOR UPDATE
worker 1 LOG:  execute <unnamed>: INSERT INTO t VALUES ($1)
worker 1 DETAIL:  Parameters: $1 = 'x'
worker 1 LOG:  statement: UPDATE t SET a = 2
worker 1 LOG:  statement: COMMIT
worker 2 LOG:  statement: BEGIN
worker 2 LOG:  statement: SELECT a FROM t
worker 2 LOG:  statement: COMMIT
worker 1 LOG:  statement: BEGIN
worker 1 LOG:  statement:
\tUPDATE t SET a = 3
worker 1 LOG:  statement: ROLLBACK
"""

    found = count(HEARD.findall(log), steps=2)

    assert found.per_step == 6 / 2
    assert found.bounds_per_step == 6 / 2
    assert found.commits_per_step == 2 / 2


def test_the_bare_task_asks_as_often_in_as_many_transactions() -> None:
    assert split(7, 3) == [3, 2, 2]
    assert split(2, 5) == [1, 1]


def test_a_percentile_is_a_measured_value() -> None:
    values = [float(n) for n in range(100, 0, -1)]

    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (50, 99, 100)
    assert percentile([3.0], 0.95) == 3


def _numbers(figures: Mapping[str, Any]) -> list[float]:
    found: list[float] = []
    for value in figures.values():
        found += _numbers(value) if isinstance(value, Mapping) else [value]
    return found


def _without_numbers(text: str) -> str:
    return "".join(letter for letter in text if not letter.isdigit() and letter not in ",.").strip()
