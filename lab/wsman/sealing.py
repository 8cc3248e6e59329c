"""Messages sealed by the security context ([MS-WSMV] 2.2.9.1, SPNEGO): a multipart body around the wrapped bytes."""

import re
import struct
from typing import Protocol

BOUNDARY = b"--Encrypted Boundary"
PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
CONTENT_TYPE = f'multipart/encrypted;protocol="{PROTOCOL}";boundary="Encrypted Boundary"'
SIGNATURE_BYTES = 16  # of NTLM

_LENGTH = re.compile(rb"Length=(\d+)")


class Wrapped(Protocol):
    data: bytes


class SecurityContext(Protocol):
    """What is used of a pyspnego context."""

    complete: bool
    client_principal: str | None

    def step(self, in_token: bytes) -> bytes | None: ...

    def wrap(self, data: bytes, encrypt: bool = True) -> Wrapped: ...

    def unwrap(self, data: bytes) -> Wrapped: ...


def is_sealed(content_type: str) -> bool:
    return PROTOCOL in content_type


def unseal(context: SecurityContext, content: bytes) -> bytes:
    """Raises ValueError when the frame is wrong; the context raises its own error when the seal is."""
    _, head, payload = content.split(BOUNDARY + b"\r\n", 2)
    payload = payload[payload.index(b"\r\n") + 2 :].removesuffix(BOUNDARY + b"--\r\n")
    plain = context.unwrap(payload[4:]).data  # the first four bytes say how long the signature is
    length = _LENGTH.search(head)
    if length is None or int(length[1]) != len(plain):
        raise ValueError("the sealed message has another length than it says")
    return plain


def seal(context: SecurityContext, plain: bytes) -> bytes:
    head = (
        f"\tContent-Type: {PROTOCOL}\r\n"
        f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(plain)}\r\n"
    ).encode()
    payload = struct.pack("<i", SIGNATURE_BYTES) + context.wrap(plain, encrypt=True).data
    return (
        BOUNDARY + b"\r\n" + head + BOUNDARY + b"\r\n"
        b"\tContent-Type: application/octet-stream\r\n" + payload + BOUNDARY + b"--\r\n"
    )
