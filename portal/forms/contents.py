from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from lifecycle import searching
from lifecycle.contents import LABELS, Category
from lifecycle.models import VDisk
from lifecycle.models.watches import Comparison
from lifecycle.searching import Wanted

_CATEGORIES = [(str(category), LABELS[category]) for category in Category if category != Category.SIGNS]


class ContentFilter(forms.Form):
    """Narrows the lists of one image."""

    text = forms.CharField(
        required=False,
        max_length=120,
        label="Name, version, publisher or place",
        widget=forms.SearchInput(attrs={"placeholder": "e.g. 7-Zip"}),
    )
    category = forms.ChoiceField(required=False, label="Kind", choices=[("", "everything"), *_CATEGORIES])


class ImagesFilter(forms.Form):
    text = forms.CharField(required=False, max_length=60, label="vDisk", widget=forms.SearchInput)
    state = forms.ChoiceField(
        required=False,
        label="Contents",
        choices=[("", "any"), ("read", "read"), ("unread", "not read"), ("partial", "read in part")],
    )


class SearchForm(forms.Form):
    """What is looked for across images."""

    words = forms.CharField(
        required=False,
        max_length=120,
        label="Name",
        widget=forms.SearchInput(attrs={"placeholder": "e.g. 7-Zip"}),
    )
    comparison = forms.ChoiceField(required=False, label="Version", choices=Comparison.choices)
    version = forms.CharField(
        required=False,
        max_length=60,
        label="of",
        widget=forms.TextInput(attrs={"placeholder": "e.g. 12.4", "inputmode": "decimal"}),
    )
    category = forms.ChoiceField(
        required=False, label="Kind", choices=[("", "anything"), *_CATEGORIES], initial=Category.PROGRAMS.value
    )
    vdisk = forms.ModelChoiceField(
        required=False, queryset=VDisk.objects.filter(gone_at=None), empty_label="any vDisk", label="vDisk"
    )

    def clean(self) -> dict[str, Any]:
        for field, words in searching.why_not(self.wanted()).items():
            if field not in self.errors:
                self.add_error(field, words)
        return self.cleaned_data

    def wanted(self) -> Wanted:
        """What was asked, as far as it makes sense."""
        given = self.cleaned_data
        vdisk = given.get("vdisk")
        return Wanted(
            words=given.get("words") or "",
            category=given.get("category") or "",
            comparison=given.get("comparison") or Comparison.ANY,
            version=given.get("version") or "",
            vdisk=vdisk.pk if vdisk else None,
        )


class KeepForm(SearchForm):
    """``by_mail`` is there where the portal can send mail."""

    by_mail = forms.BooleanField(required=False, label="Also by e-mail")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings.PORTAL_MAIL_HOST:
            del self.fields["by_mail"]


class CompareForm(forms.Form):
    """Two versions, each as ``12-4``: the vDisk's key and the number."""

    a = forms.ChoiceField(label="From")
    b = forms.ChoiceField(label="To")

    def __init__(self, *args: Any, choices: list[tuple[str, list[tuple[str, str]]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("a", "b"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "choose a version"), *choices]
