import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle import operations
from lifecycle.models import Hold, Job, VDisk
from lifecycle.states import JobState, OnFailure, StepState
from tests import factories


@pytest.fixture
def job(admin: User, vdisk: VDisk) -> Job:
    job = factories.job(vdisk, admin)
    factories.step(job, "Check that it is allowed", StepState.DONE)
    factories.step(job, "Wait until it is off", StepState.WAITING, message="MUC-MNT-001 is still on", progress=40)
    factories.log_lines(job, "one", "two", "three")
    return job


def _page(client, job: Job) -> str:
    return client.get(f"/jobs/{job.pk}/").content.decode()


def test_shows_steps_progress_and_log(as_, auditor: User, job: Job) -> None:
    page = _page(as_(auditor), job)

    assert "1 of 2 steps done" in page
    assert "MUC-MNT-001 is still on" in page
    assert '<progress max="100" value="40"' in page
    assert page.index("one") < page.index("two") < page.index("three")


def test_shows_what_pvs_answered_to_a_failed_step(as_, auditor: User, admin: User, vdisk: VDisk) -> None:
    job = factories.job(vdisk, admin, state=JobState.FAILED, outcome="The promotion was refused.")
    factories.step(job, "Promote", StepState.FAILED, error_code=100, error_words="Devices are active.")
    factories.step(job, "Look again", StepState.SKIPPED)

    page = _page(as_(auditor), job)

    assert "The promotion was refused." in page
    assert page.count("PVS answered with code <strong>100</strong>: “Devices are active.”") == 1
    assert "0 of 2 steps done" in page


def test_says_nothing_twice(as_, auditor: User, admin: User, vdisk: VDisk) -> None:
    said = "The promotion was refused: Devices are active."
    job = factories.job(vdisk, admin, state=JobState.FAILED, outcome=said)
    factories.step(job, "Promote", StepState.FAILED, message=said, error_code=100, error_words="Devices are active.")

    page = _page(as_(auditor), job)

    assert page.count("Devices are active.") == 1
    assert page.count("PVS answered with code <strong>100</strong>") == 1


def test_calls_nothing_an_answer_of_pvs_that_has_no_code(as_, auditor: User, admin: User, vdisk: VDisk) -> None:
    job = factories.job(vdisk, admin, state=JobState.FAILED, outcome="PVS01 cannot be reached.")
    factories.step(job, "Promote", StepState.FAILED, error_words="connection refused")

    assert "PVS answered" not in _page(as_(auditor), job)


def test_a_promotion_says_who_asked_and_who_approved(as_, admin: User, approver: User, vdisk: VDisk) -> None:
    change = operations.request_promotion(vdisk=vdisk, version=4, by=admin, reason="Tested")
    job = factories.job(
        vdisk,
        approver,
        state=JobState.FAILED,
        change=change,
        reason="Tested",
        kind="promote-production",
        version_number=4,
    )

    page = _page(as_(admin), job)

    assert "Approved by approver" in page
    assert "requested by Ada Berger" in page
    assert f'<a href="/changes/new/?vdisk={vdisk.pk}&amp;version=4">request it anew</a>' in page
    assert "start the action again" not in page


def test_waits_for_a_worker_in_words(as_, auditor: User, admin: User, vdisk: VDisk) -> None:
    job = factories.job(vdisk, admin, state=JobState.WAITING, started_at=None)

    assert "Waiting for a worker" in _page(as_(auditor), job)


@pytest.mark.parametrize(("state", "is_refreshed"), [(JobState.RUNNING, True), (JobState.SUCCEEDED, False)])
def test_works_without_javascript_while_it_runs(
    as_, auditor: User, admin: User, vdisk: VDisk, state: JobState, is_refreshed: bool
) -> None:
    page = _page(as_(auditor), factories.job(vdisk, admin, state=state))

    assert ('<noscript><meta http-equiv="refresh"' in page) is is_refreshed


@pytest.mark.parametrize(("state", "is_live"), [(JobState.UNDOING, True), (JobState.CANCELLED, False)])
def test_the_fragment_asks_again_only_while_it_runs(
    as_, auditor: User, admin: User, vdisk: VDisk, state: JobState, is_live: bool
) -> None:
    job = factories.job(vdisk, admin, state=state)

    fragment = as_(auditor).get(f"/jobs/{job.pk}/", headers={"HX-Request": "true"}).content.decode()

    assert fragment.startswith('<div id="job"')
    assert (f'data-live="job-{job.pk} jobs"' in fragment) is is_live


