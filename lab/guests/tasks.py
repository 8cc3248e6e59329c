"""Scheduled tasks of an image, as definitions and as the registry's cache of them."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from lab.guests.machine import Machine

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"


@dataclass(frozen=True)
class Task:
    """`path` below the task folder, with a leading backslash."""

    path: str
    command: str
    arguments: str = ""

    def definition(self) -> bytes:
        """As the task scheduler stores it: UTF-16 with a mark at its start."""
        text = (
            '<?xml version="1.0" encoding="UTF-16"?>\r\n'
            f'<Task version="1.2" xmlns="{_NAMESPACE}">\r\n'
            f"  <RegistrationInfo><URI>{escape(self.path)}</URI></RegistrationInfo>\r\n"
            "  <Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>\r\n"
            '  <Principals><Principal id="Author"><UserId>S-1-5-18</UserId></Principal></Principals>\r\n'
            '  <Actions Context="Author"><Exec>'
            f"<Command>{escape(self.command)}</Command><Arguments>{escape(self.arguments)}</Arguments>"
            "</Exec></Actions>\r\n</Task>\r\n"
        )
        return b"\xff\xfe" + text.encode("utf-16-le")


_ALWAYS = (
    Task(r"\Microsoft\Windows\Defrag\ScheduledDefrag", r"%windir%\system32\defrag.exe", "-c -h -k -g -$"),
    Task(r"\Microsoft\Windows\UpdateOrchestrator\Schedule Scan", r"%systemroot%\system32\usoclient.exe", "StartScan"),
    Task(r"\Lab\Drive mapping", r"C:\Windows\System32\cmd.exe", r"/c C:\Scripts\drives.cmd"),
)
_OF_PROGRAMS = {
    "Google Chrome": Task(
        r"\GoogleUpdateTaskMachineCore", r"C:\Program Files (x86)\Google\Update\GoogleUpdate.exe", "/c"
    ),
    "Adobe Acrobat Reader": Task(
        r"\Adobe Acrobat Update Task", r"C:\Program Files (x86)\Common Files\Adobe\ARM\1.0\AdobeARM.exe"
    ),
    "Microsoft 365 Apps": Task(
        r"\Microsoft\Office\Office Automatic Updates 2.0",
        r"C:\Program Files\Common Files\Microsoft Shared\ClickToRun\OfficeC2RClient.exe",
        "/frequentupdate SCHEDULEDTASK displaylevel=False",
    ),
}


def tasks(machine: Machine) -> list[Task]:
    return [*_ALWAYS, *(task for program, task in _OF_PROGRAMS.items() if machine.find(program))]
