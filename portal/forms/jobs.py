from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from lifecycle import rerunning
from lifecycle.models import JobStep
from lifecycle.states import JobState
from portal.forms.fields import reason_field


class JobFilter(forms.Form):
    state = forms.ChoiceField(
        required=False, choices=[("", "any state"), ("active", "active"), *JobState.choices], label="State"
    )
    text = forms.CharField(
        required=False,
        max_length=80,
        label="Search",
        widget=forms.SearchInput(attrs={"placeholder": "vDisk, action, person"}),
    )


class LogForm(forms.Form):
    """Which lines of a job's log are looked at, and where."""

    text = forms.CharField(
        required=False,
        max_length=200,
        label="Text",
        widget=forms.SearchInput(attrs={"placeholder": "in any line"}),
    )
    level = forms.ChoiceField(
        required=False,
        choices=[("", "all lines"), ("warning", "warnings and errors"), ("error", "errors")],
        label="Level",
    )
    step = forms.TypedChoiceField(required=False, coerce=int, empty_value=None, label="Step")
    line = forms.IntegerField(required=False, min_value=1, max_value=10**15, label="Line number")

    def __init__(self, *args: Any, steps: Iterable[JobStep], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(str(step.position), f"{step.position}. {step.title}") for step in steps]
        self.fields["step"].choices = [("", "all steps"), *names]  # type: ignore[attr-defined]


class RestartForm(forms.Form):
    """From which step on, and why. The page draws the steps itself, with the reasons against each."""

    step = forms.IntegerField(
        min_value=1, max_value=10_000, label="Step", error_messages={"required": "Choose a step."}
    )
    reason = reason_field(required=True, label="Reason", help_text="Goes into the job's log and the audit trail.")


class KeepForm(forms.Form):
    hours = forms.IntegerField(min_value=1, max_value=rerunning.LONGEST_HOURS, label="Hours")
