"""Rows of the installers in the package folder, and where a digest lies in it. The bytes are the web's business."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from lifecycle.installers.facts import Facts
from lifecycle.models import AuditEntry, Installer
from lifecycle.package_kinds import FileState
from lifecycle.packages import catalogue, names


def place(folder: Path, sha256: str) -> Path:
    """Where the file of this digest lies, whatever it was called."""
    digest = names.sha256(sha256)
    return folder / "files" / digest[:2] / digest


def partial(folder: Path, uid: object) -> Path:
    """Where what has come of an upload lies."""
    return folder / "partial" / PurePath(str(uid)).name


def note_stored(*, sha256: str, name: str, size: int, facts: Facts, by: User) -> Installer:
    """The file lies in its place, verified. One that was there before keeps its name and is in place again."""
    catalogue.check_manager(by)
    with transaction.atomic():
        values = {"size": size, "facts": facts.as_dict(), "state": FileState.IN_PLACE, "checked_at": timezone.now()}
        first = values | {"name": names.plain_file_name(name), "uploaded_by": by}
        row, is_new = Installer.objects.select_for_update().get_or_create(sha256=names.sha256(sha256), defaults=first)
        if not is_new:
            _set(row, values)
        detail = {"sha256": row.sha256, "size": size, "kind": facts.kind, "was there": "no" if is_new else "yes"}
        AuditEntry.objects.record(by=by, action="installer.upload", on=row, on_name=name, detail=detail)
    return row


def note_checked(installer: Installer, state: FileState, *, by: User) -> None:
    """What was found in its place just now."""
    catalogue.check_manager(by)
    with transaction.atomic():
        row = Installer.objects.select_for_update().get(pk=installer.pk)
        before = row.state
        _set(row, {"state": state, "checked_at": timezone.now()})
        detail = {"sha256": row.sha256, "from": before, "to": str(state)}
        AuditEntry.objects.record(by=by, action="installer.check", on=row, detail=detail)


def _set(row: Installer, values: dict[str, Any]) -> Installer:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    return row
