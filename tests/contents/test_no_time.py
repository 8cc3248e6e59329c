"""A reading that came to its end for want of time is never the last word on an image."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from builders.contents import READER_VERSION, inventory, looking, saving
from builders.contents.inventory import Taken, take
from builders.contents.looking import Look, NotRead
from builders.contents.places import Place
from builders.inspection.sandbox import Result, Stopped, Why
from lifecycle import readings
from lifecycle.models import ImageContent, StoreAccess, Version, VersionImage
from tests.contents.test_saving import A, B, save, seen

BUSY = [Why.WALL, Why.CPU]
TOLD: dict[str, Any] = {"format": 1, "warnings": [], "partial": True, "image": {"size": 7}}


@pytest.fixture
def reading(version: Version, way: StoreAccess, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read with a child that ends as given."""
    chain = version.vdisk.chain()

    def read(end: Result | Stopped) -> Taken:
        def run(*_: Any, **__: Any) -> Result:
            if isinstance(end, Stopped):
                raise end
            return end

        def look_at(place: Place, *_: Any) -> Look:
            return Look(place, A, [])

        monkeypatch.setattr(inventory, "run", run)
        monkeypatch.setattr(inventory, "look_at", look_at)
        return take(version.vdisk, chain, 4, A, lambda _: None)

    return read


def stopped(why: Why) -> Result:
    return Result(dict(TOLD), 1.0, 10, stopped=Stopped("It took too long.", why, {}))


@pytest.mark.parametrize("why", BUSY)
def test_a_part_read_on_a_busy_machine_is_kept_and_read_again(reading: Any, why: Why) -> None:
    taken = reading(stopped(why))

    assert taken.partial
    assert taken.again
    assert taken.report["image"] == {"size": 7}


@pytest.mark.parametrize("why", [Why.CRASH, Why.FORBIDDEN, Why.GARBAGE])
def test_an_image_that_breaks_its_reader_is_not_tried_for_ever(reading: Any, why: Why) -> None:
    taken = reading(stopped(why))

    assert taken.partial
    assert not taken.again


@pytest.mark.parametrize("why", [*BUSY, Why.UNGUARDED])
def test_nothing_read_is_no_report(reading: Any, why: Why) -> None:
    with pytest.raises(NotRead, match="It took too long") as caught:
        reading(Stopped("It took too long.", why, {}))

    assert caught.value.passing
    assert why in looking.OUR_LIMITS


def end(version: Version, *, partial: bool, again: bool) -> VersionImage:
    """As the job of a reading: a look, and the contents."""
    saving.note_look(version, version.vdisk.chain(), seen())
    save(partial=partial)
    saving.note_end(version, again=again)
    return VersionImage.objects.get(version=version)


def test_it_is_begun_anew_ever_later_and_shown_until_then(version: Version) -> None:
    chain, pauses = version.vdisk.chain(), []
    for _ in range(12):
        image = end(version, partial=True, again=True)
        assert image.content is not None
        assert image.content.partial
        assert image.retry_at is not None
        assert not readings.is_due(chain, 4, image, READER_VERSION, timezone.now())
        assert readings.is_due(chain, 4, image, READER_VERSION, image.retry_at)
        assert saving.note_look(version, chain, seen()) is None, "it is not passed off as read before"
        assert image.looked_at is not None
        pauses.append((image.retry_at - image.looked_at) // saving.FIRST_PAUSE)

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 180, 180, 180, 180]


def test_a_whole_one_takes_its_place_and_ends_the_trying(version: Version) -> None:
    partial = end(version, partial=True, again=True).content

    image = end(version, partial=False, again=False)

    assert image.content is not None
    assert not image.content.partial
    assert partial is not None
    assert not ImageContent.objects.filter(pk=partial.pk).exists()
    assert (image.tries, image.retry_at) == (0, None)
    assert saving.note_look(version, version.vdisk.chain(), seen()) == image.content


def test_a_whole_one_stays_though_a_later_reading_has_no_time(version: Version) -> None:
    whole = end(version, partial=False, again=False).content

    image = end(version, partial=True, again=True)

    assert image.content == whole
    assert image.retry_at is None


def test_what_is_partial_by_the_image_itself_is_not_tried_for_ever(version: Version) -> None:
    image = end(version, partial=True, again=False)

    assert image.retry_at is None
    assert saving.note_look(version, version.vdisk.chain(), seen()) == image.content


def test_another_state_is_not_put_off_for_the_old_one(version: Version) -> None:
    end(version, partial=True, again=True)

    saving.note_look(version, version.vdisk.chain(), seen(B))

    image = VersionImage.objects.get(version=version)
    assert (image.content, image.tries, image.retry_at) == (None, 0, None)
