from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle import contents, differences
from lifecycle.contents import Category
from lifecycle.differences import Difference, Direction, difference
from tests.imagecontents import patch, program, report, service, sign


def of_programs(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Difference:
    return difference(report(programs=before), report(programs=after))


def test_says_in_one_line_what_an_approver_wants_to_know() -> None:
    tools = {"kind": "platform", "publisher": "VMware, Inc."}
    before = report(
        programs=[program("A", "1.0"), program("B", "2.9"), program("VMware Tools", "12.3.5.22544099", **tools)],
        patches=[patch(number) for number in range(5030000, 5030003)],
        platform={"vmware_tools": {"version": "12.3.5.22544099", "source": ""}},
    )
    after = report(
        programs=[
            program("A", "1.1"),
            program("B", "2.10"),
            program("C", "1"),
            program("VMware Tools", "12.4.0.23259341", **tools),
        ],
        patches=[patch(number) for number in range(5030000, 5030017)],
        platform={"vmware_tools": {"version": "12.4.0.23259341", "source": ""}},
    )

    assert difference(before, after).headline == "2 programs updated, 1 added; VMware Tools 12.3 -> 12.4; 14 patches"


HEADLINES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, "No difference found"),
    ({"programs": []}, {"programs": [program("A")]}, "1 program added"),
    ({"programs": [program("A"), program("B")]}, {"programs": []}, "2 programs removed"),
    (
        {"programs": [program("A", "2")]},
        {"programs": [program("A", "1")]},
        "1 program set back to an older version",
    ),
    (
        {"programs": [program("A", "2")]},
        {"programs": [program("A", "2", view="32")]},
        "1 program changed",
    ),
    (
        {"os": {"full_build": "10.0.22631.3447"}},
        {"os": {"full_build": "10.0.22631.3593"}},
        "Windows build 22631.3447 -> 22631.3593",
    ),
    (
        {"platform": {"vda": {"version": "2203.0.1"}}},
        {"platform": {}},
        "Citrix VDA 2203.0 removed",
    ),
    ({"patches": [patch(5030000)]}, {"patches": []}, "1 patch removed"),
    ({"patches": []}, {"patches": [patch(5030000)]}, "1 patch"),
    (
        {"patches": [patch(5030000), patch(5030001, "superseded")]},
        {"patches": [patch(5030000, "superseded"), patch(5030002), patch(5030003, "superseded")]},
        "1 patch",
    ),
    ({"patches": [patch(5030000)]}, {"patches": [patch(5030000, "superseded")]}, "1 patch changed"),
    ({"patches": [patch(5030000, "superseded")]}, {"patches": []}, "1 patch changed"),
    ({"patches": [patch(5030000, "staged")]}, {"patches": [patch(5030000)]}, "1 patch"),
    ({"patches": []}, {"patches": [patch(5030000, "pending"), patch(5030001)]}, "1 patch; 1 patch pending"),
    (
        {"services": [service("A")], "features": []},
        {"services": [service("A", start="disabled"), service("B")], "features": [{"name": "F", "state": "on"}]},
        "2 services, 1 feature changed",
    ),
    ({"signs": []}, {"signs": [sign("x", "A restart is pending.")]}, "1 new sign that it is not sealed"),
    ({"signs": [sign("x", "y")]}, {"signs": []}, "1 sign that it is not sealed gone"),
    (
        {"platform": {}},
        {"platform": {name: {"version": "1.2.3"} for name in ("vmware_tools", "vda", "dotnet", "pvs_target", "x")}},
        ".NET Framework 1.2 added; Citrix VDA 1.2 added; PVS target software 1.2 added; 2 more of the platform",
    ),
]


@pytest.mark.parametrize(("before", "after", "line"), HEADLINES)
def test_headline(before: dict[str, Any], after: dict[str, Any], line: str) -> None:
    assert difference(report(**before), report(**after)).headline == line


