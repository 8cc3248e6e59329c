"""A refused account is asked once, then left alone until somebody sets it anew: accounts get locked."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from builders.adapters.errors import Unreachable
from builders.farms import open_farm
from builders.sync.run import sync_farm
from lifecycle.models import Farm, FarmConnection, SyncRun
from lifecycle.secret_patterns import MASK
from tests.jobs.conftest import connect
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> LabProcess:
    with LabProcess(Path(tmp_path_factory.mktemp("lab"))) as process:
        yield process  # type: ignore[misc]


def due(farm: Farm) -> None:
    Farm.objects.filter(pk=farm.pk).update(sync_due_at=farm.sync_due_at)


def test_a_wrong_password_is_tried_once(lab: LabProcess) -> None:
    farm = connect(lab)
    asked: list[str] = []

    def opener(found: Farm):  # type: ignore[no-untyped-def]
        pvs = open_farm(found)
        asked.append("asked")
        return pvs

    for connection in FarmConnection.objects.all():
        connection.password = "wrong"
        connection.save()
    for _ in range(3):
        due(farm)
        sync_farm(farm.pk, opener)

    found = Farm.objects.get()
    assert asked == ["asked"]
    assert found.turned_away_at is not None
    assert "not tried again" in found.sync_error


def test_the_farm_can_be_checked(lab: LabProcess) -> None:
    farm = connect(lab)
    out = StringIO()

    call_command("check_farm", farm.name, stdout=out)

    assert "PVS01 answered as PVS01, farm Lab Farm" in out.getvalue()


def test_a_check_of_an_unknown_farm_names_the_known(lab: LabProcess) -> None:
    connect(lab)

    with pytest.raises(CommandError, match="known: Lab Farm"):
        call_command("check_farm", "Other")


def test_no_secret_is_written_down_with_a_failed_look(lab: LabProcess) -> None:
    farm = connect(lab)
    row = FarmConnection.objects.first()
    assert row is not None

    def opener(_farm: Farm):  # type: ignore[no-untyped-def]
        raise Unreachable(f"it said {row.password} and password=hunter2")

    sync_farm(farm.pk, opener)

    said = [Farm.objects.get().sync_error, SyncRun.objects.get().error]
    assert said == [f"it said {MASK} and password={MASK}"] * 2
