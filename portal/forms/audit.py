from __future__ import annotations

from django import forms


class AuditFilter(forms.Form):
    person = forms.CharField(required=False, max_length=150)
    action = forms.CharField(
        required=False, max_length=60, widget=forms.TextInput(attrs={"placeholder": "e.g. change.approve"})
    )
    on = forms.CharField(
        required=False, max_length=120, label="Object", widget=forms.TextInput(attrs={"placeholder": "e.g. a vDisk"})
    )
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))
