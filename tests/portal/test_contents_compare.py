"""Two versions side by side, on the page of their own, on a request's page and on a target's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from lifecycle import operations, readings
from lifecycle.models import FileComparison, Job, VDisk, VersionImage
from lifecycle.states import JobState, Reading
from tests import factories
from tests.imagecontents import access, give, patch, program, report, sign, version_of


@pytest.fixture
def client(as_: Callable[[User], Client], approver: User) -> Client:
    return as_(approver)


@pytest.fixture
def known(vdisk: VDisk) -> VDisk:
    """Versions 3 and 4 have been read, and differ."""
    give(version_of(vdisk, 3), report(programs=[program("A", "1.0"), program("Old", "3", "Fabrikam")]))
    give(
        version_of(vdisk, 4),
        report(
            programs=[program("A", "1.1"), program("New", "7")],
            patches=[patch(5036893)],
            signs=[sign("pending-reboot", "A restart is pending.")],
        ),
    )
    return vdisk


def compared(client: Client, vdisk: VDisk, a: int = 3, b: int = 4) -> str:
    response = client.get(f"/contents/compare/?a={vdisk.pk}-{a}&b={vdisk.pk}-{b}")
    assert response.status_code == 200
    return response.content.decode()


LINE = "1 program updated, 1 added, 1 removed; 1 patch; 1 new sign that it is not sealed"


class TestCompare:
    def test_says_in_one_line_and_in_lists_what_differs(self, client: Client, known: VDisk) -> None:
        page = compared(client, known)

        assert LINE in page
        rows = {name: page.split(name)[1].split("</tr>")[0] for name in ('scope="row">A<', 'scope="row">New<')}
        assert "1.0" in rows['scope="row">A<']
        assert "<strong>1.1</strong>" in rows['scope="row">A<']
        assert "KB5036893" in page
        assert "A restart is pending." in page

    def test_the_other_way_round_is_the_other_way_round(self, client: Client, known: VDisk) -> None:
        assert "1 program set back to an older version, 1 added, 1 removed" in compared(client, known, 4, 3)

    def test_of_two_vdisks(self, client: Client, known: VDisk, ground: factories.Ground) -> None:
        other = ground.vdisk("W2022")
        factories.version(other, 0)
        give(version_of(other, 0), report(programs=[program("A", "1.0"), program("Old", "3", "Fabrikam")]))

        page = client.get(f"/contents/compare/?a={other.pk}-0&b={known.pk}-4").content.decode()

        assert "W2022 version 0" in page
        assert "1 program updated, 1 added, 1 removed" in page

    def test_says_when_both_are_the_same_files(self, client: Client, known: VDisk) -> None:
        image = version_of(known, 3).image
        VersionImage.objects.create(version=version_of(known, 2), fingerprint=image.fingerprint, content=image.content)

        assert "Both are the same files, so nothing differs." in compared(client, known, 2, 3)

    def test_says_why_it_cannot_be_said(self, client: Client, known: VDisk) -> None:
        page = compared(client, known, 1, 4)

        assert "The portal has no way to the files of store vDisks." in page
        assert "No difference found" not in page

    def test_a_form_to_choose_with_every_version(self, client: Client, known: VDisk) -> None:
        page = client.get("/contents/compare/").content.decode()

        assert f'<option value="{known.pk}-4">W11-Office version 4: Updates of July, Teams 2.1</option>' in page

    @pytest.mark.parametrize("query", ["a={pk}-3", "a={pk}-3&b=rubbish", "a={pk}-3&b={pk}-99", "a=1%27&b=2"])
    def test_a_choice_that_makes_no_sense_is_named(self, client: Client, known: VDisk, query: str) -> None:
        response = client.get(f"/contents/compare/?{query.format(pk=known.pk)}")

        assert response.status_code == 422
        assert 'class="field-error"' in response.content.decode()

    def test_readers_of_two_ages_are_told(self, client: Client, known: VDisk) -> None:
        give(version_of(known, 2), report(), reader_version="0")

        assert "read by different versions of the reader" in compared(client, known, 2, 4)

    def test_costs_as_much_for_many_versions(
        self, client: Client, known: VDisk, ground: factories.Ground, django_assert_max_num_queries: Callable
    ) -> None:
        compared(client, known)
        with django_assert_max_num_queries(30) as few:
            compared(client, known)
        other = ground.vdisk("W2022")
        for number in range(30):
            factories.version(other, number)

        with django_assert_max_num_queries(len(few)):
            compared(client, known)


class TestRequest:
    @pytest.fixture
    def change(self, known: VDisk, admin: User) -> Any:
        return operations.request_promotion(vdisk=known, version=4, by=admin, reason="Tested")

    def test_an_approver_sees_what_would_be_different_inside(self, client: Client, change: Any) -> None:
        page = client.get(f"/changes/{change.pk}/").content.decode()

        assert "What would be different inside" in page
        assert "From version 3, which production boots now, to version 4." in page
        assert LINE in page
        assert page.index(LINE) < page.index('id="decision-now"')

    def test_or_why_that_is_not_known(self, client: Client, change: Any) -> None:
        VersionImage.objects.filter(version__number=4).delete()

        page = client.get(f"/changes/{change.pk}/").content.decode()

        assert "The contents are not known." in page
        assert "no way to the files of store" in page

    def test_a_request_that_ended_compares_nothing(self, client: Client, change: Any, approver: User) -> None:
        operations.reject(change=change, by=approver, reason="Not now")

        assert "What would be different inside" not in client.get(f"/changes/{change.pk}/").content.decode()


class TestTarget:
    def test_shows_what_differs_between_booted_and_expected(
        self, as_: Callable[[User], Client], helpdesk: User, known: VDisk, ground: factories.Ground
    ) -> None:
        give(version_of(known, 2), report(programs=[program("A", "0.9"), program("Old", "3", "Fabrikam")]))
        old, right = ground.target("MUC-OLD", known, 2), ground.target("MUC-RIGHT", known, 3)

        page = as_(helpdesk).get(f"/targets/{old.pk}/").content.decode()
        other = as_(helpdesk).get(f"/targets/{right.pk}/").content.decode()

        assert "From version 2, which it runs, to version 3, which it boots next." in page
        assert '<p class="headline">1 program updated</p>' in page
        assert "What is different inside" not in other
        assert f'href="/vdisks/{known.pk}/versions/3/contents/"' in other


class TestFiles:
    @pytest.fixture
    def client(self, as_: Callable[[User], Client], admin: User) -> Client:
        return as_(admin)

    def ask(self, client: Client, vdisk: VDisk) -> Any:
        values = {"a": f"{vdisk.pk}-3", "b": f"{vdisk.pk}-4"}
        return client.post("/contents/compare/files/", values, follow=True)

    def test_are_compared_when_somebody_asks(self, client: Client, known: VDisk, woken: list[int]) -> None:
        access(known)

        page = self.ask(client, known).content.decode()

        job = Job.objects.get()
        assert job.kind == Reading.COMPARE
        assert job.parameters == {"before": version_of(known, 3).pk, "after": version_of(known, 4).pk}
        assert f"Job {job.pk}</a> compares the files" in page
        assert self.ask(client, known).status_code == 200
        assert Job.objects.count() == 1

    @pytest.mark.parametrize("role", ["helpdesk", "auditor", "approver"])
    def test_who_may_not_have_images_read_sees_no_button_but_who_may(
        self, as_: Callable[[User], Client], request: pytest.FixtureRequest, known: VDisk, role: str
    ) -> None:
        access(known)
        client = as_(request.getfixturevalue(role))

        page = compared(client, known)

        assert "Compare the files</button>" not in page
        assert "A Citrix admin can have them compared." in page
        assert self.ask(client, known).status_code == 403
        assert not Job.objects.exists()

    def test_of_one_person_only_so_many_are_under_way(self, client: Client, known: VDisk, woken: list[int]) -> None:
        access(known)
        pairs = [(known, 0, 1), (known, 0, 2), (known, 0, 3), (known, 0, 4)]
        for vdisk, a, b in pairs:
            values = {"a": f"{vdisk.pk}-{a}", "b": f"{vdisk.pk}-{b}"}
            page = client.post("/contents/compare/files/", values, follow=True).content.decode()

        assert "You have 3 comparisons of files under way." in page
        assert Job.objects.count() == readings.OPEN_COMPARISONS

    def test_the_same_pair_leads_to_the_job_of_whoever_was_first(
        self, client: Client, as_: Callable[[User], Client], superuser: User, known: VDisk, woken: list[int]
    ) -> None:
        access(known)
        self.ask(client, known)

        page = self.ask(as_(superuser), known).content.decode()

        assert f'href="/jobs/{Job.objects.get().pk}/"' in page

    def test_cannot_be_asked_for_without_a_way_to_the_store(self, client: Client, known: VDisk) -> None:
        assert "The files cannot be compared now." in compared(client, known)
        assert "no way to the files of store" in self.ask(client, known).content.decode()
        assert not Job.objects.exists()

    def test_a_job_that_failed_says_why_and_may_be_asked_again(self, client: Client, known: VDisk, admin: User) -> None:
        access(known)
        factories.job(
            known,
            admin,
            kind=Reading.COMPARE.value,
            state=JobState.FAILED,
            writes=False,
            outcome="PVS01 did not answer.",
            parameters={"before": version_of(known, 3).pk, "after": version_of(known, 4).pk},
        )

        page = compared(client, known)

        assert "PVS01 did not answer." in page
        assert "Compare the files</button>" in page

    def test_the_result_is_shown(self, client: Client, known: VDisk) -> None:
        volume = {
            "partition": 1,
            "label": "System",
            "counts": {"added": 1, "removed": 1, "changed": 900},
            "added": [["Program Files\\New\\new.exe", 2048, 1.0, False]],
            "removed": [["Windows\\Temp", 0, 1.0, True]],
            "changed": [
                {"path": f"a{number}.dll", "what": "contents", "before": [1024, 1.0], "after": [4096, 2.0]}
                for number in range(300)
            ],
            "warnings": ["Two files could not be read."],
        }
        self._keep(known, {"volumes": [volume], "warnings": [{"where": "partition 2", "words": "is not NTFS"}]})

        page = compared(client, known)

        assert "1 file added, 1 file removed, 900 files changed" in page
        assert "Program Files\\New\\new.exe" in page
        assert "The first 200 of 900 are shown." in page
        assert "Two files could not be read." in page
        assert "partition 2: is not NTFS" in page

    @pytest.mark.parametrize(
        "result", [{}, {"volumes": 3}, {"volumes": [{"added": 1, "changed": [3, {}], "removed": [["a"], []]}]}]
    )
    def test_a_result_of_any_shape_is_shown(self, client: Client, known: VDisk, result: dict[str, Any]) -> None:
        self._keep(known, result)

        assert "Compared" in compared(client, known)

    def _keep(self, vdisk: VDisk, result: dict[str, Any]) -> None:
        before, after = (version_of(vdisk, number).image.fingerprint for number in (3, 4))
        FileComparison.objects.create(before=before, after=after, reader_version="1", result=result)
