"""powershell.exe, from its command line to its exit code."""

import time

from lab.powershell.cmdlet import CmdletHost
from lab.powershell.runner import Console, LineProtocol
from lab.powershell.texts import NotAccepted, bootstrap_of, runner_of

NOT_ACCEPTED_EXIT = 3


def run_powershell(command_line: str, console: Console, host: CmdletHost, *, start_seconds: float) -> int:
    """Play the process; a text the lab does not know ends it with code 3 and words on stderr."""
    try:
        bootstrap = bootstrap_of(command_line)
        time.sleep(start_seconds)
        runner = runner_of(console.read_line(), bootstrap)
        protocol = LineProtocol(console, host, runner)
    except NotAccepted as refusal:
        console.write(f"{refusal}\r\n".encode(), "stderr")
        return NOT_ACCEPTED_EXIT
    return protocol.run()
