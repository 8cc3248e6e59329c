"""The log of a job: windows of it, what is found in it, and the whole of it as a file."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from lifecycle.models import Job
from portal import joblog, logstream
from portal.forms.fields import sensible
from portal.forms.jobs import LogForm
from portal.http import PortalRequest, needs, page
from portal.joblog import Sieve, TooSlow, Window
from portal.pictures import loglines
from portal.pictures.words import counted

STOPPED = Window([], 1, 0, has_earlier=False, has_later=False)


@require_safe
@needs("lifecycle.view_job")
def log(request: PortalRequest, pk: int) -> HttpResponse:
    """A window: the newest lines, those ``before`` or ``after`` a number, or those around a ``line``.

    To htmx the lines alone, with the elements that will ask for the lines on either side of them.
    """
    found = get_object_or_404(Job.objects.select_related("vdisk"), pk=pk)
    context = log_context(found, request.GET) | {"part": _part(request)}
    return page(request, "jobs/log.html", context, fragment="jobs/_log.html")


@require_safe
@needs("lifecycle.view_job")
def log_download(request: PortalRequest, pk: int) -> StreamingHttpResponse:
    found = get_object_or_404(Job, pk=pk)
    response = StreamingHttpResponse(logstream.whole(found), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="job-{found.pk}.txt"'
    return response


def log_context(found: Job, asked: QueryDict) -> dict[str, Any]:
    """What the log's templates need: ``window``, which part of it is asked for, and what to say of it."""
    steps = list(found.steps.order_by("position"))
    form = LogForm(asked, steps=steps)
    wanted = sensible(form)
    sieve = Sieve(wanted.get("level", ""), wanted.get("step"), wanted.get("text", ""))
    kept = {"text": sieve.text, "level": sieve.level, "step": sieve.step}
    context = {
        "job": found,
        "log_form": form,
        "sieve": sieve,
        "sieve_query": urlencode({name: value for name, value in kept.items() if value not in ("", None)}),
        "follows": "follow" in asked,
    }
    try:
        window, remark = _window(found, sieve, asked, wanted.get("line")), _remark(found, wanted)
    except TooSlow:
        window, remark = STOPPED, _too_slow(found)
    titles = {step.position: step.title for step in steps}
    shown = loglines.lines(window.lines, job=found, titles=titles, searched=sieve.text)
    return context | {"window": window, "lines": shown, "remark": remark}


def _part(request: PortalRequest) -> str:
    """A fragment takes the place of one end of the lines that are there, and brings only that end anew."""
    if not request.htmx:
        return ""
    return "later" if "after" in request.GET else "earlier" if "before" in request.GET else ""


def _window(found: Job, sieve: Sieve, asked: QueryDict, line: int | None) -> Window:
    if "after" in asked:
        after = _number(asked.get("after"))
        return joblog.since(found, sieve, after=after) if "follow" in asked else joblog.later(found, sieve, after=after)
    if "before" in asked:
        return joblog.earlier(found, sieve, before=_number(asked.get("before")))
    if line is not None:
        return joblog.around(found, sieve, line=line)
    return joblog.newest(found, sieve)


def _remark(found: Job, wanted: dict[str, Any]) -> str:
    line = wanted.get("line")
    if line is not None and line > found.lines:
        return f"There is no line {line} yet: the log has {counted(found.lines, 'line')}."
    return ""


def _too_slow(found: Job) -> str:
    return (
        f"The search was stopped after {joblog.SEARCH_SECONDS:.0f} s; it had not looked at all {found.lines} lines. "
        "Choose one step or a level, or download the log and search in the file."
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else 0
