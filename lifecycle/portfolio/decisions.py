"""What a person decides about a program, and the trail it leaves."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from lifecycle.errors import Incomplete, NotAllowed
from lifecycle.models import AuditEntry, Package, ProgramRule
from lifecycle.package_kinds import PackageState
from lifecycle.portfolio.matching import KEY_LENGTH

REASON_LENGTH = 250


def decide(
    *, key: str, name: str, publisher: str, by: User, package: Package | None = None, needs_none: str = ""
) -> ProgramRule:
    """From now on, the program is installed by ``package``, or needs none for the reason given. Replaces what was
    decided before. Incomplete when both or neither are given, or the package is retired."""
    _may(by)
    needs_none = needs_none.strip()
    if not key or len(key) > KEY_LENGTH:
        raise Incomplete("key", "The program has no name that could be kept.")
    if (package is None) == (not needs_none):
        raise Incomplete("package", "Choose a package, or say why none is needed; one of both.")
    if len(needs_none) > REASON_LENGTH:
        raise Incomplete("needs_none", f"The reason is too long: {len(needs_none)} characters, {REASON_LENGTH} fit.")
    if package is not None and package.state == PackageState.RETIRED:
        raise Incomplete("package", f"The package {package} is retired; reinstate it first.")
    values = {
        "name": name[:KEY_LENGTH],
        "publisher": publisher[:KEY_LENGTH],
        "package": package,
        "needs_none": needs_none,
        "decided_by": by,
        "decided_at": timezone.now(),
    }
    with transaction.atomic():
        rule, _ = ProgramRule.objects.update_or_create(key=key, defaults=values)
        detail = {"package": package.key} if package else {"needs_none": needs_none}
        AuditEntry.objects.record(by=by, action="program.decide", on=rule, detail=detail)
    return rule


def withdraw(rule: ProgramRule, *, by: User) -> None:
    """Nothing is decided about the program any more."""
    _may(by)
    with transaction.atomic():
        detail = {"package": rule.package.key} if rule.package else {"needs_none": rule.needs_none}
        AuditEntry.objects.record(by=by, action="program.withdraw", on=rule, detail=detail)
        rule.delete()


def _may(by: User) -> None:
    if not by.has_perm("lifecycle.manage_package"):
        raise NotAllowed("Your role does not decide on packages.")
