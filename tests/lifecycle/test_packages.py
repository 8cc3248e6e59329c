"""The deeds of the catalogue, and what is found wrong with packages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lifecycle import operations
from lifecycle.errors import Incomplete, NotAllowed, NotNow, StaleState
from lifecycle.models import AuditEntry, Installer, Package, PackageRevision, PackageTest, VDisk
from lifecycle.package_kinds import FileState
from lifecycle.packages import catalogue, findings, names, terms
from lifecycle.packages.findings import Code
from lifecycle.packages.terms import File, Terms
from lifecycle.states import Action
from tests.lifecycle.packagebox import SEVEN_ZIP, in_place, package, stored


def codes(of: Package) -> set[str]:
    return {each.code.value for each in findings.of_package(of)}


def words(of: Package, code: Code) -> list[str]:
    return [each.words for each in findings.of_package(of) if each.code == code]


def revise(of: Package, by: User, **values: Any) -> PackageRevision:
    of.refresh_from_db()
    last = of.current
    assert last is not None
    return catalogue.revise(of, replace(terms.of(last), **values), based_on=last.number, by=by)


# --- making and revising


def test_a_package_begins_as_a_draft_with_its_first_revision(admin: User) -> None:
    needed = package("vc-redist", admin)
    made = catalogue.make("7-zip", replace(SEVEN_ZIP, needs=("vc-redist",)), owner=" Desktop  team ", by=admin)

    assert (made.state, made.owner, made.current.number) == ("draft", "Desktop team", 1)
    assert terms.of(made.current) == replace(SEVEN_ZIP, needs=("vc-redist",))
    entry = AuditEntry.objects.first()
    assert (entry.action, entry.object_name, entry.actor) == ("package.create", "7-zip", admin)
    assert entry.detail["files"] == ["7" * 64]
    assert needed.current.links.count() == 0


def test_a_revision_begins_from_the_last_and_leaves_it_as_it_was(admin: User) -> None:
    made = package("7-zip", admin)

    second = revise(made, admin, version="24.09", notes="New compressor")

    made.refresh_from_db()
    assert (second.number, made.current) == (2, second)
    first = made.revisions.get(number=1)
    assert (first.version, second.version) == ("24.08", "24.09")
    assert [each.name for each in first.files.all()] == [each.name for each in second.files.all()]
    assert AuditEntry.objects.first().detail["changed"] == ["Version", "Notes"]


def test_says_what_differs_between_revisions(admin: User) -> None:
    changed = replace(SEVEN_ZIP, version="25", detection_kind="", detection={}, success_codes=(0, 5))

    assert terms.differences(SEVEN_ZIP, changed) == [
        ("Version", "24.08", "25"),
        ("Detection", "MSI product code {23170F69-40C1-2702-2408-000001000000}", ""),
        ("Success codes", "0", "0, 5"),
    ]


def test_nothing_is_saved_when_nothing_differs(admin: User) -> None:
    made = package("7-zip", admin)

    with pytest.raises(NotNow, match="Nothing differs"):
        revise(made, admin)


def test_two_people_do_not_overwrite_each_other(admin: User, both: User) -> None:
    made = package("7-zip", admin)
    revise(made, both, version="25")

    with pytest.raises(StaleState, match="both saved revision 2"):
        catalogue.revise(made, replace(SEVEN_ZIP, version="26"), based_on=1, by=admin)


def test_a_key_is_given_once(admin: User) -> None:
    package("7-zip", admin)

    with pytest.raises(Incomplete, match="already") as refusal:
        package("7-zip", admin)
    assert refusal.value.field == "key"


@pytest.mark.parametrize("key", ["", "7 Zip", "Upper", "-a", "a--b", "a" * 81, "../x"])
def test_a_key_is_plain(admin: User, key: str) -> None:
    with pytest.raises(Incomplete) as refusal:
        package(key, admin)
    assert refusal.value.field == "key"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 201}),
        ("vendor", {"vendor": "bell\x07"}),
        ("architecture", {"architecture": "sparc"}),
        ("phase", {"phase": "soon"}),
        ("installer", {"installer": "magic"}),
        ("minutes", {"minutes": 0}),
        ("minutes", {"minutes": 1441}),
        ("success_codes", {"success_codes": ()}),
        ("success_codes", {"success_codes": (2**32,)}),
        ("reboot_codes", {"reboot_codes": (0,)}),
        ("reboot_codes", {"reboot_codes": tuple(range(1, 42))}),
        ("detection_kind", {"detection_kind": "guess"}),
        ("detection_kind", {"detection_kind": "", "detection": {"name": "x"}}),
        ("detection_code", {"detection": {"code": "no code"}}),
        ("detection_code", {"detection": {}}),
        ("detection_path", {"detection": {"code": "{23170F69-40C1-2702-2408-000001000000}", "path": "x"}}),
        ("detection_version", {"detection_kind": "uninstall-entry", "detection": {"name": "a", "version": "new"}}),
        ("detection_name", {"detection_kind": "uninstall-entry", "detection": {"name": "a*b*c*d*e*f*"}}),
        ("detection_key", {"detection_kind": "registry-value", "detection": {"key": "HKCU\\x", "value": "v"}}),
        ("detection_path", {"detection_kind": "file-version", "detection": {"path": "7z.exe"}}),
        ("detection_name", {"detection_kind": "service", "detection": {"name": "a\\b"}}),
        ("files", {"files": (File("a.msi", "7", 1),)}),
        ("files", {"files": (File("..", "7" * 64, 1),)}),
        ("files", {"files": (File("a.msi", "7" * 64, 1), File("A.MSI", "8" * 64, 1))}),
        ("files", {"files": (File("a.msi", "7" * 64, -1),)}),
        ("files", {"files": tuple(File(f"{n}.cab", "7" * 64, 1) for n in range(51))}),
        ("needs", {"needs": ("7-zip",)}),
        ("needs", {"needs": ("unknown",)}),
        ("conflicts", {"conflicts": ("unknown",)}),
        ("conflicts", {"needs": ("other",), "conflicts": ("other",)}),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(admin: User, field: str, values: dict[str, Any]) -> None:
    package("other", admin)

    with pytest.raises(Incomplete) as refusal:
        catalogue.make("7-zip", replace(SEVEN_ZIP, **values), by=admin)
    assert refusal.value.field == field
    assert not Package.objects.filter(key="7-zip").exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C:\\fakepath\\7z.msi", "7z.msi"),
        ("../../etc/passwd", "passwd"),
        (' odd "name"?.exe ', "odd _name__.exe"),
        ("tab\t\u202eexe.txt", "tabexe.txt"),
        ("dots...", "dots"),
        ("a" * 300 + ".msi", "a" * 146 + ".msi"),
    ],
)
def test_file_names_become_such_as_windows_takes(given: str, kept: str) -> None:
    assert names.plain_file_name(given) == kept


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("7-Zip 24.09 (x64 edition)", "7-zip"),
        ("Notepad++ (64-bit x64)", "notepad"),
        ("Müller  Süd_west", "muller-sud_west"),
        ("24.09", "2409"),
        ("株式会社", ""),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_key_is_suggested_by_the_name(name: str, key: str) -> None:
    assert names.suggested_key(name) == key


@pytest.mark.parametrize("name", ["", "...", "/", "con", "NUL.msi", "lpt1.exe", "\u202e"])
def test_a_name_of_which_nothing_is_left_is_refused(name: str) -> None:
    with pytest.raises(Incomplete):
        names.plain_file_name(name)


@pytest.mark.parametrize("who", ["approver", "helpdesk", "auditor", "outsider"])
def test_only_admins_change_the_catalogue(request: pytest.FixtureRequest, admin: User, who: str) -> None:
    person, made = request.getfixturevalue(who), package("7-zip", admin)
    deeds = [
        lambda: package("new", person),
        lambda: revise(made, person, version="25"),
        lambda: catalogue.give_owner(made, "Me", by=person),
        lambda: catalogue.declare_ready(made, by=person),
        lambda: catalogue.retire(made, reason="Old", by=person),
        lambda: catalogue.reinstate(made, by=person),
        lambda: catalogue.confirm_tested(made.current, passed=True, note="Works", by=person),
    ]
    for deed in deeds:
        with pytest.raises(NotAllowed):
            deed()


# --- states


def test_is_ready_when_nothing_hinders_and_falls_back_when_something_does(admin: User) -> None:
    made = stored("7-zip", admin)
    catalogue.declare_ready(made, by=admin)
    revise(made, admin, notes="Nothing of weight")
    made.refresh_from_db()
    assert made.state == "ready"

    revise(made, admin, install_command="")

    made.refresh_from_db()
    assert (made.state, made.state_words) == ("draft", "It has no install command.")


def test_is_not_ready_while_something_hinders(admin: User) -> None:
    made = package("7-zip", admin, owner="", install_command="")

    with pytest.raises(NotNow) as refusal:
        catalogue.declare_ready(made, by=admin)
    assert str(refusal.value) == (
        "It cannot be declared ready. 7-zip.msi is not in the package folder. Nobody answers for it. "
        "It has no install command."
    )


def test_a_ready_package_keeps_an_owner(admin: User) -> None:
    made = stored("7-zip", admin)
    catalogue.declare_ready(made, by=admin)

    with pytest.raises(Incomplete, match="needs an owner"):
        catalogue.give_owner(made, " ", by=admin)

    catalogue.give_owner(made, "Server team", by=admin)
    made.refresh_from_db()
    assert made.owner == "Server team"
    assert AuditEntry.objects.first().detail == {"from": "Desktop team", "to": "Server team"}


def test_is_retired_for_a_reason_unless_it_is_needed_and_comes_back_as_a_draft(admin: User) -> None:
    runtime, app = package("vc-redist", admin), package("7-zip", admin)
    revise(app, admin, needs=("vc-redist",))

    with pytest.raises(Incomplete):
        catalogue.retire(app, reason=" ", by=admin)
    with pytest.raises(NotNow, match="needed by 7-zip"):
        catalogue.retire(runtime, reason="Old", by=admin)
    catalogue.retire(app, reason="Nobody uses it", by=admin)
    catalogue.retire(runtime, reason="Old", by=admin)
    with pytest.raises(NotNow, match="retired"):
        revise(app, admin, version="25")
    assert findings.of_package(app) == []
    catalogue.reinstate(app, by=admin)

    app.refresh_from_db()
    assert (app.state, app.state_words) == ("draft", "")
    assert words(app, Code.NEEDS_RETIRED) == ["It needs vc-redist, which is retired."]
    with pytest.raises(NotNow):
        catalogue.reinstate(app, by=admin)


# --- tests


def test_a_person_confirms_a_test_with_a_note(admin: User) -> None:
    made = package("7-zip", admin)
    assert "untested" in codes(made)

    with pytest.raises(Incomplete):
        catalogue.confirm_tested(made.current, passed=True, note=" ", by=admin)
    catalogue.confirm_tested(made.current, passed=False, note="Stuck on TEST01", by=admin)
    assert "test-failed" in codes(made)
    catalogue.confirm_tested(made.current, passed=True, note="Installed on TEST01", by=admin)

    assert {"untested", "test-failed"} & codes(made) == set()
    current = PackageRevision.objects.with_test().get(current_of=made)
    assert (current.test_passed, current.tested_at) == (True, PackageTest.objects.first().at)
    assert AuditEntry.objects.first().action == "package.test"


def test_a_job_confirms_a_test_and_a_new_revision_is_untested(admin: User, vdisk: VDisk) -> None:
    job = operations.start_job(action=Action.NEW_VERSION, vdisk=vdisk, version=None, by=admin)
    made = package("7-zip", admin)

    catalogue.note_built(made.current, passed=True, job=job)
    assert "untested" not in codes(made)

    revise(made, admin, version="25")
    assert "untested" in codes(made)


# --- findings


def test_a_package_that_is_whole_and_tried_has_no_finding(admin: User) -> None:
    made = stored("7-zip", admin)
    catalogue.confirm_tested(made.current, passed=True, note="Installed on TEST01", by=admin)

    assert findings.of_package(made) == []


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("no-file", {"files": ()}),
        ("no-owner", {"owner": ""}),
        ("no-command", {"install_command": ""}),
        ("no-uninstall", {"uninstall_command": ""}),
        ("no-detection", {"detection_kind": "", "detection": {}}),
        ("not-silent", {"install_command": "msiexec /i 7-zip.msi"}),
        ("not-silent", {"uninstall_command": "msiexec /x 7-zip.msi"}),
    ],
)
def test_finds_what_is_wrong(admin: User, code: str, values: dict[str, Any]) -> None:
    made = stored("7-zip", admin, **values)
    catalogue.confirm_tested(made.current, passed=True, note="Installed", by=admin)

    assert codes(made) == {code}


def test_a_script_needs_no_file(admin: User) -> None:
    made = package("feature", admin, installer="script", files=(), install_command="powershell Enable-It")

    assert "no-file" not in codes(made)


def test_finds_files_that_are_not_in_place_or_differ(admin: User) -> None:
    file = File("7z.msi", "7" * 64, 1000)
    made = package("7-zip", admin, files=(file,))
    assert words(made, Code.FILE_MISSING) == ["7z.msi is not in the package folder."]

    in_place(file, by=admin)
    assert not {"file-missing", "file-differs"} & codes(made)

    Installer.objects.update(state=FileState.DIFFERS)
    assert words(made, Code.FILE_DIFFERS) == ["7z.msi in the package folder is not what the revision names."]
    Installer.objects.update(state=FileState.MISSING)
    assert "file-missing" in codes(made)
    Installer.objects.update(state=FileState.IN_PLACE, size=999)
    assert "file-differs" in codes(made)


def test_finds_circles_and_names_them(admin: User) -> None:
    a, b = package("a", admin), package("b", admin, needs=("a",))
    revise(a, admin, needs=("b",))

    for each in (a, b):
        assert words(each, Code.CYCLE) == ["These packages need each other: a needs b, b needs a."]
    with pytest.raises(NotNow, match="a needs b, b needs a"):
        catalogue.declare_ready(a, by=admin)


def test_finds_what_cannot_stand_together_also_further_down(admin: User) -> None:
    package("old-java", admin)
    package("new-java", admin, conflicts=("old-java",))
    package("tool", admin, needs=("old-java",))

    app = package("app", admin, needs=("new-java", "tool"))

    assert words(app, Code.CLASH) == ["It needs new-java and old-java, which cannot stand beside each other."]


def test_finds_a_need_of_a_later_phase(admin: User) -> None:
    package("target-device", admin, phase="pvs")

    app = package("app", admin, needs=("target-device",))

    assert words(app, Code.TOO_EARLY) == ["It needs target-device, which belongs to a later phase (PVS target device)."]


@pytest.mark.parametrize(
    ("version", "is_same"),
    [
        ("24.08.00.0", True),
        ("24.8", True),
        ("24.9", False),
        ("", True),
        ("v24.08", True),
        ("24.²", False),
        ("٢٤.08", False),
        ("24." + "8" * 5000, False),
    ],
)
def test_finds_that_the_file_says_otherwise(admin: User, version: str, is_same: bool) -> None:
    file = File("7z.msi", "7" * 64, 1000)
    in_place(file, by=admin, facts={"kind": "msi", "version": version, "product_code": ""})
    made = package("7-zip", admin, files=(file,))

    assert ("other-facts" in codes(made)) is not is_same


def test_a_package_that_cannot_be_judged_says_so_and_leaves_the_others_alone(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, other = stored("odd", admin), stored("other", admin)

    def fails(_picture: findings.Picture, package: Package, _revision: Any) -> list[findings.Finding]:
        return [] if package.key == "other" else [findings.Finding(Code.CYCLE, str(int("²")))]

    monkeypatch.setattr(findings, "_LOOKS", (fails, *findings._LOOKS))

    assert codes(odd) == {"not-judged", "untested"}
    assert codes(other) == {"untested"}
    with pytest.raises(NotNow, match="cannot be judged"):
        catalogue.declare_ready(odd, by=admin)


def test_finds_that_the_file_has_another_product_code(admin: User) -> None:
    file = File("7z.msi", "7" * 64, 1000)
    in_place(file, by=admin, facts={"kind": "msi", "product_code": "{00000000-40C1-2702-2408-000001000000}"})
    made = package("7-zip", admin, files=(file,))

    assert "has the product code {00000000-" in words(made, Code.OTHER_FACTS)[0]


def test_looks_at_the_whole_catalogue_with_as_many_queries_as_at_one(admin: User) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            picture = findings.Picture.taken()
            for each in picture.packages.values():
                picture.findings(each)
        return len(queries)

    package("first", admin)
    one = asked()
    for n in range(20):
        package(f"p{n}", admin, needs=("first",))

    assert asked() == one


def test_finds_nothing_out_of_older_revisions(admin: User) -> None:
    made = stored("7-zip", admin, install_command="")
    revise(made, admin, install_command="msiexec /i a.msi /qn")

    assert codes(made) == {"untested"}


def test_terms_come_back_as_they_were_given(admin: User) -> None:
    wanted = Terms(
        name="Odd",
        architecture="any",
        phase="patch",
        installer="other",
        install_command="setup.exe /quiet",
        detection_kind="registry-value",
        detection={"key": "HKLM\\SOFTWARE\\Odd", "value": "Version", "data": "1"},
        success_codes=(0, -2145124329),
        reboot_codes=(3010,),
        minutes=90,
        licence_note="One per user",
        notes="Line one\nLine two",
        files=(File("b.exe", "b" * 64, 5), File("a.cab", "a" * 64, 2**40)),
    )

    made = catalogue.make("odd", wanted, by=admin)

    assert terms.of(made.current) == wanted
