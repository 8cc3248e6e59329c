"""What survives when the lab ends, in order or not, and starts again."""

import json
import stat
from pathlib import Path

import pytest

from lab.__main__ import main
from lab.pvs.model import Farm, Fault, PlannedCopy
from lab.state import StateFile, decode, encode
from tests.lab.conftest import NOON, Stage, one_disk_farm
from tests.lab.session import Session
from tests.lab.test_lifecycle_table import merging, pending
from tests.lab.test_roads import OFFICE, access, until
from tests.labprocess import LabProcess


def power(lab: LabProcess, name: str) -> str:
    return str(next(target["power"] for target in lab.get("/state")["targets"] if target["name"] == name))


def is_good_everywhere(session: Session) -> bool:
    return bool(session.call("Get-PvsDiskVersion", ["."], Version=5, **OFFICE)[0]["."]["GoodInventoryStatus"])


def test_a_restarted_lab_goes_on_where_it_was(tmp_path: Path) -> None:
    lab = LabProcess(tmp_path, speed=20)
    lab.start()
    before = lab.info
    lab.post("/replication", {"mode": "hold"})
    session = Session(lab.info).connect()
    session.call("New-PvsDiskMaintenanceVersion", **OFFICE)
    session.call("Start-PvsDeviceBoot", DeviceName="MUC-MNT-OFF1")
    until(lambda: power(lab, "MUC-MNT-OFF1") == "running")
    session.call("Invoke-PvsPromoteDiskVersion", Test=True, **OFFICE)
    session.close()
    lab.stop()

    with lab:
        assert lab.info == before
        session = Session(lab.info).connect()
        assert access(session, 5) == 7
        assert power(lab, "MUC-MNT-OFF1") == "running"
        rows = session.call("Get-PvsDiskInventory", ["ServerName", "State"], Version=5, **OFFICE)
        assert {row["ServerName"]: row["State"] for row in rows} == {"PVS01": "0", "PVS02": "1"}

        lab.post("/replication", {"mode": "run"})

        until(lambda: is_good_everywhere(session))
        session.close()


def test_a_killed_lab_comes_up_with_what_it_had_written(tmp_path: Path) -> None:
    lab = LabProcess(tmp_path, speed=20)
    lab.start()
    session = Session(lab.info).connect()
    session.call("New-PvsDiskMaintenanceVersion", **OFFICE)
    state = tmp_path / "state.json"
    until(lambda: "W11-Office.5.avhdx" in state.read_text(encoding="utf-8"))
    session.protocol.transport.close_session()
    lab.kill()

    with lab:
        session = Session(lab.info).connect()
        assert access(session, 5) == 1
        session.close()


def test_a_server_that_was_down_stays_down(tmp_path: Path) -> None:
    with LabProcess(tmp_path) as lab:
        lab.post("/servers/PVS02/power", {"on": False})

    with LabProcess(tmp_path) as lab:
        assert [server["up"] for server in lab.get("/state")["servers"]] == [True, False]


def test_secrets_are_for_the_owner_s_eyes(lab: LabProcess) -> None:
    for name in ("lab.json", "ntlm-users", "state.json", "PVS01.pem"):
        assert stat.S_IMODE((lab.state_dir / name).stat().st_mode) == 0o600
    assert lab.info["password"] not in (lab.state_dir / "lab.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("arrange", [pending, merging], ids=lambda one: one.__name__)
def test_the_farm_is_the_same_after_writing_and_reading(stage: Stage, arrange: object) -> None:
    assert callable(arrange)
    arrange(stage)
    farm = stage.datacentre.farm
    farm.copies.append(PlannedCopy("PVS02", "W11-CAD.2.avhdx", NOON))
    farm.faults.append(Fault("Get-PvsFarm", "delay", seconds=0.5))

    written = json.dumps(encode(farm))

    assert decode(Farm, json.loads(written)) == farm


def test_the_state_file_is_written_whole_and_not_too_often(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = StateFile(path)
    state.save(stage.datacentre, now=True)
    first = path.read_text(encoding="utf-8")

    with stage.datacentre.locked(changing=True) as farm:
        farm.name = "Another"
    state.save(stage.datacentre)
    assert path.read_text(encoding="utf-8") == first  # debounced
    state.save(stage.datacentre, now=True)

    assert state.load() == stage.datacentre.farm
    assert not path.with_name("state.json.new").exists()


def test_a_state_of_another_format_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"format": 0, "farm": encode(one_disk_farm())}), encoding="utf-8")

    assert StateFile(path).load() is None


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(
    lab: LabProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NTLM_USER_FILE", "kept from this process")
    taken = lab.info["servers"][0]["port"]

    assert main(["--state", str(tmp_path), "--wsman-port", str(taken)]) == 1

    assert "cannot start" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan"])
def test_a_speed_is_a_number_above_zero(speed: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--state", str(tmp_path), "--speed", speed])
