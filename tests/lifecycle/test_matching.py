"""Which package a program is: by a decision, by its own marks, or a person is asked; never guessed."""

from __future__ import annotations

import pytest

from lifecycle.models import ImageContent
from lifecycle.packages import detection
from lifecycle.portfolio.drafts import Sighting, terms_of
from lifecycle.portfolio.matching import Catalogue, Cover, PackageFacts, Program, Reason, Rule, programs_of

ZIP = PackageFacts(pk=1, name="7-Zip", vendor="Igor Pavlov", version="24.08", detected_names=("7-Zip *",))
CODE = "{23170F69-40C1-2702-2408-000001000000}"
READER = PackageFacts(pk=2, name="Acrobat Reader", vendor="Adobe Inc.", product_codes=(CODE,))
CHROME = PackageFacts(pk=3, name="Google Chrome", vendor="Google LLC", gaps=("it has no owner",))
OLD = PackageFacts(pk=4, name="WinRAR", vendor="win.rar GmbH", detected_names=("WinRAR*",), is_retired=True)
ALL = (ZIP, READER, CHROME, OLD)


def judge(program: Program, rules: dict[str, Rule] | None = None, packages=ALL):  # type: ignore[no-untyped-def]
    return Catalogue.of(packages, rules or {}).judge(program)


def test_a_detection_rule_names_the_program() -> None:
    match = judge(Program("7-Zip 23.01 (x64)", "23.01", "Igor Pavlov"))

    assert (match.cover, match.package, match.reason) == (Cover.READY, ZIP, Reason.DETECTION)


def test_a_product_code_names_the_program_in_capitals_or_not() -> None:
    match = judge(Program("Something else", product_code=CODE.lower()))

    assert (match.cover, match.package, match.reason) == (Cover.READY, READER, Reason.PRODUCT_CODE)


def test_what_looks_alike_is_put_to_a_person() -> None:
    match = judge(Program("Adobe Acrobat Reader (64-bit)", "24.1", "Adobe"))

    assert match.cover == Cover.UNSURE
    assert match.suggestions == (READER,)
    assert match.package is None


def test_a_decision_holds_for_every_version_and_goes_before_all_else() -> None:
    seen, later = Program("7-Zip 23.01 (x64)", "23.01", "Igor Pavlov"), Program("7-Zip 24.08", "24.08", "Igor Pavlov")
    rules = {seen.key: Rule(None, "comes with the base image")}

    match = judge(later, rules)

    assert (match.cover, match.words) == (Cover.NEEDS_NONE, "comes with the base image")


def test_a_confirmed_package_with_gaps_is_no_ready_one() -> None:
    program = Program("Chrome Enterprise", "126.0", "Google LLC")

    match = judge(program, {program.key: Rule(CHROME.pk)})

    assert (match.cover, match.gaps) == (Cover.LACKING, ("it has no owner",))
    assert "it has no owner" in match.words


def test_a_retired_package_covers_nothing_by_itself_and_lacks_something_when_it_was_confirmed() -> None:
    program = Program("WinRAR 6.24 (64-bit)", "6.24", "win.rar GmbH")

    assert judge(program).cover == Cover.UNCOVERED
    confirmed = judge(program, {program.key: Rule(OLD.pk)})
    assert (confirmed.cover, confirmed.gaps) == (Cover.LACKING, ("the package is retired",))


def test_what_two_packages_claim_is_put_to_a_person() -> None:
    other = PackageFacts(pk=9, name="Seven zip by us", detected_names=("7-Zip*",), product_codes=(CODE,))

    named = judge(Program("7-Zip 23.01"), packages=(*ALL, other))
    coded = judge(Program("Something else", product_code=CODE), packages=(*ALL, other))

    assert (named.cover, set(named.suggestions)) == (Cover.UNSURE, {ZIP, other})
    assert coded.cover == Cover.UNCOVERED


@pytest.mark.parametrize("pattern", ["*", "**", " * ", "a*"])
def test_a_rule_that_fits_everything_says_nothing(pattern: str) -> None:
    greedy = PackageFacts(pk=9, name="Greedy", detected_names=(pattern,))

    assert judge(Program("Notepad++"), packages=(greedy,)).cover == Cover.UNCOVERED


def test_signs_in_a_rule_are_no_expressions() -> None:
    package = PackageFacts(pk=9, name="Notepad", detected_names=("Notepad++ *",))

    assert judge(Program("Notepad++ (64-bit x64)"), packages=(package,)).reason == Reason.DETECTION
    assert judge(Program("Notepaddd x"), packages=(package,)).reason is None


@pytest.mark.parametrize(
    ("name", "publisher"),
    [("Visual Studio Code", "Microsoft"), ("", ""), ("Chrome", "Somebody else"), ("x" * 5000, "y" * 5000)],
)
def test_what_resembles_nothing_is_uncovered(name: str, publisher: str) -> None:
    assert judge(Program(name, "1.0", publisher)).cover == Cover.UNCOVERED


def test_two_hypotheses_of_the_same_publisher_are_the_best_first() -> None:
    packages = tuple(
        PackageFacts(pk=n, name=name, vendor="Citrix") for n, name in enumerate(("Citrix Files", "Citrix"))
    )

    match = judge(Program("Citrix Files for Windows", "21", "Citrix Systems, Inc."), packages=packages)

    assert [package.name for package in match.suggestions][:1] == ["Citrix Files"]


def test_a_users_own_program_is_another_one() -> None:
    mine = Program("Zoom", "5", "Zoom", user="jo")

    assert mine.key != Program("Zoom", "5", "Zoom").key


def test_updates_and_hidden_programs_are_none_to_be_brought_back() -> None:
    rows = [
        {"name": "A", "kind": "application"},
        {"name": "B", "kind": "platform", "version": None},
        {"name": "C", "kind": "update"},
        {"name": "D", "kind": "hidden"},
        {"kind": "application"},
    ]

    assert [program.name for program in programs_of(rows)] == ["A", "B"]


def test_a_rule_with_many_stars_is_judged_at_once() -> None:
    package = PackageFacts(pk=9, name="Other", detected_names=("*abc" * 12 + "*b",))

    assert judge(Program("abc" * 400), packages=(package,)).cover == Cover.UNCOVERED


def test_stars_in_a_name_of_an_image_come_into_no_rule() -> None:
    row = {"name": "*a*a*a*a*a*a Tool", "version": "1"}

    rule = terms_of(Sighting(row, "W11-Office", 3, ImageContent())).detection

    assert rule["name"].count("*") == 1
    assert detection.check("uninstall-entry", rule)
