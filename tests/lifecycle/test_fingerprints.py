"""What an approval is bound to: stable where nothing changed, another one where anything did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle import fingerprints
from lifecycle.facts import ChainFacts
from lifecycle.fingerprints import Content, Contents
from lifecycle.states import Access, ReplicaState
from tests.lifecycle.chains import WRITTEN, chain, copy, in_test, merged, merged_base, obsolete, version
from tests.lifecycle.ground import IN_TEST, ready

LATER = "2026-11-21 10:00:00"
READY = ready()


def fingerprint(of: ChainFacts) -> str:
    return fingerprints.fingerprint(of, IN_TEST)


def copies(of: ChainFacts, server: str, number: int | None = None, **values: Any) -> ChainFacts:
    """The same chain with other copies on one server."""
    return replace(
        of,
        replicas=tuple(
            replace(found, **values) if found.server == server and number in (None, found.number) else found
            for found in of.replicas
        ),
    )


def test_it_is_64_hex_digits() -> None:
    assert len(fingerprint(READY)) == 64
    assert set(fingerprint(READY)) <= set("0123456789abcdef")


@given(st.permutations(READY.versions), st.permutations(READY.replicas))
def test_it_ignores_the_order_of_rows(versions: Any, replicas: Any) -> None:
    assert fingerprint(replace(READY, versions=tuple(versions), replicas=tuple(replicas))) == fingerprint(READY)


@pytest.mark.parametrize(
    "state", [ReplicaState.FILE_MISSING, ReplicaState.FILE_OUTDATED, ReplicaState.PROPERTIES_OUTDATED]
)
def test_it_is_stable_while_a_version_is_replicated(state: ReplicaState) -> None:
    assert fingerprint(copies(READY, "PVS02", state=state, file_time="")) == fingerprint(READY)


def test_it_is_stable_while_one_server_is_down() -> None:
    assert fingerprint(copies(READY, "PVS01", state=ReplicaState.UNREACHABLE, file_time="")) == fingerprint(READY)


def test_it_is_stable_when_a_server_joins_or_leaves() -> None:
    without = replace(READY, replicas=tuple(found for found in READY.replicas if found.server == "PVS01"))

    assert fingerprint(without) == fingerprint(READY)


@pytest.mark.parametrize(
    "versions",
    [
        (version(0), version(1), in_test(2, description="for the finance department")),
        (version(0), version(1), in_test(2, device_count=7, can_promote=False, good_inventory=False)),
        (version(0), version(1), version(2)),
        (version(0), version(1), in_test(2), version(3, Access.MAINTENANCE)),
    ],
)
def test_it_is_about_files_alone(versions: Any) -> None:
    assert fingerprint(replace(READY, versions=versions)) == fingerprint(READY)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_it_changes_when_any_file_of_the_chain_is_written(number: int) -> None:
    on_one = copies(READY, "PVS01", number, file_time=LATER)
    behind = copies(on_one, "PVS02", number, state=ReplicaState.FILE_OUTDATED)

    assert fingerprint(behind) != fingerprint(READY)
    assert fingerprint(copies(on_one, "PVS02", number, file_time=LATER)) == fingerprint(behind)


@pytest.mark.parametrize("values", [{"file_name": "W11.2b.avhdx"}, {"created": "2026-11-09 08:00:00"}, {"number": 3}])
def test_it_changes_when_a_link_is_another_file(values: dict[str, Any]) -> None:
    exchanged = replace(READY, versions=(version(0), replace(version(1), **values), in_test(2)))

    assert fingerprint(exchanged) != fingerprint(READY)


def test_it_is_stable_while_leftovers_of_a_merge_are_deleted() -> None:
    before = chain(version(0), obsolete(1), merged(2), in_test(3), replicas=(copy(0), copy(1), copy(2), copy(3)))
    after = chain(version(0), merged(2), in_test(3), replicas=(copy(0), copy(2), copy(3)))

    assert fingerprints.fingerprint(before, 3) == fingerprints.fingerprint(after, 3)


def test_it_is_stable_while_leftovers_of_a_base_merge_are_deleted() -> None:
    before = chain(obsolete(0), obsolete(1), merged_base(2), in_test(3))

    assert fingerprints.fingerprint(before, 3) == fingerprints.fingerprint(chain(merged_base(2), in_test(3)), 3)


def test_two_versions_have_two_fingerprints() -> None:
    assert fingerprints.fingerprint(READY, 1) != fingerprints.fingerprint(READY, 2)


# --- in words


def words(after: ChainFacts) -> list[str]:
    return fingerprints.difference(fingerprints.links(READY, IN_TEST), fingerprints.links(after, IN_TEST))


def test_nothing_differs_from_itself() -> None:
    assert words(READY) == []


def test_a_write_is_told_with_both_times() -> None:
    written = copies(copies(READY, "PVS01", 2, file_time=LATER), "PVS02", 2, file_time=LATER)

    assert words(written) == [f"W11.2.avhdx was written to (file time {WRITTEN}, now {LATER})"]


def test_another_file_is_told_with_both_names() -> None:
    exchanged = replace(READY, versions=(version(0), version(1), in_test(2, file_name="new.avhdx")))

    (told,) = words(exchanged)
    assert "was W11.2.avhdx of" in told
    assert "now new.avhdx of" in told


def test_links_that_came_and_went_are_told() -> None:
    assert words(chain(version(0), in_test(2), replicas=READY.replicas)) == ["version 1 left the chain"]
    assert fingerprints.difference(fingerprints.links(READY, 1), fingerprints.links(READY, 2)) == [
        "version 2 came into the chain"
    ]


def test_a_file_out_of_sight_is_no_change_and_is_named() -> None:
    away = copies(copies(READY, "PVS01", 1, state=ReplicaState.UNREACHABLE), "PVS02", 1, state=5, file_time="")
    before, after = fingerprints.links(READY, IN_TEST), fingerprints.links(away, IN_TEST)

    assert fingerprints.difference(before, after) != []
    assert fingerprints.changes(before, after) == []
    assert fingerprints.unseen(before, after) == ["W11.1.avhdx"]
    assert fingerprints.out_of_sight(away, IN_TEST) == ["W11.1.avhdx"]
    assert fingerprints.out_of_sight(READY, IN_TEST) == []


# --- what is inside the files


def content(number: int, **values: Any) -> Content:
    return Content(**({"data_id": f"id-{number}", "size": 4096, "sequence": 7} | values))


OPENED = {number: content(number) for number in (0, 1, 2)}


def of(contents: Contents) -> list[fingerprints.Link]:
    return fingerprints.links(READY, IN_TEST, contents)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(
    ("values", "told"),
    [({"data_id": "id-x"}, "id-x"), ({"size": 8192}, "now 8192"), ({"sequence": 8}, "sequence 7, now 8")],
)
def test_content_that_was_written_without_a_trace_in_pvs_is_told(
    number: int, values: dict[str, Any], told: str
) -> None:
    written = OPENED | {number: content(number, **values)}

    (words,) = fingerprints.changes(of(OPENED), of(written))
    assert told in words
    assert fingerprints.fingerprint(READY, IN_TEST, written) != fingerprints.fingerprint(READY, IN_TEST, OPENED)


@pytest.mark.parametrize(
    ("before", "after"), [({}, OPENED), (OPENED, {}), (OPENED, {0: content(0)}), ({1: content(1)}, {2: content(2)})]
)
def test_what_nobody_could_open_is_no_change(before: Contents, after: Contents) -> None:
    assert fingerprints.changes(of(before), of(after)) == []
    assert fingerprints.difference(of(before), of(after)) == []


def test_links_from_before_files_were_opened_are_what_they_were() -> None:
    assert all("content" not in link for link in of({}))
    assert fingerprints.fingerprint(READY, IN_TEST, {}) == fingerprint(READY)


def test_files_that_cannot_be_opened_any_more_are_named() -> None:
    assert fingerprints.unopened(of(OPENED), of({0: content(0)})) == ["W11.1.avhdx", "W11.2.avhdx"]
    assert fingerprints.unopened(of({}), of({})) == []


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from(ReplicaState), st.sampled_from(["", WRITTEN, LATER]))
    )
)
def test_words_and_fingerprint_agree(rows: list[tuple[int, ReplicaState, str]]) -> None:
    replicas = tuple(
        copy(number, f"PVS{index:02}", state, file_time=time) for index, (number, state, time) in enumerate(rows)
    )
    after = replace(READY, replicas=replicas)

    assert bool(words(after)) == (fingerprint(after) != fingerprint(READY))
