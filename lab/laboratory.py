"""The whole lab: farm, stores, clock, one WS-Management listener for each server, and the control."""

import json
import os
import secrets
from pathlib import Path

from lab.certificates import ensure_certificates, server_context
from lab.clock import Clock
from lab.control.network import Network
from lab.control.server import ControlServer
from lab.files import write_private
from lab.powershell.process import run_powershell
from lab.pvs.datacentre import Datacentre
from lab.pvs.host import PvsHost
from lab.pvs.initial import create_files, initial_farm
from lab.pvs.model import Farm, Server
from lab.pvs.operations import Operations
from lab.pvs.scheduler import Scheduler
from lab.state import StateFile
from lab.stores.folders import StoreFolders
from lab.wsman.authentication import Account
from lab.wsman.listener import Listener
from lab.wsman.process import Process
from lab.wsman.shells import Program, Quotas

POWERSHELL_START_SECONDS = 0.3
DOMAIN, USER = "LAB", "svc-portal"


class Laboratory:
    """Owns everything that has to be started and stopped."""

    def __init__(
        self,
        folder: Path,
        *,
        wsman_port: int = 0,
        control_port: int = 0,
        speed: float = 1.0,
        further_vdisks: int = 0,
        quotas: Quotas | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._known = _read_info(folder)
        self._further_vdisks = further_vdisks
        self._quotas = quotas or Quotas()
        self._state = StateFile(folder / "state.json")
        folders = StoreFolders(folder / "stores")
        clock = Clock(speed)
        self.datacentre = Datacentre(self._farm(folders, clock), folders, clock)
        self.account = self._account()
        self.listeners = self._listeners(wsman_port)
        self.operations = Operations(self.datacentre, self._server_power)
        self.control = ControlServer(
            control_port or self._known_control_port(),
            self.operations,
            Network(self.listeners),
            may_move=not control_port,
        )
        self._scheduler = Scheduler(self.datacentre, lambda: self._state.save(self.datacentre))

    def start(self) -> None:
        for server in self.datacentre.farm.servers:
            if server.up:
                self.listeners[server.name].up()
        self._scheduler.start()
        self.control.start()
        self._state.save(self.datacentre, now=True)
        self._write_info()

    def stop(self) -> None:
        self.control.stop()
        for listener in self.listeners.values():
            listener.close()
        self._scheduler.stop()
        self._state.save(self.datacentre, now=True)

    def _farm(self, folders: StoreFolders, clock: Clock) -> Farm:
        farm = self._state.load()
        if farm is None:
            farm = initial_farm(clock.now(), further=self._further_vdisks)
            create_files(farm, folders)
        clock.set_ahead(farm.clock_ahead_seconds)
        return farm

    def _account(self) -> Account:
        """The password is drawn once; NTLM reads it from the file that this environment variable names."""
        account = Account(DOMAIN, USER, str(self._known.get("password") or secrets.token_urlsafe(18)))
        users = self._folder / "ntlm-users"
        write_private(users, f"{account.domain}:{account.user}:{account.password}\n")
        os.environ["NTLM_USER_FILE"] = str(users)
        return account

    def _listeners(self, first_port: int) -> dict[str, Listener]:
        names = [server.name for server in self.datacentre.farm.servers]
        ensure_certificates(self._folder, names)
        listeners = {}
        for index, name in enumerate(names):
            wanted = first_port + index if first_port else self._known_port(name)
            listeners[name] = self._listener(name, wanted, may_move=not first_port)
        return listeners

    def _listener(self, name: str, port: int, *, may_move: bool) -> Listener:
        """On the former port where that is free: who has noted it finds the server again after a restart."""
        tls = server_context(self._folder, name)
        program = self._program(name)
        try:
            return Listener(port=port, tls=tls, account=self.account, program=program, quotas=self._quotas)
        except OSError:
            if not may_move:
                raise
            return Listener(port=0, tls=tls, account=self.account, program=program, quotas=self._quotas)

    def _program(self, name: str) -> Program:
        host = PvsHost(self.datacentre, name)
        start_seconds = POWERSHELL_START_SECONDS / self.datacentre.clock.speed

        def program(command_line: str, process: Process) -> int:
            return run_powershell(command_line, process, host, start_seconds=start_seconds)

        return program

    def _server_power(self, server: Server) -> None:
        listener = self.listeners[server.name]
        if server.up:
            listener.up()
        else:
            listener.down()

    def _known_port(self, name: str) -> int:
        servers = self._known.get("servers")
        found = [entry["port"] for entry in servers if entry["name"] == name] if isinstance(servers, list) else []
        return int(found[0]) if found else 0

    def _known_control_port(self) -> int:
        url = str(self._known.get("control", ""))
        return int(url.rstrip("/").rpartition(":")[2]) if url else 0

    def _write_info(self) -> None:
        servers = self.datacentre.farm.servers
        info = {
            "control": self.control.url,
            "ca_file": str(self._folder / "ca.pem"),
            "username": self.account.name,
            "password": self.account.password,
            "farm": self.datacentre.farm.name,
            "servers": [
                {"name": server.name, "host": "127.0.0.1", "port": self.listeners[server.name].port}
                for server in servers
            ],
            "stores": {server.name: str(self.datacentre.folders.root / server.name) for server in servers},
        }
        write_private(self._folder / "lab.json", json.dumps(info, indent=1))


def _read_info(folder: Path) -> dict[str, object]:
    path = folder / "lab.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
