"""How ready an image is to be rebuilt, from its report and the catalogue."""

from __future__ import annotations

from typing import Any

from lifecycle.portfolio.matching import Catalogue, Cover, PackageFacts, Rule
from lifecycle.portfolio.readiness import Part, readiness

ZIP = PackageFacts(pk=1, name="7-Zip", vendor="Igor Pavlov", detected_names=("7-Zip*",))
CAD = PackageFacts(pk=2, name="Big CAD", vendor="Cadmaker", detected_names=("Big CAD*",), gaps=("it has no owner",))


def program(name: str, **more: str) -> dict[str, str]:
    return {"name": name, "version": "1.0", "publisher": "", "kind": "application", **more}


def judge(report: dict[str, Any], rules: dict[str, Rule] | None = None):  # type: ignore[no-untyped-def]
    return readiness(report, Catalogue.of((ZIP, CAD), rules or {}))


def test_an_empty_report_gives_no_figure() -> None:
    found = judge({})

    assert (found.percent, found.coverage, found.obstacles) == (None, None, ())
    assert not found.is_ready


def test_everything_explained_is_ready() -> None:
    found = judge({"programs": [program("7-Zip 24.08")]})

    assert (found.percent, found.coverage, found.open_programs) == (100, 100, 0)
    assert found.is_ready


def test_a_gap_covers_and_does_not_make_ready() -> None:
    found = judge({"programs": [program("7-Zip 24.08"), program("Big CAD 2024")]})

    assert (found.percent, found.coverage, found.open_programs) == (50, 100, 1)
    assert [(each.words, each.names) for each in found.obstacles] == [
        ("Mend the package: it has no owner", ("Big CAD 2024",))
    ]


def test_it_is_never_rounded_up() -> None:
    programs = [program(f"7-Zip part {n}") for n in range(199)] + [program("Unknown")]

    assert judge({"programs": programs}).percent == 99


def test_two_views_of_a_program_are_one() -> None:
    found = judge({"programs": [program("7-Zip 24.08 (x64)", view="64"), program("7-Zip 24.08", view="32")]})

    assert len(found.programs) == 1


def test_a_reason_for_none_explains_a_program() -> None:
    tool = program("Old tool")
    key = judge({"programs": [tool]}).programs[0].program.key

    found = judge({"programs": [tool]}, {key: Rule(None, "not wanted any more")})

    assert (found.percent, found.counts[Cover.NEEDS_NONE]) == (100, 1)


def test_what_lies_in_a_ready_programs_folder_is_explained_by_it() -> None:
    folder = r"C:\Program Files\7-Zip"
    report = {
        "programs": [program("7-Zip 24.08", location=folder)],
        "services": [
            {"name": "zipd", "path": f'"{folder}\\zipd.exe" -run'},
            {"name": "other", "path": r"C:\Program Files\7-Zipper\x.exe"},
            {"name": "spooler", "path": r"%SystemRoot%\System32\spoolsv.exe"},
            {"name": "nothing"},
        ],
        "tasks": [
            {"path": r"\Zip\Update", "actions": [r"%ProgramFiles%\7-Zip\up.exe"]},
            {"path": r"\Microsoft\Windows\Defrag", "actions": ["defrag.exe"]},
            {"path": r"\By hand", "actions": [r"C:\tools\x.cmd"]},
        ],
    }

    found = judge(report)

    assert [(item.part, item.name) for item in found.unexplained] == [(Part.SERVICE, "other"), (Part.TASK, r"\By hand")]
    assert found.percent == (5 + 3 + 2) * 100 // (5 + 3 + 3 + 2 + 2)


def test_a_program_at_a_drives_root_explains_nothing_but_itself() -> None:
    report = {
        "programs": [program("7-Zip 24.08", location="C:\\")],
        "services": [{"name": "other", "path": r"C:\Other\x.exe"}],
    }

    assert [item.name for item in judge(report).unexplained] == ["other"]


def test_drivers_of_windows_itself_need_no_package() -> None:
    report = {
        "programs": [program("7-Zip 24.08", publisher="Igor Pavlov")],
        "drivers": [
            {"name": "disk", "company": "Microsoft Corporation"},
            {"name": "zipfs", "company": "Igor Pavlov"},
            {"name": "vmxnet3", "company": "VMware, Inc."},
            {"name": "nameless"},
        ],
    }

    assert [item.name for item in judge(report).unexplained] == ["vmxnet3"]


def test_a_report_of_nonsense_is_read_all_the_same() -> None:
    report = {"programs": "x", "services": [None, 3, {"name": 5, "path": 7}], "tasks": [{"path": None}], "hidden": {}}

    assert judge(report).percent is not None
