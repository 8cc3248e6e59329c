"""Which of several Windows is read, which control set of it, and what is said where that cannot be known."""

import json
import struct
import uuid

import pytest

from builders.inspection.errors import Damaged
from builders.inspection.inventory import Volumes, find_system, take
from tests.inspection.inventory.made import CONFIG, SERVICES, Files, Windows

SIGNATURE, DISK = 0x12345678, "12345678"
GUIDS = [uuid.UUID(int=number + 1) for number in range(3)]
STARTS = [1 << 20, 40 << 30, 80 << 30]
PLACES = [
    {"number": number + 2, "start": start, "partition_id": str(guid), "is_active": False}
    for number, (start, guid) in enumerate(zip(STARTS, GUIDS, strict=True))
]


def by_offset(number, signature=SIGNATURE):
    return struct.pack("<IQ", signature, STARTS[number])


def by_guid(number):
    return b"DMIO:ID:" + GUIDS[number].bytes_le


def windows(name, mounted=None):
    made = Windows().program("A", DisplayName=name)
    if mounted is not None:
        made.system.put("MountedDevices", {r"\DosDevices\C:": mounted, r"\DosDevices\D:": b"x"})
    volume = made.volume()
    volume.label = name
    return volume


CASES = [
    # what each of two Windows calls C:, which is read, whether that is sure
    ((by_offset(0), None), "First", True),
    ((None, by_offset(1)), "Second", True),
    ((by_offset(1), by_offset(1)), "Second", True),
    ((by_guid(0), by_guid(0)), "First", True),
    ((by_guid(1), by_guid(1)), "Second", True),
    ((by_guid(0), by_guid(1)), "First", False),
    ((by_offset(0), by_offset(1)), "First", False),
    ((None, None), "First", False),
    ((None, by_offset(1, signature=1)), "First", False),
    ((None, b"short"), "First", False),
    ((None, by_guid(2)), "First", False),
    ((None, b"DMIO:ID:" + b"cut"), "First", False),
]


@pytest.mark.parametrize(("mounted", "read", "is_sure"), CASES)
def test_of_two_windows_the_one_that_calls_itself_c(mounted, read, is_sure):
    both = [windows("First", mounted[0]), windows("Second", mounted[1])]
    report = take(Volumes(both, disk_id=DISK, places=PLACES)).as_dict()
    assert [program["name"] for program in report["programs"]] == [read]
    (warning,) = report["warnings"]
    chosen = "partition 2 (First)" if read == "First" else "partition 3 (Second)"
    assert f"Windows lies on partition 2 (First) and partition 3 (Second); {chosen} was read" in warning["words"]
    assert report["partial"] is not is_sure


def test_the_partition_that_an_mbr_boots_goes_first_and_is_not_sure():
    places = [PLACES[0], PLACES[1] | {"is_active": True}]
    report = take(Volumes([windows("First"), windows("Second")], disk_id=DISK, places=places))
    assert [program["name"] for program in report.programs] == ["Second"]
    assert report.partial is True


def test_three_windows_are_all_named():
    report = take(Volumes([windows(name) for name in ("One", "Two", "Three")], places=PLACES))
    assert "partition 2 (One) and partition 3 (Two) and partition 4 (Three)" in report.warnings[0]["words"]


def test_one_windows_is_taken_whatever_it_calls_c():
    for mounted in (None, by_offset(2), by_guid(2)):
        volumes = Volumes([Files({"a": b""}), windows("Only", mounted)], disk_id=DISK, places=PLACES)
        assert find_system(volumes).label == "Only"
        report = take(volumes)
        assert (report.warnings, report.partial) == ([], False)


def test_a_hive_that_cannot_be_read_leaves_the_other_windows_to_say_it_is_c():
    broken = windows("First", by_offset(0)).put(rf"{CONFIG}\SYSTEM", Damaged("its blocks are gone"))
    report = take(Volumes([broken, windows("Second", by_offset(1))], disk_id=DISK, places=PLACES))
    assert [program["name"] for program in report.programs] == ["Second"]


def test_a_volume_that_cannot_be_looked_into_is_told():
    class Shut(Files):
        def exists(self, path):
            raise Damaged("its file table is gone")

    report = take(Volumes([Shut({}), windows("Only")], places=PLACES))
    assert [program["name"] for program in report.programs] == ["Only"]
    assert report.warnings[0]["where"] == "partition 2 (Windows)"
    assert "its file table is gone" in report.warnings[0]["words"]
    assert report.partial is True


def selecting(**values):
    made = Windows()
    select = made.system.root.at("Select").values
    select.clear()
    made.system.put("Select", **values)
    made.system.put(rf"{SERVICES}\Right", Type=0x10, Start=2)
    return made


@pytest.mark.parametrize("values", [{}, {"Current": 0}, {"Current": 7}, {"Current": 5000}, {"Current": "none"}])
def test_a_control_set_that_select_does_not_name_was_guessed(values):
    report = take(selecting(**values).volumes())
    (warning,) = report.warnings
    assert warning["where"] == r"SYSTEM\Select"
    assert warning["words"].endswith("ControlSet001 was taken of ControlSet001, ControlSet002")
    assert [service["name"] for service in report.services] == ["Wrong"]
    assert report.partial is True


def test_the_only_control_set_is_no_matter_of_luck_and_still_told():
    made = selecting()
    del made.system.root.below["CONTROLSET001"]
    report = take(made.volumes())
    assert [service["name"] for service in report.services] == ["Right"]
    assert [warning["words"] for warning in report.warnings] == [
        "Select does not say which control set boots; ControlSet002 was taken"
    ]
    assert report.partial is False


@pytest.mark.parametrize("values", [{"Current": 2}, {"Current": 9, "Default": 2}, {"LastKnownGood": 2}])
def test_a_control_set_that_select_names_needs_no_word(values):
    report = take(selecting(**values).volumes())
    assert (report.warnings, report.partial) == ([], False)
    assert "Right" in json.dumps(report.services)