class TestPrograms:
    def test_a_name_that_bears_the_version_is_the_same_program(self) -> None:
        found = of_programs([program("7-Zip 23.01 (x64)", "23.01")], [program("7-Zip 24.05 (x64)", "24.05")])

        (update,) = found.of(Category.PROGRAMS).updated
        assert update.direction == Direction.NEWER
        assert update.fields == (("version", "23.01", "24.05"),)

    @pytest.mark.parametrize(
        "name", ["Lexmark Universal v2 Driver", "Level 2 Connector", "Catalyst 9 Client", "Tool 24"]
    )
    def test_the_same_name_is_the_same_program_at_every_version(self, name: str) -> None:
        for before, after in (("2.9", "3.0"), ("9.1", "10.0"), ("24.1", "25.0")):
            found = of_programs([program(name, before)], [program(name, after)])

            assert found.headline == "1 program updated"

    def test_a_number_that_moved_with_the_version_is_the_same_program(self) -> None:
        found = of_programs([program("Reporter 23", "23.4")], [program("Reporter 24", "24.1")])

        (update,) = found.of(Category.PROGRAMS).updated
        assert update.fields == (("version", "23.4", "24.1"),)

    def test_of_two_side_by_side_the_one_that_came_is_added(self) -> None:
        older = program("Reporter 23", "23.4")
        found = of_programs([older], [older, program("Reporter 24", "24.1")])

        assert found.headline == "1 program added"

    def test_another_publisher_is_another_program(self) -> None:
        found = of_programs([program("Agent", "1", "Contoso")], [program("Agent", "2", "Fabrikam")])

        each = found.of(Category.PROGRAMS)
        assert (len(each.added), len(each.removed), len(each.updated)) == (1, 1, 0)

    def test_the_same_publisher_in_another_spelling_is_not(self) -> None:
        found = of_programs([program("Agent", "1", "Contoso, Inc.")], [program("Agent", "2", "Contoso Inc")])

        assert len(found.of(Category.PROGRAMS).updated) == 1

    def test_releases_side_by_side_are_paired_with_the_nearest(self) -> None:
        runtimes = [program("Runtime", version) for version in ("6.0.1", "8.0.1")]
        newer = [program("Runtime", version) for version in ("6.0.30", "8.0.3", "9.0.0")]

        each = of_programs(runtimes, newer).of(Category.PROGRAMS)

        assert [(u.before.version, u.after.version) for u in each.updated] == [("6.0.1", "6.0.30"), ("8.0.1", "8.0.3")]
        assert [item.version for item in each.added] == ["9.0.0"]

    def test_one_that_stays_while_another_comes_beside_it_is_no_update(self) -> None:
        each = of_programs(
            [program("Runtime", "8.0.1")], [program("Runtime", "8.0.3"), program("Runtime", "8.0.1")]
        ).of(Category.PROGRAMS)

        assert ([item.version for item in each.added], each.updated, each.unchanged) == (["8.0.3"], (), 1)

    def test_processors_are_not_mixed_up(self) -> None:
        before = [program("VC (x86)", "14.1", view="32"), program("VC (x64)", "14.1")]
        each = of_programs(before, [program("VC (x64)", "14.2")]).of(Category.PROGRAMS)

        assert [item.name for item in each.removed] == ["VC (x86)"]
        assert [update.before.name for update in each.updated] == ["VC (x64)"]

    def test_installed_for_one_person_is_another_one(self) -> None:
        mine = program("Tool", "1", scope="user", user="maria")
        each = of_programs([mine], [program("Tool", "1")]).of(Category.PROGRAMS)

        assert (len(each.added), len(each.removed)) == (1, 1)

    def test_hidden_from_now_on_was_not_removed(self) -> None:
        found = of_programs([program("Tool", "1")], [program("Tool", "1", kind="hidden")])

        assert found.of(Category.PROGRAMS).count == 0
        (update,) = found.of(Category.HIDDEN_PROGRAMS).updated
        assert ("kind", "application", "hidden") in update.fields

    def test_updates_of_a_product_are_told_by_themselves(self) -> None:
        kb = {"name": "Update for Office (KB123456)", "version": "1", "source": "s"}
        found = of_programs([program("Office", "16")], [program("Office", "16", updates=[kb])])

        assert found.of(Category.PROGRAMS).count == 0
        assert [item.name for item in found.of(Category.UPDATES).added] == ["Update for Office (KB123456)"]

    def test_very_many_of_one_name_are_compared_all_the_same(self) -> None:
        before = [program("Same", f"1.{number}") for number in range(400)]
        after = [program("Same", f"2.{number}") for number in range(401)]

        each = of_programs(before, after).of(Category.PROGRAMS)

        assert (len(each.updated), len(each.added), len(each.removed)) == (400, 1, 0)


