"""The state of one image: what a guest has installed up to now. It is kept as a file in the image itself."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

STATE_FILE = "System Volume Information\\lab.json"
DIARY_FILE = "Windows\\Logs\\maintenance.log"


class NotPossible(Exception):
    """A change that makes no sense for this image; the words are for the operator."""


@dataclass
class Installed:
    """One program; `at` is Unix time."""

    program: str
    version: str
    at: float


@dataclass
class Patch:
    """A monthly update: `revision` is the fourth part of the build."""

    kb: str
    revision: int
    at: float


@dataclass
class Machine:
    """An image with its past; `rounds` counts the planned updates that it has had."""

    story: str
    system: str
    computer: str
    firmware: str
    made_at: float
    programs: list[Installed] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    rounds: int = 0
    changes: int = 0
    changed_at: float = 0.0

    @property
    def revision(self) -> int:
        return max((patch.revision for patch in self.patches), default=1)

    def find(self, program: str) -> Installed | None:
        return next((one for one in self.programs if one.program.lower() == program.lower()), None)

    def install(self, program: str, version: str, at: float) -> None:
        """Add the program, or replace the version that is there."""
        found = self.find(program)
        if found is None:
            self.programs.append(Installed(program, version, at))
        elif found.version == version:
            raise NotPossible(f"{found.program} {version} is installed already.")
        else:
            found.version, found.at = version, at

    def remove(self, program: str) -> None:
        found = self.find(program)
        if found is None:
            raise NotPossible(f"{program} is not installed.")
        self.programs.remove(found)

    def patch(self, kb: str, revision: int, at: float) -> None:
        if revision <= self.revision:
            raise NotPossible(f"The system is at revision {self.revision}; an update raises it.")
        self.patches.append(Patch(kb, revision, at))

    def mark(self, marks: Iterable[str]) -> None:
        self.marks = sorted({*self.marks, *marks})

    def pack(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def unpack(cls, content: bytes) -> "Machine":
        stored: dict[str, Any] = json.loads(content)
        programs = [Installed(**one) for one in stored.pop("programs")]
        patches = [Patch(**one) for one in stored.pop("patches")]
        return cls(**stored, programs=programs, patches=patches)
