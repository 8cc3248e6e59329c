from __future__ import annotations

import pytest

from lifecycle import searching
from lifecycle.models import VDisk, VersionImage
from lifecycle.models.watches import Comparison
from lifecycle.searching import Wanted
from tests import factories
from tests.imagecontents import give, patch, program, report, version_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ground() -> factories.Ground:
    return factories.Ground()


@pytest.fixture
def vdisk(ground: factories.Ground) -> VDisk:
    """Versions 1 to 4 with 7-Zip 9.20, 22.01, 24.05 and 24.10; the base has not been read."""
    vdisk = factories.office(ground)
    for number, version in ((1, "9.20"), (2, "22.01"), (3, "24.05"), (4, "24.10")):
        give(version_of(vdisk, number), report(programs=[program(f"7-Zip {version}", version, "Igor Pavlov")]))
    return vdisk


def numbers(**asked: str | int) -> list[int]:
    return [row["version_number"] for row in searching.in_versions(Wanted(**asked))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("comparison", "version", "found"),
    [
        (Comparison.ANY, "", [4, 3, 2, 1]),
        (Comparison.BELOW, "24.05", [2, 1]),
        (Comparison.BELOW, "22.1", [1]),  # 22.01 is 22.1
        (Comparison.AT, "24.05", [3]),
        (Comparison.AT, "24", [4, 3]),
        (Comparison.AT, "2", []),
        (Comparison.FROM, "24.5.0.0", [4, 3]),
        (Comparison.ABOVE, "24.05", [4]),
        (Comparison.ABOVE, "v24.10", []),
    ],
)
def test_compares_versions_as_versions(vdisk: VDisk, comparison: str, version: str, found: list[int]) -> None:
    assert numbers(words="zip", comparison=comparison, version=version) == found


def test_all_words_are_to_be_in_the_name(vdisk: VDisk) -> None:
    assert numbers(words="24 7-ZIP") == [4, 3]
    assert numbers(words="7-Zip WinRAR") == []


def test_is_narrowed_to_a_kind_and_a_vdisk(vdisk: VDisk, ground: factories.Ground) -> None:
    other = ground.vdisk("W2022")
    factories.version(other, 0)
    give(version_of(other, 0), report(programs=[program("7-Zip", "1")], patches=[patch(5030000)]))

    assert numbers(words="zip", vdisk=other.pk) == [0]
    assert numbers(words="zip", category="patches") == []
    assert numbers(words="KB5030000", category="patches") == [0]


def test_what_bears_no_version_is_counted_apart(vdisk: VDisk) -> None:
    give(version_of(vdisk, 0), report(programs=[program("7-Zip portable", "")]))
    wanted = Wanted(words="7-Zip", comparison=Comparison.BELOW, version="99")

    assert [row["version_number"] for row in searching.in_versions(wanted)] == [4, 3, 2, 1]
    assert searching.without_version(wanted) == 1
    assert searching.without_version(Wanted(words="7-Zip")) == 0


def test_what_bears_no_version_is_counted_within_the_kind(vdisk: VDisk) -> None:
    give(version_of(vdisk, 0), report(drivers=[{"name": "7-Zip filter"}]))
    asked = {"words": "7-Zip", "comparison": Comparison.BELOW, "version": "99"}

    assert searching.without_version(Wanted(**asked)) == 1
    assert searching.without_version(Wanted(**asked, category="drivers")) == 1
    assert searching.without_version(Wanted(**asked, category="programs")) == 0


def test_tells_how_much_there_is_of_other_kinds(vdisk: VDisk) -> None:
    assert searching.of_other_kinds(Wanted(words="7-Zip", category="drivers")) == 4
    assert searching.of_other_kinds(Wanted(words="7-Zip", category="drivers", comparison="at", version="24")) == 2
    assert searching.of_other_kinds(Wanted(words="7-Zip", category="programs")) == 0
    assert searching.of_other_kinds(Wanted(words="7-Zip")) == 0


@pytest.mark.parametrize("words", ["Citrix VDA", "vda", "virtual delivery", "2203"])
def test_a_part_of_the_platform_is_found_by_either_name(vdisk: VDisk, words: str) -> None:
    agent = program("Citrix 2203 LTSR - Virtual Delivery Agent", "2203.0", "Citrix", kind="platform")
    give(version_of(vdisk, 0), report(programs=[agent], platform={"vda": {"version": "2203.0", "source": "x"}}))

    assert numbers(words=words, category="platform") == [0]
    assert numbers(words=words, category="programs") == []


def test_versions_that_are_gone_are_not_found(vdisk: VDisk) -> None:
    gone = version_of(vdisk, 4)
    gone.gone_at = gone.first_seen_at
    gone.save()

    assert numbers(words="7-zip") == [3, 2, 1]


def test_counts_the_versions_it_knows_nothing_of(vdisk: VDisk) -> None:
    VersionImage.objects.create(version=version_of(vdisk, 0), problem="The store is away.")

    assert searching.unread() == 1


def test_finds_running_targets_with_what_they_contain(vdisk: VDisk, ground: factories.Ground) -> None:
    ground.targets(3, vdisk, 2)
    ground.targets(2, vdisk, 3)
    ground.targets(1, vdisk, None)
    old = Wanted(words="7-zip", comparison=Comparison.BELOW, version="24")

    found = list(searching.running_targets(old))

    assert [(target.booted_version, target.found_version) for target in found] == [(2, "22.01")] * 3  # type: ignore[attr-defined]
    assert [row["targets"] for row in searching.in_versions(old)] == [3, 0]


def test_is_one_query_however_much_there_is(
    vdisk: VDisk, ground: factories.Ground, django_assert_num_queries: object
) -> None:
    give(version_of(vdisk, 0), report(programs=[program(f"7-Zip {number}", str(number)) for number in range(300)]))
    ground.targets(40, vdisk, 2)

    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(list(searching.in_versions(Wanted(words="zip")))) == 304
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len([target.collection.name for target in searching.running_targets(Wanted(words="zip"))]) == 40


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({"words": "  "}, {"words"}),
        ({"words": "a", "comparison": "below"}, {"version"}),
        ({"words": "a", "comparison": "below", "version": "new"}, {"version"}),
        ({"words": "a", "version": "1"}, {"comparison"}),
        ({"words": "a", "category": "x"}, {"category"}),
        ({"words": "a", "comparison": "at", "version": "1.2", "category": "patches"}, set()),
    ],
)
def test_says_which_field_makes_no_sense(asked: dict[str, str], fields: set[str]) -> None:
    assert set(searching.why_not(Wanted(**asked))) == fields  # type: ignore[arg-type]
