"""What an image says of itself never shows the contents of another vDisk's."""

from __future__ import annotations

from typing import Any

import pytest

from builders.contents import looking, saving
from builders.contents.looking import Look, look_at
from builders.contents.places import Place, places
from builders.inspection.sandbox import Result
from lifecycle import identities
from lifecycle.models import StoreAccess, VDisk, Version, VersionImage
from tests import factories
from tests.contents.conftest import link
from tests.contents.test_saving import A, save


def look(vdisk: VDisk, number: int, monkeypatch: pytest.MonkeyPatch) -> Look:
    """At files that claim to be what all files of these tests claim to be."""
    chain = VDisk.objects.get(pk=vdisk.pk).chain()
    files = [one.file_name for one in chain.links_of(number)]
    rows = [link(at) | {"name": name} for at, name in enumerate(files)]
    value: dict[str, Any] = {"fingerprint": A, "links": rows}
    monkeypatch.setattr(looking, "run", lambda *_, **__: Result(value, 0.1, 1))
    (place,) = places(vdisk, chain, number).found
    return look_at(place, chain, number)


def note(version: Version, seen: Look) -> Any:
    return saving.note_look(version, VDisk.objects.get(pk=version.vdisk_id).chain(), seen)


@pytest.fixture
def other(ground: factories.Ground, vdisk: VDisk) -> Version:
    """In the same store."""
    foreign = ground.vdisk("W11-Foreign")
    for number in range(5):
        factories.version(foreign, number)
    return foreign.versions.get(number=4)


def test_another_vdisk_does_not_show_what_was_read_of_this_one(
    version: Version, other: Version, way: StoreAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert other.vdisk.store_id == version.vdisk.store_id
    mine, foreign = (look(each.vdisk, 4, monkeypatch) for each in (version, other))
    assert identities.of_links(mine.links).keys() == identities.of_links(foreign.links).keys()
    note(version, mine)
    note(other, foreign)

    content = save(mine.fingerprint)

    assert mine.fingerprint != foreign.fingerprint
    assert VersionImage.objects.get(version=version).content == content
    assert VersionImage.objects.get(version=other).content is None
    assert note(other, foreign) is None


def test_a_state_of_the_same_vdisk_is_read_once(
    version: Version, way: StoreAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(version, look(version.vdisk, 4, monkeypatch))
    content = save(look(version.vdisk, 4, monkeypatch).fingerprint)

    assert note(version, look(version.vdisk, 4, monkeypatch)) == content


def test_the_same_vdisk_is_the_same_by_whichever_server(
    version: Version, ground: factories.Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set()
    for server in ground.servers:
        StoreAccess.objects.all().delete()
        StoreAccess.objects.create(store=version.vdisk.store, server=server, kind="local", path=f"/{server.name}")
        seen = look(version.vdisk, 4, monkeypatch)
        assert isinstance(seen.place, Place)
        found.add((seen.place.server == server.name, seen.fingerprint))

    assert len(found) == 1
    assert all(is_there for is_there, _ in found)


def test_what_marks_the_content_for_an_approval_stays_as_the_file_has_it(
    version: Version, way: StoreAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = look(version.vdisk, 4, monkeypatch)

    assert [one["data_id"] for one in seen.links] == [f"id-{number}" for number in range(5)]
