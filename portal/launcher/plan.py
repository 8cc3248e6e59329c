"""What `make run` consists of: the commands, and what is read from the environment."""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.launcher.children import Command

BASE = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
QUIET_LEVELS = ("WARN", "WARNING", "ERROR", "CRITICAL", "FATAL")
# All that a data folder holds of ours; whatever else is in it is not ours to remove or to close.
KEPT = ("embedded", "lab", "log", "secret_key", "field_keys", "demo_password", "launcher.json")
PEOPLE = ("admin", "approver", "approver2", "helpdesk", "auditor")


class CannotStart(Exception):
    """Nothing was started; the message is for the person at the terminal and says what to do."""


@dataclass(frozen=True)
class Plan:
    var: Path
    port: int
    with_lab: bool
    demo_password: str
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Plan":
        var = Path(environment.get("PORTAL_VAR") or BASE / "var").expanduser().absolute()
        port = environment.get("PORTAL_PORT") or "8000"
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise CannotStart(f"PORTAL_PORT is {port!r}; it takes a number from 1 to 65535.")
        password = environment.get("PORTAL_DEMO_PASSWORD") or _kept_password(var / "demo_password")
        level = environment.get("PORTAL_LOG_LEVEL", "").strip().upper() or "INFO"
        return cls(var, int(port), environment.get("PORTAL_NO_LAB") != "1", password, level)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def lab_file(self) -> Path:
        return self.var / "lab" / "lab.json"

    def migrate(self) -> Command:
        return Command("migrate", [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"], once=True)

    def demo(self) -> Command:
        """The password goes by the environment: arguments can be read by every user of the machine."""
        arguments = [sys.executable, "manage.py", "demo"]
        if self.with_lab:
            arguments += ["--lab", str(self.lab_file)]
        return Command("demo", arguments, environment={"PORTAL_DEMO_PASSWORD": self.demo_password}, once=True)

    def lab(self) -> Command:
        return Command("lab", [sys.executable, "-m", "lab", "--state", str(self.lab_file.parent)], "^Lab ready:")

    def stores(self) -> Command:
        """Ends once the first sync has told which stores there are; nothing waits for it, and it says nothing then."""
        arguments = [sys.executable, "manage.py", "demo_stores", "--lab", str(self.lab_file)]
        return Command("stores", arguments, once=True)

    def services(self) -> list[Command]:
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "builders"]
        beat = ["beat", "--pidfile=", "--loglevel", "WARNING"]
        # The worker's word that it is ready is of level INFO, and the start waits for it.
        audible = {"PORTAL_LOG_LEVEL": "INFO"} if self.log_level in QUIET_LEVELS else {}
        work = ["worker", "-P", "threads", "-c", "4", "--loglevel", "INFO"]
        # Event streams never end by themselves; after the grace they are cut, and the browser comes back.
        web = ["--host", HOST, "--port", str(self.port), "--timeout-graceful-shutdown", "3", "--lifespan", "off"]
        web += ["--no-proxy-headers"]  # nothing stands before it: the address of a person is not for them to choose
        return [
            Command("worker", [*celery, *work], r"celery@\S+ ready\.$", audible),
            Command("beat", [*celery, *beat]),
            Command("web", [sys.executable, "-m", "uvicorn", "portal.asgi:application", *web]),
        ]


def _kept_password(file: Path) -> str:
    """Random once, then kept: the next start on the same data does not lock out whoever noted it down."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(secrets.token_urlsafe(12) + "\n")
    return file.read_text(encoding="utf-8").strip()
