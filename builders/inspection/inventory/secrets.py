"""Passwords that people put into command lines and variables: that they are there is said, never what they are."""

from __future__ import annotations

import re

CONCEALED = "(concealed)"
MOST_TEXT = 2000

_WORD = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credential|api[_-]?key|accountkey|accesskey)[\w.]{0,40}"
_VALUE = r"(?:\"[^\"]*\"?|'[^']*'?|[^\s;,&\"']+)"
_NAMED = re.compile(rf"(?i){_WORD}")
_PATTERNS = (
    re.compile(rf"(?i)({_WORD}[\"']?\s{{0,4}}[=:]\s{{0,4}}){_VALUE}"),
    re.compile(rf"(?i)((?:^|\s)[-/]{{1,2}}[\w.]{{0,40}}?{_WORD}\s{{1,4}}){_VALUE}"),
    re.compile(rf"(?i)((?:^|\s)[-/](?:pw|pass|rp)(?:[:=]|\s{{1,4}})){_VALUE}"),
    re.compile(rf"(?i)(\s[-/]p[:=]){_VALUE}"),
    re.compile(rf"(?i)(\s[-/]u(?:ser)?[:=\s].{{0,200}}?\s[-/]p\s{{1,4}}){_VALUE}"),
    re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,100}:)[^\s/@]{1,200}(?=@)"),
)
_NET_USE = re.compile(r"(?i)\bnet1?(?:\.exe)?\"?\s+use\s+(.*)")
_NO_SECRET = re.compile(r"(?i)[a-z*]:?|\\\\.*|\"\\\\.*|/.*")


def concealed(words: str) -> str:
    """A command line or the like without the passwords in it, cut to MOST_TEXT."""
    found = words[: MOST_TEXT * 2]
    for pattern in _PATTERNS:
        found = pattern.sub(rf"\g<1>{CONCEALED}", found)
    if match := _NET_USE.search(found):
        kept = [word if _NO_SECRET.fullmatch(word) else CONCEALED for word in match[1].split()]
        found = found[: match.start(1)] + " ".join(kept)
    return found[:MOST_TEXT]


def concealed_value(name: str, value: str) -> str:
    """The value of a variable or setting; nothing of it where its name says that it is a secret."""
    return CONCEALED if value and _NAMED.search(name) else concealed(value)