class TestCancelling:
    def test_asks_the_worker_to_stop(self, as_, admin: User, job: Job) -> None:
        response = as_(admin).post(f"/jobs/{job.pk}/cancel/", follow=True)

        assert Job.objects.get().cancel_requested_by == admin
        assert "Ada Berger asked to cancel it" in response.content.decode()
        assert "Cancel the job" not in response.content.decode()

    def test_twice_is_said_kindly(self, as_, admin: User, job: Job) -> None:
        client = as_(admin)
        client.post(f"/jobs/{job.pk}/cancel/")

        response = client.post(f"/jobs/{job.pk}/cancel/", follow=True)

        assert response.status_code == 200
        assert "its cancelling was asked for before" in response.content.decode()

    @pytest.mark.parametrize(
        ("cause", "is_offered"), [("", True), ("failed", False), ("expired", False), ("asked", False)]
    )
    def test_is_offered_only_where_it_works(self, as_, admin: User, job: Job, cause: str, is_offered: bool) -> None:
        Job.objects.update(undo_cause=cause)
        client = as_(admin)

        assert ("Cancel the job" in _page(client, job)) is is_offered
        client.post(f"/jobs/{job.pk}/cancel/")

        assert (Job.objects.get().cancel_requested_at is not None) is is_offered

    def test_opening_its_address_leads_to_the_job(self, as_, admin: User, job: Job) -> None:
        response = as_(admin).get(f"/jobs/{job.pk}/cancel/")

        assert response.headers["Location"] == f"/jobs/{job.pk}/"
        assert Job.objects.get().cancel_requested_at is None

    def test_is_offered_to_nobody_else(self, as_, auditor: User, job: Job) -> None:
        assert "Cancel the job" not in _page(as_(auditor), job)


class TestList:
    def test_is_filtered(self, as_, auditor: User, job: Job) -> None:
        client = as_(auditor)

        assert "Promote to test" in client.get("/jobs/?state=active").content.decode()
        assert "Promote to test" not in client.get("/jobs/?state=failed").content.decode()
        assert "No job fits these filters." in client.get("/jobs/?text=nothing").content.decode()

    def test_uses_the_filters_that_make_sense(self, as_, auditor: User, job: Job) -> None:
        page = as_(auditor).get("/jobs/?state=nonsense&text=nothing").content.decode()

        assert "State: Select a valid choice." in page
        assert "No job fits these filters." in page

    def test_is_one_query_and_a_count_for_many(
        self, as_, auditor: User, admin: User, vdisk: VDisk, django_assert_max_num_queries
    ) -> None:
        rows = [
            Job(
                kind="merge",
                title=f"Job {i}",
                farm=vdisk.farm,
                vdisk=vdisk,
                requested_by=admin,
                writes=False,
                state=JobState.SUCCEEDED,
                ended_at=vdisk.farm.synced_at,
            )
            for i in range(500)
        ]
        Job.objects.bulk_create(rows)
        client = as_(auditor)

        with django_assert_max_num_queries(12):  # 3 of the list; session, user, 2 of rights, 2 badges, 3 of the farm
            page = client.get("/jobs/?page=3").content.decode()

        assert "Page 3 of 10" in page


class TestQueue:
    def test_says_for_whom_it_waits_and_leads_there(self, as_, auditor: User, admin: User, vdisk: VDisk) -> None:
        first = factories.job(vdisk, admin, title="Merge updates: W11-Office", kind="merge")
        resource = f"vdisk:{vdisk.pk}"
        Hold.objects.create(resource=resource, slot=1, job=first)
        job = factories.job(
            vdisk, auditor, state=JobState.WAITING, queues=True, needs=[resource, "kind:promote-test"], started_at=None
        )

        page = _page(as_(auditor), job)

        assert "vDisk W11-Office is held by" in page
        assert f'<a href="/jobs/{first.pk}/">Merge updates: W11-Office</a> (admin, since' in page
        assert "Waiting for a worker" not in page

    def test_says_how_many_come_before_it(self, as_, auditor: User, admin: User, vdisk: VDisk, settings) -> None:
        settings.PORTAL_LIMITS = {"kind:merge": 1}
        for _ in range(3):
            job = factories.job(
                vdisk, admin, state=JobState.WAITING, kind="merge", writes=False, needs=["kind:merge"], started_at=None
            )

        assert "2 jobs are before it in the queue for jobs of the kind “Merge updates”" in _page(as_(auditor), job)


