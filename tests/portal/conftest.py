"""People by role, and a farm to look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from lifecycle import waking
from lifecycle.models import VDisk
from lifecycle.roles import Role
from tests import factories


@pytest.fixture(autouse=True)
def nobody_is_throttled(servers: None) -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def passwords_are_hashed_fast(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def admin(db: None) -> User:
    return factories.person("admin", Role.ADMIN, first_name="Ada", last_name="Berger")


@pytest.fixture
def approver(db: None) -> User:
    return factories.person("approver", Role.APPROVER)


@pytest.fixture
def approver2(db: None) -> User:
    return factories.person("approver2", Role.APPROVER)


@pytest.fixture
def helpdesk(db: None) -> User:
    return factories.person("helpdesk", Role.HELPDESK)


@pytest.fixture
def auditor(db: None) -> User:
    return factories.person("auditor", Role.AUDITOR)


@pytest.fixture
def stranger(db: None) -> User:
    """Has a login and no role."""
    return factories.person("stranger")


@pytest.fixture
def superuser(db: None) -> User:
    return factories.person("root", is_superuser=True)


@pytest.fixture
def as_(db: None) -> Callable[[User], Client]:
    """A browser in which this person is logged in."""

    def logged_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return logged_in


@pytest.fixture
def ground(db: None) -> factories.Ground:
    return factories.Ground()


@pytest.fixture
def vdisk(ground: factories.Ground) -> VDisk:
    """W11-Office: base 0, production 1 to 3, test 4."""
    return factories.office(ground)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Jobs for which a worker was woken; patched at the broker, the edge of the web."""
    jobs: list[int] = []

    class Broker:
        def send_task(self, name: str, *, kwargs: dict[str, int], **_options: object) -> None:
            assert name == waking.ADVANCE_JOB
            jobs.append(kwargs["job_id"])

    monkeypatch.setattr("portal.waking._broker", Broker)
    return jobs
