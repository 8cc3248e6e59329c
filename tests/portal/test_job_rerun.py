"""What people do with a failed job on its page: resume, restart, keep, clean up. The rules have their own tests."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from lifecycle import rerunning
from lifecycle.models import AuditEntry, Job, JobLogLine, VDisk
from lifecycle.states import JobState, Repeat, StepState, UndoCause
from tests import factories

SAFE = {"repeat": Repeat.AFTER_LOOK.value, "stands": True}
ONCE = {"repeat": Repeat.NEVER.value, "stands": True}


@pytest.fixture
def failed(admin: User, vdisk: VDisk) -> Job:
    """Failed at its third step; a version is left."""
    job = factories.job(
        vdisk,
        admin,
        state=JobState.FAILED,
        outcome="No room in the store.",
        kept="version 5, in the store vDisks",
        kept_until=timezone.now() + timedelta(hours=72),
    )
    factories.step(job, "Check that it is allowed", StepState.DONE, about=SAFE, attempts=1)
    factories.step(job, "Create the version", StepState.DONE, about=SAFE, attempts=1)
    factories.step(job, "Copy the files", StepState.FAILED, about=SAFE, attempts=3, saved={"task": 7})
    factories.step(job, "Look again", StepState.SKIPPED, about=SAFE)
    return job


def _page(client, job: Job) -> str:
    return client.get(f"/jobs/{job.pk}/").content.decode()


class TestResuming:
    def test_goes_on_at_the_failed_step_and_wakes_a_worker(
        self, as_, admin: User, failed: Job, woken: list[int], django_capture_on_commit_callbacks
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            response = as_(admin).post(f"/jobs/{failed.pk}/resume/", follow=True)

        page = response.content.decode()
        failed.refresh_from_db()
        assert failed.state == JobState.WAITING
        assert [step.state for step in failed.steps.order_by("position")] == ["done", "done", "pending", "pending"]
        assert "Resumed: it goes on where it failed." in page
        assert "Resume from the failed step" not in page
        assert woken == [failed.pk]

    def test_twice_is_said_kindly_and_done_once(self, as_, admin: User, failed: Job) -> None:
        client = as_(admin)
        client.post(f"/jobs/{failed.pk}/resume/")

        response = client.post(f"/jobs/{failed.pk}/resume/", follow=True)

        failed.refresh_from_db()
        assert response.status_code == 200
        assert "Only a job that failed can go on; this one is waiting." in response.content.decode()
        assert failed.runs == 2
        assert AuditEntry.objects.filter(action="job.resume").count() == 1

    def test_says_why_it_is_not_possible_and_offers_no_button(self, as_, admin: User, failed: Job) -> None:
        failed.steps.filter(position=3).update(about=ONCE, saved={rerunning.UNANSWERED: True})

        page = _page(as_(admin), failed)

        assert "It cannot be resumed. It is unknown whether step 3, “Copy the files”, took effect" in page
        assert "/resume/" not in page

    def test_is_offered_to_nobody_else(self, as_, auditor: User, failed: Job) -> None:
        page = _page(as_(auditor), failed)

        assert "/resume/" not in page
        assert "/restart/" not in page
        assert "/clean-up/" not in page
        assert "Left in place: version 5, in the store vDisks" in page

    def test_opening_its_address_leads_to_the_job(self, as_, admin: User, failed: Job) -> None:
        response = as_(admin).get(f"/jobs/{failed.pk}/resume/")

        assert response.headers["Location"] == f"/jobs/{failed.pk}/"
        assert Job.objects.get().state == JobState.FAILED

    def test_the_page_of_a_failed_job_hears_when_somebody_resumes_it(self, as_, admin: User, failed: Job) -> None:
        assert f'data-live="job-{failed.pk} jobs"' in _page(as_(admin), failed)

    def test_is_not_offered_to_who_may_not_change_versions(self, as_, failed: Job) -> None:
        person = factories.person("half")
        person.user_permissions.set(Permission.objects.filter(codename__in=["view_job", "resume_job"]))
        client = as_(person)

        assert "/resume/" not in _page(client, failed)
        assert client.post(f"/jobs/{failed.pk}/resume/").status_code == 403


class TestRestarting:
    @pytest.mark.parametrize("typed", ["²", "1" * 5000, "-1", "x", ""])
    def test_a_step_that_is_no_number_is_told_at_the_field(self, as_, admin: User, failed: Job, typed: str) -> None:
        response = as_(admin).post(f"/jobs/{failed.pk}/restart/", {"step": typed, "reason": "again"})

        failed.refresh_from_db()
        assert response.status_code in (409, 422)
        assert failed.state == JobState.FAILED

    def test_says_for_each_step_whether_and_why_not(self, as_, admin: User, failed: Job) -> None:
        failed.steps.filter(position=2).update(about=SAFE | {"stands": False})

        page = as_(admin).get(f"/jobs/{failed.pk}/restart/").content.decode()

        choices = page.split('class="step-choice"')[1:]
        assert ["disabled" in choice for choice in choices] == [False, False, True, True]
        assert "What step 2, “Create the version”, found may not hold any more" in choices[2]
        assert "checked" in choices[1]

    def test_begins_again_there_with_the_reason_on_record(
        self, as_, admin: User, failed: Job, woken: list[int], django_capture_on_commit_callbacks
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            response = as_(admin).post(
                f"/jobs/{failed.pk}/restart/", {"step": 2, "reason": "The store has room now"}, follow=True
            )

        assert "Restarted: it begins again from the step you chose." in response.content.decode()
        assert [step.state for step in failed.steps.order_by("position")] == ["done", "pending", "pending", "pending"]
        assert AuditEntry.objects.get(action="job.restart").detail["reason"] == "The store has room now"
        assert "The store has room now" in JobLogLine.objects.get(job=failed).text
        assert woken == [failed.pk]

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({"step": "2", "reason": " "}, "Say why."),
            ({"reason": "A reason"}, "Step: Choose a step."),
            ({"step": "x", "reason": "A reason"}, "Step: Enter a whole number."),
        ],
    )
    def test_bad_input_is_named_and_nothing_is_lost(
        self, as_, admin: User, failed: Job, sent: dict[str, str], said: str
    ) -> None:
        response = as_(admin).post(f"/jobs/{failed.pk}/restart/", sent)

        page = response.content.decode()
        assert response.status_code == 422
        assert said in page
        assert sent["reason"].strip() in page
        assert ("checked" in page) is (sent.get("step") == "2")
        assert Job.objects.get().state == JobState.FAILED

    def test_a_step_that_is_not_possible_is_refused_with_the_reason(self, as_, admin: User, failed: Job) -> None:
        failed.steps.filter(position=3).update(about=ONCE)

        response = as_(admin).post(f"/jobs/{failed.pk}/restart/", {"step": 3, "reason": "Once more"})

        page = response.content.decode()
        assert response.status_code == 409
        assert "was begun and must never be done twice." in page
        assert Job.objects.get().state == JobState.FAILED

    def test_a_step_that_is_not_there_is_refused(self, as_, admin: User, failed: Job) -> None:
        response = as_(admin).post(f"/jobs/{failed.pk}/restart/", {"step": 9, "reason": "Once more"})

        assert response.status_code == 409
        assert "The job has no step 9." in response.content.decode()
        assert "Once more" in response.content.decode()

    def test_of_a_running_job_is_refused_on_a_page_that_says_so(self, as_, admin: User, vdisk: VDisk) -> None:
        job = factories.job(vdisk, admin)
        factories.step(job, "Copy the files", StepState.RUNNING)

        response = as_(admin).get(f"/jobs/{job.pk}/restart/")

        assert response.status_code == 409
        assert "Only a job that failed can go on; this one is running." in response.content.decode()
        assert "<textarea" not in response.content.decode()


class TestKeeping:
    def test_says_what_is_left_and_until_when(self, as_, admin: User, failed: Job, settings) -> None:
        page = _page(as_(admin), failed)

        assert "Left in place: version 5, in the store vDisks" in page
        assert f"Kept until {timezone.localtime(failed.kept_until):%Y-%m-%d %H:%M}" in page

    def test_says_when_a_person_has_to_remove_it(self, as_, admin: User, failed: Job) -> None:
        Job.objects.update(kept_until=None)

        page = _page(as_(admin), failed)

        assert "The portal does not remove it by itself; a person has to." in page
        assert "/keep/" not in page
        assert "/clean-up/" in page

    def test_can_be_put_off(self, as_, admin: User, failed: Job) -> None:
        response = as_(admin).post(f"/jobs/{failed.pk}/keep/", {"hours": 24}, follow=True)

        until = failed.kept_until + timedelta(hours=24)
        assert Job.objects.get().kept_until == until
        assert f"Kept until {timezone.localtime(until):%Y-%m-%d %H:%M}." in response.content.decode()

    @pytest.mark.parametrize("hours", ["", "x", "0", "-3", "100000", "9" * 30])
    def test_a_time_that_makes_no_sense_is_named(self, as_, admin: User, failed: Job, hours: str) -> None:
        response = as_(admin).post(f"/jobs/{failed.pk}/keep/", {"hours": hours})

        assert response.status_code == 400
        assert "Hours:" in response.content.decode()
        assert Job.objects.get().kept_until == failed.kept_until

    @pytest.mark.parametrize(("hours", "is_said"), [(23, True), (25, False)])
    def test_its_end_is_announced_a_day_before_on_list_and_board(
        self, as_, admin: User, failed: Job, hours: int, is_said: bool
    ) -> None:
        Job.objects.update(kept_until=timezone.now() + timedelta(hours=hours))
        client = as_(admin)

        for page in (client.get("/jobs/").content.decode(), client.get("/").content.decode()):
            assert ("left in place ends" in page) is is_said

    def test_the_announcement_is_not_for_who_may_not_see_jobs(self, as_, helpdesk: User, failed: Job) -> None:
        Job.objects.update(kept_until=timezone.now() + timedelta(hours=2))

        assert "left in place ends" not in as_(helpdesk).get("/").content.decode()


class TestCleaningUp:
    def test_says_first_what_will_happen(self, as_, admin: User, failed: Job) -> None:
        response = as_(admin).get(f"/jobs/{failed.pk}/clean-up/")

        assert response.status_code == 200
        assert "Left in place now: version 5, in the store vDisks" in response.content.decode()
        assert Job.objects.get().state == JobState.FAILED

    def test_has_the_job_take_back_what_it_did(
        self, as_, admin: User, failed: Job, woken: list[int], django_capture_on_commit_callbacks
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            response = as_(admin).post(f"/jobs/{failed.pk}/clean-up/", follow=True)

        found = Job.objects.get()
        assert (found.state, found.undo_cause) == (JobState.WAITING, UndoCause.ASKED)
        assert "Cleaning up was asked for." in response.content.decode()
        assert "a person asked to clean up" in response.content.decode()
        assert woken == [failed.pk]

    def test_twice_is_said_kindly(self, as_, admin: User, failed: Job) -> None:
        client = as_(admin)
        client.post(f"/jobs/{failed.pk}/clean-up/")

        response = client.post(f"/jobs/{failed.pk}/clean-up/", follow=True)

        assert response.status_code == 200
        assert "The job is waiting; cancel it to have it take back what it did." in response.content.decode()

    def test_with_nothing_left_is_refused_with_the_reason(self, as_, admin: User, failed: Job) -> None:
        Job.objects.update(kept="", kept_until=None)
        client = as_(admin)

        response = client.get(f"/jobs/{failed.pk}/clean-up/")

        assert response.status_code == 409
        assert "Nothing of it is left." in response.content.decode()
        assert "/clean-up/" not in _page(client, failed)
