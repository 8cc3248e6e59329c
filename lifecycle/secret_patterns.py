"""What looks like a secret, whoever it belongs to. Only the secret itself goes; the words around it stay."""

from __future__ import annotations

import re

MASK = "[masked]"

_NAME = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|product[_-]?key)"
_QUOTED = r"""\\+"(?:[^"\\\n]|\\(?!"))*\\*"?|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\n]|'')*'?"""
_BARE = r"""[^\s"',;&<>|)\]}]+"""
_VALUE = rf"(?:\[masked\]|{_QUOTED}|{_BARE})"


def _of(expression: str, keep: str, flags: int = re.IGNORECASE) -> tuple[re.Pattern[str], str]:
    return re.compile(expression, flags), keep.replace("…", MASK)


_PATTERNS = (
    # a private key; without its end, all that follows is taken for it
    _of(r"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", "…", re.DOTALL),
    # Authorization: Basic dXNlcjpwYXNz, and a scheme on its own
    _of(
        r"""(authorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:basic|bearer|negotiate|ntlm|kerberos|digest)\s+)?)"""
        r"""[^\s"',;\\]+""",
        r"\1…",
    ),
    _of(r"(\b(?:basic|bearer|negotiate)\s+)[A-Za-z0-9+/_.~-]{16,}={0,2}", r"\1…"),
    # ConvertTo-SecureString 'secret' -AsPlainText -Force, in any order of its parameters; see also _AS_PLAIN_TEXT
    _of(rf"(ConvertTo-SecureString(?:\s+-(?:AsPlainText|Force))*\s+(?:-String\s+)?)(?!-){_VALUE}", r"\1…"),
    # amqp://user:secret@host
    _of(r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@\"']{0,100}:)[^\s/@\"']{1,500}(?=@)", r"\1…"),
    # <Password><Value>secret</Value></Password>, as in an answer file
    _of(r"(<\w{0,40}password\w{0,40}>\s*<Value>)[^<]*", r"\1…"),
    _of(rf"(<(\w{{0,40}}{_NAME}\w{{0,40}})(?:\s[^<>]*)?>)[^<\s][^<]*(?=</\2)", r"\1…"),
    # password=..., "AdminPassword": "...", /pass:..., pwd=...
    _of(rf"(\b\w*?{_NAME}\w{{0,12}}\\*[\"']?\s*(?:=>|:=|[:=])\s*){_VALUE}", r"\1…"),
    # -Password ..., --token ...
    _of(rf"((?<!\S)[-/]{{1,2}}\w*?{_NAME}\w{{0,12}}\s+)(?![-/]){_VALUE}", r"\1…"),
    # five by five: a key for Windows or Office
    _of(r"\b[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}\b", "…"),
)

_HINT = re.compile(
    r"pass|pwd|secret|token|key|authorization|basic\s|bearer|negotiate|://|plaintext|[A-Z0-9]{5}-[A-Z0-9]{5}-",
    re.IGNORECASE,
)


# 'secret' -AsPlainText, and 'secret' | ConvertTo-SecureString -AsPlainText. The value is found from its end, in the
# text reversed: searched for from its beginning, each quote and each blank would be read up to the end of the text.
_AS_PLAIN_TEXT = re.compile("(-AsPlainText)", re.IGNORECASE)
_BEGINS = r"[\s(=]|\Z"
_ENDS_PLAIN = re.compile(
    rf"""(?P<between>\s++(?:ecroF-\s++)?+(?:gnirtSeruceS-oTtrevnoC\s*+\|\s*+)?+)(?!gnirtSeruceS-oTtrevnoC(?:{_BEGINS}))"""
    rf"""(?:\]deksam\[|'(?:[^'\n]|''|'(?!{_BEGINS}))*'?"""
    rf"""|"(?:\\+)(?:[^"\n]|"(?!\\+(?:{_BEGINS})))*(?:"\\+)?"""
    rf"""|"(?:[^"\n]|""|"(?!{_BEGINS}))*"?"""
    rf"""|[^"'\n]*["'](?=\\*(?:{_BEGINS}))"""
    r"""|[^\s"']+)""",
    re.IGNORECASE,
)


def mask_patterns(text: str) -> str:
    """``text`` with what looks like a secret replaced by ``MASK``. Takes as long as the text is, whatever it says."""
    if _HINT.search(text):
        for expression, keep in _PATTERNS:
            text = expression.sub(keep, text)
        text = _mask_plain(text)
    return text


def _mask_plain(text: str) -> str:
    *before, rest = _AS_PLAIN_TEXT.split(text)
    masked = [_mask_end(part) if position % 2 == 0 else part for position, part in enumerate(before)]
    return "".join([*masked, rest])


def _mask_end(text: str) -> str:
    """Without the value that it ends with, as the parameter that follows says that it is one."""
    backwards = text[::-1]
    found = _ENDS_PLAIN.match(backwards)
    return (backwards[found.end() :][::-1] + MASK + found["between"][::-1]) if found else text
