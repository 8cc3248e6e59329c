"""What the database refuses of the package catalogue, whoever asks and however."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from lifecycle.models import Package, PackageLink, PackageRevision, PackageTest, SourceFile

DIGEST = "a" * 64


def refused(words: str) -> Any:
    return pytest.raises(DatabaseError, match=words)


def make(by: User, key: str = "7-zip", **values: Any) -> PackageRevision:
    package = Package.objects.create(key=key, created_by=by)
    return revise(package, 1, **values)


def revise(package: Package, number: int, **values: Any) -> PackageRevision:
    defaults = {"name": package.key, "success_codes": [0], "created_by": package.created_by, "parts": 2}
    found = PackageRevision.objects.create(package=package, number=number, **defaults | values)
    Package.objects.filter(pk=package.pk).update(current=found)
    return found


def add_file(revision: PackageRevision, **values: Any) -> SourceFile:
    defaults = {"position": 0, "name": "setup.exe", "sha256": DIGEST, "size": 1}
    with transaction.atomic():
        return SourceFile.objects.create(revision=revision, **defaults | values)


def link(revision: PackageRevision, other: Package, **values: Any) -> PackageLink:
    defaults = {"package": revision.package, "kind": "needs"}
    with transaction.atomic():
        made = PackageLink.objects.create(revision=revision, other=other, **defaults | values)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        return made


@pytest.mark.parametrize("model", [PackageRevision, SourceFile, PackageLink, PackageTest])
def test_a_revision_and_what_belongs_to_it_is_never_changed(admin: User, model: Any) -> None:
    revision = make(admin)
    add_file(revision)
    link(revision, make(admin, "vc-redist").package)
    PackageTest.objects.create(revision=revision, passed=True, by=admin, note="By hand")

    with refused("append-only"), transaction.atomic():
        model.objects.update(id=F("id"))
    with refused("append-only"), transaction.atomic():
        model.objects.all()._raw_delete("default")


def test_a_revision_gets_no_further_part(admin: User) -> None:
    revision = make(admin, parts=1)
    add_file(revision)

    with refused("the revision is whole"):
        add_file(revision, position=1, name="more.cab")
    with refused("the revision is whole"):
        link(revision, make(admin, "other").package)


def test_the_number_of_a_revision_is_given_once(admin: User) -> None:
    revision = make(admin)

    with refused("one_revision_per_number"), transaction.atomic():
        revise(revision.package, 1)


def test_a_package_does_not_link_to_itself(admin: User) -> None:
    revision = make(admin)

    with refused("no_package_links_to_itself"):
        link(revision, revision.package)


def test_a_link_names_the_package_of_its_revision(admin: User) -> None:
    revision, other, third = make(admin), make(admin, "other"), make(admin, "third")

    with refused("link_names_the_package_of_its_revision"):
        link(revision, other.package, package=third.package)


def test_a_package_is_needed_or_in_conflict_but_not_both(admin: User) -> None:
    revision, other = make(admin), make(admin, "other")
    link(revision, other.package)

    with refused("one_link_per_revision_and_package"):
        link(revision, other.package, kind="conflicts")


def test_the_current_revision_is_one_of_the_package(admin: User) -> None:
    revision, other = make(admin), make(admin, "other")

    with refused("current_revision_is_of_the_package"), transaction.atomic():
        Package.objects.filter(pk=other.package_id).update(current=None)
        Package.objects.filter(pk=revision.package_id).update(current=other)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_key_of_a_package_is_fixed(admin: User) -> None:
    revision = make(admin)

    with refused("key of a package is fixed"), transaction.atomic():
        Package.objects.filter(pk=revision.package_id).update(key="other")


def test_a_ready_package_has_an_owner(admin: User) -> None:
    revision = make(admin)

    with refused("a_ready_package_has_a_revision_and_an_owner"), transaction.atomic():
        Package.objects.filter(pk=revision.package_id).update(state="ready")


@pytest.mark.parametrize("name", ["../evil.exe", "a\\b.exe", "a:b", "..", "", "tab\t.exe"])
def test_a_file_has_a_plain_name(admin: User, name: str) -> None:
    with refused("file_has_a_plain_name"):
        add_file(make(admin), name=name)


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "g" * 64])
def test_a_file_has_a_digest(admin: User, digest: str) -> None:
    with refused("file_has_a_sha256"):
        add_file(make(admin), sha256=digest)


def test_two_files_of_a_revision_differ_by_more_than_letter_case(admin: User) -> None:
    revision = make(admin)
    add_file(revision)

    with refused("one_file_of_a_name_per_revision"):
        add_file(revision, position=1, name="Setup.EXE")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"success_codes": []}, "revision_has_a_success_code"),
        ({"minutes": 0}, "revision_has_a_time_limit"),
        ({"name": ""}, "revision_has_a_name"),
        ({"phase": "later"}, "revision_phase_is_known"),
        ({"architecture": "pdp-11"}, "revision_architecture_is_known"),
        ({"installer": "magic"}, "revision_installer_is_known"),
        ({"detection_kind": "guess"}, "revision_detection_is_known"),
        ({"detection_kind": "", "detection": {"name": "x"}}, "revision_detection_is_known"),
        ({"number": 0}, "revision_numbers_begin_at_one"),
    ],
)
def test_a_revision_makes_sense(admin: User, values: dict[str, Any], words: str) -> None:
    package = Package.objects.create(key="p", created_by=admin)

    with refused(words), transaction.atomic():
        revise(package, **{"number": 1} | values)


def test_a_test_by_hand_says_who_and_how(admin: User) -> None:
    revision = make(admin)

    for values in ({"by": admin, "note": ""}, {"by": None, "note": "It works"}):
        with refused("a_test_without_a_job_says_who_and_how"), transaction.atomic():
            PackageTest.objects.create(revision=revision, passed=True, **values)
