"""What can go wrong with an outside system, as few kinds as a caller can act on.

AdapterError
 ├─ Refused             it said no. A person reads the words; repeating changes nothing unless `permanent` is False
 ├─ NotFound            the object is gone: read again what is there
 ├─ Busy                it is still at it (`task_id`, when it named one): wait, nothing failed
 ├─ Unreachable         the request provably never got there: another host may be asked
 │   └─ CertificateProblem   the host is not the one we trust, or the trust is set up wrongly
 ├─ NotAuthenticated    the account was turned away: never again by itself, accounts get locked
 ├─ OutcomeUnknown      no answer came back, here or to the server that was asked: read the state, then decide
 └─ TimedOut            no answer in the time we allow, to a question that changes nothing
"""

from __future__ import annotations


class AdapterError(Exception):
    """`str(error)` is one sentence for an operator: who was asked what, and what came back.

    `asked` is its first half ("PVS01 was asked to ..."), `code` and `words` are the outside system's own,
    `details` is whatever it added, `remedy` a plain sentence on what to do next (may be empty).
    `permanent` says whether the same request can succeed later without somebody changing something.
    """

    permanent_by_default = False

    def __init__(
        self,
        message: str,
        *,
        asked: str = "",
        code: int | None = None,
        words: str = "",
        permanent: bool | None = None,
        details: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.asked = asked
        self.code = code
        self.words = words
        self.permanent = self.permanent_by_default if permanent is None else permanent
        self.details = details
        self.remedy = remedy


class Refused(AdapterError):
    permanent_by_default = True


class NotFound(AdapterError):
    permanent_by_default = True


class Busy(AdapterError):
    """Carries the task to watch, when the other side named one."""

    task_id: int | None = None


class Unreachable(AdapterError):
    """Nothing was delivered: host down, connection refused, no session to be had (quota)."""


class CertificateProblem(Unreachable):
    permanent_by_default = True


class NotAuthenticated(AdapterError):
    permanent_by_default = True


class OutcomeUnknown(AdapterError):
    """`in_flight` are the ids of the requests that were sent and not answered."""

    in_flight: tuple[str, ...] = ()


class TimedOut(AdapterError):
    """`in_flight` as for OutcomeUnknown: what the host may still be working on."""

    in_flight: tuple[str, ...] = ()
