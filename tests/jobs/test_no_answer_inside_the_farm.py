"""Code 97: the server that was asked gave up waiting for another one. What it was asked for may have been done."""

from __future__ import annotations

import pytest

from lifecycle.states import Action, JobState
from tests.jobs.conftest import Do
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db

NAME = "W11-CAD"
SERVER_TIMEOUT = 97
CALLS = [(Action.NEW_VERSION, "New-PvsDiskMaintenanceVersion"), (Action.MERGE_BASE, "Merge-PvsDisk")]


@pytest.mark.parametrize("was_done", [True, False])
@pytest.mark.parametrize(("action", "cmdlet"), CALLS)
def test_it_happens_once_whether_or_not_it_was_done(
    do: Do, lab: LabProcess, action: Action, cmdlet: str, was_done: bool
) -> None:
    lab.post("faults", {"cmdlet": cmdlet, "action": "fail", "code": SERVER_TIMEOUT, "after_effect": was_done})

    job = do(action, NAME)

    assert job.state == JobState.SUCCEEDED, job.outcome
    made = [entry for entry in lab.get("journal")["entries"] if entry["what"].startswith(cmdlet)]
    assert [entry["version"] for entry in made] == [job.version_number]
