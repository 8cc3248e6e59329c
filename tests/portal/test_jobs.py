import pytest
from django.contrib.auth.models import User

from lifecycle import operations
from lifecycle.models import Job, VDisk
from lifecycle.states import JobState, StepState
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
