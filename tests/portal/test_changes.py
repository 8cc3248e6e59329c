from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle import operations
from lifecycle.models import ChangeRequest, Job, Replica, VDisk
from lifecycle.roles import Role
from lifecycle.states import Access, ChangeState
from portal.pictures.words import exact
from tests import factories


@pytest.fixture
def change(admin: User, vdisk: VDisk) -> ChangeRequest:
    return operations.request_promotion(vdisk=vdisk, version=4, by=admin, reason="Tested for two days", ticket="CHG-1")


def _page(client, change: ChangeRequest) -> str:
    return client.get(f"/changes/{change.pk}/").content.decode()


def _write_into(vdisk: VDisk) -> None:
    Replica.objects.filter(vdisk=vdisk, number=4).update(file_time="2026-09-09T09:09:09.0000000")


class TestAsking:
    def _new(self, client, vdisk: VDisk, **values: object):
        return client.post("/changes/new/", {"vdisk": vdisk.pk, "version": 4, "reason": "Tested"} | values)

    def test_shows_what_would_change(self, as_, admin: User, vdisk: VDisk) -> None:
        page = as_(admin).get(f"/changes/new/?vdisk={vdisk.pk}&version=4").content.decode()

        assert "24 production targets: version 4 at the next restart, instead of version 3." in page
        assert "5 links of the chain" in page

    def test_makes_a_request(self, as_, admin: User, vdisk: VDisk) -> None:
        response = self._new(as_(admin), vdisk, ticket="CHG-7")

        change = ChangeRequest.objects.get()
        assert response.headers["Location"] == f"/changes/{change.pk}/"
        assert (change.requested_by, change.reason, change.ticket) == (admin, "Tested", "CHG-7")

    def test_takes_a_date_in_the_portals_time_zone(self, as_, admin: User, vdisk: VDisk, settings) -> None:
        settings.TIME_ZONE = "Europe/Berlin"

        moment = (timezone.now() + timedelta(days=30)).replace(second=0, microsecond=0)
        local = moment.astimezone(ZoneInfo("Europe/Berlin"))

        self._new(as_(admin), vdisk, go_live_at=f"{local:%Y-%m-%dT%H:%M}")

        assert ChangeRequest.objects.get().go_live_at == moment

    def test_a_date_is_said_to_the_approver(self, as_, admin: User, approver: User, vdisk: VDisk) -> None:
        moment = timezone.now() + timedelta(days=30)
        change = operations.request_promotion(vdisk=vdisk, version=4, by=admin, reason="Tested", go_live_at=moment)

        page = _page(as_(approver), change)

        assert f"version 4 at the first restart after {exact(moment)}, instead of version 3." in page

    def test_the_address_keeps_what_is_asked_for(self, as_, admin: User, vdisk: VDisk) -> None:
        client, address = as_(admin), f"/changes/new/?vdisk={vdisk.pk}&version=4"

        assert f'action="{address.replace("&", "&amp;")}"' in client.get(address).content.decode()
        assert client.post(address, {"reason": "Tested"}).status_code == 302

    @pytest.mark.parametrize("query", ["", "?vdisk=1", "?version=4", "?vdisk=x&version=y"])
    def test_says_how_to_ask_when_no_version_is_named(self, as_, admin: User, vdisk: VDisk, query: str) -> None:
        response = as_(admin).get(f"/changes/new/{query}")

        assert response.status_code == 404
        assert "A request is made for one version" in response.content.decode()

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"reason": " "}, "Say why."),
            ({"go_live_at": "2001-01-01T00:00"}, "The date has passed"),
            ({"go_live_at": "2999-01-01T00:00"}, "Choose a date within the next 366 days"),
        ],
    )
    def test_says_at_the_field_what_is_missing(
        self, as_, admin: User, vdisk: VDisk, values: dict[str, str], words: str
    ) -> None:
        response = self._new(as_(admin), vdisk, **values)

        assert response.status_code == 422
        assert words in response.content.decode()
        assert not ChangeRequest.objects.exists()

    def test_a_second_click_finds_the_first_ones_request(self, as_, admin: User, vdisk: VDisk) -> None:
        client = as_(admin)
        self._new(client, vdisk)

        response = self._new(client, vdisk)

        assert response.headers["Location"] == f"/changes/{ChangeRequest.objects.get().pk}/"

    def test_says_that_somebody_else_has_asked(self, as_, change: ChangeRequest, vdisk: VDisk) -> None:
        response = self._new(as_(factories.person("admin2", Role.ADMIN)), vdisk)

        assert response.status_code == 409
        assert "A request for version 4 is open already." in response.content.decode()

    def test_says_why_a_version_cannot_be_promoted(self, as_, admin: User, vdisk: VDisk) -> None:
        response = as_(admin).get(f"/changes/new/?vdisk={vdisk.pk}&version=3")

        assert response.status_code == 409
        assert "Only a test version can be promoted to production." in response.content.decode()

    def test_warns_when_an_override_holds_it_back(self, as_, admin: User, vdisk: VDisk) -> None:
        vdisk.versions.filter(number=2).update(access=Access.OVERRIDE)

        page = as_(admin).get(f"/changes/new/?vdisk={vdisk.pk}&version=4").content.decode()

        assert "Production targets stay on version 2: it is the override." in page


