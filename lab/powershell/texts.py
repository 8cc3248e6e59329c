"""Reading what a client sent: the bootstrap on the command line and the runner on the first line.

Neither is understood as PowerShell. What varies from one client to another is cut out (the runner's digest in the
bootstrap; the tables of cmdlets and modules in the runner) and the rest must be a text that the lab knows.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from lab.powershell import accepted

DIGEST = re.compile(r"\b[0-9A-F]{64}\b")
ALLOW_TABLE = re.compile(r"^(\$Allow = @\{\r?\n)(.*?)(^\}\r?$)", re.MULTILINE | re.DOTALL)
ALLOW_ROW = re.compile(r"    '([^']+)' = (@\(\)|'[^']+'(?:, '[^']+')*)")
MODULES_LINE = re.compile(r"^\$Modules = @\((.*)\)\r?$", re.MULTILINE)
QUOTED = re.compile(r"'([^']+)'")
ENCODED_COMMAND = re.compile(r"-encodedcommand\s+(\S+)", re.IGNORECASE)


class NotAccepted(Exception):
    """A text the lab does not play; the words go to stderr."""


@dataclass(frozen=True)
class Bootstrap:
    text: str

    @property
    def runner_digest(self) -> str:
        match = DIGEST.search(self.text)
        if match is None:
            raise NotAccepted("The bootstrap names no SHA-256 of its runner.")
        return match[0]

    @property
    def digest(self) -> str:
        """Of the template: the text with `@SHA256@` where the runner's digest stands."""
        return _sha256(DIGEST.sub("@SHA256@", self.text, count=1))


@dataclass(frozen=True)
class Runner:
    text: str

    @property
    def digest(self) -> str:
        """Of the constant body: without the rows of `$Allow` and without the line of `$Modules`."""
        return _sha256(MODULES_LINE.sub("", ALLOW_TABLE.sub(r"\1\3", self.text, count=1), count=1))

    @property
    def allowed(self) -> dict[str, frozenset[str]]:
        """Cmdlet -> parameters, all lower case: PowerShell heeds no case here."""
        table = ALLOW_TABLE.search(self.text)
        if table is None:
            raise NotAccepted("The runner has no table $Allow.")
        allowed = {}
        for line in table[2].splitlines():
            row = ALLOW_ROW.fullmatch(line.rstrip("\r"))
            if row is None:
                raise NotAccepted(f"A row of $Allow cannot be read: {line.strip()}")
            allowed[row[1].lower()] = frozenset(name.lower() for name in QUOTED.findall(row[2]))
        return allowed

    @property
    def modules(self) -> list[str]:
        line = MODULES_LINE.search(self.text)
        return QUOTED.findall(line[1]) if line else []


def bootstrap_of(command_line: str) -> Bootstrap:
    """The bootstrap that a command line carries. Raises NotAccepted with words for anything else."""
    encoded = ENCODED_COMMAND.search(command_line)
    if encoded is None or "powershell" not in command_line.lower():
        raise NotAccepted("This machine runs powershell.exe with -EncodedCommand and nothing else.")
    try:
        bootstrap = Bootstrap(base64.b64decode(encoded[1], validate=True).decode("utf-16-le"))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotAccepted("The encoded command is not base64 of UTF-16 text.") from error
    if bootstrap.digest not in accepted.BOOTSTRAPS:
        raise NotAccepted(_unknown("bootstrap", bootstrap.digest))
    return bootstrap


def runner_of(line: bytes, bootstrap: Bootstrap) -> Runner:
    """The runner from the first line of input, checked as the bootstrap would check it."""
    try:
        content = base64.b64decode(line.strip(), validate=True)
    except binascii.Error as error:
        raise NotAccepted("The first line of input is not base64.") from error
    if hashlib.sha256(content).hexdigest().upper() != bootstrap.runner_digest:
        raise NotAccepted("runner hash mismatch")
    runner = Runner(content.decode("utf-8"))
    if runner.digest not in accepted.RUNNERS:
        raise NotAccepted(_unknown("runner", runner.digest))
    return runner


def _unknown(what: str, digest: str) -> str:
    return (
        f"The lab does not know this {what} (digest {digest}). If the change is meant, look whether the lab "
        f"still plays it, then pin it: python -m lab accept-runner FILE"
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
