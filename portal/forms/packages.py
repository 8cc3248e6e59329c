"""What the pages of the package catalogue ask for. Whether it makes sense is for lifecycle/packages to say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.forms import BoundField

from lifecycle.models import Installer, Package
from lifecycle.package_kinds import Architecture, DetectionKind, InstallerKind, PackageState, Phase
from lifecycle.packages import detection
from lifecycle.packages.findings import Code
from lifecycle.packages.terms import File, Terms
from portal.forms.fields import reason_field

MOST_INSTALLERS = 200
_TOKEN = re.compile(r"([0-9a-f]{64}):(\d{1,18}):(.{1,150})")


class PackageFilter(forms.Form):
    text = forms.CharField(
        required=False,
        max_length=60,
        label="Search",
        widget=forms.SearchInput(attrs={"placeholder": "name, vendor, version or owner"}),
    )
    phase = forms.ChoiceField(required=False, choices=[("", "any phase"), *Phase.choices])
    state = forms.ChoiceField(
        required=False, choices=[("", "drafts and ready ones"), *PackageState.choices, ("all", "all")]
    )
    owner = forms.CharField(required=False, max_length=150, widget=forms.TextInput(attrs={"list": "owners"}))
    finding = forms.ChoiceField(
        required=False, label="Findings", choices=[("", "with or without"), ("any", "any finding"), *Code.choices]
    )


class CodesField(forms.CharField):
    """Exit codes, separated by commas or blanks."""

    def clean(self, value: Any) -> tuple[int, ...]:
        parts = super().clean(value).replace(",", " ").split()
        wrong = next((part for part in parts if not re.fullmatch(r"-?\d{1,10}", part)), None)
        if wrong is not None:
            raise forms.ValidationError(f"“{wrong}” is no exit code; write numbers, such as 0, 3010.")
        return tuple(int(part) for part in parts)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def token(file: File) -> str:
    """A file as a choice of a form."""
    return f"{file.sha256}:{file.size}:{file.name}"


def _file(text: str) -> File:
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise forms.ValidationError("This file is not known; choose one of the list.")
    return File(match[3], match[1], int(match[2]))


def _command(label: str, help_text: str) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false", "autocomplete": "off"})
    return forms.CharField(required=False, label=label, help_text=help_text, widget=widget, max_length=4000)


class RevisionForm(forms.Form):
    """All of a revision. ``others`` are the packages that it may name."""

    based_on = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    key = forms.CharField(
        required=False,
        max_length=80,
        label="Key",
        help_text="Its name in files, such as 7-zip. It never changes; empty: made from the name.",
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    name = forms.CharField(max_length=200, label="Name", help_text="As people call it.")
    vendor = forms.CharField(required=False, max_length=200, label="Vendor")
    version = forms.CharField(required=False, max_length=80, label="Version")
    architecture = forms.ChoiceField(choices=Architecture.choices, label="Architecture")
    phase = forms.ChoiceField(
        choices=Phase.choices,
        label="Phase",
        help_text="When it is installed: drivers first, the PVS target device last of all.",
    )
    owner = forms.CharField(
        required=False,
        max_length=150,
        label="Owner",
        help_text="The person or team that answers for it.",
        widget=forms.TextInput(attrs={"list": "owners"}),
    )
    main = forms.CharField(required=False, label="The installer")
    more = forms.MultipleChoiceField(
        required=False,
        label="Further files",
        widget=forms.CheckboxSelectMultiple,
        help_text="What the installer needs beside it, such as answers, transforms or a licence file.",
    )
    installer = forms.ChoiceField(
        choices=InstallerKind.choices,
        label="Made with",
        help_text="Decides which switch keeps it silent.",
    )
    install_command = _command(
        "Install command", "Runs as SYSTEM in a folder that holds the files. It must never ask anything."
    )
    uninstall_command = _command("Uninstall command", "Takes it off again, without a question too.")
    success_codes = CodesField(label="Exit codes for success", help_text="Separated by commas.", max_length=400)
    reboot_codes = CodesField(
        required=False,
        label="Exit codes for success after a restart",
        help_text="MSI uses 1641 and 3010.",
        max_length=400,
    )
    minutes = forms.IntegerField(
        min_value=1, max_value=24 * 60, label="Time limit (minutes)", help_text="After that it counts as stuck."
    )
    detection_kind = forms.ChoiceField(
        required=False,
        label="How to see that it is installed",
        choices=[("", "no rule yet"), *DetectionKind.choices],
        widget=forms.RadioSelect,
    )
    needs = forms.MultipleChoiceField(required=False, label="Needs first", widget=forms.CheckboxSelectMultiple)
    conflicts = forms.MultipleChoiceField(
        required=False, label="Cannot stand beside", widget=forms.CheckboxSelectMultiple
    )
    licence_note = forms.CharField(
        required=False,
        max_length=4000,
        label="Licence",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What allows its use, and how it is activated. No keys or passwords: whoever sees packages reads it.",
    )
    notes = forms.CharField(required=False, max_length=8000, label="Notes", widget=forms.Textarea(attrs={"rows": 3}))
    reason = reason_field(required=False, label="Why this revision (optional)")

    def __init__(self, *args: Any, package: Package | None, files: Iterable[File] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind, parts in detection.PARTS.items():
            for part in parts:
                self.fields[f"{kind}-{part.name}"] = _part(part)
        others = Package.objects.for_list().filter(current__isnull=False)
        others = others.exclude(pk=package.pk) if package else others
        named = self._named()
        choices = _grouped(each for each in others if each.state != PackageState.RETIRED or each.key in named)
        self.fields["needs"].choices = self.fields["conflicts"].choices = choices  # type: ignore[attr-defined]
        self._offer(list(files))
        if package is not None:
            del self.fields["key"], self.fields["owner"]

    def _named(self) -> set[str]:
        """Keys that the last revision names, retired or not: a box that is ticked must be seen."""
        return {*self.initial.get("needs", ()), *self.initial.get("conflicts", ())}

    def _offer(self, files: list[File]) -> None:
        stored = [File(each.name, each.sha256, each.size) for each in Installer.objects.all()[:MOST_INSTALLERS]]
        known = {token(file): file for file in [*files, *stored]}
        choices = [
            (text, f"{file.name} ({_amount(file.size)}, SHA-256 {file.sha256[:12]}…)") for text, file in known.items()
        ]
        main = self.fields["main"] = forms.ChoiceField(
            required=False,
            label="The installer",
            choices=[("", "no file"), *choices],
            help_text="Uploaded files are listed here; of one and the same name the newest stands first.",
        )
        main.widget.attrs["class"] = "mono"
        self.fields["more"].choices = choices  # type: ignore[attr-defined]

    @property
    def rules(self) -> Iterator[tuple[Any, list[BoundField]]]:
        """Each kind of rule as a radio button, with the fields that belong to it."""
        for radio in self["detection_kind"]:
            kind = str(radio.data["value"])
            parts = detection.PARTS[DetectionKind(kind)] if kind else ()
            yield radio, [self[f"{kind}-{part.name}"] for part in parts]

    def clean_main(self) -> File | None:
        return _file(self.cleaned_data["main"]) if self.cleaned_data["main"] else None

    def clean_more(self) -> list[File]:
        return [_file(each) for each in self.cleaned_data["more"]]

    def terms(self) -> Terms:
        """Parts of other rules than the chosen one do not count."""
        given = self.cleaned_data
        kind = given["detection_kind"]
        parts = detection.PARTS[DetectionKind(kind)] if kind else ()
        main: File | None = given["main"]
        more = [each for each in given["more"] if each != main]
        plain = {name: given[name] for name in _PLAIN}
        return Terms(
            **plain,
            detection={part.name: given[f"{kind}-{part.name}"] for part in parts},
            files=tuple([main, *more] if main else more),
            needs=tuple(given["needs"]),
            conflicts=tuple(given["conflicts"]),
        )

    def refuse(self, field: str, words: str) -> None:
        """Put a refusal of the domain beside the field that it is about."""
        kind = self.cleaned_data.get("detection_kind", "")
        if field.startswith("detection_") and field != "detection_kind":
            field = f"{kind}-{field.removeprefix('detection_')}"
        name = {"files": "main"}.get(field, field)
        self.add_error(name if name in self.fields else None, words)

    @staticmethod
    def values(terms: Terms) -> dict[str, Any]:
        """The terms as the form's first values."""
        kind = terms.detection_kind
        return {
            **{name: getattr(terms, name) for name in _PLAIN},
            **{f"{kind}-{name}": value for name, value in terms.detection.items()},
            "main": token(terms.files[0]) if terms.files else "",
            "more": [token(each) for each in terms.files[1:]],
            "needs": list(terms.needs),
            "conflicts": list(terms.conflicts),
        }


