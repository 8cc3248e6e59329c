"""Where the embedded servers keep their things: one folder a data folder (`PORTAL_VAR`)."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

# sun_path holds 108 bytes with its closing NUL on Linux, 104 on macOS; the shorter one is safe on both.
SOCKET_PATH_BYTES = 103


@dataclass(frozen=True)
class Layout:
    """Paths below one data folder. Two processes with the same data folder share one pair of servers."""

    var: Path

    @property
    def home(self) -> Path:
        return self.var / "embedded"

    @property
    def postgres_data(self) -> Path:
        return self.home / "postgres"

    @property
    def postgres_sockets(self) -> Path:
        return self._socket_folder("pg", ".s.PGSQL.5432.lock")

    @property
    def valkey_data(self) -> Path:
        return self.home / "valkey"

    @property
    def valkey_socket(self) -> Path:
        return self._socket_folder("vk", "valkey.sock") / "valkey.sock"

    @property
    def mutex(self) -> Path:
        """Held by whoever is looking whether the servers run, or starting them."""
        return self.home / "mutex"

    @property
    def users(self) -> Path:
        """Held shared by every process that uses the servers; the kernel lets go for a process that dies."""
        return self.home / "users"

    @property
    def guard(self) -> Path:
        """Held by the guardian while it answers for the servers."""
        return self.home / "guardian"

    @property
    def log(self) -> Path:
        return self.home / "guardian.log"

    def _socket_folder(self, name: str, longest_file: str) -> Path:
        """Below home, or, where that is too deep for a socket's address, a folder of ours in the temporary one."""
        folder = self.home / name
        if len(os.fsencode(folder / longest_file)) <= SOCKET_PATH_BYTES:
            return folder
        mark = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"vdisk-portal-{os.getuid()}-{mark}-{name}"
