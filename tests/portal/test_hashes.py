"""The full hash of a version's files: asked for by an admin, shown to everybody who sees contents."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from lifecycle.models import AuditEntry, Job, StoreAccess, VDisk, VersionImage
from lifecycle.states import Reading

DIGEST = "ab" * 32


def address(vdisk: VDisk, name: str = "version-contents-hash") -> str:
    return reverse(name, args=[vdisk.pk, 3])


def test_an_admin_has_it_computed(as_: Any, admin: User, vdisk: VDisk) -> None:
    StoreAccess.objects.create(store=vdisk.store, kind=StoreAccess.Kind.LOCAL, path="/stores")

    response = as_(admin).post(address(vdisk), follow=True)

    job = Job.objects.get(kind=Reading.HASH)
    assert (job.vdisk, job.version_number, job.requested_by) == (vdisk, 3, admin)
    assert f"Job {job.pk} hashes the files" in response.content.decode()
    assert AuditEntry.objects.get(action="job.start.hash-image").actor == admin


def test_without_a_way_to_the_store_it_says_how_to_set_one(as_: Any, admin: User, vdisk: VDisk) -> None:
    response = as_(admin).post(address(vdisk), follow=True)

    assert "manage.py store_access" in response.content.decode()
    assert not Job.objects.exists()


def test_a_second_click_starts_no_second_job(as_: Any, admin: User, vdisk: VDisk) -> None:
    StoreAccess.objects.create(store=vdisk.store, kind=StoreAccess.Kind.LOCAL, path="/stores")
    browser = as_(admin)
    browser.post(address(vdisk))

    response = browser.post(address(vdisk), follow=True)

    assert "under way already" in response.content.decode()
    assert Job.objects.count() == 1


def test_nobody_else_has_a_button_or_a_way(as_: Any, helpdesk: User, auditor: User, vdisk: VDisk) -> None:
    for person in (helpdesk, auditor):
        assert as_(person).post(address(vdisk)).status_code == 403
        assert "Compute the full hash" not in as_(person).get(address(vdisk, "version-contents")).content.decode()


def test_the_hashes_are_shown(as_: Any, helpdesk: User, vdisk: VDisk) -> None:
    one = {"file": "W11-Office.3.avhdx", "size": 4096, "blake3": DIGEST, "identity": {}}
    VersionImage.objects.create(version=vdisk.versions.get(number=3), hashes=[one], hashed_at=timezone.now())

    page = as_(helpdesk).get(address(vdisk, "version-contents")).content.decode()

    assert DIGEST in page
    assert "W11-Office.3.avhdx" in page
