from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from lifecycle import watching
from lifecycle.errors import Incomplete, NotNow
from lifecycle.models import AuditEntry, Notice, VDisk, Watch
from lifecycle.roles import Role
from lifecycle.searching import Wanted
from tests import factories
from tests.imagecontents import give, program, report, version_of

pytestmark = pytest.mark.django_db
OLD_ZIP = Wanted(words="7-zip", comparison="below", version="24")


@pytest.fixture
def vdisk() -> VDisk:
    return factories.office(factories.Ground())


@pytest.fixture
def maria() -> User:
    return factories.person("maria", Role.HELPDESK)


def arrives(vdisk: VDisk, number: int, *programs: dict[str, object]) -> list[Notice]:
    return watching.content_arrived(give(version_of(vdisk, number), report(programs=list(programs))))


def test_tells_of_new_contents_that_hold_it(vdisk: VDisk, maria: User) -> None:
    watch = watching.keep(OLD_ZIP, by=maria)

    (notice,) = arrives(vdisk, 4, program("7-Zip 22.01", "22.01"), program("7-Zip 9.20", "9.20"))

    assert (notice.watch, notice.version.number, notice.count) == (watch, 4, 2)
    assert notice.found == ["7-Zip 22.01 22.01", "7-Zip 9.20 9.20"]
    assert list(Notice.objects.of(maria).unseen()) == [notice]


def test_tells_nothing_of_contents_without_it(vdisk: VDisk, maria: User) -> None:
    watching.keep(OLD_ZIP, by=maria)

    assert arrives(vdisk, 4, program("7-Zip 24.05", "24.05"), program("7-Zip", "")) == []


def test_tells_once_however_often_it_is_called(vdisk: VDisk, maria: User) -> None:
    watching.keep(OLD_ZIP, by=maria)
    content = give(version_of(vdisk, 4), report(programs=[program("7-Zip", "9.20")]))

    assert [len(watching.content_arrived(content)) for _ in range(3)] == [1, 0, 0]
    assert Notice.objects.count() == 1


def test_names_the_first_few_and_counts_all(vdisk: VDisk, maria: User) -> None:
    watching.keep(Wanted(words="tool"), by=maria)

    (notice,) = arrives(vdisk, 4, *(program(f"Tool {number:02}", "1") for number in range(30)))

    assert (len(notice.found), notice.count) == (watching.MOST_NAMED, 30)


def test_a_search_in_one_vdisk_is_silent_about_others(vdisk: VDisk, maria: User) -> None:
    other = factories.Ground("Other farm").vdisk("W2022")
    factories.version(other, 0)
    watching.keep(Wanted(words="zip", vdisk=vdisk.pk), by=maria)

    assert arrives(other, 0, program("7-Zip", "1")) == []
    assert len(arrives(vdisk, 4, program("7-Zip", "1"))) == 1


def test_contents_that_no_version_shows_tell_nobody(vdisk: VDisk, maria: User) -> None:
    watching.keep(Wanted(words="zip"), by=maria)
    version = version_of(vdisk, 4)
    content = give(version, report(programs=[program("7-Zip", "1")]))
    version.gone_at = version.first_seen_at
    version.save()

    assert watching.content_arrived(content) == []


def test_keeping_and_dropping_stand_in_the_trail(vdisk: VDisk, maria: User) -> None:
    watch = watching.keep(OLD_ZIP, by=maria)
    arrives(vdisk, 4, program("7-Zip", "1"))
    watching.drop(watch, by=maria)

    assert list(AuditEntry.objects.order_by("id").values_list("action", "object_name", "actor_name")) == [
        ("watch.keep", "7-zip below 24", "maria"),
        ("watch.drop", "7-zip below 24", "maria"),
    ]
    assert not Notice.objects.exists()


def test_the_same_search_is_kept_once_by_one_person(maria: User) -> None:
    watching.keep(OLD_ZIP, by=maria)

    with pytest.raises(NotNow, match="already"):
        watching.keep(Wanted(words=" 7-zip ", comparison="below", version="24 "), by=maria)
    watching.keep(OLD_ZIP, by=factories.person("paul"))
    assert Watch.objects.count() == 2


def test_a_person_keeps_no_end_of_searches(maria: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_WATCHES", 1)
    watching.keep(OLD_ZIP, by=maria)

    with pytest.raises(NotNow, match="Drop one first"):
        watching.keep(Wanted(words="b"), by=maria)


def test_mail_needs_an_address(maria: User) -> None:
    with pytest.raises(Incomplete) as refused:
        watching.keep(OLD_ZIP, by=maria, by_mail=True)

    assert refused.value.field == "by_mail"


@pytest.mark.parametrize(
    "values",
    [
        {"words": ""},
        {"comparison": "below", "version": ""},
        {"comparison": "any", "version": "1"},
        {"comparison": "near", "version": "1"},
        {"category": "x"},
    ],
)
def test_the_database_keeps_searches_that_make_sense(maria: User, values: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Watch.objects.create(owner=maria, **{"words": "a"} | values)


def test_seen_is_seen_of_ones_own_alone(vdisk: VDisk, maria: User) -> None:
    paul = factories.person("paul", Role.ADMIN)
    for person in (maria, paul):
        watching.keep(Wanted(words="zip"), by=person)
    arrives(vdisk, 4, program("7-Zip", "1"))

    assert watching.mark_seen(maria) == 1
    assert not Notice.objects.of(maria).unseen().exists()
    assert Notice.objects.of(paul).unseen().count() == 1


@pytest.mark.parametrize("address", ["maria", "maria@example.org\nBcc: all@example.org", "a@b@c"])
def test_mail_needs_an_address_that_is_one(vdisk: VDisk, maria: User, address: str) -> None:
    maria.email = address

    with pytest.raises(Incomplete, match="e-mail address is none") as refused:
        watching.keep(OLD_ZIP, by=maria, by_mail=True)

    assert refused.value.field == "by_mail"
    assert not Watch.objects.exists()
