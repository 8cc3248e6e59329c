from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from lifecycle.states import ChangeState
from portal.forms.fields import MomentField, reason_field

DAYS_AHEAD = 366  # a date further away is a slip of the finger


class RequestForm(forms.Form):
    reason = reason_field(
        required=True,
        label="Why should it go to production?",
        help_text="The approver reads it, and later whoever asks what changed.",
    )
    ticket = forms.CharField(required=False, max_length=80, label="Change ticket (optional)")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # made here: its help text names the time zone, which is known only once the settings are
        field = MomentField(required=False, label="Go live at (optional)")
        field.help_text = f"Empty: as soon as it is approved. At most {DAYS_AHEAD} days ahead. {field.help_text}"
        self.fields["go_live_at"] = field

    def clean_go_live_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["go_live_at"]
        if moment and moment > timezone.now() + timedelta(days=DAYS_AHEAD):
            raise forms.ValidationError(f"Choose a date within the next {DAYS_AHEAD} days, or leave it empty.")
        return moment


class DecisionForm(forms.Form):
    """Approving takes an optional note; that rejecting needs a reason is the domain's rule."""

    reason = reason_field(required=False, label="Note", help_text="Needed when you reject; the requester reads it.")
    # without any words of its own: lets the style sheet see whether somebody has written something
    reason.widget.attrs["placeholder"] = " "


class ChangeFilter(forms.Form):
    state = forms.ChoiceField(required=False, choices=[("", "any state"), *ChangeState.choices])
    text = forms.CharField(
        required=False,
        max_length=80,
        label="Search",
        widget=forms.SearchInput(attrs={"placeholder": "vDisk, ticket, person"}),
    )
