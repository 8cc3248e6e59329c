from __future__ import annotations

from typing import Any

from django import forms

from lifecycle.models import Package
from lifecycle.package_kinds import PackageState
from lifecycle.portfolio.decisions import REASON_LENGTH
from lifecycle.portfolio.matching import KEY_LENGTH, Cover
from lifecycle.portfolio.situation import Hypervisor, Wanted


class PortfolioFilter(forms.Form):
    text = forms.CharField(
        required=False,
        max_length=100,
        label="Program or publisher",
        widget=forms.SearchInput(attrs={"placeholder": "name or publisher"}),
    )
    cover = forms.ChoiceField(
        required=False, label="Package", choices=[("", "any"), *((cover.value, cover.label) for cover in Cover)]
    )


class PackageField(forms.ModelChoiceField[Package]):
    def label_from_instance(self, obj: Package) -> str:
        return f"{obj.current or obj.key} ({obj.key})"


class KeyForm(forms.Form):
    """Which program it is about."""

    key = forms.CharField(max_length=KEY_LENGTH, strip=False, widget=forms.HiddenInput)


class DecisionForm(KeyForm):
    """Which package installs a program, or why none is needed."""

    package = PackageField(
        required=False,
        queryset=Package.objects.none(),
        empty_label="choose a package",
        label="This package installs it",
        help_text="Then every version of the program, in every image, counts as covered by it.",
    )
    needs_none = forms.CharField(
        required=False,
        max_length=REASON_LENGTH,
        label="Or: it needs no package, because",
        help_text="For example: part of Windows, comes with another program, not wanted any more.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        packages = Package.objects.exclude(state=PackageState.RETIRED).select_related("current")
        self.fields["package"].queryset = packages.order_by("current__name", "key")  # type: ignore[attr-defined]


class AdviceForm(forms.Form):
    """What is wanted, and what the portal cannot see by itself."""

    wanted = forms.ChoiceField(label="What is to change?", choices=Wanted.choices)
    hypervisor = forms.ChoiceField(
        required=False,
        label="The targets run on",
        choices=[("", "as the image shows"), *(pair for pair in Hypervisor.choices if pair[0] != Hypervisor.UNKNOWN)],
    )
    days_left = forms.IntegerField(required=False, min_value=0, max_value=3650, label="Days until it must be done")
