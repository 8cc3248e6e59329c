"""The stream of events that open pages listen to."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from portal import live
from portal.http import PortalRequest, needs

MOST_STREAMS = 16
"""Open pages of one person, per process: each holds a connection to Redis. Hidden tabs close theirs."""
_open: Counter[int] = Counter()


@require_GET
@needs()
async def events(request: PortalRequest) -> HttpResponseBase:
    """``/live/?topic=job-7&topic=farm``: an event per change of one of these, as long as the page is open."""
    names = list(dict.fromkeys(request.GET.getlist("topic")))
    if not names or len(names) > live.MOST_TOPICS:
        return HttpResponse(f"Name 1 to {live.MOST_TOPICS} topics.\n", status=400, content_type="text/plain")
    heard = await sync_to_async(_heard)(request, names)
    if not heard:
        return HttpResponse("There is no such topic for you.\n", status=404, content_type="text/plain")
    if _open[request.user.pk] >= MOST_STREAMS:
        return HttpResponse("Too many pages are open.\n", status=429, content_type="text/plain")
    response = StreamingHttpResponse(_stream(heard, request.user.pk), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # asks proxies to hand events on at once
    return response


def _heard(request: PortalRequest, names: list[str]) -> list[str]:
    """Those this person may hear of: one page serves several roles, and asks for more than some of them see."""
    return [name for name in names if live.may_hear(request.user, name)]


async def _stream(names: list[str], listener: int) -> AsyncIterator[str]:
    _open[listener] += 1
    try:
        await sync_to_async(_release_database)()
        async for event in live.events(names):
            yield event
    finally:
        _open[listener] -= 1


def _release_database() -> None:
    """The stream lives for minutes and asks the database nothing; Django would keep the connection until its end."""
    if not connection.in_atomic_block:
        connection.close()
