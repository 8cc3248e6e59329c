"""What the child can do to the machine around it: nothing."""

import errno
import os
import platform
import socket
import threading
from pathlib import Path

import pytest

from builders.adapters.store import LocalFolder
from builders.inspection.sandbox import Image, Stopped, Why, probing, run, syscalls
from builders.inspection.sandbox import keeper as keeper_module
from builders.inspection.sandbox.keeper import ROOT
from tests.inspection.sandbox.conftest import BYTES, FarFolder, Runner


def test_this_machine_has_all_guards(hostile: Runner) -> None:
    """Where it has not, the result says so, and the tests below would fail for the same reason."""
    assert hostile("honest").weaker == ()


def test_it_cannot_write(hostile: Runner, store: Path, tmp_path: Path) -> None:
    existing, target = tmp_path / "existing", tmp_path / "target"
    existing.write_bytes(b"kept")
    options = {"existing": str(existing), "target": str(target), "kept": ""}
    outcomes = hostile("writes", options=options).value
    del outcomes["kept"]
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == set()
    assert existing.read_bytes() == b"kept"
    assert not target.exists()
    assert (store / "top").read_bytes() == BYTES


def test_it_carries_no_secret_and_sees_no_file_of_the_portal(
    hostile: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_FIELD_KEYS", "the-key-of-the-columns")
    monkeypatch.setenv("DATABASE_URL", "postgresql://portal:secret@db/portal")
    secret = tmp_path / "secret_key"
    secret.write_text("signs the sessions")
    ours = ["/etc/passwd", str(secret), str(ROOT / "portal" / "settings.py"), f"/proc/{os.getpid()}/environ"]
    held = [os.open("/etc/hostname", os.O_RDONLY), *os.pipe()]
    try:
        for descriptor in held:
            os.set_inheritable(descriptor, True)
        seen = hostile("looks_around", options={"numbers": list(range(256)), "paths": ours}).value
    finally:
        for descriptor in held:
            os.close(descriptor)
    assert set(seen["environment"]) <= {"LANG", "LC_CTYPE", "PYTHONHASHSEED"}
    assert "secret" not in " ".join(seen["arguments"])
    assert set(seen["read"].values()) == {"PermissionError"}
    assert seen["modules"] == []
    assert len(seen["descriptors"]) == 4  # nothing in, nothing out, complaints, the line
    assert seen["limits"]["RLIMIT_CORE"] == [0, 0]
    assert seen["limits"]["RLIMIT_FSIZE"] == [0, 0]
    assert seen["raise limit"] != "done"


def test_it_reaches_no_network(hostile: Runner, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "socket"))
        local.listen()
        options = {"port": server.getsockname()[1], "path": str(tmp_path / "socket")}
        for task in ("tcp", "datagram", "local_socket"):
            forbidden(hostile, task, options)
        for listener in (server, local):
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()


@pytest.mark.parametrize("task", ["forks", "starts", "kills_starter", "watches_another"])
def test_it_starts_and_touches_no_process(hostile: Runner, task: str) -> None:
    forbidden(hostile, task, {})


def forbidden(hostile: Runner, task: str, options: dict) -> None:
    with pytest.raises(Stopped, match="tried to start another one, to reach the network") as caught:
        hostile(task, options=options)
    assert caught.value.why is Why.FORBIDDEN


def test_a_child_does_not_outlive_the_one_who_waits(tmp_path: Path, store: Path) -> None:
    """A worker that is killed leaves no reader behind."""
    import subprocess
    import sys
    import time

    import psutil

    program = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from builders.adapters.store import LocalFolder
from builders.inspection.sandbox import Image, keeper, run
keeper.MODULES = {{"sleeps": "tests.inspection.sandbox.hostile"}}
def told(progress):
    print("working", flush=True)
