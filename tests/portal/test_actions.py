import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from lifecycle.models import AuditEntry, Job, VDisk
from lifecycle.states import Access, TargetType
from tests import factories


def _url(vdisk: VDisk, action: str) -> str:
    return f"/vdisks/{vdisk.pk}/actions/{action}/"


def test_shows_what_will_happen_to_which_targets(as_, admin: User, ground: factories.Ground, vdisk: VDisk) -> None:
    ground.targets(2, vdisk, 2)

    page = as_(admin).get(_url(vdisk, "set-override") + "?version=2").content.decode()

    assert "24 production targets: version 2 at the next restart, instead of version 3." in page
    assert "Version 2: Updates of May, Acrobat 25" in page
    assert 'class="button danger"' in page
    assert "MUC-OFF-001" in page
    assert not Job.objects.exists()


def test_names_the_targets_that_are_started(as_, admin: User, ground: factories.Ground, vdisk: VDisk) -> None:
    ground.target("MUC-TST-001", vdisk, None, type=TargetType.TEST)
    ground.targets(3, vdisk, 3)

    page = as_(admin).get(_url(vdisk, "boot-test") + "?version=4").content.decode()

    assert "MUC-TST-001" in page
    assert "MUC-OFF" not in page


def test_starts_a_job_and_goes_to_its_page(as_, admin: User, vdisk: VDisk, woken: list[int]) -> None:
    response = as_(admin).post(_url(vdisk, "boot-test"), {"version": 4, "reason": "Look at Teams"})

    job = Job.objects.get()
    assert response.headers["Location"] == f"/jobs/{job.pk}/"
    assert (job.kind, job.version_number, job.requested_by, job.reason) == ("boot-test", 4, admin, "Look at Teams")
    assert AuditEntry.objects.get().action == "job.start.boot-test"


@pytest.mark.django_db(transaction=True)
def test_wakes_a_worker_once_the_job_is_committed(admin: User, vdisk: VDisk, as_, woken: list[int]) -> None:
    as_(admin).post(_url(vdisk, "boot-test"), {"version": 4})

    assert woken == [Job.objects.get().pk]


def test_asks_for_a_reason_where_one_is_needed(as_, admin: User, vdisk: VDisk) -> None:
    response = as_(admin).post(_url(vdisk, "set-override"), {"version": 2, "reason": "  "})

    assert response.status_code == 422
    assert "Say why." in response.content.decode()
    assert not Job.objects.exists()


def test_says_why_not_when_the_rules_forbid_it(as_, admin: User, vdisk: VDisk) -> None:
    client = as_(admin)

    asked = client.get(_url(vdisk, "promote-test") + "?version=3")
    done = client.post(_url(vdisk, "promote-test"), {"version": 3})

    for response in (asked, done):
        assert response.status_code == 409
        assert "Only a maintenance version can be promoted to test." in response.content.decode()
    assert not Job.objects.exists()


def test_says_who_works_on_the_vdisk_already(as_, admin: User, vdisk: VDisk) -> None:
    factories.job(vdisk, admin, title="Merge updates: W11-Office", kind="merge")

    response = as_(admin).post(_url(vdisk, "set-override"), {"version": 2, "reason": "Printing is broken"})

    assert response.status_code == 409
    assert "Another job works on W11-Office now (“Merge updates: W11-Office”)" in response.content.decode()


def test_a_second_click_finds_the_first_ones_job(as_, admin: User, vdisk: VDisk) -> None:
    client = as_(admin)

    first = client.post(_url(vdisk, "boot-test"), {"version": 4})
    second = client.post(_url(vdisk, "boot-test"), {"version": 4}, follow=True)

    assert Job.objects.count() == 1
    assert second.redirect_chain[0][0] == first.headers["Location"]
    assert "This was started already" in second.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_start_one_job(admin: User, vdisk: VDisk) -> None:
    together = threading.Barrier(2)
    client = Client()
    client.force_login(admin)
    cookies = client.cookies

    def click(_index: int) -> str:
        browser = Client()
        browser.cookies = cookies
        together.wait()
        try:
            return browser.post(_url(vdisk, "boot-test"), {"version": 4}).headers["Location"]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        places = list(pool.map(click, range(2)))

    assert places == [f"/jobs/{Job.objects.get().pk}/"] * 2


@pytest.mark.parametrize("name", ["promote-production", "reschedule", "no-such-action"])
def test_has_no_page_for_what_is_no_action_here(as_, admin: User, vdisk: VDisk, name: str) -> None:
    assert as_(admin).post(_url(vdisk, name), {"version": 4}).status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize("version", ["", "99", "four", "-1", "9" * 30])
def test_has_no_page_for_a_version_that_is_not_there(as_, admin: User, vdisk: VDisk, version: str) -> None:
    client = as_(admin)

    assert client.get(_url(vdisk, "boot-test"), {"version": version}).status_code == 404
    assert client.post(_url(vdisk, "boot-test"), {"version": version}).status_code == 404


def test_nobody_else_starts_anything(
    as_, helpdesk: User, auditor: User, approver: User, stranger: User, vdisk: VDisk
) -> None:
    answers = {
        person.username: as_(person).post(_url(vdisk, "boot-test"), {"version": 4}).status_code
        for person in (helpdesk, auditor, approver, stranger)
    }

    assert answers == {"helpdesk": 403, "auditor": 403, "approver": 403, "stranger": 404}
    assert not Job.objects.exists()


def test_warns_what_deleting_means(as_, admin: User, ground: factories.Ground) -> None:
    vdisk = ground.vdisk()
    factories.version(vdisk, 0)
    factories.version(vdisk, 1, Access.MAINTENANCE)

    page = as_(admin).get(_url(vdisk, "delete-version") + "?version=1").content.decode()

    assert "Deletes the version and its files." in page
    assert 'class="button danger"' in page
