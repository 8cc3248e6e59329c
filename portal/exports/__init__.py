"""Contents and differences as files: CSV for a spreadsheet, JSON for a script, CycloneDX for a software inventory."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header

from portal.exports import cyclonedx, table
from portal.exports.subject import Subject, file_name
from portal.pictures.differences import Compared

__all__ = ["FORMATS", "Subject", "of_contents", "of_difference"]

FORMATS = ("csv", "json", "cyclonedx")
_TYPES = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "json": ("json", "application/json"),
    "cyclonedx": ("cdx.json", "application/vnd.cyclonedx+json; version=1.6"),
}


def of_contents(form: str, subject: Subject) -> HttpResponse:
    if form == "csv":
        body = table.of_contents(subject)
    elif form == "json":
        body = _json({"image": subject.as_dict(), "contents": subject.content.report})
    elif form == "cyclonedx":
        body = cyclonedx.of_contents(subject)
    else:
        raise Http404(f"There is no export as {form}.")
    return _file(form, body, file_name(subject.vdisk_name, subject.number, "contents"))


def of_difference(form: str, found: Compared) -> HttpResponse:
    """``found`` has a difference."""
    assert found.difference is not None
    a, b = (Subject.of(side.vdisk, side.version, side.content) for side in (found.a, found.b) if side.content)
    if form == "csv":
        body = table.of_difference(found.difference)
    elif form == "json":
        body = _json({"before": a.as_dict(), "after": b.as_dict(), "difference": found.difference.as_dict()})
    elif form == "cyclonedx":
        body = cyclonedx.of_difference(a, b, found.difference)
    else:
        raise Http404(f"There is no export as {form}.")
    return _file(form, body, file_name(a.vdisk_name, a.number, "to", b.vdisk_name, b.number))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _file(form: str, body: str, stem: str) -> HttpResponse:
    ending, kind = _TYPES[form]
    response = HttpResponse(body, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(True, f"{stem}.{ending}")
    return response
