"""A cancel that comes between the last look at the flag and the last write of a job is answered, too."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from builders.engine.recorder import Recorder
from builders.engine.steps import Done, StepFailed
from lifecycle import operations
from lifecycle.models import Hold, Job
from lifecycle.states import JobState
from tests.engine.conftest import Scripted, advance


@pytest.fixture
def cancelled_right_before_the_end(job: Job, operator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    operator.user_permissions.add(Permission.objects.get(codename="cancel_job"))
    by = User.objects.get(pk=operator.pk)
    end = Recorder.end

    def cancel_first(recorder: Recorder, *args: Any, **values: Any) -> None:
        if not recorder.cancel_asked:
            operations.cancel_job(job=job, by=by)
        end(recorder, *args, **values)

    monkeypatch.setattr(Recorder, "end", cancel_first)


@pytest.mark.parametrize("answer", [Done("done"), StepFailed("It is broken.")], ids=["succeeds", "fails"])
@pytest.mark.usefixtures("cancelled_right_before_the_end")
def test_a_job_that_was_about_to_end_is_taken_back(job: Job, answer: Any) -> None:
    after = advance(job, Scripted("a", undo="a was taken back"), Scripted("b", answer))

    assert after.state == JobState.CANCELLED
    assert after.outcome.startswith("Cancelled by operator.")
    assert "a was taken back" in after.log.values_list("text", flat=True)
    texts = " ".join(after.log.values_list("text", flat=True))
    assert "The job has" not in texts, "an end that did not come about must not be told"
    assert not Hold.objects.filter(job=job).exists()
