"""Sessions on Provisioning servers: the runner with the snap-in loaded, connected to the service of that server."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from typing import Final

from builders.adapters.errors import AdapterError, OutcomeUnknown, Refused, TimedOut, Unreachable
from builders.adapters.powershell.connection import HostConnection
from builders.adapters.powershell.pool import SessionPool
from builders.adapters.powershell.script import RunnerScript
from builders.adapters.powershell.session import JsonLineSession
from builders.adapters.powershell.transport import Greeting, Transport
from builders.adapters.powershell.winrm_pipe import WinRmPipe
from builders.adapters.pvs import requests
from builders.adapters.pvs.answers import refusal
from builders.adapters.pvs.cmdlets import ALLOWED, MODULE

SCRIPT: Final = RunnerScript(modules=(MODULE,), allowed=ALLOWED)
CONNECT_PATIENCE_SECONDS: Final = 60.0
NO_RIGHTS: Final = frozenset({13, 22})

_lock = threading.Lock()
_pools: dict[HostConnection, SessionPool] = {}


def pools_for(connections: Sequence[HostConnection], *, limit: int = 4) -> list[SessionPool]:
    """One pool a connection in this process, however many farms or jobs ask for it."""
    with _lock:
        for connection in connections:
            if connection not in _pools:
                _pools[connection] = SessionPool(partial(open_session, connection), label=connection.label, limit=limit)
        return [_pools[connection] for connection in connections]


def open_session(connection: HostConnection) -> tuple[Transport, Greeting]:
    return prepared(JsonLineSession(WinRmPipe(connection), SCRIPT))


def prepared(transport: Transport) -> tuple[Transport, Greeting]:
    """Open it and connect the snap-in. A host whose Provisioning service does not answer counts as unreachable."""
    try:
        return transport, _connect(transport)
    except (OutcomeUnknown, TimedOut) as error:  # nothing of ours had been asked yet
        transport.close()
        raise Unreachable(str(error), words=error.words, code=error.code) from error
    except BaseException:
        transport.close()
        raise


def _connect(transport: Transport) -> Greeting:
    greeting = transport.open()
    if MODULE in greeting.missing:
        words = f"its Provisioning snap-in did not load: {greeting.missing[MODULE]}"
        remedy = "Install the Provisioning console on this server, or name another server of the farm."
        raise Unreachable(words, words=words, permanent=True, remedy=remedy)
    (reply,) = transport.batch([requests.connect()], patience_seconds=CONNECT_PATIENCE_SECONDS)
    if not reply.ok:
        raise _not_connected(refusal("it was asked to connect", reply.errors))
    return greeting


def _not_connected(error: AdapterError) -> AdapterError:
    if isinstance(error, Refused) and error.code in NO_RIGHTS:
        return error
    words = f"its Provisioning service does not answer: {error.words}"
    return Unreachable(words, words=words, code=error.code, remedy="Start the Citrix PVS Soap Server service there.")


def _new_lock_in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it at the moment of the fork
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_new_lock_in_child)
