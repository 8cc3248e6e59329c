from __future__ import annotations

from typing import Any

from django import forms

from lifecycle.operations import NEEDS_REASON
from lifecycle.states import Action
from portal.forms.fields import reason_field


class ActionForm(forms.Form):
    """What an action asks for: which version, and a reason, where it changes what targets boot."""

    version = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, action: Action, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"] = _reason(action)


def _reason(action: Action) -> forms.CharField:
    if action == Action.NEW_VERSION:
        return reason_field(
            required=False,
            label="What is this version for?",
            help_text="Becomes the version's description in PVS, with your name; everybody sees it on its card.",
        )
    required = action in NEEDS_REASON
    return reason_field(
        required=required, label="Reason" if required else "Reason (optional)", help_text="Goes into the audit trail."
    )
