"""What a job's page claims is true: how often a step was tried, who was silent, when it ends, who removes what."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from builders.jobs import KINDS
from lifecycle.models import Job, VDisk
from lifecycle.states import JobState, OnFailure, StepState
from portal.pictures.jobpage import NAMED
from portal.templatetags import portal as filters
from tests import factories


def _page(client: Client, job: Job) -> str:
    response = client.get(f"/jobs/{job.pk}/")
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


class TestTries:
    @pytest.mark.parametrize(
        ("state", "failures", "words"),
        [
            (StepState.WAITING, 1, "tried 1 time<"),  # the next try is still to come
            (StepState.WAITING, 2, "tried 2 times<"),
            (StepState.RUNNING, 2, "tried 3 times<"),
            (StepState.FAILED, 5, "tried 6 times<"),
        ],
    )
    def test_counts_failures_and_not_looks(
        self, as_, auditor: User, admin: User, vdisk: VDisk, state: StepState, failures: int, words: str
    ) -> None:
        job = factories.job(vdisk, admin)
        factories.step(job, "Create the version", state, failures=failures, attempts=412)

        page = _page(as_(auditor), job)

        assert words in page
        assert "412" not in page

    @pytest.mark.parametrize("state", list(StepState))
    def test_a_step_that_only_looked_often_was_not_tried_often(
        self, as_, auditor: User, admin: User, vdisk: VDisk, state: StepState
    ) -> None:
        job = factories.job(vdisk, admin)
        factories.step(job, "Wait for the merge", state, attempts=412)

        assert "tried" not in _page(as_(auditor), job)


class TestSilence:
    @pytest.fixture
    def job(self, admin: User, vdisk: VDisk) -> Job:
        job = factories.job(vdisk, admin)
        begun = timezone.now() - timedelta(minutes=10)
        factories.step(job, "Wait for the merge", StepState.WAITING, started_at=begun, about={"silence": 60})
        return job

    def test_that_no_worker_looked_is_not_said_to_be_silence_of_pvs(self, as_, auditor: User, job: Job) -> None:
        due = timezone.now() - timedelta(minutes=9)
        Job.objects.filter(pk=job.pk).update(due_at=due, admitted_at=due)

        page = _page(as_(auditor), job)

        assert re.search(r"no worker has looked since [\d :-]+; see Operations", page)
        assert "no sign of life from outside" not in page

    def test_silence_is_one_while_a_worker_asks(self, as_, auditor: User, job: Job) -> None:
        now = timezone.now()
        Job.objects.filter(pk=job.pk).update(due_at=now - timedelta(minutes=9), lease_until=now + timedelta(minutes=1))

        page = _page(as_(auditor), job)

        assert "no sign of life from outside for 10 min" in page
        assert "no worker has looked" not in page


class TestEnd:
    @pytest.fixture
    def evening(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
        """A quarter to midnight."""
        now = datetime(2026, 3, 4, 23, 45, tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda: now)
        with timezone.override(UTC):
            yield now

    def test_tells_its_day_when_that_is_not_today(self, evening: datetime) -> None:
        assert filters.clock_to_come(evening + timedelta(minutes=14)) == "23:59:00"
        assert filters.clock_to_come(evening + timedelta(minutes=16)) == "2026-03-05 00:01:00"

    def test_the_page_of_a_job_shows_the_day_of_an_end_that_is_days_away(
        self, as_, auditor: User, admin: User, vdisk: VDisk
    ) -> None:
        begun = timezone.now() - timedelta(days=9)
        for _ in range(3):
            factories.job(vdisk, admin, state=JobState.SUCCEEDED, started_at=begun, ended_at=begun + timedelta(days=3))
        now = timezone.now()
        job = factories.job(vdisk, admin, started_at=now)

        end = timezone.localtime(now + timedelta(days=3))
        assert f"It usually ends about {end:%Y-%m-%d %H:%M:%S}" in _page(as_(auditor), job)


class TestRemoval:
    OWN, NOT_OWN = {"belongs_to_job": True}, {"belongs_to_job": False}

    def _kept(self, vdisk: VDisk, by: User, about: dict[str, bool], *, begun: bool) -> Job:
        until = timezone.now() + timedelta(hours=5)
        job = factories.job(vdisk, by, state=JobState.FAILED, kept="a virtual machine", kept_until=until)
        factories.step(job, "Look", StepState.DONE, about=self.NOT_OWN, attempts=1)
        factories.step(job, "Create", StepState.FAILED, about=about, attempts=int(begun))
        return job

    @pytest.mark.parametrize(
        ("about", "begun", "removes"), [(OWN, True, True), (OWN, False, False), (NOT_OWN, True, False)]
    )
    def test_is_promised_only_of_what_the_portal_alone_made(
        self, as_, auditor: User, admin: User, vdisk: VDisk, about: dict[str, bool], begun: bool, removes: bool
    ) -> None:
        page = _page(as_(auditor), self._kept(vdisk, admin, about, begun=begun))

        assert ("resume; then the portal removes what it alone made and uses." in page) is removes
        assert ("resume; then a person has to decide what becomes of it." in page) is not removes

    @pytest.mark.parametrize(
        ("choice", "about", "words"),
        [
            (OnFailure.KEEP, OWN, "; after 30 hours the portal removes what it alone made and uses"),
            (OnFailure.KEEP, NOT_OWN, "; the portal removes nothing of it by itself"),
            (OnFailure.UNDO, OWN, ""),
        ],
    )
    def test_what_becomes_of_it_if_the_job_fails_is_said_of_this_job(
        self, as_, auditor: User, admin: User, vdisk: VDisk, settings, choice: OnFailure, about: dict, words: str
    ) -> None:
        settings.PORTAL_KEEP_HOURS = 30
        job = factories.job(vdisk, admin, on_failure=choice)
        factories.step(job, "Create", about=about)

        assert f"<dd>{choice.label}{words}</dd>" in _page(as_(auditor), job)

    def test_operations_list_what_failed_and_cancelled_jobs_left(self, as_, admin: User, vdisk: VDisk) -> None:
        for state in (JobState.FAILED, JobState.CANCELLED):
            factories.job(vdisk, admin, state=state, title=f"It {state.value}", kept="version 5")

        page = as_(admin).get("/operations/").content.decode()

        part = page.split('id="kept-title">What jobs left in place</h2>')[1].split("</section>")[0]
        assert "It failed" in part
        assert "It cancelled" in part


class TestNames:
    def test_what_a_step_needs_and_produces_is_said_in_words(
        self, as_, auditor: User, admin: User, vdisk: VDisk
    ) -> None:
        job = factories.job(vdisk, admin)
        factories.step(
            job,
            "Promote it",
            about={"needs": ["vdisk", "version", "change"], "produces": ["promoted", "boot_order"]},
        )

        page = _page(as_(auditor), job)

        assert "the vDisk, the version, the approved request" in page
        assert "that the version was promoted, boot order" in page

    def test_every_name_that_a_kind_of_job_uses_has_words(self, admin: User, vdisk: VDisk) -> None:
        job = factories.job(vdisk, admin)
        steps = [step for steps_of in KINDS.values() for step in steps_of(job)]

        assert {name for step in steps for name in (*step.needs, *step.produces)} <= NAMED.keys()
