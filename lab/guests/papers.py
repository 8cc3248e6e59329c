"""Text files of an image: settings, scripts, and what a setup left behind."""

import base64

from lab.guests.machine import Machine
from lab.guests.stories import PLAIN_UNATTEND

_NAMESPACE = "urn:schemas-microsoft-com:unattend"
_FORGOTTEN = "Only-For-Setup-1"  # no account of the lab has it: it is there to be found by whoever looks for such files


def papers(machine: Machine) -> dict[str, tuple[bytes, float]]:
    """Content and Unix time by path."""
    made = machine.made_at
    found = {
        r"Windows\System32\drivers\etc\hosts": (b"127.0.0.1 localhost\r\n10.20.0.5 erp.lab.example\r\n", made),
        r"Windows\System32\drivers\etc\services": (b"http 80/tcp\r\nhttps 443/tcp\r\n", made),
        r"Windows\win.ini": (b"; for 16-bit app support\r\n[fonts]\r\n[extensions]\r\n", made),
        r"Windows\Panther\setupact.log": (b"Info       SP     Setup completed successfully\r\n", made),
        r"Scripts\drives.cmd": (b"@echo off\r\nnet use H: \\\\files.lab.example\\home\r\n", made),
        r"Users\Public\Desktop\Helpdesk.url": (b"[InternetShortcut]\r\nURL=https://help.lab.example/\r\n", made),
    }
    if machine.firmware == "BIOS":
        found["bootmgr"] = (b"BOOTMGR".ljust(2048, b"\xcc"), made)
    is_forgotten = PLAIN_UNATTEND in machine.marks
    found[r"Windows\Panther\unattend.xml"] = (_unattend(machine.computer, is_forgotten), made)
    return found


def _unattend(computer: str, is_forgotten: bool) -> bytes:
    """Setup's answers; a careful team removes the passwords, another one forgets it."""
    value = "*SENSITIVE*DATA*DELETED*"
    logon = ""
    if is_forgotten:
        value = base64.b64encode((_FORGOTTEN + "AdministratorPassword").encode("utf-16-le")).decode()
        logon = (
            "<AutoLogon><Enabled>true</Enabled><Username>Administrator</Username>"
            f"<Password><Value>{_FORGOTTEN}</Value><PlainText>true</PlainText></Password></AutoLogon>"
        )
    text = (
        f'<?xml version="1.0" encoding="utf-8"?>\r\n<unattend xmlns="{_NAMESPACE}">\r\n'
        f'<settings pass="specialize"><component name="Microsoft-Windows-Shell-Setup">'
        f"<ComputerName>{computer}</ComputerName></component></settings>\r\n"
        f'<settings pass="oobeSystem"><component name="Microsoft-Windows-Shell-Setup"><UserAccounts>'
        f"<AdministratorPassword><Value>{value}</Value><PlainText>false</PlainText></AdministratorPassword>"
        f"</UserAccounts>{logon}</component></settings>\r\n</unattend>\r\n"
    )
    return text.encode()
