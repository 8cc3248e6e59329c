"""The full hash of a version's files, computed by a worker when somebody asks for it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from lifecycle import readings, topics
from lifecycle.errors import LifecycleError
from lifecycle.states import Reading
from portal import live, waking
from portal.http import PortalRequest, needs
from portal.views.contents import get_version


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_vdisk", "lifecycle.view_content", "lifecycle.inspect_image")
def compute(request: PortalRequest, pk: int, number: int) -> HttpResponse:
    """Have a worker read every byte. GET, as after a login in between, leads to the page."""
    vdisk, version = get_version(pk, number)
    if request.method != "POST":
        return redirect("version-contents", pk=pk, number=number)
    try:
        job = readings.start_reading(kind=Reading.HASH, vdisk=vdisk, number=version.number, by=request.user)
    except LifecycleError as error:
        messages.error(request, str(error))
    else:
        waking.wake(job)
        live.publish(topics.JOBS, topics.vdisk(vdisk.pk))
        messages.success(request, f"Job {job.pk} hashes the files; the result comes here.")
    return redirect("version-contents", pk=pk, number=number)
