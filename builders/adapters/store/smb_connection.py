"""One login at one share: asks, waits no longer than allowed, and takes no answer that is not protected as agreed."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from smbprotocol.connection import Connection, Dialects
from smbprotocol.exceptions import EndOfFile, SMBException
from smbprotocol.header import Commands, NtStatus, Smb2Flags
from smbprotocol.open import Open
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from builders.adapters.store.smb_failures import FAILURES, NotProtected, in_our_words

CREDIT = 64 << 10
"""Bytes that one credit of the protocol pays for."""
PIECE = 1 << 20
IN_FLIGHT = 4
CREDITS_ASKED = 64
MOST_BYTES = 0xFFFFFF
"""Of one message."""


@dataclass(frozen=True)
class Share:
    server: str
    name: str
    username: str
    password: str = field(repr=False)
    encrypt: bool = True
    port: int = 445
    connect_seconds: float = 10.0
    answer_seconds: float = 30.0

    def __str__(self) -> str:
        return rf"\\{self.server}\{self.name}"


class _Protected(Connection):  # type: ignore[misc]  # the library has no types
    """The library checks a signature that is there; this one also misses one that is not, and bounds what it takes."""

    def _process_message_thread(self) -> None:
        """As the library's, but memory is taken only for lengths that the protocol has."""
        receive = self.transport._recv

        def bounded(length: int, timeout: float) -> Any:
            if length > MOST_BYTES:
                raise ValueError(f"what answers there announces a message of {length} bytes, which SMB does not have")
            return receive(length, timeout)

        self.transport._recv = bounded
        super()._process_message_thread()

    def verify_signature(self, header: Any, session_id: int, force: bool = False) -> None:
        session = self.session_table.get(session_id)
        quiet = header["command"].get_value() in {Commands.SMB2_NEGOTIATE, Commands.SMB2_SESSION_SETUP}
        if session and not quiet and header["status"].get_value() != NtStatus.STATUS_PENDING:
            if session.encrypt_data:
                raise NotProtected("an answer came unencrypted on an encrypted connection.")
            if session.signing_required and not header["flags"].has_flag(Smb2Flags.SMB2_FLAGS_SIGNED):
                raise NotProtected("an answer came without a signature.")
        super().verify_signature(header, session_id, force=force)


class ShareConnection:
    """Not for two threads at once: the folder that owns it holds a lock."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self._connection = _Protected(uuid.uuid4(), share.server, share.port, require_signing=True)
        self._connect()

    @property
    def is_alive(self) -> bool:
        transport = self._connection.transport
        return bool(transport is not None and transport.connected)

    def file(self, path: str) -> Open:
        return Open(self._tree, path)

    def ask(
        self, asked: str, message: Any, unpack: Callable[[Any], Any], nothing: tuple[type[SMBException], ...] = ()
    ) -> Any:
        """Send one message and unpack its answer, within the time for answers. Links are never followed.

        None when the answer is one of ``nothing``.
        """
        with self._answering(asked):
            request = self._send(message)
            try:
                self._wait(request)
            except nothing:
                return None
            return unpack(request)

    def read(self, asked: str, file: Open, offset: int, length: int) -> bytes:
        """Several pieces on their way at a time, as far as the server's credits go."""
        parts: list[bytes] = []
        flying: deque[tuple[Any, Callable[[Any], bytes], int]] = deque()
        at, end, ended = offset, offset + length, False
        while flying or (at < end and not ended):
            with self._answering(asked):
                while at < end and not ended and len(flying) < IN_FLIGHT and (want := self._piece(end - at, flying)):
                    message, unpack = file.read(at, want, send=False)
                    flying.append((self._send(message), unpack, want))
                    at += want
                request, unpack, want = flying.popleft()
                data = self._read_answer(request, unpack)
            if not ended:
                parts.append(data)
            ended = ended or len(data) < want
        return b"".join(parts)

    def close(self) -> None:
        with contextlib.suppress(*FAILURES):
            self._connection.disconnect(self.is_alive, timeout=self.share.connect_seconds)

    def abandon(self) -> None:
        """End it without a word to the server."""
        with contextlib.suppress(*FAILURES):
            self._connection.disconnect(False)

    def _connect(self) -> None:
        share = self.share
        asked = f"{share} was asked for a connection"
        with self._no_longer_than(asked, share.connect_seconds * 2):
            self._connection.connect(timeout=share.connect_seconds, dialect=None)
            if share.encrypt and self._connection.dialect < Dialects.SMB_3_0_0:
                raise NotProtected("the server speaks no SMB 3, which encryption needs.")
            session = Session(self._connection, share.username, share.password, require_encryption=share.encrypt)
            session.connect()
            self._session = session
        asked = f"{share} was asked for the share"
        with self._no_longer_than(asked, share.answer_seconds):
            self._tree = TreeConnect(session, str(share))
            self._tree.connect()

    def _send(self, message: Any) -> Any:
        return self._connection.send(
            message, self._session.session_id, self._tree.tree_connect_id, credit_request=CREDITS_ASKED
        )

    def _wait(self, request: Any) -> None:
        seconds = self.share.answer_seconds
        if not request.response_event.wait(seconds):
            raise TimeoutError
        self._connection.receive(request, timeout=seconds, resolve_symlinks=False)

    def _read_answer(self, request: Any, unpack: Callable[[Any], bytes]) -> bytes:
        try:
            self._wait(request)
        except EndOfFile:
            return b""
        return unpack(request)

    def _piece(self, left: int, flying: deque[Any]) -> int:
        """Bytes to ask for next; 0 when an answer has to come first."""
        window = self._connection.sequence_window
        paid_for = window["high"] - window["low"]
        most = min(PIECE, self._connection.max_read_size) if self._connection.supports_multi_credit else CREDIT
        affordable = min(most, left, max(paid_for, 0 if flying else 1) * CREDIT)
        return int(affordable)

    @contextlib.contextmanager
    def _answering(self, asked: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except FAILURES as error:
            late = isinstance(error, TimeoutError) or time.monotonic() - began >= self.share.answer_seconds
            if late:
                self.abandon()
            raise in_our_words(asked, error, late=late) from error

    @contextlib.contextmanager
    def _no_longer_than(self, asked: str, seconds: float) -> Iterator[None]:
        """For calls of the library that know no end: cuts the connection under them. It is of no use afterwards."""
        late = threading.Event()

        def cut() -> None:
            late.set()
            self.abandon()

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except FAILURES as error:
            self.abandon()
            raise in_our_words(asked, error, late=late.is_set()) from error
        finally:
            timer.cancel()