run("sleeps", [Image(LocalFolder({str(store)!r}), "top")], on_progress=told)
"""
    starter = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"working\n"
        (child,) = psutil.Process(starter.pid).children()
        starter.kill()
        starter.wait()
        until = time.monotonic() + 60
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
            time.sleep(0.02)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    finally:
        starter.kill()
        starter.wait()
        starter.stdout.close()


def test_many_at_once_do_not_meet(hostile: Runner) -> None:
    found: list[dict] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(hostile("honest", options={"n": n}).value)) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(each["options"]["n"] for each in found) == list(range(6))


def test_missing_guards_are_said(hostile: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a kernel without Landlock or filters the child still works, and the result says what did not hold."""
    start = (
        "import sys; sys.path.insert(0, sys.argv[1]); import landlockpy, platform; "
        "landlockpy.supported = lambda: False; platform.machine = lambda: 'riscv64'; "
        "from builders.inspection.sandbox.child import main; main()"
    )
    monkeypatch.setattr(keeper_module, "START", start)
    result = hostile("honest")
    assert result.value["tops"] == ["top"]
    assert [sentence.split(":")[0] for sentence in result.weaker] == [
        "Reading is not confined by Landlock",
        "Calls to the kernel are not filtered",
    ]


@pytest.mark.parametrize("guard", ["landlock", "seccomp"])
def test_either_guard_alone_keeps_it_from_writing(
    hostile: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, guard: str
) -> None:
    without = {
        "seccomp": "import landlockpy; landlockpy.supported = lambda: False; ",
        "landlock": "import platform; platform.machine = lambda: 'riscv64'; ",
    }[guard]
    monkeypatch.setattr(keeper_module, "START", keeper_module.START.replace("from builders", without + "from builders"))
    existing, target = tmp_path / "existing", tmp_path / "target"
    existing.write_bytes(b"kept")
    options = {"existing": str(existing), "target": str(target), "kept": ""}
    result = hostile("writes", options=options)
    assert len(result.weaker) == 1
    outcomes = result.value
    # Landlock says nothing of rights, times and memory files: there the filter alone holds.
    own = {"kept", "chmod", "times", "memory file"} if guard == "landlock" else {"kept"}
    assert {name for name, outcome in outcomes.items() if outcome == "done" and name not in own} == set()
    assert existing.read_bytes() == b"kept"
    assert not target.exists()


def test_nothing_is_read_where_a_required_guard_is_missing(
    hostile: Runner, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        keeper_module,
        "START",
        keeper_module.START.replace(
            "from builders", "import landlockpy; landlockpy.supported = lambda: False; from builders"
        ),
    )
    far = FarFolder(top=BYTES)
    with pytest.raises(Stopped, match="PORTAL_INSPECT_REQUIRE_GUARDS") as caught:
        run("reads", [Image(far, "top")], {"offset": 0, "length": 4}, require_guards=True)
    assert caught.value.why is Why.UNGUARDED
    assert "Landlock" in str(caught.value)
    assert far.opened == []


def test_with_all_guards_a_required_one_changes_nothing(hostile: Runner, store: Path) -> None:
    assert run("honest", [Image(LocalFolder(store), "top")], require_guards=True).value["tops"] == ["top"]


def test_the_machine_can_be_asked_without_a_child() -> None:
    """As the children of the other tests found it."""
    assert probing.missing_guards() == []


def test_a_machine_without_filters_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing.platform, "machine", lambda: "riscv64")
    monkeypatch.setattr(probing, "LANDLOCK_CREATE_RULESET", 100_000)
    assert probing.missing_guards() == ["Landlock", "seccomp"]


def test_what_changes_the_machine_is_refused(hostile: Runner) -> None:
    """Each of them by its number: an open kernel would find fault with the arguments first."""
    numbers = [both[0 if platform.machine() == "x86_64" else 1] for both in syscalls.REFUSED.values()]
    there = [number for number in numbers if number >= 0]
    assert hostile("calls", options={"numbers": there}).value["errors"] == [errno.EPERM] * len(there)


@pytest.mark.parametrize("name", ["fsopen", "move_mount", "open_tree", "clock_settime", "quotactl", "sethostname"])
def test_what_only_an_attack_would_call_is_its_end(hostile: Runner, name: str) -> None:
    number = syscalls.ENDS[name][0 if platform.machine() == "x86_64" else 1]
    forbidden(hostile, "calls", {"numbers": [number]})


@pytest.mark.parametrize("column", [0, 1])
def test_no_two_calls_have_one_number(column: int) -> None:
    tables = (syscalls.ENDS, syscalls.REFUSED, syscalls.BY_ARGUMENT)
    numbers = [both[column] for table in tables for both in table.values() if both[column] >= 0]
    assert len(set(numbers)) == len(numbers)
    assert len({name for table in tables for name in table}) == sum(map(len, tables))
