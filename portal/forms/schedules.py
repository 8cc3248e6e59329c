"""What schedules and maintenance windows ask for. Whether it makes sense is for the domain to say."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from lifecycle import cron
from lifecycle.models import Schedule, VDisk, Window
from lifecycle.schedules import SCHEDULABLE, Terms
from lifecycle.states import Action
from lifecycle.windows import Opening
from portal.forms.fields import reason_field

EXAMPLES = (
    "30 2 * * SUN: Sundays at 02:30. 0 22 * * 1-5: workdays at 22:00. 0 3 1 * *: the first of each month at 03:00."
)

_MAY = [(action.value, action.label) for action, why_not in SCHEDULABLE.items() if not why_not]


def _cron(*, required: bool) -> forms.CharField:
    return forms.CharField(
        required=required,
        max_length=120,
        label="Times: minute, hour, day of month, month, day of week",
        help_text=EXAMPLES,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )


def _time_zone() -> forms.CharField:
    widget = forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(
        max_length=64,
        label="Time zone",
        help_text="Summer time is followed: a time that the clocks skip comes right after the gap, one that they pass "
        "twice counts once.",
        widget=widget,
        initial=timezone.get_current_timezone_name,
    )


class ClockForm(forms.Form):
    """A form with times; the page lists the time zones once."""

    @property
    def time_zones(self) -> list[str]:
        return sorted(cron.zone_names())


class ScheduleForm(ClockForm):
    name = forms.CharField(max_length=120, label="Name")
    kind = forms.ChoiceField(
        label="What it does",
        choices=[("", "choose what it does"), *_MAY],
    )
    vdisk = forms.ModelChoiceField(VDisk.objects.none(), label="vDisk", empty_label="choose a vDisk")
    reason = reason_field(required=False, label="Reason (optional)", help_text="Goes with each of its jobs.")
    window = forms.ModelChoiceField(
        Window.objects.none(),
        required=False,
        label="Maintenance window",
        empty_label="none: at times of its own",
        help_text="With a window it starts when that opens, and not after it has closed.",
    )
    cron = _cron(required=False)
    time_zone = _time_zone()
    late_minutes = forms.IntegerField(
        min_value=1,
        max_value=7 * 24 * 60,
        initial=60,
        label="May start late by (minutes)",
        help_text="When the portal was away at its time. Later than that, the time is noted as missed. In a window it "
        "may start until that closes.",
    )
    stop_after = forms.IntegerField(
        min_value=1, max_value=1000, initial=3, label="Stops itself after so many failures in a row"
    )
    skip_unchanged = forms.BooleanField(
        required=False,
        label="Skip when nothing changed",
        help_text="Nothing is done while the vDisk's newest chain is as it was when this last succeeded.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vdisk"].queryset = VDisk.objects.present().order_by("name")  # type: ignore[attr-defined]
        self.fields["window"].queryset = Window.objects.order_by("name")  # type: ignore[attr-defined]

    def clean_kind(self) -> Action:
        return Action(self.cleaned_data["kind"])

    def terms(self) -> Terms:
        return Terms(**self.cleaned_data)

    @staticmethod
    def values(of: Schedule) -> dict[str, Any]:
        names = (*ScheduleForm.base_fields,)
        return {name: getattr(of, name) for name in names}


class WindowForm(ClockForm):
    name = forms.CharField(max_length=80, label="Name")
    cron = _cron(required=True)
    time_zone = _time_zone()
    minutes = forms.IntegerField(min_value=1, max_value=7 * 24 * 60, initial=120, label="Stays open for (minutes)")

    def opening(self) -> Opening:
        return Opening(**self.cleaned_data)

    @staticmethod
    def values(of: Window) -> dict[str, Any]:
        return {name: getattr(of, name) for name in WindowForm.base_fields}


class PreviewForm(forms.Form):
    """What the preview of the next times looks at; anything may be missing while somebody types."""

    cron = forms.CharField(required=False, max_length=120)
    time_zone = forms.CharField(required=False, max_length=64)
    window = forms.ModelChoiceField(Window.objects.all(), required=False)


class PauseForm(forms.Form):
    reason = forms.CharField(required=False, max_length=300, label="Why pause it (optional)")
