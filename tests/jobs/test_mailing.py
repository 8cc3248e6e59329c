from __future__ import annotations

from smtplib import SMTPServerDisconnected

import pytest
from django.contrib.auth.models import User
from django.core import mail

from builders import mailing
from lifecycle import watching
from lifecycle.models import Notice, VDisk
from lifecycle.roles import Role
from lifecycle.searching import Wanted
from tests import factories
from tests.imagecontents import give, program, report, version_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def vdisk() -> VDisk:
    return factories.office(factories.Ground())


@pytest.fixture
def maria() -> User:
    return factories.person("maria", Role.HELPDESK, email="maria@example.org")


def found(vdisk: VDisk, person: User, *words: str) -> None:
    for word in words:
        watching.keep(Wanted(words=word), by=person, by_mail=True)
    watching.content_arrived(give(version_of(vdisk, 4), report(programs=[program("7-Zip 22.01", "22.01")])))


def test_one_mail_a_person_says_what_was_found_where_once(vdisk: VDisk, maria: User) -> None:
    found(vdisk, maria, "zip", "7-zip")

    assert [mailing.send_due() for _ in range(2)] == [1, 0]
    (sent,) = mail.outbox
    assert sent.to == ["maria@example.org"]
    assert "zip: W11-Office version 4 holds 7-Zip 22.01 22.01" in sent.body


def test_what_could_not_be_sent_is_tried_again_but_not_for_ever(
    vdisk: VDisk, maria: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(vdisk, maria, "zip")
    tries = []

    def away(*_: object) -> None:
        tries.append(1)
        raise SMTPServerDisconnected("away")

    monkeypatch.setattr(mailing, "send_mail", away)

    for _ in range(mailing.MOST_TRIES + 3):
        assert mailing.send_due() == 0
    assert len(tries) == mailing.MOST_TRIES
    assert Notice.objects.get().mailed_at is None


def test_who_may_not_see_contents_any_more_gets_none(vdisk: VDisk, maria: User) -> None:
    found(vdisk, maria, "zip")
    maria.groups.clear()

    assert mailing.send_due() == 0
    assert mail.outbox == []


def test_an_address_that_no_mail_can_have_keeps_none_from_the_others(vdisk: VDisk, maria: User) -> None:
    anna, zoe = (factories.person(name, Role.HELPDESK, email=f"{name}@example.org") for name in ("anna", "zoe"))
    for person in (anna, maria, zoe):
        watching.keep(Wanted(words="zip"), by=person, by_mail=True)
    maria.email = "maria@example.org\nBcc: all@example.org"
    maria.save()
    found(vdisk, factories.person("nobody", Role.HELPDESK))

    assert [mailing.send_due() for _ in range(mailing.MOST_TRIES + 1)] == [2, *[0] * mailing.MOST_TRIES]
    assert sorted(sent.to[0] for sent in mail.outbox) == ["anna@example.org", "zoe@example.org"]
    assert Notice.objects.get(mailed_at=None).mail_tries == mailing.MOST_TRIES


def test_names_from_an_image_stay_in_their_line(vdisk: VDisk, maria: User) -> None:
    watching.keep(Wanted(words="zip"), by=maria, by_mail=True)
    name = "7-Zip\r\nYour password has expired.\u2028Go to\u202e x"
    content = give(version_of(vdisk, 4), report(programs=[program("7-Zip", "1")]))
    watching.content_arrived(content)
    Notice.objects.update(found=[name])

    assert mailing.send_due() == 1

    (sent,) = mail.outbox
    lines = sent.body.splitlines()
    assert lines[0].endswith("holds 7-Zip Your password has expired. Go to x")
    assert lines[1:] == ["", "The portal shows all of it under Contents, Kept searches."]