_PLAIN = (
    "name",
    "vendor",
    "version",
    "architecture",
    "phase",
    "installer",
    "install_command",
    "uninstall_command",
    "detection_kind",
    "success_codes",
    "reboot_codes",
    "minutes",
    "licence_note",
    "notes",
)


def _part(part: detection.Part) -> forms.CharField:
    attrs = {"class": "mono", "spellcheck": "false", "autocomplete": "off"}
    help_text = f"For example {part.example}" if part.example else ""
    return forms.CharField(
        required=False,
        max_length=detection.LONGEST,
        label=part.label if part.is_needed else f"{part.label} (optional)",
        help_text=help_text,
        widget=forms.TextInput(attrs=attrs),
    )


def _grouped(packages: Iterable[Package]) -> list[tuple[str, list[tuple[str, str]]]]:
    by_phase: Mapping[str, list[tuple[str, str]]] = {phase.label: [] for phase in Phase}
    for each in packages:
        assert each.current is not None
        label = f"{each.current} ({each.key})" if each.state != PackageState.RETIRED else f"{each.current} (retired)"
        by_phase[Phase(each.current.phase).label].append((each.key, label))
    return [(label, choices) for label, choices in by_phase.items() if choices]


def _amount(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB" if size >= 1024 * 1024 else f"{size} bytes"


class OwnerForm(forms.Form):
    owner = forms.CharField(
        required=False, max_length=150, label="Owner", widget=forms.TextInput(attrs={"list": "owners"})
    )


class RetireForm(forms.Form):
    reason = reason_field(required=True, label="Why retire it")


class TestForm(forms.Form):
    __test__ = False
    passed = forms.TypedChoiceField(
        choices=[("yes", "it installed and works"), ("no", "it did not")],
        coerce=lambda value: value == "yes",
        label="What came of it",
    )
    note = forms.CharField(
        max_length=2000,
        label="How it was tried",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say how it was tried: on which machine, and what was seen."},
    )


class ImportForm(forms.Form):
    """A document, as text or as a file; the file counts where both are given."""

    text = forms.CharField(
        required=False,
        strip=False,
        label="Or paste it here",
        widget=forms.Textarea(attrs={"rows": 16, "class": "mono", "spellcheck": "false"}),
    )
    file = forms.FileField(required=False, label="A YAML file", allow_empty_file=True)


class UploadForm(forms.Form):
    file = forms.FileField(label="Installer or other file", allow_empty_file=True)
    sha256 = forms.CharField(
        required=False,
        max_length=80,
        label="SHA-256 that the vendor names (optional)",
        help_text="Then a file that is not the vendor's is refused.",
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )
