"""`python -m lab control --state DIR VERB ...`: the same orders from a terminal, through the running lab's control."""

import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lab.wsman.trouble import ACTIONS, MOMENTS


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    info = Path(options.state) / "lab.json"
    if not info.exists():
        sys.stderr.write(f"No lab has run in {options.state}.\n")
        return 1
    control = json.loads(info.read_text(encoding="utf-8"))["control"]
    path, body = _order(options)
    try:
        answer = _ask(control, path, body)
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"{json.loads(error.read())['error']}\n")
        return 1
    except urllib.error.URLError as error:
        sys.stderr.write(f"The lab does not answer at {control}: {error.reason}\n")
        return 1
    sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    return 0


def _order(options: argparse.Namespace) -> tuple[str, dict[str, Any] | None]:
    """(path, body); no body means a GET."""
    if options.verb in {"state", "line"}:
        return options.verb, None
    if options.verb == "journal":
        return f"journal?after={options.after}", None
    if options.verb == "contents":
        asked = {"vdisk": options.vdisk} | ({"version": options.version} if options.version is not None else {})
        return f"contents?{urllib.parse.urlencode(asked)}", None
    return _PATHS[options.verb].format(**vars(options)), _BODIES[options.verb](options)


def _targets(options: argparse.Namespace) -> dict[str, Any]:
    return {"names": options.names or None, "collection": options.collection, "vdisk": options.vdisk}


def _line_fault(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("action", "server", "moment", "operation", "seconds", "count")}


def _fault(options: argparse.Namespace) -> dict[str, Any]:
    names = ("cmdlet", "action", "server", "seconds", "code", "message", "count", "after_effect")
    return {name: getattr(options, name) for name in names}


_PATHS = {
    "restart": "targets/restart",
    "power": "targets/power",
    "server": "servers/{name}/power",
    "replication": "replication",
    "fault": "faults",
    "clear-faults": "faults/clear",
    "line-fault": "line",
    "clear-line": "line/clear",
    "cut": "line/cut",
    "write": "write",
    "install": "install",
    "remove": "remove",
    "clock": "clock",
    "reset": "reset",
}
_BODIES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "restart": _targets,
    "power": lambda options: {**_targets(options), "on": options.to == "on"},
    "server": lambda options: {"on": options.to == "up"},
    "replication": lambda options: {"mode": options.mode, "server": options.server},
    "fault": _fault,
    "clear-faults": lambda _: {},
    "line-fault": _line_fault,
    "clear-line": lambda _: {},
    "cut": lambda options: {"server": options.server},
    "write": lambda options: {"vdisk": options.vdisk},
    "install": lambda options: {name: getattr(options, name) for name in ("where", "program", "version")},
    "remove": lambda options: {name: getattr(options, name) for name in ("where", "program")},
    "clock": lambda options: {"forward_seconds": options.forward_seconds},
    "reset": lambda _: {},
}


def _ask(control: str, path: str, body: dict[str, Any] | None) -> Any:
    content = None if body is None else json.dumps({k: v for k, v in body.items() if v is not None}).encode()
    request = urllib.request.Request(  # noqa: S310  the address comes from the lab's own file
        control + path, data=content, headers={"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as response:
        return json.load(response)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab control", description="Orders for a running lab.")
    parser.add_argument("--state", required=True, help="the folder that the lab was started with")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("state", help="print everything as JSON")
    _targets_parser(verbs.add_parser("restart", help="restart targets"))
    power = verbs.add_parser("power", help="switch targets on or off")
    power.add_argument("to", choices=("on", "off"))
    _targets_parser(power)
    server = verbs.add_parser("server", help="bring a server up or take it down")
    server.add_argument("name")
    server.add_argument("to", choices=("up", "down"))
    replication = verbs.add_parser("replication", help="let the copy job run, hold it back or break it")
    replication.add_argument("mode", choices=("run", "hold", "break"))
    replication.add_argument("--server", help="only towards this server")
    _fault_parser(verbs.add_parser("fault", help="order a fault of the next calls of a cmdlet"))
    verbs.add_parser("clear-faults", help="forget all ordered faults")
    _line_parser(verbs.add_parser("line-fault", help="order a fault of the next requests on the line"))
    verbs.add_parser("clear-line", help="forget all ordered faults of the line")
    verbs.add_parser("cut", help="cut all open connections").add_argument("--server")
    verbs.add_parser("line", help="print connections and shells as JSON")
    journal = verbs.add_parser("journal", help="print what has changed in the farm, and who asked")
    journal.add_argument("--after", type=int, default=0, help="number of the last entry that is known")
    verbs.add_parser("write", help="install the next planned update in a maintenance version").add_argument("vdisk")
    _guest_parsers(verbs)
    verbs.add_parser("clock", help="put the lab's clock forward").add_argument("forward_seconds", type=float)
    verbs.add_parser("reset", help="back to the initial datacentre")
    return parser


def _guest_parsers(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    where = "a target that runs a maintenance version, or a vDisk that has one"
    install = verbs.add_parser("install", help="install a program as an admin at the guest would")
    install.add_argument("where", help=where)
    install.add_argument("program", help="such as 7-Zip; Windows with a build such as 26100.7462; or any name")
    install.add_argument("version")
    remove = verbs.add_parser("remove", help="remove a program")
    remove.add_argument("where", help=where)
    remove.add_argument("program")
    contents = verbs.add_parser("contents", help="print what a version's image has installed")
    contents.add_argument("vdisk")
    contents.add_argument("version", nargs="?", type=int, help="without: the newest")


def _targets_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", help="names of targets")
    parser.add_argument("--collection")
    parser.add_argument("--vdisk")


def _line_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--server")
    parser.add_argument("--moment", choices=MOMENTS)
    parser.add_argument("--operation", help="Create, Command, Send, Receive, Signal or Delete; without: any")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--count", type=int, default=1)


def _fault_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cmdlet", help="a cmdlet's name, or *")
    parser.add_argument("action", choices=("delay", "fail", "drop", "kill"))
    parser.add_argument("--server")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--code", type=int)
    parser.add_argument("--message")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--after-effect", action="store_true")