class TestDeciding:
    def _decide(self, client, change: ChangeRequest, decision: str, reason: str = ""):
        return client.post(f"/changes/{change.pk}/decide/", {"decision": decision, "reason": reason})

    def test_approving_starts_the_promotion(
        self, as_, approver: User, change: ChangeRequest, django_capture_on_commit_callbacks, woken: list[int]
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            response = self._decide(as_(approver), change, "approve", "Looks good")

        job = Job.objects.get()
        assert response.headers["Location"] == f"/changes/{change.pk}/"
        assert (job.kind, job.change, job.parameters["fingerprint"]) == (
            "promote-production",
            change,
            change.fingerprint,
        )
        assert woken == [job.pk]
        page = _page(as_(approver), change)
        assert "approved, being promoted" in page
        assert f"/jobs/{job.pk}/" in page
        assert "Looks good" in page

    def test_rejecting_needs_a_reason(self, as_, approver: User, change: ChangeRequest) -> None:
        client = as_(approver)

        without = self._decide(client, change, "reject")
        assert without.status_code == 422
        assert "Say why you reject it" in without.content.decode()

        self._decide(client, change, "reject", "Test it on a laptop too")
        assert "Rejected: Test it on a laptop too" in _page(client, change)
        assert not Job.objects.exists()

    def test_the_requester_sees_why_they_cannot_approve(self, as_, admin: User, change: ChangeRequest) -> None:
        page = _page(as_(admin), change)

        assert "You requested this change; someone else has to decide on it." in page
        assert "Approve and promote" not in page

    def test_not_even_a_superuser_approves_their_own(self, as_, superuser: User, vdisk: VDisk) -> None:
        change = operations.request_promotion(vdisk=vdisk, version=4, by=superuser, reason="Mine")

        response = self._decide(as_(superuser), change, "approve")

        assert response.status_code == 403
        assert "You requested this change" in response.content.decode()
        assert not Job.objects.exists()

    def test_who_built_the_version_does_not_decide(self, as_, admin: User, vdisk: VDisk) -> None:
        builder = factories.person("builder", Role.ADMIN, Role.APPROVER)
        factories.job(vdisk, builder, state="succeeded", kind="new-version", version_number=4)
        change = operations.request_promotion(vdisk=vdisk, version=4, by=admin, reason="Tested")

        response = self._decide(as_(builder), change, "approve")

        assert response.status_code == 403
        assert "You worked on version 4 yourself" in response.content.decode()

    def test_a_second_click_is_answered_kindly(self, as_, approver: User, change: ChangeRequest) -> None:
        client = as_(approver)
        self._decide(client, change, "approve")

        response = self._decide(client, change, "approve")

        assert response.status_code == 302
        assert Job.objects.count() == 1

    def test_the_second_of_two_approvers_sees_who_was_first(
        self, as_, approver: User, approver2: User, change: ChangeRequest
    ) -> None:
        self._decide(as_(approver), change, "reject", "No")

        response = self._decide(as_(approver2), change, "approve")

        assert response.status_code == 409
        assert "Rejected: No" in response.content.decode()
        assert not Job.objects.exists()

    def test_what_was_wrong_is_outside_the_part_that_is_fetched_anew(
        self, as_, approver: User, change: ChangeRequest
    ) -> None:
        page = self._decide(as_(approver), change, "reject").content.decode()
        fetched = as_(approver).get(f"/changes/{change.pk}/", headers={"HX-Request": "true"}).content.decode()

        live = page.split('<div id="change"')[1].split('class="panel decide"')[0]
        assert "Say why you reject it" not in live
        assert "<textarea" not in live
        assert "<textarea" not in fetched
        assert '<div id="decision-now" hx-swap-oob="true">' in fetched
        assert "Approve and promote" in fetched

    def test_an_open_page_is_told_that_somebody_has_decided(
        self, as_, approver: User, approver2: User, change: ChangeRequest
    ) -> None:
        self._decide(as_(approver), change, "reject", "No")

        fetched = as_(approver2).get(f"/changes/{change.pk}/", headers={"HX-Request": "true"}).content.decode()

        assert "This request is not open any more: rejected. What you wrote here was not sent." in fetched
        assert "Approve and promote" not in fetched

    @pytest.mark.parametrize("what", ["decide", "withdraw"])
    def test_opening_the_address_of_a_form_leads_to_the_request(
        self, as_, superuser: User, change: ChangeRequest, what: str
    ) -> None:
        response = as_(superuser).get(f"/changes/{change.pk}/{what}/")

        assert (response.status_code, response.headers["Location"]) == (302, f"/changes/{change.pk}/")

    def test_takes_no_decision_without_a_button(self, as_, approver: User, change: ChangeRequest) -> None:
        assert self._decide(as_(approver), change, "").status_code == 422
        assert ChangeRequest.objects.get().state == ChangeState.OPEN

    def test_says_why_it_cannot_be_approved_at_this_moment(
        self, as_, approver: User, change: ChangeRequest, vdisk: VDisk
    ) -> None:
        factories.version(vdisk, 5, Access.MERGE_TEST)

        page = _page(as_(approver), change)

        assert "Approving is not possible at this moment: Version 5 is being merged" in page


class TestLapsing:
    def test_looking_at_a_request_of_a_changed_version_ends_it(
        self, as_, approver: User, change: ChangeRequest, vdisk: VDisk
    ) -> None:
        _write_into(vdisk)

        page = _page(as_(approver), change)

        assert "This request no longer counts:" in page
        assert "W11-Office.4.avhdx was written to" in page
        assert "Approve and promote" not in page
        assert ChangeRequest.objects.get().state == ChangeState.LAPSED

    def test_an_approval_of_a_changed_version_does_not_count(
        self, as_, approver: User, change: ChangeRequest, vdisk: VDisk
    ) -> None:
        client = as_(approver)
        _page(client, change)
        _write_into(vdisk)

        response = client.post(f"/changes/{change.pk}/decide/", {"decision": "approve"})

        assert response.status_code == 409
        assert "The version changed since the request" in response.content.decode()
        assert not Job.objects.exists()

    def test_the_requester_is_led_to_ask_anew(
        self, as_, admin: User, approver: User, change: ChangeRequest, vdisk: VDisk
    ) -> None:
        vdisk.versions.filter(number=4).update(access=Access.MAINTENANCE)

        assert "no longer in test" in _page(as_(admin), change)
        assert f"/changes/new/?vdisk={vdisk.pk}&amp;version=4" in _page(as_(admin), change)
        assert "/changes/new/" not in _page(as_(approver), change)


class TestScheduled:
    @pytest.mark.parametrize("is_pending", [True, False])
    def test_is_called_promoted_only_when_its_date_has_come(
        self, as_, auditor: User, change: ChangeRequest, vdisk: VDisk, is_pending: bool
    ) -> None:
        moment = timezone.now() + timedelta(days=3)
        ChangeRequest.objects.update(state=ChangeState.DONE, ended_at=timezone.now())
        vdisk.versions.filter(number=4).update(access=Access.PRODUCTION, is_pending=is_pending, scheduled_at=moment)
        client = as_(auditor)

        for page in (_page(client, change), client.get("/changes/").content.decode()):
            assert (f"scheduled for {exact(moment)}" in page) is is_pending
            assert ("<span>promoted</span>" in page) is not is_pending


class TestWithdrawing:
    def test_the_requester_withdraws(self, as_, admin: User, change: ChangeRequest) -> None:
        as_(admin).post(f"/changes/{change.pk}/withdraw/", {"reason": "Asked for the wrong version"})

        assert ChangeRequest.objects.get().state == ChangeState.WITHDRAWN
        page = _page(as_(admin), change)
        assert f"Withdrawn by Ada Berger, {timezone.localtime():%Y-%m-%d}" in page
        assert "“Asked for the wrong version”" in page

    def test_the_requester_may_write_a_note(self, as_, admin: User, change: ChangeRequest) -> None:
        page = _page(as_(admin), change)

        assert f'formaction="/changes/{change.pk}/withdraw/"' in page
        assert "Optional: why you withdraw it." in page

    def test_an_approver_does_not(self, as_, approver: User, change: ChangeRequest) -> None:
        assert as_(approver).post(f"/changes/{change.pk}/withdraw/").status_code == 403
        assert "Withdraw" not in _page(as_(approver), change)

    def test_too_late_is_said_with_the_state_as_it_is(
        self, as_, admin: User, approver: User, change: ChangeRequest
    ) -> None:
        operations.reject(change=change, by=approver, reason="No")

        response = as_(admin).post(f"/changes/{change.pk}/withdraw/")

        assert response.status_code == 409
        assert "Rejected: No" in response.content.decode()


class TestList:
    def test_shows_open_ones_first(self, as_, auditor: User, admin: User, change: ChangeRequest) -> None:
        ChangeRequest.objects.create(
            vdisk=change.vdisk,
            version_number=3,
            requested_by=admin,
            requested_at=timezone.now() + timedelta(hours=1),
            reason="Newer but rejected",
            state=ChangeState.REJECTED,
            ended_at=timezone.now(),
            fingerprint="a" * 64,
        )

        page = as_(auditor).get("/changes/").content.decode()

        assert page.index("Tested for two days") < page.index("Newer but rejected")

    @pytest.mark.parametrize(
        ("query", "is_found"),
        [
            ("state=open", True),
            ("state=done", False),
            ("text=chg-1", True),
            ("text=W2022", False),
            ("state=nonsense&text=chg-1", True),
            ("state=nonsense&text=W2022", False),
            ("text=%00", False),
        ],
    )
    def test_is_filtered(self, as_, auditor: User, change: ChangeRequest, query: str, is_found: bool) -> None:
        page = as_(auditor).get(f"/changes/?{query}").content.decode()

        assert ("Tested for two days" in page) is is_found

    def test_answers_htmx_with_the_list_alone(self, as_, auditor: User, change: ChangeRequest) -> None:
        fragment = as_(auditor).get("/changes/", headers={"HX-Request": "true"}).content.decode()

        assert fragment.startswith('<div id="list"')
