"""Signs that an image was not closed and sealed as it should have been before it was captured or promoted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from builders.inspection.inventory.patches import PENDING, SERVICING, newest_rollup
from builders.inspection.inventory.platform import program_named
from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import Report, Sign

_WINLOGON = r"Microsoft\Windows NT\CurrentVersion\Winlogon"
_AUTO_UPDATE = r"Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
_SESSION_MANAGER = r"Control\Session Manager"
_ANSWERS = (
    "unattend.xml",
    "autounattend.xml",
    r"Windows\Panther\unattend.xml",
    r"Windows\Panther\Unattend\unattend.xml",
    r"Windows\Panther\autounattend.xml",
    r"Windows\System32\Sysprep\unattend.xml",
    r"Windows\System32\Sysprep\Panther\unattend.xml",
)
_ERASED = "*sensitive*data*deleted*"
_NETWORK_CARDS = "{4d36e972-e325-11ce-bfc1-08002be10318}"
_BUSES = (r"Enum\PCI", r"Enum\XENVIF", r"Enum\VMBUS\{f8615163-df3e-46c5-913f-f2d2f965ed0e}")
MOST_DEVICES = 5000


def read_signs(reading: Reading, report: Report) -> list[Sign]:
    found = [
        *_pending(reading, report),
        *_stale_stream(reading),
        *_answers(reading),
        *_sign_in(reading),
        *_half_installed(reading, report),
        *_unfinished(reading, report),
        *_network_cards(reading),
    ]
    return sorted(found, key=lambda sign: (sign["sign"], sign["source"], sign["words"]))


def _sign(sign: str, words: str, source: str) -> Sign:
    return {"sign": sign, "words": words, "source": source}


def _pending(reading: Reading, report: Report) -> Iterator[Sign]:
    for name in ("RebootPending", "RebootInProgress", "PackagesPending"):
        if key := reading.software(rf"{SERVICING}\{name}"):
            yield _sign("pending-reboot", f"Windows' servicing waits for a restart ({name})", f"SOFTWARE\\{key.path}")
    sessions = reading.software(rf"{SERVICING}\SessionsPending")
    if sessions and (sessions.number("Exclusive") or 0) > 0:
        yield _sign("pending-reboot", "a servicing session is not finished", f"SOFTWARE\\{sessions.path}")
    for name in ("RebootRequired", "PostRebootReporting"):
        if key := reading.software(rf"{_AUTO_UPDATE}\{name}"):
            yield _sign("pending-reboot", f"Windows Update waits for a restart ({name})", f"SOFTWARE\\{key.path}")
    yield from _pending_files(reading)
    manager = reading.software(r"Microsoft\ServerManager")
    if manager and (manager.number("CurrentRebootAttempts") or 0) > 0:
        yield _sign("pending-reboot", "Server Manager waits for a restart", f"SOFTWARE\\{manager.path}")
    if reading.exists(r"Windows\WinSxS\pending.xml"):
        yield _sign("pending-reboot", "servicing has work left for the next start", r"Windows\WinSxS\pending.xml")
    for patch in report.patches:
        if patch["state"] in PENDING:
            yield _sign("pending-reboot", f"{patch['id']} is in the state: {patch['state']}", patch["source"])


def _pending_files(reading: Reading) -> Iterator[Sign]:
    key = reading.control(_SESSION_MANAGER)
    for name in ("PendingFileRenameOperations", "PendingFileRenameOperations2"):
        count = len(key.texts(name)) if key else 0
        if key and count:
            words = f"files are to be renamed or removed at the next start ({count} name(s))"
            yield _sign("pending-reboot", words, f"SYSTEM\\{key.path}\\{name}")


def _stale_stream(reading: Reading) -> Iterator[Sign]:
    if reading.exists("Personality.ini"):
        words = "Personality.ini of a streamed device is in the image: it was captured while it was streamed"
        yield _sign("stale-stream", words, "Personality.ini")
    if key := reading.control(r"Services\bnistack\PVSAgent"):
        words = "the identity of a streamed device is in the registry: it was captured while it was streamed"
        yield _sign("stale-stream", words, f"SYSTEM\\{key.path}")


def _answers(reading: Reading) -> Iterator[Sign]:
    for path in _ANSWERS:
        content = reading.file(path, 4 << 20)
        if content and holds_password(content):
            yield _sign("plain-text-unattend", "an answer file of setup with a password in it lies in the image", path)


def holds_password(content: bytes) -> bool:
    """Whether an answer file holds a password that setup has not taken out; never what it is."""
    text = _decoded(content)
    try:
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except (ParseError, DefusedXmlException, ValueError):
        found = re.findall(r"(?is)<(?:\w+:)?\w*Password\b[^>]{0,200}>\s*(?:<(?:\w+:)?Value>)?\s*([^<\s][^<]*)", text)
        return any(value.strip().lower() != _ERASED for value in found)
    for element in root.iter():
        if str(element.tag).rsplit("}", 1)[-1].lower().endswith("password"):
            values = [(element.text or ""), *((below.text or "") for below in element if _is_value(below.tag))]
            if any(value.strip() and value.strip().lower() != _ERASED for value in values):
                return True
    return False


def _is_value(tag: object) -> bool:
    return str(tag).rsplit("}", 1)[-1].lower() == "value"


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return content.decode(encoding, "replace")


def _sign_in(reading: Reading) -> Iterator[Sign]:
    for _, key in reading.both_views(_WINLOGON):
        source = f"SOFTWARE\\{key.path}"
        if key.number("AutoAdminLogon") == 1:
            yield _sign("automatic-sign-in", "somebody is signed in by itself at each start", source)
        if key.raw("DefaultPassword").strip(b"\0"):
            yield _sign("plain-text-password", "a password for signing in stands in the registry", source)


def _half_installed(reading: Reading, report: Report) -> Iterator[Sign]:
    program = program_named(report.programs, "pvs")
    drivers = [name for name in ("bnistack6", "bnistack") if reading.exists(rf"Windows\System32\drivers\{name}.sys")]
    service = reading.control(r"Services\bnistack") or reading.control(r"Services\bnistack6")
    if program and not (drivers and service):
        missing = "the driver bnistack6.sys" if not drivers else "the service bnistack"
        words = f"{program['name']} is listed as installed, but {missing} is missing"
        yield _sign("half-installed-target", words, program["source"])
    if not program and (drivers or service):
        source = f"SYSTEM\\{service.path}" if service else rf"Windows\System32\drivers\{drivers[0]}.sys"
        words = "parts of the PVS target software are there, but it is not listed as installed"
        yield _sign("half-installed-target", words, source)


def _unfinished(reading: Reading, report: Report) -> Iterator[Sign]:
    setup = reading.key("SYSTEM", "Setup")
    for name in ("SystemSetupInProgress", "OOBEInProgress"):
        if setup and setup.number(name):
            yield _sign("unfinished-setup", f"Windows' setup is not finished ({name})", f"SYSTEM\\{setup.path}")
    rollup, revision = newest_rollup(report.patches), report.os["ubr"]
    if rollup and revision is not None and report.os["build"].isdecimal():
        differs = rollup[0] == int(report.os["build"]) and rollup[1] > revision
        if differs:
            words = (
                f"the cumulative update {rollup[0]}.{rollup[1]} counts as installed, "
                f"but Windows says it is {report.os['build']}.{revision}"
            )
            yield _sign("unfinished-update", words, r"SOFTWARE\Microsoft\Windows NT\CurrentVersion")


def _network_cards(reading: Reading) -> Iterator[Sign]:
    """Which cards are present cannot be seen offline; several are a reason to look."""
    names = [name for bus in _BUSES for name in _cards_below(reading, bus)]
    if len(names) > 1:
        words = f"{len(names)} network cards are known to the image; all but one may be left from earlier machines"
        yield _sign("several-network-cards", words, rf"SYSTEM\{reading.control_set}\Enum")


def _cards_below(reading: Reading, bus: str) -> Iterator[str]:
    key = reading.control(bus)
    depth = 1 if bus.count("\\") > 1 else 2
    waiting = [(below, depth - 1) for below in key] if key else []
    for _ in range(MOST_DEVICES):
        if not waiting:
            return
        held, levels = waiting.pop()
        if levels:
            waiting.extend((below, levels - 1) for below in held)
        elif held.text("ClassGUID").lower() == _NETWORK_CARDS or held.text("Class").lower() == "net":
            yield held.path
    if waiting:
        where = rf"SYSTEM\{reading.control_set}\{bus}"
        reading.warn(where, f"more than {MOST_DEVICES:,} devices; the rest was not read", lost=True)
