"""What was read is stored once for each state, is never edited, and is shown by every version in that state."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from builders.contents import READER_VERSION, saving
from builders.contents.looking import Look
from builders.contents.places import Place
from lifecycle import readings
from lifecycle.models import ContentItem, ImageContent, StoreAccess, VDisk, Version, VersionImage
from tests import factories
from tests.contents.conftest import links

A, B = "a" * 64, "b" * 64
REPORT: dict[str, Any] = {
    "format": 1,
    "programs": [
        {"name": "7-Zip 24.05 (x64)", "version": "24.05", "publisher": "Igor Pavlov", "kind": "application"},
        {"name": "Acrobat\0 Reader \ud800", "version": "25.1", "kind": "application", "source": "SOFTWARE\\x"},
    ],
    "patches": [{"id": "KB5036893", "name": "Update", "state": "installed"}],
}


def seen(fingerprint: str = A, **top: Any) -> Look:
    access = StoreAccess(kind=StoreAccess.Kind.LOCAL, path="/x")
    return Look(Place("PVS01", access, ("W11-Office.4.avhdx",), "farm/vdisk"), fingerprint, links(**top))


def save(fingerprint: str = A, report: dict[str, Any] = REPORT, *, partial: bool = False) -> ImageContent:
    return saving.save_content(fingerprint, report, partial=partial, seconds=1.5, bytes_read=1 << 20)


def test_items_are_written_with_the_content(version: Version) -> None:
    saving.note_look(version, version.vdisk.chain(), seen())

    content = save()

    assert VersionImage.objects.get(version=version).content == content
    items = {item.name: item for item in ContentItem.objects.filter(content=content, category="programs")}
    assert {"7-Zip 24.05 (x64)", "Acrobat Reader ?"} == set(items)
    assert items["7-Zip 24.05 (x64)"].key.startswith("7-zip")
    assert ContentItem.objects.filter(content=content, category="patches").count() == 1


def test_the_same_state_is_stored_once(version: Version) -> None:
    first = save()

    assert save() == first
    assert saving.note_look(version, version.vdisk.chain(), seen()) == first
    assert VersionImage.objects.get(version=version).content == first


def test_a_partial_one_gives_way_to_a_whole_one_and_not_the_reverse(version: Version) -> None:
    saving.note_look(version, version.vdisk.chain(), seen())
    partial = save(partial=True)

    whole = save()

    assert not ImageContent.objects.filter(pk=partial.pk).exists()
    assert VersionImage.objects.get(version=version).content == whole
    assert save(partial=True) == whole


def test_content_is_never_edited(db: None) -> None:
    content = save()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ImageContent.objects.filter(pk=content.pk).update(partial=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        ImageContent.objects.create(fingerprint=A, reader_version=READER_VERSION)


def test_a_version_never_shows_the_contents_of_another_state(version: Version) -> None:
    saving.note_look(version, version.vdisk.chain(), seen(A))
    other = save(B)

    with pytest.raises(IntegrityError, match="another fingerprint"), transaction.atomic():
        VersionImage.objects.filter(version=version).update(content=other)


def test_a_new_state_forgets_what_the_old_one_held(version: Version) -> None:
    saving.note_look(version, version.vdisk.chain(), seen(A))
    save(A)

    assert saving.note_look(version, version.vdisk.chain(), seen(B)) is None
    image = VersionImage.objects.get(version=version)
    assert image.content is None
    assert image.fingerprint == B


def test_a_newer_reader_reads_anew_and_the_old_result_shows_until_then(
    version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving.note_look(version, version.vdisk.chain(), seen())
    old = save()
    image = VersionImage.objects.get(version=version)
    chain = version.vdisk.chain()
    assert not readings.is_due(chain, 4, image, READER_VERSION, timezone.now())
    assert readings.is_due(chain, 4, image, "99", timezone.now())

    monkeypatch.setattr(saving, "READER_VERSION", "99")
    assert saving.note_look(version, chain, seen()) is None
    assert VersionImage.objects.get(version=version).content == old
    new = save()
    assert new != old
    assert VersionImage.objects.get(version=version).content == new


def test_a_passing_problem_is_looked_at_ever_later_and_keeps_what_was_known(version: Version) -> None:
    chain = version.vdisk.chain()
    saving.note_look(version, chain, seen())
    content = save()
    pauses = []
    for _ in range(12):
        saving.note_problem(version, chain, "Store away", passing=True)
        image = VersionImage.objects.get(version=version)
        assert image.retry_at is not None
        assert image.looked_at is not None
        pauses.append(image.retry_at - image.looked_at)

    assert pauses == sorted(pauses)
    assert pauses[0] == saving.FIRST_PAUSE
    assert pauses[-1] == saving.LONGEST_PAUSE
    assert image.content == content
    assert not readings.is_due(chain, 4, image, READER_VERSION, timezone.now())
    assert readings.is_due(chain, 4, image, READER_VERSION, timezone.now() + saving.LONGEST_PAUSE * 2)

    saving.note_problem(version, chain, "Damaged", passing=False)
    lasting = VersionImage.objects.get(version=version)
    assert not readings.is_due(chain, 4, lasting, READER_VERSION, timezone.now() + saving.LONGEST_PAUSE * 2)


def test_a_file_time_that_moved_is_looked_at(version: Version, vdisk: VDisk) -> None:
    saving.note_look(version, version.vdisk.chain(), seen())
    vdisk.replicas.filter(number=4).update(file_time="2027-01-01T00:00:00")
    chain = VDisk.objects.get(pk=vdisk.pk).chain()

    image = VersionImage.objects.get(version=version)

    assert readings.is_due(chain, 4, image, READER_VERSION, timezone.now())


def test_a_hostile_report_is_stored_cut_to_its_columns(version: Version) -> None:
    row = {"name": "\U0001f600" * 5000, "version": "9" * 9000, "publisher": "p" * 9000, "kind": "k" * 900}

    content = save(report={"format": 1, "programs": [row] * 5, "os": {"x": float("nan")}})

    assert ContentItem.objects.filter(content=content).count() == 5
    assert content.report["os"]["x"] is None


def test_queries_do_not_grow_with_the_versions(
    ground: factories.Ground, vdisk: VDisk, way: StoreAccess, django_assert_max_num_queries: Any
) -> None:
    for index in range(5):
        other = ground.vdisk(f"W11-{index}")
        for number in range(4):
            factories.version(other, number)

    with django_assert_max_num_queries(7):
        due = readings.due(ground.farm, reader_version="1", now=timezone.now())

    assert len(due) == 5 * 4 + 5
