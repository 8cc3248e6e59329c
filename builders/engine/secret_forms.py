"""The forms in which an outside system may give a known secret back: quoted, escaped, encoded."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

LEAST_BASE64 = 8
"""Fewer characters of base64 than this say too little: they would be found in texts that hold no secret."""


def forms(value: str) -> set[str]:
    """Every form of ``value``, itself included."""
    plain = {value, *_quoted(value)}
    found = plain | {form for text in plain for form in _escaped(text)}
    for encoding in ("utf-8", "utf-16-le"):
        data = value.encode(encoding, "replace")
        found.update(_base64(data))
        found |= {data.hex(), data.hex().upper()}
    return {form for form in found if form}


def _quoted(value: str) -> Iterator[str]:
    """Within quotes of PowerShell or a shell, and as Python shows a text."""
    yield value.replace("'", "''")
    yield value.replace('"', '""')
    yield value.replace('"', '`"').replace("$", "`$")
    yield value.replace("'", "'\\''")
    yield repr(value)[1:-1]


def _escaped(value: str) -> Iterator[str]:
    for encoded in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield encoded
        yield _lower_percent(encoded)
    for shown in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield shown
        yield shown.replace("/", "\\/")
        yield json.dumps(shown)[1:-1]
    # ConvertTo-Json of Windows PowerShell escapes these too
    yield json.dumps(value)[1:-1].translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&'"})
    yield escape(value)
    yield quoteattr(value)[1:-1]
    yield escape(value, {'"': "&quot;", "'": "&apos;"})
    yield html.escape(value)


def _lower_percent(text: str) -> str:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _base64(data: bytes) -> Iterator[str]:
    """Alone, and as a part of something longer, where it may begin at each of three places.

    Characters that are made of the neighbours' bits too are left away.
    """
    whole = base64.b64encode(data).decode()
    yield from (whole, whole.rstrip("="), whole.translate(_URL_SAFE), whole.rstrip("=").translate(_URL_SAFE))
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        core = encoded[first:last]
        if len(core) >= LEAST_BASE64:
            yield from (core, core.translate(_URL_SAFE))


_URL_SAFE = str.maketrans("+/", "-_")