class TestCourse:
    """How it compares with those before it: the judgements have tests of their own, in tests/lifecycle."""

    @pytest.fixture
    def history(self, admin: User, vdisk: VDisk) -> None:
        now = timezone.now()
        for seconds in range(50, 70):
            job = factories.job(vdisk, admin, state=JobState.SUCCEEDED, kind="merge", writes=False)
            Job.objects.filter(pk=job.pk).update(started_at=now - timedelta(seconds=2 * seconds), ended_at=now)
            factories.step(job, "Merge", StepState.DONE, seconds=float(seconds), profile="merge|x", ended_at=now)

    def _running(self, vdisk: VDisk, by: User, *, since: int, **step: object) -> Job:
        started_at = timezone.now() - timedelta(seconds=since)
        job = factories.job(vdisk, by, kind="merge", started_at=started_at)
        values = {"profile": "merge|x", "started_at": started_at, "sign_at": timezone.now()}
        factories.step(job, "Merge", StepState.RUNNING, **values | step)
        factories.step(job, "Look at the result")
        return job

    def test_says_what_it_usually_takes_and_when_it_ends(
        self, as_, auditor: User, admin: User, vdisk: VDisk, history: None
    ) -> None:
        page = _page(as_(auditor), self._running(vdisk, admin, since=3))

        assert "Usually about 60 s, 9 of 10 times within 67 s." in page
        assert "Jobs like this: usually about 119 s, 9 of 10 times within 2 min." in page
        assert "It usually ends about" in page
        assert "slower than" not in page

    def test_says_early_that_it_is_slow(self, as_, auditor: User, admin: User, vdisk: VDisk, history: None) -> None:
        page = _page(as_(auditor), self._running(vdisk, admin, since=100))

        assert page.count("slower than 9 of 10") == 1
        assert "stalled" not in page
        assert "step-running warn" in page

    def test_stalled_is_another_thing_than_slow(self, as_, auditor: User, admin: User, vdisk: VDisk) -> None:
        heard_at = timezone.now() - timedelta(minutes=10)

        page = _page(as_(auditor), self._running(vdisk, admin, since=900, about={"silence": 120}, sign_at=heard_at))

        assert "Stalled: no sign of life from outside for 10 min" in page
        assert f"Last sign of life at {timezone.localtime(heard_at):%Y-%m-%d %H:%M:%S}." in page
        assert "slower than" not in page

    def test_claims_nothing_without_history(self, as_, auditor: User, admin: User, vdisk: VDisk) -> None:
        page = _page(as_(auditor), self._running(vdisk, admin, since=100))

        assert "sually" not in page
        assert "slower" not in page
        assert " %</span>" not in page
        assert "0 of 2 steps done" in page

    def test_a_resumed_job_says_its_run_and_claims_no_end(
        self, as_, auditor: User, admin: User, vdisk: VDisk, history: None
    ) -> None:
        job = self._running(vdisk, admin, since=3)
        Job.objects.filter(pk=job.pk).update(runs=2)

        page = _page(as_(auditor), job)

        assert "run 2" in page
        assert "It usually ends" not in page

    def test_says_when_it_tries_again(self, as_, auditor: User, admin: User, vdisk: VDisk) -> None:
        job = factories.job(vdisk, admin, due_at=timezone.now() + timedelta(seconds=3600))
        factories.step(job, "Create the version", StepState.WAITING, failures=2, attempts=7)

        page = _page(as_(auditor), job)

        assert "tried 2 times" in page
        assert re.search(r"Next try <time [^>]*data-until>in 3\d\d\d s</time>", page)


class TestRules:
    def test_a_step_says_what_it_states_of_itself(self, as_, auditor: User, admin: User, vdisk: VDisk) -> None:
        about = {
            "limit": 600,
            "poll": 3.0,
            "silence": 90,
            "retries": 5,
            "repeat": "never",
            "needs": ["vm"],
            "produces": ["disk", "size"],
            "undo": "Removes the VM.",
            "stands": False,
        }
        job = factories.job(vdisk, admin)
        factories.step(job, "Create the VM", about=about)

        page = _page(as_(auditor), job)

        rules = page.split('<details class="step-about"')[1].split("</details>")[0]
        assert "at most 10 min, then it has failed" in rules
        assert "looks every 3 s" in rules
        assert "after 90 s without a sign of life" in rules
        assert "up to 5 times in a row" in rules
        assert "is never repeated by itself" in rules
        assert "disk, size" in rules
        assert "Removes the VM." in rules
        assert "has to be looked at again" in rules

    def test_one_that_states_nothing_has_no_rules(self, as_, auditor: User, job: Job) -> None:
        assert '<details class="step-about"' not in _page(as_(auditor), job)

    @pytest.mark.parametrize("choice", list(OnFailure))
    def test_the_job_says_what_becomes_of_what_it_built_when_it_fails(
        self, as_, auditor: User, admin: User, vdisk: VDisk, choice: OnFailure
    ) -> None:
        page = _page(as_(auditor), factories.job(vdisk, admin, on_failure=choice))

        assert f"<dd>{choice.label}</dd>" in page

    def test_says_why_it_takes_back_what_it_did(self, as_, auditor: User, admin: User, vdisk: VDisk) -> None:
        page = _page(as_(auditor), factories.job(vdisk, admin, state=JobState.UNDOING, undo_cause="expired"))

        assert "the time for keeping what it built is over" in page
