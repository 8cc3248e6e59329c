"""Faults of the WS-Management service, with the codes that Windows gives.

The codes that are a guess (no source was found, and no Windows host was tried) say so.
"""


class Fault(Exception):
    """Answered as a SOAP fault with HTTP status 500. `blame` is s:Sender or s:Receiver."""

    def __init__(self, code: int, subcode: str, text: str, *, blame: str = "s:Sender") -> None:
        super().__init__(text)
        self.code = code
        self.subcode = subcode
        self.text = text
        self.blame = blame


class ConnectionLost(Exception):
    """No answer at all: the connection is to be closed."""


def operation_timed_out() -> Fault:
    text = "The WS-Management service cannot complete the operation within the time specified in OperationTimeout."
    return Fault(2150858793, "w:TimedOut", text, blame="s:Receiver")


def shell_not_found(shell_id: str) -> Fault:
    text = f"The request for the Windows Remote Shell with ShellId {shell_id} failed: the shell was not found."
    return Fault(2150858843, "w:InvalidSelectors", text)


def command_not_found() -> Fault:
    return Fault(2150858843, "w:InvalidSelectors", "The command was not found in the shell.")


def too_many_shells(limit: int) -> Fault:
    text = f"This user is allowed a maximum number of {limit} concurrent shells, which has been exceeded."
    return Fault(2150859173, "w:QuotaLimit", text, blame="s:Receiver")


def too_many_operations(limit: int) -> Fault:
    text = f"This user is allowed a maximum number of {limit} concurrent operations, which has been exceeded."
    return Fault(2150859174, "w:QuotaLimit", text, blame="s:Receiver")


def resource_not_supported(uri: str) -> Fault:
    return Fault(2150858752, "w:InvalidResourceURI", f"The resource URI is not supported: {uri}")


def schema_error(text: str) -> Fault:
    return Fault(2150858817, "w:SchemaValidationError", text)


def pipe_ended() -> Fault:
    """Input for a process that has ended. The code is a guess: 0x8007006D, "the pipe has been ended"."""
    return Fault(2147942509, "w:InternalError", "The pipe has been ended.", blame="s:Receiver")


def receive_is_pending() -> Fault:
    """A second Receive for one command. The code is a guess."""
    return Fault(2150858796, "w:Concurrency", "A Receive is already pending for this command.")