def test_a_report_of_many_names_held_twice_is_compared_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    resemblance = differences._resemblance

    def counted(one: Any, other: Any) -> Any:
        compared.append(1)
        return resemblance(one, other)

    monkeypatch.setattr(differences, "_resemblance", counted)
    sides = [
        [program(f"Tool {letter}", f"{part}.{number}") for letter in "abcdefgh" for number in range(90)]
        for part in (1, 2)
    ]

    found = of_programs([*sides[0], program("Few", "1")], [*sides[1], program("Few", "2")])

    assert 0 < len(compared) <= differences.MOST_PAIRS
    assert found.headline == "721 programs updated"


def test_a_patch_that_becomes_superseded_is_changed_and_its_successor_added() -> None:
    def rollup(version: str, state: str) -> dict[str, Any]:
        return {"id": "", "name": f"Package_for_RollupFix~31bf~amd64~~{version}", "version": version, "state": state}

    before = report(patches=[rollup("22631.3447.1.7", "installed")])
    after = report(patches=[rollup("22631.3447.1.7", "superseded"), rollup("22631.3593.1.8", "installed")])

    each = difference(before, after).of(Category.PATCHES)

    assert [item.version for item in each.added] == ["22631.3593.1.8"]
    assert [update.fields for update in each.updated] == [(("state", "installed", "superseded"),)]

    assert each.superseded == 1


VDA = r"SOFTWARE\Uninstall\{VDA}"
TARGET = r"SYSTEM\ControlSet001\Services\bnistack"
CARRIED: list[dict[str, Any]] = [
    program("VMware Tools", "12.3.5", "VMware, Inc.", kind="platform", source=r"SOFTWARE\Uninstall\{TOOLS}"),
    program("Citrix 2203 LTSR - Virtual Delivery Agent", "2203.0", "Citrix", kind="platform", source=VDA),
    program("Citrix Provisioning Target Device x64 2203", "2203.1", "Citrix", kind="platform"),
    program("Zabbix Agent", "6.4", "Zabbix", kind="platform"),
]
STANDS_ON = {
    "vmware_tools": {"version": "12.3.5", "file_version": "12.3.5.1", "source": r"Program Files\vmtoolsd.exe"},
    "vda": {"version": "2203.0", "file_version": "2203.0.0.7", "source": VDA},
    "pvs_target": {"version": "2203.1", "source": TARGET},
    "firmware": "UEFI",
}


class TestPlatform:
    def test_a_part_and_the_program_that_brings_it_are_one_line_with_both_sources(self) -> None:
        found = contents.items(report(programs=CARRIED, platform=STANDS_ON), Category.PLATFORM)

        assert [(item.title, item.version) for item in found] == [
            ("Citrix VDA", "2203.0"),
            ("PVS target software", "2203.1"),
            ("Firmware", "UEFI"),
            ("VMware Tools", "12.3.5"),
            ("Zabbix Agent", "6.4"),
        ]
        sources = {item.part: item.source for item in found}
        assert sources["vda"] == VDA
        assert sources["vmware_tools"] == r"SOFTWARE\Uninstall\{TOOLS} and Program Files\vmtoolsd.exe"
        assert sources["pvs_target"] == rf"{CARRIED[2]['source']} and {TARGET}"
        assert found[0].fact("file_version") == "2203.0.0.7"
        assert found[0].key == contents.program_key("Citrix - Virtual Delivery Agent", "Citrix")

    def test_one_update_is_told_once(self) -> None:
        newer = [
            program("Citrix 2402 - Virtual Delivery Agent", "2402.0", "Citrix", kind="platform", source=VDA),
            *(each for each in CARRIED if each["source"] != VDA),
        ]
        after = report(programs=newer, platform=STANDS_ON | {"vda": {"version": "2402.0", "source": VDA}})

        found = difference(report(programs=CARRIED, platform=STANDS_ON), after)

        assert [update.after.part for update in found.of(Category.PLATFORM).updated] == ["vda"]
        assert found.count == 1
        assert found.headline == "Citrix VDA 2203.0 -> 2402.0"

    def test_a_hidden_program_at_the_source_is_told_there_alone(self) -> None:
        hidden = program("Agent", "1", kind="hidden", source=VDA)
        told = report(programs=[hidden], platform={"vda": {"version": "2", "source": VDA}})

        (item,) = contents.items(told, Category.PLATFORM)

        assert (item.name, item.version, item.fact("listed version")) == ("Agent", "2", "1")
        assert contents.items(told, Category.HIDDEN_PROGRAMS) == []

    def test_no_program_brings_two_parts_and_a_second_one_is_not_lost(self) -> None:
        twice = [program("VMware Tools", version, kind="platform", source=version) for version in ("1", "2")]
        told = report(programs=twice, platform={"vmware_tools": {"version": "2", "source": ""}})

        assert [(item.part, item.version) for item in contents.items(told, Category.PLATFORM)] == [
            ("", "1"),
            ("vmware_tools", "2"),
        ]

    def test_a_part_whose_program_comes_later_is_no_other_part(self) -> None:
        bare = report(platform={"vda": {"version": "2203.0", "source": "SYSTEM"}})
        found = difference(bare, report(programs=CARRIED[1:2], platform={"vda": STANDS_ON["vda"]}))

        each = found.of(Category.PLATFORM)
        assert (each.added, each.removed, len(each.updated)) == ((), (), 1)


