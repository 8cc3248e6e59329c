"""Trouble on the line of one listener: connections that are cut, requests and answers that come late."""

import threading
from dataclasses import dataclass

ACTIONS = ("cut", "delay")
MOMENTS = ("request", "answer", "half")


@dataclass
class LineFault:
    """What the next requests shall suffer. A delay lasts `seconds`; before a cut they pass as well.

    `moment`: "request", before anything is done; "answer", when all is done and nothing sent back yet; "half", with
    half of the answer sent (a cut only). `operation` is one of the six of the shell, or empty for any.
    """

    action: str
    moment: str = "answer"
    operation: str = ""
    seconds: float = 0.0
    count: int = 1


class Line:
    """The ordered faults of one listener, first come first served."""

    def __init__(self) -> None:
        self._faults: list[LineFault] = []
        self._lock = threading.Lock()
        self.suffered = 0

    def order(self, fault: LineFault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def ordered(self) -> list[LineFault]:
        with self._lock:
            return list(self._faults)

    def take(self, operation: str) -> LineFault | None:
        """The first that fits; it is used up with its count."""
        with self._lock:
            for fault in self._faults:
                if fault.operation in {"", operation}:
                    fault.count -= 1
                    self._faults = [one for one in self._faults if one.count > 0]
                    self.suffered += 1
                    return fault
        return None
