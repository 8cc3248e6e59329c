"""A vDisk with a version in test, and people by role."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from lifecycle.models import ChangeRequest, Farm, VDisk
from lifecycle.roles import Role
from tests.lifecycle.ground import make_farm, make_vdisk, person, ready, request


@pytest.fixture
def farm(db: None) -> Farm:
    return make_farm()


@pytest.fixture
def vdisk(farm: Farm) -> VDisk:
    return make_vdisk(farm, "W11", ready())


@pytest.fixture
def admin(db: None) -> User:
    return person("admin", Role.ADMIN)


@pytest.fixture
def approver(db: None) -> User:
    return person("approver", Role.APPROVER)


@pytest.fixture
def second_approver(db: None) -> User:
    return person("approver2", Role.APPROVER)


@pytest.fixture
def both(db: None) -> User:
    """Admin and approver in one person, as in small teams."""
    return person("both", Role.ADMIN, Role.APPROVER)


@pytest.fixture
def helpdesk(db: None) -> User:
    return person("helpdesk", Role.HELPDESK)


@pytest.fixture
def auditor(db: None) -> User:
    return person("auditor", Role.AUDITOR)


@pytest.fixture
def superuser(db: None) -> User:
    return person("root", superuser=True)


@pytest.fixture
def outsider(db: None) -> User:
    return person("outsider")


@pytest.fixture
def change(vdisk: VDisk, admin: User) -> ChangeRequest:
    """As another page would read it: without a chain in its pocket."""
    return ChangeRequest.objects.get(pk=request(vdisk, admin).pk)
