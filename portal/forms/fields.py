"""Form pieces that several pages use."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone


class MomentField(forms.DateTimeField):
    """A date with hour and minute, as the browser's own picker sends it, in the time zone of the portal."""

    def __init__(self, **kwargs: Any) -> None:
        zone = timezone.get_current_timezone_name()
        kwargs.setdefault("help_text", f"Time zone: {zone}.")
        kwargs["widget"] = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        kwargs["input_formats"] = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        super().__init__(**kwargs)


def sensible(form: forms.Form) -> dict[str, Any]:
    """The fields of a filter that make sense; ``form.errors`` says at the list what is wrong with the others."""
    form.is_valid()
    return form.cleaned_data


def reason_field(*, required: bool, label: str, help_text: str = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 3})
    return forms.CharField(
        required=required,
        max_length=2000,
        label=label,
        help_text=help_text,
        widget=widget,
        error_messages={"required": "Say why."},
    )
