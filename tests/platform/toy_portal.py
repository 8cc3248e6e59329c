"""The launcher with toys for children: same supervisor, nothing of the portal, so that it is there in a moment."""

import os
import sys
from pathlib import Path

from portal.launcher import __main__ as launcher
from portal.launcher import supervisor
from portal.launcher.children import Command
from portal.launcher.plan import Plan

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)", "toy-beat"]
READY = "print('INFO celery@toy ready.', flush=True)"
WITH_CHILD = [sys.executable, "-c", f"import subprocess; {READY}; subprocess.run(['sleep', '600'])", "toy-worker"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]
# Like the real web server it writes no line for a request; the one that asks whether it serves could come late.
QUIET_WEB = (
    "import functools, http.server as web, sys\n"
    "web.SimpleHTTPRequestHandler.log_request = lambda *_: None\n"
    "handler = functools.partial(web.SimpleHTTPRequestHandler, directory=sys.argv[3])\n"
    "web.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), handler).serve_forever()"
)
# What TOY_WORKER and TOY_BEAT make of them. Arguments: the toy's name, and a folder to leave a mark in.
LAST_WORDS = "print('no such setting', flush=True); raise SystemExit(3)"
WAYS = {
    "dies": LAST_WORDS,
    "dies once": (
        "import pathlib, sys, time; mark = pathlib.Path(sys.argv[2], sys.argv[1])\n"
        f"if not mark.exists():\n    mark.touch(); {LAST_WORDS}\n"
        f"{READY}; time.sleep(600)"
    ),
    "silent": "import time; print('waiting for the broker', flush=True); time.sleep(600)",
}


class Toys(Plan):
    def migrate(self) -> Command:
        return Command(
            "migrate", [sys.executable, "-c", f"raise SystemExit({os.environ.get('TOY_MIGRATE', '0')})"], once=True
        )

    def demo(self) -> Command:
        command = super().demo()
        shown = "import os, sys; print('password of', len(os.environ['PORTAL_DEMO_PASSWORD']), *sys.argv[1:])"
        return Command(
            "demo", [sys.executable, "-c", shown, *command.arguments[2:]], "", command.environment, once=True
        )

    def lab(self) -> Command:
        word = os.environ.get("TOY_LAB", "Lab ready: http://127.0.0.1:1/")
        arguments = [sys.executable, "-c", f"import time; print({word!r}, flush=True); time.sleep(600)", "toy-lab"]
        return Command("lab", arguments, super().lab().ready_line)

    def stores(self) -> Command:
        return Command("stores", [sys.executable, "-c", ""], once=True)

    def services(self) -> list[Command]:
        site = self.var / "site"
        site.mkdir(exist_ok=True)
        (site / "healthz").write_text("ok\n")
        server = ["-c", QUIET_WEB, "http.server", str(self.port), str(site)]
        beat = STUBBORN if os.environ.get("TOY_STUBBORN") else SLEEPER
        worker, *_ = super().services()
        return [
            Command("worker", self._way("worker", WITH_CHILD), worker.ready_line),
            Command("beat", self._way("beat", beat)),
            Command("web", [sys.executable, *server]),
        ]

    def _way(self, name: str, usual: list[str]) -> list[str]:
        way = os.environ.get(f"TOY_{name.upper()}")
        return [sys.executable, "-c", WAYS[way], f"toy-{name}", str(self.logs)] if way else usual


if __name__ == "__main__":
    launcher.Plan = Toys  # type: ignore[misc]
    supervisor.GRACE_SECONDS = 1 if os.environ.get("TOY_STUBBORN") else 15
    supervisor.SETTLE_SECONDS = 0.5  # type: ignore[assignment]
    supervisor.SERVICES_SECONDS = int(os.environ.get("TOY_SERVICES_SECONDS", "90"))
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.exit(launcher.main(sys.argv[1:]))
