"""Languages as names of programs bear them: a closed list, for ``Add-in`` and ``Wi-Fi`` look like tags and are none."""

from __future__ import annotations

_REGIONS = {
    "ar": "sa ae eg",
    "bg": "bg",
    "bs": "ba",
    "ca": "es",
    "cs": "cz",
    "cy": "gb",
    "da": "dk",
    "de": "de at ch",
    "el": "gr",
    "en": "us gb au ca ie in nz za",
    "es": "es mx ar cl co us",
    "et": "ee",
    "eu": "es",
    "fa": "ir",
    "fi": "fi",
    "fr": "fr be ca ch",
    "ga": "ie",
    "gl": "es",
    "he": "il",
    "hi": "in",
    "hr": "hr ba",
    "hu": "hu",
    "id": "id",
    "is": "is",
    "it": "it ch",
    "ja": "jp",
    "ka": "ge",
    "kk": "kz",
    "ko": "kr",
    "lt": "lt",
    "lv": "lv",
    "mk": "mk",
    "ms": "my",
    "nb": "no",
    "nl": "nl be",
    "nn": "no",
    "pl": "pl",
    "pt": "br pt",
    "ro": "ro",
    "ru": "ru",
    "sk": "sk",
    "sl": "si",
    "sq": "al",
    "sr": "rs",
    "sv": "se fi",
    "th": "th",
    "tr": "tr",
    "uk": "ua",
    "ur": "pk",
    "vi": "vn",
    "zh": "cn tw hk sg",
}
_SCRIPTS = "zh-Han[st](?:-(?:cn|tw|hk|sg))?|sr-(?:Latn|Cyrl)(?:-rs)?|bs-(?:Latn|Cyrl)(?:-ba)?"
_NAMES = (
    "english|german|deutsch|french|français|spanish|español|italian|italiano|dutch|nederlands|polish|polski|portuguese|"
    "português|russian|czech|hungarian|swedish|danish|norwegian|finnish|turkish|greek|japanese|korean|chinese"
)
_KINDS = (
    "edition|version|simplified|traditional|united states|united kingdom|us|uk|germany|france|spain|brazil|brazilian|"
    "portugal|prc|taiwan|international"
)

TAG = "(?:" + "|".join([_SCRIPTS, *(f"{one}-(?:{two.replace(' ', '|')})" for one, two in _REGIONS.items())]) + ")"
"""A language with its region, ``en-US``, or script: a tag wherever it stands by itself."""
IN_BRACKETS = f"(?:{'|'.join(_REGIONS)})"
"""A language alone, ``de``: a tag only in brackets and in small letters, or beside a processor."""
LANGUAGE_NAMES = rf"(?:{_NAMES})(?:[\s,-]*\(?\b(?:{_KINDS})\b\)?)*"
"""A language by its name, in brackets: ``German``, ``Chinese (Simplified)``."""
