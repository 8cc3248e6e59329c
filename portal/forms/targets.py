from __future__ import annotations

from django import forms

from lifecycle.models import Collection, VDisk
from lifecycle.verdicts import VerdictCode


class TargetFilter(forms.Form):
    text = forms.CharField(
        required=False,
        max_length=60,
        label="Search",
        widget=forms.SearchInput(attrs={"placeholder": "name, MAC or IP address", "autofocus": True}),
    )
    verdict = forms.ChoiceField(required=False, choices=[("", "any verdict"), *VerdictCode.choices])
    collection = forms.ModelChoiceField(
        required=False, queryset=Collection.objects.filter(gone_at=None), empty_label="any collection"
    )
    vdisk = forms.ModelChoiceField(
        required=False, queryset=VDisk.objects.filter(gone_at=None), empty_label="any vDisk", label="vDisk"
    )
    version = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
