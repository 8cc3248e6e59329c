"""What the operator of the lab can do to its network, and what there is to see of it: connections and shells."""

import time
from collections.abc import Mapping
from typing import Any

from lab.pvs.rejected import Rejected
from lab.wsman.listener import Listener
from lab.wsman.trouble import ACTIONS, MOMENTS, LineFault

OPERATIONS = ("", "Create", "Command", "Send", "Receive", "Signal", "Delete")


class Network:
    """The listeners by server name."""

    def __init__(self, listeners: Mapping[str, Listener]) -> None:
        self._listeners = listeners

    def order_fault(self, fault: LineFault, server: str) -> None:
        """`server` empty: on the lines of all servers, each with its own count."""
        if fault.action not in ACTIONS or fault.moment not in MOMENTS or fault.operation not in OPERATIONS:
            known = f"{' or '.join(ACTIONS)}; moment: {', '.join(MOMENTS)}; operation: {', '.join(OPERATIONS[1:])}"
            raise Rejected(f"A fault of the line is {known}.")
        if fault.action == "delay" and fault.moment == "half":
            raise Rejected("Half of an answer is for a cut; a delay is of the request or of the answer.")
        if fault.count < 1 or fault.seconds < 0:
            raise Rejected("A fault of the line has a count of at least 1 and no negative seconds.")
        for listener in self._named(server):
            one = LineFault(fault.action, fault.moment, fault.operation, fault.seconds, fault.count)
            listener.line.order(one)

    def clear_faults(self) -> None:
        for listener in self._listeners.values():
            listener.line.clear()

    def cut(self, server: str) -> int:
        """Cut every connection that is open now; how many. Shells live on, as they do on Windows."""
        return sum(listener.cut() for listener in self._named(server))

    def view(self) -> dict[str, Any]:
        """Of each server: open connections, faults ordered and suffered, shells and the seconds since their use."""
        now = time.monotonic()
        return {
            name: {
                "connections": listener.connections,
                "suffered": listener.line.suffered,
                "faults": [vars(fault) for fault in listener.line.ordered()],
                "shells": [
                    {
                        "id": shell.id,
                        "processes": [process.process_number for process in list(shell.processes.values())],
                        "idle_seconds": 0.0 if shell.requests_under_way else round(now - shell.used_at, 1),
                    }
                    for shell in listener.shells.all()
                ],
            }
            for name, listener in self._listeners.items()
        }

    def _named(self, server: str) -> list[Listener]:
        if not server:
            return list(self._listeners.values())
        found = [listener for name, listener in self._listeners.items() if name.lower() == server.lower()]
        if not found:
            raise Rejected(f"No such server: {server}.")
        return found
