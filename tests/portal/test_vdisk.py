from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle.models import ProductionChange, VDisk, Version
from lifecycle.states import Access, TargetType
from tests import factories


def _page(client, vdisk: VDisk) -> str:
    return client.get(f"/vdisks/{vdisk.pk}/").content.decode()


def _version(page: str, number: int) -> str:
    return page.split(f'id="version-{number}"')[1].split("</article>", maxsplit=1)[0]


def test_draws_the_chain(as_, helpdesk: User, vdisk: VDisk) -> None:
    page = _page(as_(helpdesk), vdisk)

    assert "version 4 in test, builds on version 3; version 3 in production, builds on version 2" in page
    assert page.count('class="chain-link"') == 4
    assert "▶ production next" in page


def test_says_what_each_version_is_for_and_where_its_files_are(as_, helpdesk: User, vdisk: VDisk) -> None:
    part = _version(_page(as_(helpdesk), vdisk), 4)

    assert "Read-only, being tried" in part
    assert "test, maintenance targets" in part
    assert "PVS02" in part
    assert "2026-05-20 09:00:00" in part


def test_offers_an_admin_what_is_possible_and_says_why_the_rest_is_not(as_, admin: User, vdisk: VDisk) -> None:
    part = _version(_page(as_(admin), vdisk), 4)

    possible, impossible = part.split("Why not …?")
    assert f"/changes/new/?vdisk={vdisk.pk}&amp;version=4" in possible
    assert f"/vdisks/{vdisk.pk}/actions/boot-test/?version=4" in possible
    assert "<dt>Not in this state</dt><dd>Boot the maintenance target, Promote to test," in impossible
    assert "Only a maintenance version can be promoted to test." not in impossible


def test_keeps_the_reasons_that_may_pass(as_, admin: User, vdisk: VDisk) -> None:
    Version.objects.filter(number=4).update(can_promote=False)

    part = _version(_page(as_(admin), vdisk), 4)

    assert "<dt>Request production</dt><dd>PVS does not permit it now" in part


def test_a_maintenance_version_is_run_before_it_is_promoted(
    as_, admin: User, ground: factories.Ground, vdisk: VDisk
) -> None:
    factories.version(vdisk, 5, Access.MAINTENANCE, created_at=timezone.now() - timedelta(days=1))
    before = _version(_page(as_(admin), vdisk), 5)
    target = ground.target("MUC-MNT-001", vdisk, 5, type=TargetType.MAINTENANCE)
    target.boots.update(ended_at=timezone.now())
    after = _version(_page(as_(admin), vdisk), 5)

    assert "Boot the maintenance target" in before.split("button primary")[1].split("</a>")[0]
    assert "Promote to test" in after.split("button primary")[1].split("</a>")[0]


def test_clearing_the_override_is_not_the_first_choice(as_, admin: User, vdisk: VDisk) -> None:
    vdisk.versions.filter(number=2).update(access=Access.OVERRIDE)

    part = _version(_page(as_(admin), vdisk), 2)

    assert "Clear the override" in part
    assert "button primary" not in part


def test_the_first_look_is_no_event(as_, helpdesk: User, vdisk: VDisk) -> None:
    ProductionChange.objects.create(vdisk=vdisk, number=3, before=None, seen_at=timezone.now())

    assert f"first seen {timezone.localtime():%Y-%m-%d}" in _page(as_(helpdesk), vdisk)


def test_offers_nobody_else_anything(as_, helpdesk: User, auditor: User, approver: User, vdisk: VDisk) -> None:
    for person in (helpdesk, auditor, approver):
        page = _page(as_(person), vdisk)

        assert "/actions/" not in page
        assert "/changes/new/" not in page


def test_shows_the_history_as_far_as_the_role_sees_it(as_, admin: User, helpdesk: User, vdisk: VDisk) -> None:
    ProductionChange.objects.create(vdisk=vdisk, number=3, before=2, seen_at=timezone.now())
    factories.job(vdisk, admin, title="Boot the test targets: W11-Office")

    assert "Boot the test targets" in _page(as_(admin), vdisk)
    assert "Boot the test targets" not in _page(as_(helpdesk), vdisk)
    assert "after version 2" in _page(as_(helpdesk), vdisk)


def test_remembers_a_vdisk_that_is_gone_without_offering_anything(as_, admin: User, vdisk: VDisk) -> None:
    VDisk.objects.update(gone_at=timezone.now())

    page = _page(as_(admin), vdisk)

    assert "PVS no longer has this vDisk" in page
    assert "/actions/" not in page


def test_answers_htmx_with_the_content_alone(as_, helpdesk: User, vdisk: VDisk) -> None:
    fragment = as_(helpdesk).get(f"/vdisks/{vdisk.pk}/", headers={"HX-Request": "true"}).content.decode()

    assert fragment.startswith('<div id="vdisk"')


def test_a_vdisk_that_never_was_is_not_found(as_, helpdesk: User, vdisk: VDisk) -> None:
    assert as_(helpdesk).get("/vdisks/999999/").status_code == 404


def test_is_clean_for_the_content_security_policy(as_, admin: User, vdisk: VDisk) -> None:
    page = _page(as_(admin), vdisk)

    assert "style=" not in page
    assert "<style" not in page
    assert "onclick" not in page
    assert page.count("<script") == page.count("<script src=")
