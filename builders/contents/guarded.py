"""Runs the reader's child as this installation wants it guarded, and tells once which guards the machine lacks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.conf import settings

from builders.inspection import sandbox
from builders.inspection.sandbox import Image, Limits, Result
from builders.inspection.sandbox.keeper import OnProgress

logger = logging.getLogger(__name__)


def run(
    task: str,
    images: Sequence[Image],
    options: Mapping[str, Any] | None = None,
    *,
    limits: Limits,
    on_progress: OnProgress | None = None,
) -> Result:
    """As the sandbox's. Stopped (UNGUARDED) before a byte is read where PORTAL_INSPECT_REQUIRE_GUARDS asks for a guard
    that is missing."""
    result = sandbox.run(
        task,
        images,
        options,
        limits=limits,
        on_progress=on_progress,
        require_guards=settings.PORTAL_INSPECT_REQUIRE_GUARDS,
    )
    for words in result.weaker:
        _tell_once(words)
    return result


def as_warnings(result: Result) -> list[dict[str, str]]:
    """For a report: each guard that did not hold while it was made."""
    return [{"where": "reader", "words": words} for words in result.weaker]


@cache
def _tell_once(words: str) -> None:
    logger.warning("Images are read with less protection than there could be. %s", words)
