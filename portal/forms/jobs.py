from __future__ import annotations

from django import forms

from lifecycle.states import JobState


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
