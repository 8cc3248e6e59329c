"""A worker is taken out of service while a job runs on it, as an admin does for an update: no job is hurt."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import ROOT, NewPerson, Person, Portal

pytestmark = pytest.mark.browser
NAME = "W11-CAD"
JOB = f"New maintenance version: {NAME}"
CALL_SECONDS = 20  # of the outside call that is under way when the worker is drained
PATIENCE = 90_000


@pytest.fixture
def second_worker(portal: Portal, tmp_path: Path) -> Iterator[str]:
    """Another worker beside the one of the portal, named second@..."""
    theirs = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "builders",
        "worker",
        "-P",
        "threads",
        "-c",
        "4",
        "-n",
        "second@%h",
    ]
    with (tmp_path / "second.log").open("wb") as log:
        child = subprocess.Popen(
            command, cwd=ROOT, env=theirs | {"PORTAL_VAR": str(portal.var)}, stdout=log, stderr=log
        )
    yield "second@"
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    child.wait(timeout=60)


def test_a_worker_is_drained_while_a_job_runs_on_it(
    portal: Portal, person: NewPerson, request: pytest.FixtureRequest
) -> None:
    portal.lab("reset")
    admin, watcher = person("admin"), person("admin")
    watcher.goto("/operations/")
    watcher.page.evaluate("window.notReloaded = true")
    expect(watcher.page.locator("#verdict")).to_contain_text("Everything runs", timeout=PATIENCE)

    portal.lab("faults", cmdlet="New-PvsDiskMaintenanceVersion", action="delay", seconds=CALL_SECONDS)
    admin.open_vdisk(NAME)
    admin.act("New maintenance version", reason="Graphics driver 581")
    expect(_row(watcher, "celery@")).to_contain_text(JOB, timeout=PATIENCE)  # it learns of it while it is looked at
    assert watcher.page.evaluate("window.notReloaded"), "the page was reloaded"

    _press(watcher, "celery@", "Drain")
    expect(_row(watcher, "celery@")).to_contain_text("It finishes what it has")
    expect(watcher.page.locator("#verdict")).to_contain_text("No worker takes new work")
    second = request.getfixturevalue("second_worker")

    admin.watch_job()  # its call was not cut short, and it went on to its end
    expect(_row(watcher, "celery@")).to_contain_text("it can be stopped now", timeout=PATIENCE)
    expect(_row(watcher, second)).to_contain_text("alive", timeout=PATIENCE)
    expect(watcher.page.locator("#verdict")).to_contain_text("Everything runs", timeout=PATIENCE)

    _press(watcher, "celery@", "Take up work again")
    expect(_row(watcher, "celery@")).to_contain_text("alive")
    _press(watcher, second, "Drain")
    expect(_row(watcher, second)).to_contain_text("it can be stopped now", timeout=PATIENCE)
    admin.open_vdisk(NAME)
    admin.act("Promote to test", version=2)
    admin.watch_job()  # on the one that took up work again, as the other one takes none


def _row(someone: Person, worker: str) -> Locator:
    return someone.page.locator(".crew-row", has_text=worker)


def _press(someone: Person, worker: str, label: str) -> None:
    _row(someone, worker).get_by_role("button", name=re.compile(f"^{label}")).click()
    expect(someone.page.locator(".messages")).to_contain_text(worker)
