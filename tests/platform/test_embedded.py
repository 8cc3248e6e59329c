"""The embedded servers with real processes: shared, outliving their starter, gone with their last user."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from portal import embedded
from portal.embedded.errors import EmbeddedServerError
from portal.embedded.layout import SOCKET_PATH_BYTES, Layout
from portal.embedded.owner import Owner
from portal.embedded.postgres import Postgres
from portal.embedded.valkey import Valkey

BASE = Path(__file__).resolve().parents[2]
USER = (
    "import sys; from pathlib import Path; from portal import embedded; "
    "embedded.attach(Path(sys.argv[1])); print('attached', flush=True); sys.stdin.read()"
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for the module: making a database cluster is the slow part."""
    var = tmp_path_factory.mktemp("v")
    yield var
    embedded.stop(var)


@pytest.fixture
def var(cluster: Path) -> Iterator[Path]:
    yield cluster
    embedded.detach(cluster)
    assert embedded.wait_until_stopped(cluster)


@pytest.fixture
def user(var: Path) -> Iterator["Users"]:
    users = Users(var)
    yield users
    for process in users.processes:
        process.kill()
        process.communicate()


class Users:
    """Other processes that attach to the same servers."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.processes: list[subprocess.Popen[str]] = []

    def start(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(self.var)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=BASE,
        )
        self.processes.append(process)
        return process

    def attached(self) -> "subprocess.Popen[str]":
        process = self.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "attached\n"
        return process


def connect(var: Path) -> "psycopg.Connection":
    entry = embedded.database(var)
    return psycopg.connect(host=entry["HOST"], port=entry["PORT"], user=entry["USER"], dbname=entry["NAME"])


def answers(var: Path) -> bool:
    try:
        connect(var).close()
    except psycopg.OperationalError:
        return False
    return True


def guardian(var: Path) -> int:
    return int(Layout(var).guard.read_text())


def wait_for(condition, seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_processes_that_come_together_share_one_pair_of_servers(var: Path, user: Users) -> None:
    started = [user.start() for _ in range(3)]
    assert {process.stdout.readline() for process in started if process.stdout} == {"attached\n"}
    first = guardian(var)

    embedded.attach(var)

    assert guardian(var) == first
    with connect(var) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("portal",)
    connection.close()
    assert Valkey(Layout(var)).pid()


def test_servers_stay_for_whoever_is_left_and_go_with_the_last_even_if_it_is_killed(var: Path, user: Users) -> None:
    starter, other = user.attached(), user.attached()
    postgres, valkey = Postgres(Layout(var)).pid(), Valkey(Layout(var)).pid()
    assert postgres
    assert valkey

    starter.kill()
    starter.wait()
    time.sleep(1)  # longer than the guardian's look
    assert psutil.pid_exists(postgres)

    other.kill()
    other.wait()
    assert embedded.wait_until_stopped(var)
    assert not psutil.pid_exists(postgres)
    assert not psutil.pid_exists(valkey)


def test_a_pid_file_that_names_a_living_stranger_does_not_block_the_start(var: Path) -> None:
    embedded.attach(var)
    server = Postgres(Layout(var)).pid()
    assert server
    os.kill(guardian(var), signal.SIGKILL)
    psutil.Process(server).kill()
    embedded.detach(var)
    assert wait_for(lambda: not psutil.pid_exists(server))
    pid_file = Layout(var).postgres_data / "postmaster.pid"
    pid_file.write_text("\n".join([str(os.getpid()), *pid_file.read_text().splitlines()[1:]]))

    embedded.attach(var)

    with connect(var):
        assert Postgres(Layout(var)).pid() not in {None, os.getpid(), server}


def test_a_server_that_dies_is_started_again(var: Path) -> None:
    embedded.attach(var)
    postgres, valkey = Postgres(Layout(var)), Valkey(Layout(var))
    victims = {postgres.pid(), valkey.pid()}

    for victim in victims:
        os.kill(victim or 0, signal.SIGKILL)

    assert wait_for(lambda: postgres.is_running() and valkey.is_running() and postgres.pid() not in victims)
    assert valkey.pid() not in victims


def test_a_server_that_dies_again_while_it_is_being_started_comes_back_all_the_same(var: Path) -> None:
    embedded.attach(var)
    postgres, valkey = Postgres(Layout(var)), Valkey(Layout(var))
    first, victim = guardian(var), postgres.pid()

    for _ in range(3):
        assert victim
        psutil.Process(victim).kill()
        assert wait_for(lambda gone=victim: postgres.pid() not in {None, gone}), "nobody starts it any more"
        victim = postgres.pid()

    assert wait_for(lambda: answers(var) and valkey.is_running())
    assert guardian(var) == first


def test_servers_of_a_killed_guardian_are_taken_over_not_restarted(var: Path, user: Users) -> None:
    user.attached()
    server, first = Postgres(Layout(var)).pid(), guardian(var)
    os.kill(first, signal.SIGKILL)
    assert wait_for(lambda: not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE)

    embedded.attach(var)

    assert Postgres(Layout(var)).pid() == server
    assert guardian(var) != first


def test_can_be_stopped_though_somebody_uses_them(var: Path, user: Users) -> None:
    user.attached()

    assert embedded.stop(var)

    assert Postgres(Layout(var)).pid() is None
    assert Valkey(Layout(var)).pid() is None


def test_only_their_user_reaches_the_sockets(var: Path) -> None:
    embedded.attach(var)

    for folder in (Layout(var).postgres_sockets, Layout(var).valkey_socket.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert embedded.database(var)["HOST"] == str(Layout(var).postgres_sockets)


def test_a_data_folder_too_deep_for_a_socket_gets_one_in_the_temporary_folder(tmp_path: Path) -> None:
    deep = Layout(tmp_path / ("d" * 100))

    socket_file = deep.postgres_sockets / ".s.PGSQL.5432.lock"

    assert len(os.fsencode(socket_file)) <= SOCKET_PATH_BYTES
    assert len(os.fsencode(deep.valkey_socket)) <= SOCKET_PATH_BYTES
    assert deep.postgres_sockets != Layout(tmp_path / ("e" * 100)).postgres_sockets


def test_a_folder_that_somebody_else_put_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sockets").symlink_to("elsewhere")

    with pytest.raises(EmbeddedServerError, match="belongs to another user"):
        Owner.current().private_folder(tmp_path / "sockets")


def test_says_why_when_the_data_are_of_a_postgresql_that_is_not_there(tmp_path: Path) -> None:
    data = Layout(tmp_path).postgres_data
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedServerError, match=r"made by PostgreSQL 9.*[\s\S]*set DATABASE_URL and REDIS_URL"):
        embedded.attach(tmp_path)

    assert embedded.wait_until_stopped(tmp_path)
