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
