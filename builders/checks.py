"""System checks of what the workers need of their machine. `manage.py check` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004  Django's name

from builders.inspection.sandbox.probing import missing_guards

TAG = "builders"


@register(TAG)
def reading_is_guarded(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  Django's shape
    **kwargs: Any,  # noqa: ARG001  Django's shape
) -> list[CheckMessage]:
    """Of the machine it runs on: only told, for the web process may run where no image is read."""
    missing = missing_guards()
    if not missing:
        return []
    if settings.PORTAL_INSPECT_REQUIRE_GUARDS:
        so = "No image is read on this machine, for PORTAL_INSPECT_REQUIRE_GUARDS is on."
    else:
        so = "Images are read all the same, for PORTAL_INSPECT_REQUIRE_GUARDS is off."
    return [
        Warning(
            f"This machine does not guard the process that reads images with {' and '.join(missing)}. {so}",
            hint="Run the workers on a kernel of 5.13 or later with Landlock switched on, in containers whose profile "
            "allows landlock_create_ruleset and seccomp.",
            id="builders.W001",
        )
    ]
