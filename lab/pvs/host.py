"""A provisioning server as a PowerShell process sees it: runs cmdlets over the farm, with the ordered faults."""

import threading
from collections.abc import Iterable, Mapping

from lab.powershell.cmdlet import bind
from lab.powershell.errors import AnswerDropped, CmdletFailed, ErrorRecord, ProcessKilled, binding_error, class_name
from lab.pvs import codes
from lab.pvs.cmdlets import REGISTRY
from lab.pvs.cmdlets.connection import SDK_VERSION
from lab.pvs.cmdlets.registry import MODULE, Call, Cmdlet, Connection
from lab.pvs.codes import FarmError
from lab.pvs.datacentre import Datacentre
from lab.pvs.deferred import defer
from lab.pvs.model import Fault


class PvsHost:
    """One server; `open_session` is called for each powershell.exe that starts on it."""

    modules: Mapping[str, str] = {MODULE: SDK_VERSION}

    def __init__(self, datacentre: Datacentre, name: str) -> None:
        self.name = name
        self._datacentre = datacentre

    def open_session(self, process_number: int) -> "PvsSession":
        return PvsSession(self._datacentre, self.name, process_number)


class PvsSession:
    """The module as one process has loaded it."""

    def __init__(self, datacentre: Datacentre, server: str, process_number: int) -> None:
        self._datacentre = datacentre
        self._server = server
        self._who = f"{server} process {process_number}"
        self._connection = Connection()

    def invoke(self, name: str, parameters: Mapping[str, object], cancelled: threading.Event) -> list[object]:
        cmdlet = REGISTRY.get(name.lower())
        if cmdlet is None:
            raise _unknown_command(name)
        arguments = bind(cmdlet.signature, parameters)
        fault = self._take_fault(cmdlet)
        try:
            return self._run(cmdlet, parameters, arguments, fault, cancelled)
        except FarmError as error:
            raise CmdletFailed(farm_record(error, cmdlet.signature.name, self._server)) from error

    def _run(
        self,
        cmdlet: Cmdlet,
        parameters: Mapping[str, object],
        arguments: dict[str, object],
        fault: Fault | None,
        cancelled: threading.Event,
    ) -> list[object]:
        if fault and not fault.after_effect:
            self._suffer(fault, cmdlet, parameters, cancelled)
        objects = self._execute(cmdlet, arguments)
        if fault and fault.after_effect:
            self._suffer(fault, cmdlet, parameters, cancelled)
        return objects

    def _execute(self, cmdlet: Cmdlet, arguments: dict[str, object]) -> list[object]:
        fields = arguments.pop("Fields", None)
        call = Call(self._datacentre, self._server, self._connection, arguments)
        with self._datacentre.locked(changing=cmdlet.changes):
            if cmdlet.needs_connection:
                self._check_connection(cmdlet)
            with self._datacentre.journal.asked_by(self._who):
                objects = list(cmdlet.body(call) or ())
        return _only_fields(cmdlet, objects, fields) if isinstance(fields, list) else objects

    def _check_connection(self, cmdlet: Cmdlet) -> None:
        if not self._connection.server:
            raise CmdletFailed(
                ErrorRecord(
                    fqid=f"NotConnected,{class_name(cmdlet.signature.name)}",
                    message="There is no connection to a SOAP service; run Set-PvsConnection first.",
                    category="ConnectionError",
                    type=f"{MODULE}.PvsException",
                )
            )
        server = self._datacentre.farm.server(self._connection.server)
        if server is None or not server.up:
            raise FarmError(codes.SERVER_OFFLINE, self._connection.server)

    def _take_fault(self, cmdlet: Cmdlet) -> Fault | None:
        """The first ordered fault that fits; it is used up with its count."""
        short = cmdlet.signature.name.rpartition("\\")[2].lower()
        with self._datacentre.locked() as farm:
            for fault in farm.faults:
                fits = fault.cmdlet.rpartition("\\")[2].lower() in {short, "*"}
                if fits and fault.server in {None, self._server}:
                    fault.count -= 1
                    farm.faults = [one for one in farm.faults if one.count > 0]
                    self._datacentre.touch()
                    return fault
        return None

    def _suffer(
        self, fault: Fault, cmdlet: Cmdlet, parameters: Mapping[str, object], cancelled: threading.Event
    ) -> None:
        farm = self._datacentre.farm
        if fault.seconds and cancelled.wait(fault.seconds):
            raise stopped()
        if self._datacentre.farm is not farm:  # reset meanwhile: a call from before changes nothing of the new farm
            raise stopped()
        if fault.action == "drop":
            raise AnswerDropped
        if fault.action == "kill":
            raise ProcessKilled
        if fault.action == "fail":
            raise self._failure(fault, cmdlet, parameters)

    def _failure(self, fault: Fault, cmdlet: Cmdlet, parameters: Mapping[str, object]) -> FarmError:
        if fault.code == codes.IN_PROCESS and not fault.after_effect:
            with self._datacentre.locked(changing=True):
                server = self._connection.server or self._server
                return defer(self._datacentre, cmdlet.signature.name, dict(parameters), server=server)
        return FarmError(fault.code or codes.EXECUTING, "Ordered at the lab's control.", message=fault.message)


def farm_record(error: FarmError, cmdlet: str, server: str) -> ErrorRecord:
    """A PvsException with its inner EAException, read out where it happened."""
    return ErrorRecord(
        fqid=f"{MODULE}.PvsException,{class_name(cmdlet)}",
        message=error.message,
        type=f"{MODULE}.PvsException",
        pvs={
            "code": error.code,
            "message": error.message,
            "details": error.details,
            "severity": "Error",
            "source": server,
            "partial": [],
        },
    )


def stopped() -> CmdletFailed:
    return CmdletFailed(
        ErrorRecord(
            fqid="PipelineStopped",
            message="The pipeline has been stopped.",
            category="OperationStopped",
            type="System.Management.Automation.PipelineStoppedException",
        )
    )


def _unknown_command(name: str) -> CmdletFailed:
    return CmdletFailed(
        ErrorRecord(
            fqid="CommandNotFoundException",
            message=f"The term '{name}' is not recognized as the name of a cmdlet.",
            category="ObjectNotFound",
            target=name,
            type="System.Management.Automation.CommandNotFoundException",
        )
    )


def _only_fields(cmdlet: Cmdlet, objects: Iterable[object], fields: list[str]) -> list[object]:
    """What -Fields leaves: the named properties and the ids; the others are there, but empty."""
    wanted = {field.lower() for field in fields}
    kept: list[object] = []
    for bag in objects:
        if not isinstance(bag, dict):
            kept.append(bag)
            continue
        unknown = wanted - {name.lower() for name in bag}
        if unknown:
            text = f"Cannot validate argument on parameter 'Fields': {', '.join(sorted(unknown))}."
            raise binding_error(cmdlet.signature.name, "ParameterArgumentValidationError", text)
        kept.append({key: value if key.lower() in wanted or key.endswith("Id") else None for key, value in bag.items()})
    return kept
