"""Orders by path: what the API takes and what it answers. A page's form and a JSON body arrive in the same shape."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from lab.control.network import Network
from lab.control.view import state
from lab.guests.stories import BUILDS
from lab.pvs.model import Fault
from lab.pvs.operations import Operations
from lab.pvs.rejected import Rejected
from lab.wsman.trouble import LineFault

Body = Mapping[str, Any]
Order = Callable[[Operations, Body], dict[str, Any]]
LineOrder = Callable[[Network, Body], dict[str, Any]]
AT_ONCE = 5000


def perform(operations: Operations, network: Network, path: str, body: Body) -> dict[str, Any]:
    """Raises KeyError for an unknown path and Rejected for an order that makes no sense."""
    if path in LINE_ORDERS:
        return LINE_ORDERS[path](network, body)
    power = re.fullmatch(r"/servers/([\w-]+)/power", path)
    if power:
        return _power_server(operations, {**body, "server": power[1]})
    return ORDERS[path](operations, body)


def _restart(operations: Operations, body: Body) -> dict[str, Any]:
    return {"restarted": operations.restart_targets(**_chosen(body))}


def _power(operations: Operations, body: Body) -> dict[str, Any]:
    is_on = _flag(body, "on")
    return {"on" if is_on else "off": operations.power_targets(on=is_on, **_chosen(body))}


def _power_server(operations: Operations, body: Body) -> dict[str, Any]:
    is_on = _flag(body, "on")
    operations.power_server(_text(body, "server"), on=is_on)
    return {"server": body["server"], "up": is_on}


def _replication(operations: Operations, body: Body) -> dict[str, Any]:
    operations.replicate(_text(body, "mode"), _text(body, "server") or None)
    return {"replication": body["mode"]}


def _fault(operations: Operations, body: Body) -> dict[str, Any]:
    fault = Fault(
        cmdlet=_text(body, "cmdlet"),
        action=_text(body, "action"),
        server=_text(body, "server") or None,
        seconds=_number(body, "seconds", 0.0),
        code=int(_number(body, "code", 0)),
        message=_text(body, "message"),
        count=int(_number(body, "count", 1)),
        after_effect=_flag(body, "after_effect", default=False),
    )
    operations.order_fault(fault)
    return {"faults": len(operations.datacentre.farm.faults)}


def _clear_faults(operations: Operations, _: Body) -> dict[str, Any]:
    operations.clear_faults()
    return {"faults": 0}


def journal(operations: Operations, query: Mapping[str, str]) -> dict[str, Any]:
    """Changes of the farm behind the number `after`, oldest first, at most 5,000."""
    entries = operations.journal(int(_number(query, "after", 0)), AT_ONCE)
    return {"entries": [asdict(entry) | {"at": entry.at.isoformat()} for entry in entries]}


def _line_fault(network: Network, body: Body) -> dict[str, Any]:
    fault = LineFault(
        action=_text(body, "action"),
        moment=_text(body, "moment") or "answer",
        operation=_text(body, "operation"),
        seconds=_number(body, "seconds", 0.0),
        count=int(_number(body, "count", 1)),
    )
    network.order_fault(fault, _text(body, "server"))
    return {"ordered": fault.action}


def _clear_lines(network: Network, _: Body) -> dict[str, Any]:
    network.clear_faults()
    return {"faults": 0}


def _cut(network: Network, body: Body) -> dict[str, Any]:
    return {"cut": network.cut(_text(body, "server"))}


def _write(operations: Operations, body: Body) -> dict[str, Any]:
    return {"vdisk": body.get("vdisk"), "version": operations.write(_text(body, "vdisk"))}


def _install(operations: Operations, body: Body) -> dict[str, Any]:
    program, version = _text(body, "program"), _text(body, "version")
    place = operations.install(_text(body, "where"), program, version)
    return {"vdisk": place.disk.name, "version": place.version.number, "installed": f"{program} {version}"}


def _remove(operations: Operations, body: Body) -> dict[str, Any]:
    program = _text(body, "program")
    place = operations.remove(_text(body, "where"), program)
    return {"vdisk": place.disk.name, "version": place.version.number, "removed": program}


def contents(operations: Operations, query: Mapping[str, str]) -> dict[str, Any]:
    """What the image of a vDisk's version says that its guest has installed."""
    number = query.get("version")
    if number and not number.isdigit():
        raise Rejected("version is a number.")
    version, machine = operations.contents(_text(query, "vdisk"), int(number) if number else None)
    return {
        "version": version.number,
        "build": f"10.0.{BUILDS[machine.system]}.{machine.revision}",
        "programs": {one.program: one.version for one in sorted(machine.programs, key=lambda one: one.program)},
        "patches": [patch.kb for patch in machine.patches],
        "signs": machine.marks,
    }


def _clock(operations: Operations, body: Body) -> dict[str, Any]:
    operations.put_clock_forward(_number(body, "forward_seconds", 0.0))
    return {"now": state(operations.datacentre)["now"]}


def _reset(operations: Operations, _: Body) -> dict[str, Any]:
    operations.reset()
    return {"reset": True}


ORDERS: dict[str, Order] = {
    "/targets/restart": _restart,
    "/targets/power": _power,
    "/servers/power": _power_server,
    "/replication": _replication,
    "/faults": _fault,
    "/faults/clear": _clear_faults,
    "/write": _write,
    "/install": _install,
    "/remove": _remove,
    "/clock": _clock,
    "/reset": _reset,
}
LINE_ORDERS: dict[str, LineOrder] = {
    "/line": _line_fault,
    "/line/clear": _clear_lines,
    "/line/cut": _cut,
}


def _chosen(body: Body) -> dict[str, Any]:
    names = body.get("names") or None
    if isinstance(names, str):
        names = re.split(r"[,\s]+", names.strip())
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise Rejected("names is a list of target names.")
    return {"collection": _text(body, "collection") or None, "names": names, "vdisk": _text(body, "vdisk") or None}


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Rejected(f"{name} is a text.")
    return value.strip()


def _number(body: Body, name: str, default: float) -> float:
    value = body.get(name)
    if value in {None, ""}:
        return default
    try:
        return float(str(value))
    except ValueError as error:
        raise Rejected(f"{name} is a number.") from error


def _flag(body: Body, name: str, *, default: bool | None = None) -> bool:
    value = body.get(name, default)
    if isinstance(value, bool):
        return value
    if str(value).lower() in {"true", "on", "1", "yes"}:
        return True
    if str(value).lower() in {"false", "off", "0", "no", ""}:
        return False
    raise Rejected(f"{name} is true or false.")
