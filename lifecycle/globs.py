"""Names with * for any text, matched in a time that grows with the texts alone, whatever is in them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Glob:
    """``7-Zip *``. ``parts``: what stands between the stars, casefolded; one part: no star at all."""

    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Glob:
        first, *others = text.casefold().split("*")
        if not others:
            return cls((first,))
        return cls((first, *filter(None, others[:-1]), others[-1]))

    def fits(self, text: str) -> bool:
        """Whether it is all of ``text``. The first place for each part is the best one, so none is tried twice."""
        name = text.casefold()
        first, *others = self.parts
        if not others:
            return name == first
        *middle, last = others
        at, end = len(first), len(name) - len(last)
        if at > end or not (name.startswith(first) and name.endswith(last)):
            return False
        for part in middle:
            found = name.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True