def test_says_when_a_side_was_read_in_part() -> None:
    whole, part = report(), report(partial=True)

    assert difference(part, whole).caveats == (
        "The earlier contents were read in part only, so something may look added that was there already.",
    )
    assert "may look removed" in difference(whole, part).caveats[0]


def test_what_one_report_does_not_speak_of_is_not_called_added() -> None:
    old = report()
    del old["services"]

    found = difference(old, report(services=[service("A")]))

    assert found.of(Category.SERVICES).unread == ("before",)
    assert found.count == 0
    assert found.caveats == ("Not compared, because one of the two does not tell: Services.",)
    assert difference({}, {}).headline == "Nothing to compare"


def test_is_written_as_json_in_a_fixed_shape() -> None:
    found = of_programs([program("A", "1")], [program("A", "2"), program("B", "1")]).as_dict()

    programs = json.loads(json.dumps(found))["categories"]["programs"]
    assert found["format"] == 1
    assert found["headline"] == "1 program updated, 1 added"
    assert programs["added"][0]["name"] == "B"
    assert programs["updated"][0]["before"]["version"] == "1"
    assert programs["updated"][0]["fields"] == [{"field": "version", "before": "1", "after": "2"}]
    assert set(found["categories"]) == {str(category) for category in Category}


names = st.sampled_from(["A", "B (x64)", "B (x86)", "C 1.0", "D", "D 2"])
versions = st.sampled_from(["", "1", "1.0", "1.2", "2.0.1", "x"])
some_programs = st.lists(
    st.builds(
        program,
        names,
        versions,
        kind=st.sampled_from(["application", "hidden", "platform"]),
        view=st.sampled_from(["64", "32"]),
    ),
    max_size=7,
)


@given(some_programs, some_programs)
def test_every_item_is_told_once_and_the_other_way_round_is_the_mirror(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    there, back = of_programs(before, after), of_programs(after, before)

    kept = sum(len(each.updated) + each.unchanged for each in there.categories[2:5])
    kept += there.of(Category.HIDDEN_PROGRAMS).unchanged + len(there.of(Category.HIDDEN_PROGRAMS).updated)
    added = sum(len(each.added) for each in there.categories if each.category != Category.SYSTEM)
    removed = sum(len(each.removed) for each in there.categories if each.category != Category.SYSTEM)
    assert kept - 1 + added == len(after)  # the firmware is in both
    assert kept - 1 + removed == len(before)
    assert sum(len(each.removed) for each in back.categories) == added
    assert sum(len(each.added) for each in back.categories) == removed


@given(some_programs)
def test_an_image_does_not_differ_from_itself(found: list[dict[str, Any]]) -> None:
    shuffled = copy.deepcopy(found)[::-1]

    assert of_programs(found, shuffled).is_empty


rubbish = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(report())), rubbish)
def test_a_report_of_any_shape_is_read(part: str, value: Any) -> None:
    odd = report() | {part: value}

    found = difference(report(programs=[program("A")]), odd)

    assert isinstance(found.headline, str)
    assert all(isinstance(item.name, str) for each in contents.all_items(odd).values() for item in each)
