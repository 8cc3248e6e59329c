"""Passwords that people put into command lines and variables: that they are there is said, never what they are.

Where it cannot be told whether a value is a secret, it is taken for one.
"""

from __future__ import annotations

import re

from builders.inspection.inventory.plain import cut

CONCEALED = "(concealed)"
MOST_TEXT = 2000

_KEYS = (
    r"(?:api|access|account|auth|private|shared|license|licence|product|serial|pid|activation|registration|enroll(?:ment)?"
    r"|encryption|host|storage|subscription|install(?:ation)?|client|secret|sas)"
)
_WORD = (
    r"(?:pass(?:wor[dt]|wd|phrase|code)?|pwd|pswd|passwrd|kennwort|wachtwoord|secret|token|credential|bearer|sharedaccesssignature"
    rf"|{_KEYS}[_ -]?key)[\w.-]{{0,40}}"
)
_QUOTED = r"(?:\"(?:[^\"]|\"\")*\"?|'[^']*'?)"
_BARE = r"(?:(?![;,&]\s{0,4}[\w.-]{1,40}(?: [\w.-]{1,40})?\s{0,4}=)(?![;,&](?:\s|$))[^\s\"'])"
_MORE = r"(?:\"(?=[^\s\"])[^\"]{0,400}\"|'(?=[^\s'])[^']{0,400}')"
_VALUE = rf"(?!\(concealed\))(?:{_QUOTED}|{_BARE})(?:{_MORE}|{_BARE}){{0,400}}"
_NAMED = re.compile(rf"(?i){_WORD}")
_PATTERNS = (
    re.compile(r"(?i)(;\s{0,4}(?:password|pwd)\s{0,4}=)[^;\"']+"),
    re.compile(r"(?i)((?:password|pwd)\s{0,4}=)[^;\"'=]+(?=;\s{0,4}(?:server|data source|uid|user|database|initial))"),
    re.compile(rf"(?i)([\"'][-/]{{0,2}}[\w.-]{{0,40}}?{_WORD}\s{{0,4}}[=:])(?!\(concealed\))[^\"']+(?=[\"'])"),
    re.compile(rf"(?i)({_WORD}[\\\"']{{0,2}}\s{{0,4}}[=:]\s{{0,4}}(?:\\\")?(?:(?:bearer|basic)\s{{1,4}})?){_VALUE}"),
    re.compile(rf"(?i)((?:^|[\s\"'])[-/]{{1,2}}[\w.-]{{0,40}}?{_WORD}[\"']?\s{{1,4}}){_VALUE}"),
    re.compile(rf"(?i)((?:^|\s)[-/](?:pw|pass|rp)(?:[:=]|\s{{1,4}})){_VALUE}"),
    re.compile(rf"(?i)((?:^|[\s\"'])[-/]p[:=]){_VALUE}"),
    re.compile(rf"(?i)((?:^|\s)[-/]p\s{{1,4}})(?![-/]|\S{{1,300}}\.ms[ip](?:\s|$)|\"[^\"]{{1,300}}\.ms[ip]\"){_VALUE}"),
    re.compile(
        rf"(?i)(\b(?:mysql\w*|mariadb\w*|7z\w*|(?:un)?rar|sqlcmd|osql|bcp)(?:\.exe)?\"?\s.{{0,300}}?\s-p)(?![\s:=(]){_VALUE}"
    ),
    re.compile(rf"(?i)(\bcurl(?:\.exe)?\"?\s.{{0,300}}?(?:-u|--user)[\s=]{{1,4}}[^\s:\"']{{1,100}}:){_VALUE}"),
    re.compile(rf"(?i)(\bConvertTo-SecureString\s{{1,4}}(?:-String\s{{1,4}})?)(?!-){_VALUE}"),
    re.compile(rf"(?i)(\bauthorization[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?:\w{{1,20}}\s{{1,4}})?){_VALUE}"),
    re.compile(rf"(?i)(\bbearer\s{{1,4}}){_VALUE}"),
    re.compile(r"(?i)([?&](?:sig|code|key|auth|signature)=)[^\s&\"'#]+"),
    re.compile(rf"(?i)(<(?!/)[^<>]{{0,40}}{_WORD}[^<>]{{0,100}}>)[^<]+"),
    re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,100}:)[^\s/@]{1,200}(?=@)"),
    re.compile(r"(?i)(\bhttps?://)[^\s/:@]{16,200}(?=@)"),
)
_NET_USE = re.compile(r"(?i)\bnet1?(?:\.exe)?\"?\s+use\s+(.*)")
_NET_USER = re.compile(r"(?i)(\bnet1?(?:\.exe)?\"?\s+user\s+(?:\"[^\"]*\"|[^\s/]+)\s+)(?!/)" + _VALUE)
_NO_SECRET = re.compile(r"(?i)[a-z*]:?|\\\\.*|\"\\\\.*|/.*")


def concealed(words: str) -> str:
    """A command line or the like without the passwords in it, cut to MOST_TEXT."""
    found = words[: MOST_TEXT * 2]
    for pattern in _PATTERNS:
        found = pattern.sub(rf"\g<1>{CONCEALED}", found)
    found = _NET_USER.sub(rf"\g<1>{CONCEALED}", found)
    if match := _NET_USE.search(found):
        kept = [word if _NO_SECRET.fullmatch(word) else CONCEALED for word in match[1].split()]
        found = found[: match.start(1)] + " ".join(kept)
    return cut(found, MOST_TEXT)


def concealed_value(name: str, value: str) -> str:
    """The value of a variable or setting; nothing of it where its name says that it is a secret."""
    return CONCEALED if value and _NAMED.search(name) else concealed(value)
