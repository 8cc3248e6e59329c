"""Shells of a host: who owns them, how many there may be, and when they are forgotten."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.wsman.faults import command_not_found, shell_not_found, too_many_operations, too_many_shells
from lab.wsman.process import Process


@dataclass(frozen=True)
class Quotas:
    """Limits of the service; the figures are the defaults of Windows Server."""

    shells_per_user: int = 30
    commands_per_shell: int = 1500  # terminating a command of a text shell gives nothing back ([MS-WSMV] note 118)
    envelope_bytes: int = 500 * 1024
    command_line_characters: int = 8191  # of cmd.exe
    shell_idle_seconds: float = 7200.0
    connection_idle_seconds: float = 120.0


@dataclass
class Shell:
    owner: str
    idle_seconds: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    processes: dict[str, Process] = field(default_factory=dict)
    commands: int = 0
    used_at: float = field(default_factory=time.monotonic)
    requests_under_way: int = 0

    def process(self, command_id: str) -> Process:
        process = self.processes.get(command_id.upper())
        if process is None:
            raise command_not_found()
        return process

    def kill(self) -> None:
        for process in self.processes.values():
            process.kill()


Program = Callable[[str, Process], int]  # command line, console -> exit code


class Shells:
    """All shells of one host. A shell belongs to its user: for anybody else it does not exist."""

    def __init__(self, quotas: Quotas, program: Program) -> None:
        self.quotas = quotas
        self._program = program
        self._shells: dict[str, Shell] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._shells)

    def all(self) -> list[Shell]:
        with self._lock:
            return list(self._shells.values())

    def open(self, owner: str, idle_seconds: float) -> Shell:
        with self._lock:
            if sum(shell.owner == owner for shell in self._shells.values()) >= self.quotas.shells_per_user:
                raise too_many_shells(self.quotas.shells_per_user)
            shell = Shell(owner, min(idle_seconds, self.quotas.shell_idle_seconds))
            self._shells[shell.id] = shell
        return shell

    def get(self, shell_id: str, owner: str) -> Shell:
        shell = self._shells.get(shell_id)
        if shell is None or shell.owner != owner:
            raise shell_not_found(shell_id)
        return shell

    def close(self, shell: Shell) -> None:
        with self._lock:
            self._shells.pop(shell.id, None)
        shell.kill()

    def close_all(self) -> None:
        for shell in list(self._shells.values()):
            self.close(shell)

    def close_idle(self) -> None:
        now = time.monotonic()
        for shell in list(self._shells.values()):
            if not shell.requests_under_way and now - shell.used_at > shell.idle_seconds:
                self.close(shell)

    def run(self, shell: Shell, command_line: str, *, through_cmd: bool, console_input: bool) -> Process:
        """Start a program in the shell; it runs in a thread of its own."""
        shell.commands += 1
        if shell.commands > self.quotas.commands_per_shell:
            raise too_many_operations(self.quotas.commands_per_shell)
        process = Process(delivers_input=not console_input)
        shell.processes[process.id] = process
        if through_cmd and len(command_line) > self.quotas.command_line_characters:
            process.write(b"The command line is too long.\r\n", "stderr")
            process.finish(1)
        else:
            threading.Thread(target=self._live, args=(command_line, process), daemon=True, name="shell-process").start()
        return process

    def _live(self, command_line: str, process: Process) -> None:
        try:
            process.finish(self._program(command_line, process))
        except BrokenPipeError:
            process.finish(1)
        except Exception as error:  # a crash of the simulated program is an exit code, not a fault of the service
            process.write(f"{type(error).__name__}: {error}\r\n".encode(), "stderr")
            process.finish(1)
