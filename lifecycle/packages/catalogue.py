"""The deeds of the catalogue: each is one transaction with its audit row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from lifecycle.errors import Incomplete, NotAllowed, NotNow, StaleState
from lifecycle.models import AuditEntry, Job, Package, PackageLink, PackageRevision, PackageTest, SourceFile
from lifecycle.package_kinds import LinkKind, PackageEvent, PackageState
from lifecycle.packages import findings, names, terms
from lifecycle.packages.terms import Terms

LONGEST_OWNER = 150


@dataclass(frozen=True)
class New:
    """A package to come."""

    key: str
    terms: Terms
    owner: str = ""


def make(key: str, wanted: Terms, *, owner: str = "", reason: str = "", by: User) -> Package:
    """A new package, a draft, with its first revision. Incomplete names the field that makes no sense."""
    return make_together([New(key, wanted, owner)], reason=reason, by=by)[0]


def make_together(wanted: Iterable[New], *, reason: str = "", by: User) -> list[Package]:
    """New packages, which may name each other. All or none."""
    check_manager(by)
    checked = [(each, names.key(each.key)) for each in wanted]
    with transaction.atomic():
        made = [(_row(key, each.owner, by), terms.check(each.terms, key=key)) for each, key in checked]
        for package, new in made:
            revision = _add_revision(package, 1, new, reason, by)
            detail = {"revision": 1, "owner": package.owner, **_described(revision, new), "reason": revision.reason}
            _note("package.create", package, by, detail)
    return [package for package, _new in made]


def revise(package: Package, wanted: Terms, *, based_on: int, reason: str = "", by: User) -> PackageRevision:
    """The next revision. ``based_on`` is the number of the one that was changed: StaleState when it is not the newest.

    NotNow for a retired package, and when nothing differs. A package that was ready stays so only without hindrance.
    """
    check_manager(by)
    checked = terms.check(wanted, key=package.key)
    with transaction.atomic():
        row = locked(package)
        if row.state == PackageState.RETIRED:
            raise NotNow("The package is retired; reinstate it first.")
        last = _current(row)
        if last.number != based_on:
            raise StaleState(
                f"Meanwhile {last.created_by.get_username()} saved revision {last.number}. Compare, then save again."
            )
        changed = terms.differences(terms.of(last), checked)
        if not changed:
            raise NotNow(f"Nothing differs from revision {last.number}, so there is nothing to save.")
        made = _add_revision(row, last.number + 1, checked, reason, by)
        detail = {"revision": made.number, "changed": [label for label, _old, _new in changed], "reason": made.reason}
        _note("package.revise", row, by, detail | _described(made, checked))
        _fall_back(row, by)
    return made


def give_owner(package: Package, owner: str, *, by: User) -> None:
    """Somebody else answers for it. Incomplete when a ready package would have nobody."""
    check_manager(by)
    wanted = _owner(owner)
    with transaction.atomic():
        row = locked(package)
        if not wanted and row.state == PackageState.READY:
            raise Incomplete("owner", "A ready package needs an owner.")
        if wanted == row.owner:
            return
        before, row.owner = row.owner, wanted
        row.save(update_fields=["owner"])
        _note("package.owner", row, by, {"from": before, "to": wanted})


def declare_ready(package: Package, *, by: User) -> None:
    """NotNow with all that stands in the way."""
    check_manager(by)
    with transaction.atomic():
        row = locked(package)
        hindrances = findings.hindrances(row)
        if hindrances and row.state == PackageState.DRAFT:
            raise NotNow("It cannot be declared ready. " + " ".join(each.words for each in hindrances))
        row.move(PackageEvent.READY, by=by)


def retire(package: Package, *, reason: str, by: User) -> None:
    """Nothing installs it any more; it stays in the catalogue. NotNow while others need it."""
    check_manager(by)
    if not reason.strip():
        raise Incomplete("reason", "Say why.")
    with transaction.atomic():
        row = locked(package)
        if users := needed_by(row):
            raise NotNow(f"It is needed by {', '.join(each.key for each in users)}. Revise these first.")
        row.move(PackageEvent.RETIRE, by=by, words=reason.strip())


def reinstate(package: Package, *, by: User) -> None:
    """A retired package is a draft again."""
    check_manager(by)
    with transaction.atomic():
        locked(package).move(PackageEvent.REINSTATE, by=by)


def confirm_tested(revision: PackageRevision, *, passed: bool, note: str, by: User) -> PackageTest:
    """A person says that it was tried, and how."""
    check_manager(by)
    if not note.strip():
        raise Incomplete("note", "Say how it was tried: on which machine, and what was seen.")
    with transaction.atomic():
        made = PackageTest.objects.create(revision=revision, passed=passed, by=by, note=note.strip())
        detail = {"revision": revision.number, "passed": "yes" if passed else "no", "note": made.note}
        _note("package.test", revision.package, by, detail)
    return made


def note_built(revision: PackageRevision, *, passed: bool, job: Job, note: str = "") -> PackageTest:
    """A job installed it, or could not."""
    with transaction.atomic():
        made = PackageTest.objects.create(revision=revision, passed=passed, job=job, note=note)
        detail = {"revision": revision.number, "passed": "yes" if passed else "no", "note": note}
        AuditEntry.objects.record(by=None, action="package.test", on=revision.package, job=job, detail=detail)
    return made


def needed_by(package: Package) -> list[Package]:
    """Those in use whose current revision needs it."""
    links = PackageLink.objects.filter(other=package, kind=LinkKind.NEEDS, revision__current_of__isnull=False)
    return list(Package.objects.in_use().filter(current__in=links.values("revision")).order_by("key"))


def locked(package: Package) -> Package:
    """The row as it is now, held until the transaction ends."""
    return Package.objects.select_for_update(of=("self",)).get(pk=package.pk)


def check_manager(by: User) -> None:
    if not by.has_perm("lifecycle.manage_package"):
        raise NotAllowed("Your role does not manage packages.")


def _current(of: Package) -> PackageRevision:
    found = of.current
    if found is None:
        raise NotNow("The package has no revision.")
    return found


def _row(key: str, owner: str, by: User) -> Package:
    try:
        with transaction.atomic():
            return Package.objects.create(key=key, owner=_owner(owner), created_by=by)
    except IntegrityError as error:
        if "lifecycle_package_key" not in str(error):
            raise
        raise Incomplete("key", f"There is a package {key} already; choose another key.") from error


def _add_revision(package: Package, number: int, wanted: Terms, reason: str, by: User) -> PackageRevision:
    others = _others(wanted)
    made = PackageRevision.objects.create(
        package=package,
        number=number,
        reason=reason.strip(),
        parts=len(wanted.files) + len(others),
        created_by=by,
        **terms.columns(wanted),
    )
    SourceFile.objects.bulk_create(
        SourceFile(revision=made, position=position, name=file.name, sha256=file.sha256, size=file.size)
        for position, file in enumerate(wanted.files)
    )
    PackageLink.objects.bulk_create(
        PackageLink(revision=made, package=package, other=other, kind=kind) for other, kind in others
    )
    package.current = made
    package.save(update_fields=["current"])
    return made


def _others(wanted: Terms) -> list[tuple[Package, LinkKind]]:
    """Incomplete names the keys that the catalogue does not have."""
    known = Package.objects.in_bulk([*wanted.needs, *wanted.conflicts], field_name="key")
    found = []
    for field, kind in (("needs", LinkKind.NEEDS), ("conflicts", LinkKind.CONFLICTS)):
        keys = getattr(wanted, field)
        if unknown := [key for key in keys if key not in known]:
            raise Incomplete(field, f"The catalogue has no {', '.join(unknown)}.")
        found += [(known[key], kind) for key in keys]
    return found


def _fall_back(package: Package, by: User) -> None:
    if package.state != PackageState.READY:
        return
    if hindrances := findings.hindrances(package):
        package.move(PackageEvent.DRAFT, by=by, words=" ".join(each.words for each in hindrances))


def _owner(text: str) -> str:
    found = " ".join(text.split())
    if len(found) > LONGEST_OWNER:
        raise Incomplete("owner", f"At most {LONGEST_OWNER} characters.")
    return found


def _described(revision: PackageRevision, wanted: Terms) -> dict[str, Any]:
    return {"name": revision.name, "version": revision.version, "files": [each.sha256 for each in wanted.files]}


def _note(action: str, on: Package, by: User, detail: dict[str, Any]) -> None:
    AuditEntry.objects.record(by=by, action=action, on=on, detail=detail)
