"""The four roles and what each may do. One table; groups in the database are made from it after each migrate."""

from __future__ import annotations

from enum import StrEnum

from django.contrib.auth.models import Group, Permission


class Role(StrEnum):
    ADMIN = "admin"
    APPROVER = "approver"
    HELPDESK = "helpdesk"
    AUDITOR = "auditor"


_SEE_VDISKS = {"view_vdisk", "view_target", "view_content"}
_SEE_WORK = {"view_job", "view_changerequest"}

PERMISSIONS: dict[Role, frozenset[str]] = {
    # Citrix admins: everything but approving
    Role.ADMIN: frozenset(
        _SEE_VDISKS
        | _SEE_WORK
        | {
            "view_auditentry",
            "operate_version",
            "request_promotion",
            "cancel_job",
            "resume_job",
            "manage_farm",
            "view_farm",
        }
        | {"view_schedule", "manage_schedule", "view_operations", "drain_worker"}
        | {"inspect_image", "manage_watch"}
        | {"view_package", "manage_package"}
    ),
    # change approvers: see everything that helps to decide, change nothing else
    Role.APPROVER: frozenset(
        _SEE_VDISKS | _SEE_WORK | {"view_auditentry", "approve_promotion", "view_package", "manage_watch"}
    ),
    # helpdesk: what runs where, and what changed
    Role.HELPDESK: frozenset(_SEE_VDISKS | {"manage_watch"}),
    # auditors: all pages, no button
    Role.AUDITOR: frozenset(
        _SEE_VDISKS | _SEE_WORK | {"view_auditentry", "view_schedule", "view_operations", "view_package"}
    ),
}


def sync_groups(**_: object) -> None:
    """Make the groups equal to the table. Safe to run again; people in the groups stay."""
    known = {
        permission.codename: permission for permission in Permission.objects.filter(content_type__app_label="lifecycle")
    }
    for role, codenames in PERMISSIONS.items():
        if codenames <= known.keys():
            group, _created = Group.objects.get_or_create(name=str(role))
            group.permissions.set([known[codename] for codename in codenames])
