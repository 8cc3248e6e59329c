"""Contents and differences as files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import pytest
from cyclonedx.model.bom import Bom
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.models import VDisk
from portal.exports.subject import file_name
from portal.exports.table import guarded
from tests.imagecontents import give, patch, program, report, service, version_of

FORMULA = '=HYPERLINK("http://example.org","Click")'


@pytest.fixture
def client(as_: Callable[[User], Client], auditor: User) -> Client:
    return as_(auditor)


@pytest.fixture
def known(vdisk: VDisk) -> VDisk:
    give(version_of(vdisk, 3), report(programs=[program("A", "1.0"), program("Gone", "3")]))
    give(
        version_of(vdisk, 4),
        report(
            programs=[program("A", "1.1"), program(FORMULA, "1", "@SUM(A1)"), program("Twice"), program("Twice")],
            patches=[patch(5036893)],
            services=[service("Svc", path="-1+2")],
            drivers=[{"name": "vmxnet3", "file": "vmxnet3.sys", "version": "1.9", "company": "VMware, Inc."}],
        ),
    )
    return vdisk


def contents(client: Client, vdisk: VDisk, form: str, number: int = 4) -> HttpResponse:
    return client.get(f"/vdisks/{vdisk.pk}/versions/{number}/contents/export/{form}/")


def difference(client: Client, vdisk: VDisk, form: str) -> HttpResponse:
    return client.get(f"/contents/compare/export/{form}/?a={vdisk.pk}-3&b={vdisk.pk}-4")


def table(response: HttpResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


TOOLS = r"SOFTWARE\Uninstall\{TOOLS}"


@pytest.fixture
def carried(vdisk: VDisk) -> VDisk:
    """Versions 3 and 4 stand on VMware Tools, each found as a part of the platform and in the list of programs."""
    for number, version in ((3, "12.3.5"), (4, "12.4.0")):
        tools = program("VMware Tools", version, "VMware, Inc.", kind="platform", source=TOOLS)
        stands_on = {"vmware_tools": {"version": version, "file_version": "12", "source": "vmtoolsd.exe"}}
        give(version_of(vdisk, number), report(programs=[tools], platform=stands_on))
    return vdisk


class TestPlatform:
    def test_a_part_is_one_component_with_both_sources(self, client: Client, carried: VDisk) -> None:
        for answer in (contents(client, carried, "cyclonedx"), difference(client, carried, "cyclonedx")):
            found = [each for each in json.loads(answer.content)["components"] if each["name"] == "VMware Tools"]

            (component,) = found
            told = {each["name"]: each["value"] for each in component["properties"]}
            assert component["version"] == "12.4.0"
            assert told["vdisk-portal:source"] == rf"{TOOLS} and vmtoolsd.exe"
            assert told["vdisk-portal:file_version"] == "12"

    def test_a_part_is_one_row(self, client: Client, carried: VDisk) -> None:
        for answer in (contents(client, carried, "csv"), difference(client, carried, "csv")):
            assert [row["kind"] for row in table(answer) if row["name"] == "VMware Tools"] == ["Platform"]


class TestCsv:
    def test_has_a_row_for_each_thing(self, client: Client, known: VDisk) -> None:
        rows = table(contents(client, known, "csv"))

        (a,) = [row for row in rows if row["name"] == "A"]
        assert (a["kind"], a["version"], a["publisher"], a["class"]) == ("Programs", "1.1", "Contoso", "application")
        assert a["found in"].endswith("\\A")
        assert {row["name"] for row in rows if row["kind"] == "Patches"} == {"KB5036893"}

    def test_no_cell_becomes_a_formula(self, client: Client, known: VDisk) -> None:
        for response in (contents(client, known, "csv"), difference(client, known, "csv")):
            cells = [cell for row in table(response) for cell in row.values()]

            assert f"'{FORMULA}" in cells
            assert "'@SUM(A1)" in cells
            assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]

    def test_a_difference_has_before_and_after(self, client: Client, known: VDisk) -> None:
        rows = {row["name"]: row for row in table(difference(client, known, "csv"))}

        updated = rows["A"]
        assert (updated["change"], updated["version before"], updated["version after"]) == (
            "updated (newer)",
            "1.0",
            "1.1",
        )
        assert (rows["Gone"]["change"], rows["Gone"]["version after"]) == ("removed", "")
        assert rows["KB5036893"]["change"] == "added"


@given(st.text(max_size=30) | st.text("=+-@;\t\r\n \"'a", max_size=12))
def test_nothing_in_a_guarded_cell_begins_like_a_formula(cell: str) -> None:
    kept = guarded(cell)

    assert kept[:1] not in ("\t", "\r", "\n")
    for part in re.split(r"[;\t\r\n]", kept):
        assert part.lstrip(' "\u00a0')[:1] not in ("=", "+", "-", "@")
    assert kept.replace("'", "") == cell.replace("'", "")


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("y;=1+1;z", "y;'=1+1;z"),
        ("a\n@SUM(A1)", "a\n'@SUM(A1)"),
        ('a"; "=1', 'a";\' "=1'),
        ("7-Zip (a=b); C:\\x", "7-Zip (a=b); C:\\x"),
    ],
)
def test_a_sheet_that_separates_by_semicolon_finds_no_formula(cell: str, kept: str) -> None:
    assert guarded(cell) == kept


def test_every_cell_is_quoted(client: Client, known: VDisk) -> None:
    lines = contents(client, known, "csv").content.decode("utf-8-sig").splitlines()

    assert all(line.startswith('"') and line.endswith('"') for line in lines)
    assert lines[0].startswith('"kind","name",')


def test_json_is_the_report_as_it_was_stored(client: Client, known: VDisk) -> None:
    found = json.loads(contents(client, known, "json").content)

    content = version_of(known, 4).image.content
    assert found["contents"] == content.report
    assert found["image"]["fingerprint"] == content.fingerprint
    assert (found["image"]["vdisk"], found["image"]["version"]) == ("W11-Office", 4)


def test_json_of_a_difference_tells_both_sides(client: Client, known: VDisk) -> None:
    found = json.loads(difference(client, known, "json").content)

    assert (found["before"]["version"], found["after"]["version"]) == (3, 4)
    assert found["difference"]["headline"].startswith("1 program updated, 3 added, 1 removed")
    assert found["difference"]["categories"]["programs"]["removed"][0]["name"] == "Gone"


class TestCycloneDx:
    def test_lists_what_is_installed(self, client: Client, known: VDisk) -> None:
        found = json.loads(contents(client, known, "cyclonedx").content)

        assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
        named = {(each["type"], each["name"], each.get("version")) for each in found["components"]}
        assert {("application", "A", "1.1"), ("device-driver", "vmxnet3", "1.9")} <= named
        assert found["metadata"]["component"]["name"] == "W11-Office version 4"
        assert len({each["bom-ref"] for each in found["components"]}) == len(found["components"])
        assert sum(each["name"] == "Twice" for each in found["components"]) == 2

    def test_is_read_by_the_library_again(self, client: Client, known: VDisk) -> None:
        for response in (contents(client, known, "cyclonedx"), difference(client, known, "cyclonedx")):
            bom = Bom.from_json(json.loads(response.content))  # type: ignore[attr-defined]

            assert bom.metadata.component.name == "W11-Office version 4"
            assert "A" in {component.name for component in bom.components}

    def test_is_the_same_file_each_time(self, client: Client, known: VDisk) -> None:
        one, other = (contents(client, known, "cyclonedx").content for _ in range(2))

        assert one == other

    def test_a_difference_says_how_each_component_changed(self, client: Client, known: VDisk) -> None:
        found = json.loads(difference(client, known, "cyclonedx").content)

        told = {each["name"]: {one["name"]: one["value"] for one in each["properties"]} for each in found["components"]}
        assert told["A"]["vdisk-portal:change"] == "updated-newer"
        assert told["A"]["vdisk-portal:before:version"] == "1.0"
        assert told["KB5036893"]["vdisk-portal:change"] == "added"
        (gone,) = [each for each in found["components"] if each["name"] == "Gone"]
        assert gone["scope"] == "excluded"


class TestFiles:
    @pytest.mark.parametrize(
        ("form", "kind", "ending"),
        [
            ("csv", "text/csv; charset=utf-8", "csv"),
            ("json", "application/json", "json"),
            ("cyclonedx", "application/vnd.cyclonedx+json; version=1.6", "cdx.json"),
        ],
    )
    def test_have_a_kind_and_a_name(self, client: Client, known: VDisk, form: str, kind: str, ending: str) -> None:
        whole, differs = contents(client, known, form), difference(client, known, form)

        assert whole["Content-Type"] == kind
        assert whole["Content-Disposition"] == f'attachment; filename="W11-Office-4-contents.{ending}"'
        assert differs["Content-Disposition"] == f'attachment; filename="W11-Office-3-to-W11-Office-4.{ending}"'

    def test_what_is_not_known_is_not_exported(self, client: Client, known: VDisk) -> None:
        response = contents(client, known, "csv", 1)
        other = client.get(f"/contents/compare/export/csv/?a={known.pk}-1&b={known.pk}-4")

        assert (response.status_code, other.status_code) == (409, 409)
        assert "W11-Office version 1 are not known" in response.content.decode()
        assert "W11-Office version 1 are not known" in other.content.decode()

    def test_an_unknown_form_is_not_there(self, client: Client, known: VDisk) -> None:
        assert contents(client, known, "pdf").status_code == 404
        assert difference(client, known, "pdf").status_code == 404
        assert client.get("/contents/compare/export/csv/").status_code == 404


@given(st.text(max_size=200))
def test_a_file_name_is_safe_whatever_the_vdisk_is_called(name: str) -> None:
    safe = file_name(name, 4, "contents")

    assert safe.isascii()
    assert set(safe) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert 0 < len(safe) <= 120
