from __future__ import annotations

from datetime import date

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

_SENSIBLE = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class AuditFilter(forms.Form):
    person = forms.CharField(required=False, max_length=150)
    action = forms.CharField(
        required=False, max_length=60, widget=forms.TextInput(attrs={"placeholder": "e.g. change.approve"})
    )
    on = forms.CharField(
        required=False, max_length=120, label="Object", widget=forms.TextInput(attrs={"placeholder": "e.g. a vDisk"})
    )
    since = forms.DateField(
        required=False, label="From", validators=_SENSIBLE, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        required=False, label="To", validators=_SENSIBLE, widget=forms.DateInput(attrs={"type": "date"})
    )
