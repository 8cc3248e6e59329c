"""What an SMB server or the way to it can answer, in the words and kinds of the adapters."""

from __future__ import annotations

import struct

from cryptography.exceptions import InvalidTag
from smbprotocol.exceptions import (
    SMBAuthenticationError,
    SMBConnectionClosed,
    SMBException,
    SMBResponseException,
    SMBUnsupportedFeature,
)
from smbprotocol.header import NtStatus

from builders.adapters.errors import AdapterError
from builders.adapters.store.errors import (
    FileMissing,
    StoreLoginFailed,
    StoreRefused,
    StoreTimedOut,
    StoreUnreachable,
)
from builders.inspection.errors import OutOfPlace

# The last ones: what the receiving thread of the library dies of when an answer is no SMB, or was tampered with.
FAILURES = (SMBException, OSError, ValueError, KeyError, struct.error, InvalidTag)


class NotProtected(SMBException):  # type: ignore[misc]  # the library has no types
    """An answer came without the signature or the encryption that was agreed on."""


MISSING = frozenset(
    {
        NtStatus.STATUS_OBJECT_NAME_NOT_FOUND,
        NtStatus.STATUS_OBJECT_PATH_NOT_FOUND,
        NtStatus.STATUS_NO_SUCH_FILE,
        NtStatus.STATUS_NOT_FOUND,
        NtStatus.STATUS_DELETE_PENDING,
        NtStatus.STATUS_BAD_NETWORK_NAME,
    }
)
LOGIN = frozenset(
    {
        NtStatus.STATUS_LOGON_FAILURE,
        NtStatus.STATUS_WRONG_PASSWORD,
        NtStatus.STATUS_PASSWORD_EXPIRED,
        0xC000006E,  # account restriction
        0xC000006F,  # not at this time of day
        0xC0000070,  # not from this machine
        0xC0000072,  # account disabled
        0xC000015B,  # this kind of logon is not granted
        0xC0000193,  # account expired
        0xC0000224,  # password must change
        0xC0000234,  # account locked out
    }
)
LOST = frozenset(
    {
        NtStatus.STATUS_NETWORK_NAME_DELETED,
        NtStatus.STATUS_USER_SESSION_DELETED,
        NtStatus.STATUS_INSUFF_SERVER_RESOURCES,
        NtStatus.STATUS_REQUEST_NOT_ACCEPTED,
        NtStatus.STATUS_FILE_CLOSED,
        0xC000035C,  # network session expired
        0xC0000128,  # file closed by the server
        0xC000020C,  # connection disconnected
    }
)
OUTSIDE = frozenset({NtStatus.STATUS_STOPPED_ON_SYMLINK, NtStatus.STATUS_FILE_IS_A_DIRECTORY})


def in_our_words(asked: str, error: BaseException, *, late: bool = False) -> Exception:
    """``asked`` begins the sentence: who was asked for what. ``late``: it was we who gave up waiting."""
    if late:
        return StoreTimedOut(f"{asked}: no answer in the time allowed.", asked=asked)
    if isinstance(error, SMBResponseException):
        return _by_status(asked, error.status, type(error)._BASE_MESSAGE)
    if isinstance(error, SMBAuthenticationError):
        return _login(asked, str(error), None)
    if isinstance(error, NotProtected):
        remedy = "Somebody may be changing what the server sends. Look into the network between worker and server."
        return StoreRefused(f"{asked}: {error}", asked=asked, words=str(error), remedy=remedy)
    if isinstance(error, SMBConnectionClosed) or not isinstance(error, SMBException):
        return StoreUnreachable(f"{asked}: {_way(error)}", asked=asked, words=str(error))
    remedy = ""
    if isinstance(error, SMBUnsupportedFeature) or "encryption" in str(error):
        remedy = "Allow SMB 3 with encryption on the server, or switch encryption off for this store."
    return StoreRefused(f"{asked}: {error}.", asked=asked, words=str(error), remedy=remedy)


def _way(error: BaseException) -> str:
    if isinstance(error, SMBConnectionClosed | ConnectionError):
        return "the connection was lost."
    if isinstance(error, ValueError | OSError) and str(error):
        return f"{error}."
    return f"what came back is no SMB that can be read ({type(error).__name__})."


def _login(asked: str, words: str, code: int | None) -> StoreLoginFailed:
    remedy = "Set the account of this store anew; it is not tried again by itself, so that it is not locked."
    return StoreLoginFailed(
        f"{asked}: the account was turned away. {words}".rstrip(),
        asked=asked,
        code=code,
        words=words,
        permanent=True,
        remedy=remedy,
    )


def _by_status(asked: str, code: int, theirs: str) -> Exception:
    if code in LOGIN:
        return _login(asked, theirs, code)
    if code in OUTSIDE:
        return OutOfPlace(f"{asked}: it is a link or a folder; only files that lie in the store itself are read.")
    kind: type[AdapterError] = StoreRefused
    said, remedy = f"{theirs} (0x{code:08x})", ""
    if code == NtStatus.STATUS_BAD_NETWORK_NAME:
        kind, said, remedy = FileMissing, "there is no such share.", "Look at the name of the share."
    elif code in MISSING:
        kind = FileMissing
    elif code in LOST:
        kind = StoreUnreachable
    elif code == NtStatus.STATUS_SHARING_VIOLATION:
        said = "it is open for writing by somebody who lets nobody read it meanwhile."
        remedy = "Try again when it is closed."
    elif code == NtStatus.STATUS_ACCESS_DENIED:
        remedy = "Give the account the right to read there."
    permanent = False if code == NtStatus.STATUS_SHARING_VIOLATION else None
    return kind(f"{asked}: {said}", asked=asked, code=code, words=theirs, remedy=remedy, permanent=permanent)
