"""What holds for any chain that PVS could show."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.booting import lane, next_for, next_for_production, situation
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.fingerprints import fingerprint
from lifecycle.states import Access, Action, ReplicaState, Situation, TargetType, VersionType
from lifecycle.transitions import TRANSITIONS, judge, possibilities, vdisk_possibilities
from lifecycle.verdicts import TargetFacts, verdict
from tests.lifecycle.chains import FLAGS, copy

VERSIONS = st.builds(
    VersionFacts,
    number=st.integers(0, 12),
    access=st.sampled_from(Access),
    type=st.sampled_from(VersionType),
    file_name=st.sampled_from(["", "a.vhdx", "b.avhdx"]),
    is_pending=st.booleans(),
    delete_when_free=st.booleans(),
    device_count=st.integers(0, 3),
    good_inventory=st.booleans(),
    **{flag: st.booleans() for flag in FLAGS},
)
CHAINS = st.builds(
    ChainFacts,
    name=st.just("W11"),
    private=st.booleans(),
    versions=st.lists(VERSIONS, max_size=8, unique_by=lambda found: found.number).map(tuple),
    replicas=st.lists(
        st.builds(copy, st.integers(0, 12), st.sampled_from(["A", "B"]), st.sampled_from(ReplicaState))
    ).map(tuple),
    test_targets=st.integers(0, 2),
    maintenance_targets=st.integers(0, 2),
)


@given(CHAINS, st.sampled_from(Action), st.none() | st.integers(0, 13))
def test_judging_never_fails_and_always_has_words(chain: ChainFacts, action: Action, number: int | None) -> None:
    possibility = judge(action, chain, number)

    assert possibility.allowed == (not possibility.refusals)
    assert all(refusal.words.endswith(".") for refusal in possibility.refusals)


@given(CHAINS)
def test_what_is_possible_respects_table_and_flags(chain: ChainFacts) -> None:
    found = [one for version in chain.versions for one in possibilities(chain, version.number)]
    for one in [*found, *vdisk_possibilities(chain)]:
        row = TRANSITIONS[one.action]
        version = chain.get(one.version) if one.version is not None else chain.highest
        if not one.allowed or version is None:
            continue
        assert not row.starts_from or situation(version, chain) in row.starts_from
        assert row.flag is None or getattr(version, row.flag)


@given(CHAINS)
def test_every_version_stands_somewhere_and_one_at_most_is_the_newest(chain: ChainFacts) -> None:
    places = [situation(version, chain) for version in chain.versions]

    assert places.count(Situation.PRODUCTION) <= 1
    assert all(lane(version) for version in chain.versions)


@given(CHAINS)
def test_production_never_boots_what_is_not_released(chain: ChainFacts) -> None:
    found = next_for_production(chain)

    assert found is None or found.access in (Access.PRODUCTION, Access.OVERRIDE)
    assert found is None or found.is_override or not (found.is_pending or found.delete_when_free)


@given(CHAINS, st.integers(0, 13))
def test_links_end_at_the_version_and_hold_one_base_at_most(chain: ChainFacts, number: int) -> None:
    links = chain.links_of(number)

    assert [link.number for link in links] == sorted(link.number for link in links)
    assert all(link.number <= number for link in links)
    assert sum(link.is_base for link in links[1:]) == 0
    assert chain.get(number) is None or links[-1].number == number
    assert len(fingerprint(chain, number)) == 64


@given(
    CHAINS,
    st.builds(
        TargetFacts,
        type=st.sampled_from(TargetType),
        enabled=st.booleans(),
        active=st.booleans(),
        booted_vdisk=st.none() | st.integers(1, 3),
        booted_version=st.none() | st.integers(0, 13),
        assigned=st.lists(st.integers(1, 3), unique=True).map(tuple),
    ),
)
def test_every_target_gets_a_verdict_in_words(chain: ChainFacts, target: TargetFacts) -> None:
    found = verdict(target, {1: chain}, {})

    assert found.words
    assert found.expected is None or chain.get(found.expected) == next_for(chain, target.type)
