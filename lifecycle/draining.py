"""Taking a worker out of service without hurting jobs: it begins nothing new, finishes what it has, and says so."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from lifecycle.errors import NotAllowed, NotNow
from lifecycle.models import AuditEntry, Worker


def ask_drain(worker: Worker, by: User | None, *, through: str = "") -> None:
    """Ask that it takes no more work. ``by`` None: a command on the machine, which ``through`` names for the trail.

    NotNow when that was asked before, when it has stopped, and for a beat: that one has no work to finish.
    """
    _check_may(by)
    if worker.role != Worker.Role.WORKER:
        raise NotNow("A beat has nothing to finish: stop it whenever you like, and start it again. Jobs wait so long.")
    asked = Worker.objects.filter(pk=worker.pk, stopped_at=None, drain_asked_at=None)
    with transaction.atomic():
        if not asked.update(drain_asked_at=timezone.now(), drain_asked_by=by, drained_at=None):
            raise NotNow(f"{worker.name} has stopped already, or was asked before to take no more work.")
        _note("worker.drain", worker, by, through)


def take_up_again(worker: Worker, by: User | None, *, through: str = "") -> None:
    """Let it take work again. NotNow when nobody had asked it to drain, or it has stopped meanwhile."""
    _check_may(by)
    draining = Worker.objects.filter(pk=worker.pk, stopped_at=None, drain_asked_at__isnull=False)
    with transaction.atomic():
        if not draining.update(drain_asked_at=None, drain_asked_by=None, drained_at=None):
            raise NotNow(f"{worker.name} has stopped, or takes work already.")
        _note("worker.undrain", worker, by, through)


def _check_may(by: User | None) -> None:
    if by is not None and not by.has_perm("lifecycle.drain_worker"):
        raise NotAllowed("Your role does not drain workers.")


def _note(action: str, worker: Worker, by: User | None, through: str) -> None:
    detail = {"name": worker.name} | ({"by": through} if through else {})
    AuditEntry.objects.record(by=by, action=action, on=worker, detail=detail)
