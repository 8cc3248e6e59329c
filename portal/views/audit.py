"""The audit trail: who did what to which object, when, and under which job or change."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle.models import AuditEntry
from portal.forms.audit import AuditFilter
from portal.forms.fields import sensible
from portal.http import PortalRequest, needs, page
from portal.pages import paginated
from portal.pictures.words import counted


@require_safe
@needs("lifecycle.view_auditentry")
def audit(request: PortalRequest) -> HttpResponse:
    form = AuditFilter(request.GET)
    wanted = sensible(form)
    rows = _filtered(AuditEntry.objects.select_related("job", "change__vdisk").order_by("-id"), wanted)
    if form.errors.keys() & {"person", "action", "on"}:
        rows = rows.none()
    context = {"form": form, **paginated(request, rows)}
    return page(request, "audit/audit.html", context, fragment="audit/_list.html")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("lifecycle.view_auditentry")
def verify(request: PortalRequest) -> HttpResponse:
    """Reads the whole chain and says whether each row still holds what was written. GET only leads to the trail."""
    if request.method != "POST":
        return redirect("audit")
    broken = AuditEntry.objects.verify()
    if broken:
        messages.error(
            request,
            f"The trail is broken at entry {broken.pk} of {broken.at:%Y-%m-%d %H:%M:%S}: it, or a row before it, is "
            "not what was written. Keep a copy of the database and find out who could write to it.",
        )
    else:
        messages.success(
            request,
            f"The trail is whole: {counted(AuditEntry.objects.count(), 'entry', 'entries')}, each as it was written.",
        )
    return redirect("audit")


def _filtered(rows: QuerySet[AuditEntry], wanted: dict[str, Any]) -> QuerySet[AuditEntry]:
    if wanted.get("person"):
        rows = rows.filter(actor_name__icontains=wanted["person"])
    if wanted.get("action"):
        rows = rows.filter(action__icontains=wanted["action"])
    if wanted.get("on"):
        rows = rows.filter(object_name__icontains=wanted["on"])
    if wanted.get("since"):
        rows = rows.filter(at__gte=_midnight(wanted["since"]))
    if wanted.get("until"):
        rows = rows.filter(at__lt=_midnight(wanted["until"] + timedelta(days=1)))
    return rows


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
