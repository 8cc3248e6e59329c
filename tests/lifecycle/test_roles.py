"""Groups and permissions: as the table says, after every migrate."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from lifecycle.roles import PERMISSIONS, Role, sync_groups
from tests.lifecycle.ground import person

pytestmark = pytest.mark.django_db

# Written down a second time, by hand: what each role may change.
CHANGES = {
    "operate_version",
    "request_promotion",
    "approve_promotion",
    "cancel_job",
    "manage_farm",
    "inspect_image",
    "manage_watch",
}
MAY: dict[Role, set[str]] = {
    Role.ADMIN: CHANGES - {"approve_promotion"},
    Role.APPROVER: {"approve_promotion", "manage_watch"},
    Role.HELPDESK: {"manage_watch"},
    Role.AUDITOR: set(),
}


def held(role: Role) -> set[str]:
    return set(Group.objects.get(name=role.value).permissions.values_list("codename", flat=True))


@pytest.mark.parametrize("role", Role)
def test_the_group_equals_the_table(role: Role) -> None:
    assert held(role) == set(PERMISSIONS[role])


def test_every_permission_of_the_table_exists() -> None:
    wanted = set().union(*PERMISSIONS.values())
    known = Permission.objects.filter(content_type__app_label="lifecycle", codename__in=wanted)

    assert set(known.values_list("codename", flat=True)) == wanted
    assert wanted >= CHANGES


@pytest.mark.parametrize("role", Role)
def test_a_person_of_the_role_may_change_this_and_nothing_else(role: Role) -> None:
    user = User.objects.get(pk=person("x", role).pk)

    assert {codename for codename in CHANGES if user.has_perm(f"lifecycle.{codename}")} == MAY[role]
    assert not any(
        permission.split(".")[1].startswith(("add_", "change_", "delete_")) for permission in user.get_all_permissions()
    )


def test_everybody_sees_vdisks_contents_and_targets_and_helpdesk_but_keeps_searches() -> None:
    assert all({"view_vdisk", "view_target", "view_content"} <= held(role) for role in Role)
    assert held(Role.HELPDESK) == {"view_vdisk", "view_target", "view_content", "manage_watch"}


def test_no_role_both_requests_and_approves() -> None:
    assert not any({"request_promotion", "approve_promotion"} <= held(role) for role in Role)


def test_what_was_changed_by_hand_is_set_right_and_people_stay() -> None:
    user = person("x", Role.HELPDESK)
    group = Group.objects.get(name=Role.HELPDESK.value)
    group.permissions.add(Permission.objects.get(codename="approve_promotion"))
    Group.objects.get(name=Role.AUDITOR.value).delete()

    sync_groups()
    sync_groups()

    assert held(Role.HELPDESK) == set(PERMISSIONS[Role.HELPDESK])
    assert held(Role.AUDITOR) == set(PERMISSIONS[Role.AUDITOR])
    assert list(user.groups.all()) == [group]


def test_a_migrate_sets_them_right() -> None:
    Group.objects.get(name=Role.ADMIN.value).permissions.clear()

    call_command("migrate", verbosity=0)

    assert held(Role.ADMIN) == set(PERMISSIONS[Role.ADMIN])


def test_groups_of_others_are_left_alone() -> None:
    other = Group.objects.create(name="Network team")
    other.permissions.add(Permission.objects.get(codename="view_vdisk"))

    sync_groups()

    assert other.permissions.count() == 1
