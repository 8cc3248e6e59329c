"""`make run`'s supervisor with real processes (toys, see toy_portal.py)."""

import json
import os
import queue
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from portal.launcher.plan import CannotStart, Plan
from tests.platform.processes import gone

BASE = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30


class Launcher:
    """A running launcher, its output read line by line."""

    def __init__(self, var: Path, port: int, environment: dict[str, str]) -> None:
        self.var = var
        own = {"PORTAL_VAR": str(var), "PORTAL_PORT": str(port), "PORTAL_DEMO_PASSWORD": "demo-password-1"}
        servers = {"DATABASE_URL": "postgresql://nobody@/none?host=/none", "REDIS_URL": "unix:///none"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.platform.toy_portal"],
            env={**os.environ, **servers, **own, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=BASE,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put("")

    def wait_for(self, words: str) -> str:
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE_SECONDS)
            except queue.Empty:
                pytest.fail(f"never said {words!r}; said: {self.seen}")
            self.seen.append(line)
            if words in line:
                return line
            if line == "" and self.process.poll() is not None:
                pytest.fail(f"ended without {words!r}; said: {self.seen}")

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.finish()

    def finish(self) -> int:
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        while not self.lines.empty():
            self.seen.append(self.lines.get())
        return code

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        mark = "http.server" if name == "web" else f"toy-{name}"
        return next(child for child in psutil.Process(self.process.pid).children() if mark in child.cmdline())


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def launch(tmp_path: Path, port: int) -> Iterator[Callable[..., Launcher]]:
    started: list[Launcher] = []

    def start(**environment: str) -> Launcher:
        started.append(Launcher(tmp_path, port, environment))
        return started[-1]

    yield start
    for launcher in started:
        if launcher.process.poll() is None:
            launcher.end(signal.SIGTERM)


def test_is_ready_when_the_pages_are_served_and_keeps_each_output(launch, port: int, tmp_path: Path) -> None:
    launcher = launch()

    assert launcher.wait_for("Portal ready") == f"Portal ready: http://127.0.0.1:{port}"

    said = "\n".join(launcher.seen)
    assert "Demo logins: admin, approver, approver2, helpdesk, auditor; password: demo-password-1" in said
    assert f"--lab {tmp_path}/lab/lab.json" in said
    assert "Lab ready" in (tmp_path / "log" / "lab.log").read_text()


def test_no_argument_of_any_process_holds_the_demo_password(launch) -> None:
    launcher = launch()
    launcher.wait_for("demo     | password of 15")  # the demo command got it
    launcher.wait_for("Portal ready")

    assert not any("demo-password-1" in " ".join(process.cmdline()) for process in launcher.family())


def test_only_the_demo_command_has_the_demo_password_in_its_environment(launch) -> None:
    launcher = launch()
    launcher.wait_for("Portal ready")

    assert not any("PORTAL_DEMO_PASSWORD" in process.environ() for process in launcher.family())


def test_the_worker_is_ready_before_the_portal_is_and_nothing_follows(launch, tmp_path: Path) -> None:
    launcher = launch()
    launcher.wait_for("Portal ready")
    assert "worker   | INFO celery@toy ready." in launcher.seen

    with pytest.raises(queue.Empty):
        launcher.lines.get(timeout=1)


def test_a_worker_that_never_gets_ready_is_named_and_no_portal_is_ready(launch, tmp_path: Path) -> None:
    launcher = launch(TOY_WORKER="silent", TOY_SERVICES_SECONDS="2")

    assert launcher.finish() == 1

    said = "\n".join(launcher.seen)
    assert "Not ready after 2 s: worker\n" in said
    assert f"worker: {tmp_path}/log/worker.log ends with:\n    waiting for the broker" in said
    assert "Portal ready" not in said


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_a_child_that_goes_on_dying_at_the_start_ends_it_with_its_last_words(launch, name: str, tmp_path: Path) -> None:
    launcher = launch(**{f"TOY_{name.upper()}": "dies"})
    launcher.wait_for(f"launcher | {name} ended during the start; {tmp_path}/log/{name}.log ends with:")
    family = launcher.family()

    assert launcher.finish() == 1

    said = "\n".join(launcher.seen)
    assert f"{name} does not stay up: it ended 3 times during the start, at last with exit code 3" in said
    assert f"{tmp_path}/log/{name}.log ends with:\n    no such setting" in said.split("does not stay up")[1]
    assert "Portal ready" not in said
    assert gone(family)


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_a_child_that_dies_once_at_the_start_is_told_above_the_ready_line(launch, name: str) -> None:
    launcher = launch(**{f"TOY_{name.upper()}": "dies once"})

    launcher.wait_for(f"{name} ended during the start;")
    launcher.wait_for(f"started {name} again")
    launcher.wait_for("Portal ready")


@pytest.mark.parametrize("level", ["WARNING", "error"])
def test_the_workers_word_that_it_is_ready_is_heard_at_every_log_level(tmp_path: Path, level: str) -> None:
    plan = Plan.from_environment({"PORTAL_VAR": str(tmp_path), "PORTAL_LOG_LEVEL": level})

    worker, beat, web = plan.services()

    assert worker.environment == {"PORTAL_LOG_LEVEL": "INFO"}
    assert not beat.environment
    assert not web.environment


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_it_writes_is_nobody_elses_and_what_lay_open_is_closed(launch, tmp_path: Path) -> None:
    logs = tmp_path / "log"
    logs.mkdir()
    (logs / "worker.log").write_text("of an earlier run\n")
    for path, open_mode in ((tmp_path, 0o755), (logs, 0o755), (logs / "worker.log", 0o644)):
        path.chmod(open_mode)

    launch().wait_for("Portal ready")

    # Root leaves the way through for the user that PostgreSQL runs as.
    assert mode(tmp_path) == (0o701 if os.geteuid() == 0 else 0o700)
    assert mode(logs) == 0o700
    assert {mode(log) for log in logs.iterdir()} == {0o600}


def test_a_folder_that_holds_other_things_too_is_left_as_it_is_and_said_so(launch, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    tmp_path.chmod(0o755)

    launcher = launch()

    launcher.wait_for(f"{tmp_path} is open to others")
    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_when_asked_to_end_leaves_no_process(launch, how: signal.Signals) -> None:
    launcher = launch()
    launcher.wait_for("Portal ready")
    family = launcher.family()
    assert len(family) >= 5  # lab, worker with a child of its own, beat, web

    assert launcher.end(how) == 0

    assert gone(family)


def test_can_be_ended_while_it_still_starts(launch) -> None:
    launcher = launch(TOY_LAB="not yet")
    launcher.wait_for("not yet")
    family = launcher.family()

    assert launcher.end(signal.SIGINT) == 0

    assert gone(family)


def test_a_child_deaf_to_term_is_killed_after_the_grace(launch) -> None:
    launcher = launch(TOY_STUBBORN="1")
    launcher.wait_for("deaf")
    launcher.wait_for("Portal ready")
    family = launcher.family()

    assert launcher.end(signal.SIGINT) == 0

    assert gone(family)


@pytest.mark.parametrize("name", ["worker", "beat", "web", "lab"])
def test_a_child_that_dies_is_started_again_and_said_so(launch, name: str) -> None:
    launcher = launch()
    launcher.wait_for("Portal ready")
    victim = launcher.child(name)

    victim.kill()

    launcher.wait_for(f"{name} ended (signal SIGKILL); starting it again in 1 s")
    launcher.wait_for(f"started {name} again")
    assert launcher.child(name).pid != victim.pid


def test_nothing_of_a_dead_child_lives_on(launch) -> None:
    launcher = launch()
    launcher.wait_for("Portal ready")
    worker = launcher.child("worker")
    offspring = worker.children()
    assert offspring

    worker.kill()
    launcher.wait_for("started worker again")

    assert gone(offspring)


def test_the_lab_may_come_back_elsewhere_so_its_address_is_told_anew(launch) -> None:
    launcher = launch()
    launcher.wait_for("Portal ready")

    launcher.child("lab").kill()

    launcher.wait_for("started lab again")
    launcher.wait_for("demo     | password of 15")


def test_a_second_one_on_the_same_data_is_refused(launch, port: int) -> None:
    first = launch()
    first.wait_for("Portal ready")

    second = launch()

    assert second.finish() == 1
    said = "\n".join(second.seen)
    assert f"runs on {first.var} already: process {first.process.pid}, http://127.0.0.1:{port}" in said
    assert "PORTAL_PORT=8001 make run" in said
    assert first.process.poll() is None


def test_a_port_in_use_is_said_before_anything_starts(launch, port: int, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()

        launcher = launch()

        assert launcher.finish() == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in "\n".join(launcher.seen)
    assert f"PORTAL_PORT={port + 1} make run" in "\n".join(launcher.seen)
    assert not (tmp_path / "log").exists()


def test_a_database_that_cannot_be_migrated_ends_the_start(launch) -> None:
    launcher = launch(TOY_MIGRATE="3")

    assert launcher.finish() == 1
    assert "could not be brought up to date" in "\n".join(launcher.seen)


def test_what_a_killed_launcher_left_behind_does_not_block_the_next(launch) -> None:
    killed = launch()
    killed.wait_for("Portal ready")
    family = killed.family()
    killed.process.kill()
    killed.process.wait()

    next_one = launch()
    next_one.wait_for("left over from a run that was killed")
    next_one.wait_for("Portal ready")

    assert gone(family)
    killed.finish()


def test_a_number_that_is_another_programs_by_now_is_left_alone(launch, tmp_path: Path) -> None:
    notes = [{"pid": os.getpid(), "born": 1.0}]  # this very test, said to be a child born long ago
    (tmp_path / "launcher.json").write_text(json.dumps(notes))

    launcher = launch()
    launcher.wait_for("Portal ready")

    assert "left over" not in "\n".join(launcher.seen)


def test_a_random_password_is_kept_for_the_next_start(tmp_path: Path) -> None:
    environment = {"PORTAL_VAR": str(tmp_path)}

    first = Plan.from_environment(environment).demo_password

    assert Plan.from_environment(environment).demo_password == first
    assert (tmp_path / "demo_password").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("port", ["http", "0", "65536"])
def test_refuses_what_is_no_port(tmp_path: Path, port: str) -> None:
    with pytest.raises(CannotStart, match="PORTAL_PORT"):
        Plan.from_environment({"PORTAL_VAR": str(tmp_path), "PORTAL_PORT": port})
