"""A lab in a process of its own, for any test that wants a datacentre on real wires."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 20


class LabProcess:
    """`python -m lab` on free ports.

    `with LabProcess(folder) as lab: lab.info["servers"]`; the folder may be used again for a second start.
    """

    def __init__(self, state_dir: Path, speed: float = 20, options: Sequence[str] = ()) -> None:
        self.state_dir = Path(state_dir)
        self.speed = speed
        self.options = options
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def info(self) -> dict[str, Any]:
        """The content of lab.json: control, ca_file, username, password, farm, servers, stores."""
        content: dict[str, Any] = json.loads((self.state_dir / "lab.json").read_text(encoding="utf-8"))
        return content

    def start(self) -> None:
        """Returns when all listeners serve. Raises RuntimeError with what the lab wrote when it does not come up."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "lab", "--state", str(self.state_dir), "--speed", str(self.speed)]
        command += self.options
        with (self.state_dir / "lab.log").open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line.startswith("Lab ready:"):
            self.kill()
            raise RuntimeError(f"the lab did not start: {(self.state_dir / 'lab.log').read_text(encoding='utf-8')}")

    def stop(self) -> None:
        """End it as an operator would; the state is written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def last_words(self) -> str:
        """How it ended, if it did, and the end of what it wrote; for whoever cannot reach it."""
        code = self._process.poll() if self._process else None
        state = "is running" if code is None else f"ended with {code}"
        wrote = (self.state_dir / "lab.log").read_text(encoding="utf-8", errors="replace")[-5000:]
        return f"the lab {state}; it wrote:\n{wrote}"

    def get(self, path: str) -> Any:
        return self._ask(path, None)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Raises RuntimeError with the lab's words when it refuses the order."""
        return self._ask(path, body or {})

    def _ask(self, path: str, body: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(
            self.info["control"] + path.lstrip("/"),
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(f"{path}: {error.read().decode()}") from None

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
