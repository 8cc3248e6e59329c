"""How a cmdlet ends when it does not end well."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorRecord:
    """An error record as the runner writes it; `pvs` holds an EAException's fields where there was one."""

    fqid: str
    message: str
    category: str = "NotSpecified"
    target: str = ""
    type: str = "System.Management.Automation.CmdletInvocationException"
    hresult: str = "0x80131500"
    stack: str = "at <ScriptBlock>, <No file>: line 1"
    pvs: dict[str, object] | None = None

    def as_json(self) -> dict[str, object]:
        return dict(vars(self))


class CmdletFailed(Exception):
    """The cmdlet wrote an error record and no objects."""

    def __init__(self, record: ErrorRecord) -> None:
        super().__init__(record.message)
        self.record = record


class AnswerDropped(Exception):
    """The answer to this request shall get lost on its way."""


class ProcessKilled(Exception):
    """The process shall die in the middle of this request."""


def binding_error(cmdlet: str, fqid: str, message: str, target: str = "") -> CmdletFailed:
    """What the parameter binder of PowerShell says before a cmdlet runs at all."""
    return CmdletFailed(
        ErrorRecord(
            fqid=f"{fqid},{class_name(cmdlet)}",
            message=message,
            category="InvalidArgument" if fqid != "ParameterArgumentValidationError" else "InvalidData",
            target=target,
            type="System.Management.Automation.ParameterBindingException",
            hresult="0x80131501",
        )
    )


def class_name(cmdlet: str) -> str:
    """`Citrix.PVS.SnapIn\\Get-PvsFarm` -> `Citrix.PVS.SnapIn.GetPvsFarm`."""
    return cmdlet.replace("\\", ".").replace("-", "")
