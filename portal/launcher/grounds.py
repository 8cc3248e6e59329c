"""Before anything starts: nobody else runs on this data, the port is free, nothing of a killed run is left."""

import json
import os
import signal
import socket
import stat
from collections.abc import Iterable
from pathlib import Path

import psutil

from portal.embedded.locks import FileLock
from portal.launcher.children import Child, say
from portal.launcher.plan import HOST, KEPT, CannotStart, Plan

GONE_SECONDS = 10


def claim(plan: Plan) -> FileLock:
    """The lock of the data folder, held for as long as the portal runs."""
    lock = FileLock(plan.var / "launcher.lock")
    if not lock.try_exclusive():
        holder = lock.path.read_text(encoding="utf-8").strip()
        lock.release()
        raise CannotStart(
            f"A portal runs on {plan.var} already: {holder or 'it is just starting'}. Stop that one (Ctrl-C in its "
            f"terminal), or run another beside it on data of its own: PORTAL_VAR=/some/folder PORTAL_PORT=8001 make run"
        )
    lock.write(f"process {os.getpid()}, {plan.url}")
    return lock


def close_to_others(plan: Plan) -> None:
    """Data of an earlier run may lie more open than what is made today. Only what is ours is closed.

    Root leaves others the way through (mode 0701): PostgreSQL, which never runs as root, has its folder below.
    """
    passage = stat.S_IXOTH if os.geteuid() == 0 else 0
    if all(found.name in {*KEPT, "launcher.lock"} for found in plan.var.iterdir()):
        _close(plan.var.resolve(), keep=stat.S_IRWXU | passage)
    elif plan.var.stat().st_mode & (stat.S_IRWXG | stat.S_IROTH | stat.S_IWOTH):
        say("launcher", f"{plan.var} is open to others on this machine and stays so: it holds more than the portal's")
    for folder in (plan.logs, plan.lab_file.parent):
        if folder.is_dir():
            _close(folder, keep=stat.S_IRWXU)
    for log in plan.logs.glob("*.log*"):
        _close(log, keep=stat.S_IRUSR | stat.S_IWUSR)


def _close(thing: Path, *, keep: int) -> None:
    found = thing.lstat()
    if found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode):
        thing.chmod(stat.S_IMODE(found.st_mode) & keep)


def check_port(plan: Plan) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, plan.port))
        except OSError as error:
            raise CannotStart(
                f"Port {plan.port} on {HOST} cannot be used: {error.strerror}. "
                f"Choose another one: PORTAL_PORT={plan.port + 1 if plan.port < 65535 else 8001} make run"
            ) from error


def remember(plan: Plan, children: Iterable[Child]) -> None:
    """Note the children's numbers and times of birth, for the run after one that was killed."""
    notes = []
    for child in children:
        try:
            notes.append({"pid": child.process.pid, "born": psutil.Process(child.process.pid).create_time()})
        except psutil.NoSuchProcess:
            continue
    draft = _notes(plan).with_suffix(".new")
    draft.write_text(json.dumps(notes), encoding="utf-8")
    draft.replace(_notes(plan))


def end_leftovers(plan: Plan) -> None:
    """End children that outlived a killed launcher. Called with the claim held: no other launcher owns them."""
    try:
        notes = json.loads(_notes(plan).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return
    ended = []
    for note in notes:
        try:
            process = psutil.Process(note["pid"])
            # Number and birth together: the number alone may be another program's by now.
            if abs(process.create_time() - note["born"]) > 1:
                continue
            ended.append(process)
            os.killpg(note["pid"], signal.SIGKILL)
            say("launcher", f"ended process {note['pid']}, left over from a run that was killed")
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    psutil.wait_procs(ended, timeout=GONE_SECONDS)  # the port is free when the web server is really gone
    _notes(plan).unlink()


def _notes(plan: Plan) -> Path:
    return plan.var / "launcher.json"
