"""The text that runs on the host: bootstrap on the command line, runner on its first line of input."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builders.adapters.powershell.allowlist import AllowList, render_table

COMMAND = "powershell.exe"
_FOLDER = Path(__file__).parent
_OPTIONS = ("-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "RemoteSigned", "-OutputFormat", "Text")


@dataclass(frozen=True)
class RunnerScript:
    """A runner for one kind of host: what it loads and what it may call."""

    modules: tuple[str, ...]
    allowed: AllowList

    @cached_property
    def runner(self) -> bytes:
        text = (_FOLDER / "runner.ps1").read_text(encoding="ascii")
        text = _put(text, "$Allow = @{\n}\n", f"$Allow = @{{\n{render_table(self.allowed)}}}\n")
        names = ", ".join(f"'{module}'" for module in self.modules)
        return _put(text, "$Modules = @()\n", f"$Modules = @({names})\n").encode("ascii")

    @cached_property
    def bootstrap(self) -> str:
        """Carries the runner's digest: it finds a damaged line, it keeps nobody out."""
        text = (_FOLDER / "bootstrap.ps1").read_text(encoding="ascii")
        return _put(text, "@SHA256@", hashlib.sha256(self.runner).hexdigest().upper())

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """Base64, because the line passes cmd.exe, where quotes, percent signs and pipes are alive."""
        return (*_OPTIONS, "-EncodedCommand", base64.b64encode(self.bootstrap.encode("utf-16-le")).decode("ascii"))

    @cached_property
    def first_line(self) -> bytes:
        return base64.b64encode(self.runner) + b"\n"


def _put(text: str, place: str, content: str) -> str:
    if text.count(place) != 1:
        raise ValueError(f"the script has no single place {place!r}")
    return text.replace(place, content)
