"""A real Samba server for tests: this user's own, on loopback and a free port, all its files in one folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.conftest import require_extra

PASSWORD = "right-Password-7"
CONFIGURATION = """
[global]
    server role = standalone server
    interfaces = 127.0.0.1
    bind interfaces only = yes
    smb ports = {port}
    server min protocol = SMB2_10
    server signing = mandatory
    disable netbios = yes
    load printers = no
    printing = bsd
    disable spoolss = yes
    pid directory = {home}/run
    lock directory = {home}/lock
    state directory = {home}/state
    cache directory = {home}/cache
    private dir = {home}/private
    ncalrpc dir = {home}/ncalrpc
    passdb backend = smbpasswd:{home}/private/smbpasswd
    log file = {home}/log.%m
    max log size = 1000
    map to guest = never
    unix extensions = no
    rpc start on demand helpers = no
{extra}
[store]
    path = {store}
    read only = yes
    oplocks = no
    kernel share modes = no
[writable]
    path = {store}
    read only = no
    force user = {user}
[secret]
    path = {store}
    valid users = nobody-at-all
"""


def user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def program() -> str | None:
    return shutil.which("smbd") or shutil.which("smbd", path="/usr/sbin")


class Samba:
    def __init__(self, home: Path, extra: str = "") -> None:
        found = program()
        require_extra("Samba", found is not None, "apt-get install samba")
        assert found is not None
        self.home, self.port, self.store = home, free_port(), home / "store"
        for folder in ("run", "lock", "state", "cache", "private", "ncalrpc", "store"):
            (home / folder).mkdir(parents=True, mode=0o755)
        self.configuration = home / "smb.conf"
        self.configuration.write_text(
            CONFIGURATION.format(port=self.port, home=home, store=self.store, user=user(), extra=extra)
        )
        self._add_account()
        self._log = (home / "smbd.out").open("wb")
        self._process = subprocess.Popen(
            [found, "--foreground", "--no-process-group", f"--configfile={self.configuration}"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait()

    def _add_account(self) -> None:
        command = ["smbpasswd", "-c", str(self.configuration), "-L", "-a", "-s", user()]
        subprocess.run(command, input=f"{PASSWORD}\n{PASSWORD}\n", text=True, check=True, capture_output=True)

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("smbd did not start: " + (self.home / "smbd.out").read_text(errors="replace")[-2000:])

    def processes(self) -> list[int]:
        """The server and the processes it has started for its clients."""
        import psutil

        return [child.pid for child in psutil.Process(self._process.pid).children(recursive=True)]

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self.kill()
        self._log.close()
