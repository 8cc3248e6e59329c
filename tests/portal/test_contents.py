"""The page of what is in a version, and the list of all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from lifecycle.models import AuditEntry, Job, VDisk, VersionImage
from lifecycle.states import Access, JobState, Reading
from tests import factories
from tests.imagecontents import access, give, patch, program, report, service, sign, version_of


def at(vdisk: VDisk, number: int = 4, query: str = "") -> str:
    return f"/vdisks/{vdisk.pk}/versions/{number}/contents/{query}"


def shown(client: Client, vdisk: VDisk, number: int = 4, query: str = "") -> str:
    response = client.get(at(vdisk, number, query))
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def client(as_: Callable[[User], Client], helpdesk: User) -> Client:
    return as_(helpdesk)


class TestVersion:
    def test_says_first_what_the_image_is_and_that_it_is_not_sealed(self, client: Client, vdisk: VDisk) -> None:
        give(
            version_of(vdisk, 4),
            report(
                signs=[sign("pending-reboot", "A restart is pending."), sign("stale", "Captured while streamed.")],
                platform={"vmware_tools": {"version": "12.4.0", "source": "s"}, "firmware": "UEFI"},
            ),
        )

        page = shown(client, vdisk)

        assert "Windows 11 Enterprise 23H2, build 10.0.22631.3447" in page
        assert "2 signs that this image is not sealed" in page
        assert "A restart is pending." in page
        assert "<dt>VMware Tools</dt><dd>12.4.0</dd>" in page
        assert page.index("2 signs") < page.index('id="system"')

    def test_says_so_when_there_is_no_sign(self, client: Client, vdisk: VDisk) -> None:
        give(version_of(vdisk, 4), report())

        assert "No sign that this image is not sealed." in shown(client, vdisk)

    def test_lists_each_thing_with_where_it_was_found(self, client: Client, vdisk: VDisk) -> None:
        give(
            version_of(vdisk, 4),
            report(
                programs=[program("7-Zip", "24.05", "Igor Pavlov", view="32")],
                patches=[patch(5036893)],
                services=[service("Spooler", "Print Spooler", start="disabled")],
            ),
        )

        page = shown(client, vdisk)

        assert "Igor Pavlov · 32 bit" in page
        assert r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\7-Zip" in page
        assert "KB5036893" in page
        assert "Print Spooler" in page
        assert "disabled" in page

    def test_folds_long_lists_and_counts_them(self, client: Client, vdisk: VDisk) -> None:
        give(version_of(vdisk, 4), report(services=[service(f"Svc{number:03}") for number in range(250)]))

        page = shown(client, vdisk)
        third = shown(client, vdisk, query="?category=services&page=3")

        assert '<h2>Services</h2> <span class="quiet">250</span>' in page
        assert "All 250 of Services" in page
        assert "Svc039" in page
        assert "Svc040" not in page
        assert "Svc249" in third
        assert "Svc199" not in third
        assert "Page 3 of 3" in third

    def test_is_filtered_by_any_words_without_javascript(self, client: Client, vdisk: VDisk) -> None:
        give(
            version_of(vdisk, 4),
            report(
                programs=[program("7-Zip", "24.05", "Igor Pavlov"), program("Notepad++", "8.6")],
                services=[service("ZipService")],
            ),
        )

        page = shown(client, vdisk, query="?text=zip")
        of_publisher = shown(client, vdisk, query="?text=pavlov+24")
        of_kind = shown(client, vdisk, query="?text=zip&category=services")
        none = shown(client, vdisk, query="?text=winrar")

        rows = {"7-Zip": '<th scope="row">7-Zip', "Notepad": '<th scope="row">Notepad', "service": "ZipService.exe"}
        found = [{name for name, row in rows.items() if row in each} for each in (page, of_publisher, of_kind, none)]
        assert found == [{"7-Zip", "service"}, {"7-Zip"}, {"service"}, set()]
        assert "1 of 2" in page
        assert "Nothing in this image fits “winrar”." in none

    def test_a_filter_that_makes_no_sense_is_named(self, client: Client, vdisk: VDisk) -> None:
        give(version_of(vdisk, 4), report(programs=[program("7-Zip")]))

        page = shown(client, vdisk, query="?category=rubbish")

        assert "Kind: Select a valid choice." in page
        assert "7-Zip" in page

    def test_says_in_a_line_what_is_new_since_the_version_before(self, client: Client, vdisk: VDisk) -> None:
        give(version_of(vdisk, 3), report(programs=[program("A", "1")]))
        give(version_of(vdisk, 4), report(programs=[program("A", "2")]))

        page = shown(client, vdisk)

        assert f'href="/contents/compare/?a={vdisk.pk}-3&amp;b={vdisk.pk}-4">1 program updated</a>' in page

    def test_a_partial_reading_says_what_could_not_be_read(self, client: Client, vdisk: VDisk) -> None:
        told = [{"where": r"Windows\System32\config\SOFTWARE", "words": "The hive is damaged at byte 4096."}]
        give(version_of(vdisk, 4), report(partial=True, warnings=told))

        page = shown(client, vdisk)

        assert "The contents were read in part only." in page
        assert "The hive is damaged at byte 4096." in page
        assert r"Windows\System32\config\SOFTWARE" in page

    def test_what_an_image_says_is_text(self, client: Client, vdisk: VDisk) -> None:
        give(version_of(vdisk, 4), report(programs=[program("<script>alert(1)</script>", "<b>1</b>")]))

        page = shown(client, vdisk)

        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page

    def test_a_version_that_is_not_there_is_not_found(self, client: Client, vdisk: VDisk) -> None:
        assert client.get(at(vdisk, 9)).status_code == 404


class TestWhatIsNotKnown:
    def test_without_a_way_to_the_store_it_says_how_to_set_one(self, client: Client, vdisk: VDisk) -> None:
        page = shown(client, vdisk)

        assert "The portal has no way to the files of store vDisks." in page
        assert "manage.py store_access" in page

    def test_not_read_yet(self, client: Client, vdisk: VDisk) -> None:
        access(vdisk)

        assert "The contents have not been read yet." in shown(client, vdisk)

    def test_what_is_to_be_deleted_and_not_used_is_read_on_request(self, client: Client, vdisk: VDisk) -> None:
        access(vdisk)
        vdisk.versions.filter(number=4).update(delete_when_free=True)
        assert "The portal reads them by itself" in shown(client, vdisk), "targets run it"

        vdisk.versions.filter(number=4).update(device_count=0)
        assert "It is read only when a Citrix admin asks for it." in shown(client, vdisk)
        assert "The portal reads them by itself" not in shown(client, vdisk)

    def test_being_read(self, client: Client, vdisk: VDisk, admin: User, as_: Callable[[User], Client]) -> None:
        access(vdisk)
        job = factories.job(vdisk, admin, kind=Reading.INSPECT.value, version_number=4, writes=False)

        assert f"Job {job.pk} is running." in shown(client, vdisk)
        assert f'<a href="/jobs/{job.pk}/">Job {job.pk}</a>' in shown(as_(admin), vdisk)
        assert "The contents have not been read yet." in shown(client, vdisk, 3)

    def test_could_not_be_read(self, client: Client, vdisk: VDisk) -> None:
        access(vdisk)
        VersionImage.objects.create(version=version_of(vdisk, 4), problem="PVS01 did not answer.")

        page = shown(client, vdisk)

        assert "The contents could not be read." in page
        assert "PVS01 did not answer." in page

    def test_while_a_target_writes_to_it(self, client: Client, ground: factories.Ground) -> None:
        vdisk = ground.vdisk("W2022")
        factories.version(vdisk, 0)
        factories.version(vdisk, 1, Access.MAINTENANCE, device_count=1)
        access(vdisk)

        assert "it is read when that target is shut down" in shown(client, vdisk, 1)

    def test_what_was_read_before_stays_when_a_later_look_fails(self, client: Client, vdisk: VDisk) -> None:
        give(version_of(vdisk, 4), report(programs=[program("7-Zip")]))
        VersionImage.objects.update(problem="PVS01 did not answer.")

        page = shown(client, vdisk)

        assert "The last look at the files came to nothing" in page
        assert "PVS01 did not answer." in page
        assert "7-Zip" in page


class TestReadNow:
    def test_starts_a_job(self, as_: Callable[[User], Client], admin: User, vdisk: VDisk, woken: list[int]) -> None:
        access(vdisk)

        response = as_(admin).post(at(vdisk) + "read/")

        job = Job.objects.get()
        assert response.headers["Location"] == at(vdisk)
        assert (job.kind, job.version_number, job.requested_by) == ("inspect-image", 4, admin)
        assert AuditEntry.objects.get().action == "job.start.inspect-image"

    def test_says_why_not(self, as_: Callable[[User], Client], admin: User, vdisk: VDisk) -> None:
        page = as_(admin).post(at(vdisk) + "read/", follow=True).content.decode()

        assert "no way to the files of store" in page
        assert not Job.objects.exists()

    def test_a_second_click_starts_nothing(self, as_: Callable[[User], Client], admin: User, vdisk: VDisk) -> None:
        access(vdisk)
        client = as_(admin)

        pages = [client.post(at(vdisk) + "read/", follow=True).content.decode() for _ in range(2)]

        assert "under way already" in pages[1]
        assert Job.objects.count() == 1

    def test_has_no_button_for_those_who_may_not(self, client: Client, vdisk: VDisk) -> None:
        access(vdisk)

        assert "Read now" not in shown(client, vdisk)
        assert client.post(at(vdisk) + "read/").status_code == 403


class TestImages:
    def test_says_of_each_version_what_is_known(self, client: Client, vdisk: VDisk) -> None:
        give(version_of(vdisk, 4), report(signs=[sign("a", "A"), sign("b", "B")]))
        give(version_of(vdisk, 3), report(partial=True))
        VersionImage.objects.create(version=version_of(vdisk, 2), problem="PVS01 did not answer.")

        rows = client.get("/contents/").content.decode().split("<tr>")[2:]

        assert ["2 signs" in row for row in rows] == [True, False, False, False, False]
        assert "build 10.0.22631.3447" in rows[0]
        assert "read in part" in rows[1]
        assert "PVS01 did not answer." in rows[2]
        assert "not read" in rows[3]

    @pytest.mark.parametrize(("state", "found"), [("read", [4, 3]), ("unread", [2, 1, 0]), ("partial", [3])])
    def test_is_filtered(self, client: Client, vdisk: VDisk, state: str, found: list[int]) -> None:
        give(version_of(vdisk, 4), report())
        give(version_of(vdisk, 3), report(partial=True))

        response = client.get(f"/contents/?state={state}&text=OFFICE")

        assert [row["number"] for row in response.context["page_obj"]] == found
        assert "No version fits." in client.get("/contents/?text=W2022").content.decode()

    def test_is_a_query_and_a_count_and_leaves_the_reports_where_they_are(
        self, client: Client, vdisk: VDisk, ground: factories.Ground, django_assert_max_num_queries: Callable
    ) -> None:
        give(version_of(vdisk, 4), report())
        client.get("/contents/")
        with django_assert_max_num_queries(12) as few:
            client.get("/contents/")
        other = ground.vdisk("W2022")
        for number in range(40):
            give(factories.version(other, number), report(programs=[program("A")] * 50))

        with django_assert_max_num_queries(len(few)):
            page = client.get("/contents/").content.decode()

        assert "45 versions" in page
        assert "C:\\Program Files" not in str(client.get("/contents/").context["page_obj"].object_list)


def test_a_finished_reading_shows_no_job(client: Client, vdisk: VDisk, admin: User) -> None:
    access(vdisk)
    factories.job(vdisk, admin, kind=Reading.INSPECT.value, version_number=4, writes=False, state=JobState.SUCCEEDED)

    assert "is being read" not in shown(client, vdisk)
