"""Three people take a version from maintenance to production, on real wires: lab, worker, database, browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import NewPerson, Person, Portal

pytestmark = pytest.mark.browser
NAME = "W11-CAD"


def test_a_version_travels_the_main_road(portal: Portal, person: NewPerson) -> None:
    admin, approver, helpdesk = person("admin"), person("approver"), person("helpdesk")
    portal.lab("reset")

    make_and_test_a_version(admin)
    change = request_production(admin)
    cannot_decide_on_their_own(admin)
    helpdesk_changes_nothing(helpdesk)

    approve(approver, change)
    board_marks(admin, 2)

    find_target(helpdesk, "MUC-CAD-01", "runs an old version", "since the promotion")
    helpdesk.page.evaluate("window.notReloaded = true")
    portal.lab("targets/restart", vdisk=NAME)
    expect(helpdesk.page.locator("#list")).to_contain_text("right version", timeout=60_000)
    assert helpdesk.page.evaluate("window.notReloaded")

    roll_back_and_forth(admin)
    audit_tells(admin)


def make_and_test_a_version(admin: Person) -> None:
    admin.open_vdisk(NAME)
    admin.act("New maintenance version", reason="Graphics driver 580")
    admin.watch_job()
    admin.open_vdisk(NAME)
    expect(admin.version(2)).to_contain_text("Graphics driver 580")
    admin.act("Boot the maintenance target", version=2)
    admin.watch_job()
    expect(admin.page.locator("#job")).to_contain_text("MUC-MNT-CAD1 runs version 2")
    admin.open_vdisk(NAME)
    admin.act("Promote to test", version=2)
    admin.watch_job()
    admin.open_vdisk(NAME)
    admin.act("Boot the test targets", version=2)
    admin.watch_job()
    expect(admin.page.locator("#job")).to_contain_text("run version 2")


def request_production(admin: Person) -> str:
    """The path of the change's page."""
    admin.open_vdisk(NAME)
    admin.version(2).get_by_role("link", name="Request production").click()
    admin.page.get_by_role("button", name="Request production").click()
    expect(
        admin.page.get_by_text("Say why").or_(admin.page.get_by_text("This field is required")).first
    ).to_be_visible()
    admin.page.get_by_label("Why should it go to production?").fill("New driver, tested by two colleagues")
    admin.page.get_by_label("Change ticket").fill("CHG-4711")
    admin.page.get_by_role("button", name="Request production").click()
    expect(admin.page).to_have_url(re.compile(r"/changes/\d+/$"))
    return admin.page.url.removeprefix(admin.portal.address)


def cannot_decide_on_their_own(admin: Person) -> None:
    expect(admin.page.get_by_text("You requested this change; someone else has to decide on it.")).to_be_visible()
    expect(admin.page.get_by_role("button", name="Approve and promote")).to_have_count(0)


def helpdesk_changes_nothing(helpdesk: Person) -> None:
    helpdesk.open_vdisk(NAME)
    for action in ("New maintenance version", "Request production", "Revert to test", "Set as override"):
        expect(helpdesk.page.get_by_role("link", name=action)).to_have_count(0)
    for path in ("/changes/", "/jobs/", "/audit/"):
        response = helpdesk.page.request.get(helpdesk.portal.address + path)
        assert response.status in (403, 404), path


def approve(approver: Person, change: str) -> None:
    approver.goto(change)
    expect(approver.page.locator("main")).to_contain_text("CHG-4711")
    expect(approver.page.locator("main")).to_contain_text("Production boots next")
    approver.page.get_by_role("button", name="Reject").click()
    expect(approver.page.get_by_text("Say why you reject it")).to_be_visible()
    approver.page.get_by_label("Note").fill("Two colleagues had no trouble")
    approver.page.wait_for_timeout(2000)  # the page has fetched its facts anew by now
    expect(approver.page.get_by_text("Say why you reject it")).to_be_visible()
    expect(approver.page.get_by_label("Note")).to_have_value("Two colleagues had no trouble")
    approver.page.get_by_role("button", name="Approve and promote").click()
    expect(approver.page.locator("main")).to_contain_text("Promoted", timeout=60_000)


def board_marks(someone: Person, number: int) -> None:
    someone.goto("/")
    marked = someone.page.locator(".card.is-next", has_text=f"Version {number}")
    expect(marked.first).to_contain_text("production boots next")


def find_target(helpdesk: Person, name: str, verdict: str, words: str) -> None:
    helpdesk.goto("/targets/")
    helpdesk.page.get_by_label("Name, MAC or IP").fill(name.lower())
    helpdesk.page.get_by_role("button", name="Show").click()
    row = helpdesk.page.get_by_role("row", name=re.compile(name))
    expect(row).to_contain_text(verdict)
    expect(row).to_contain_text(words)
    mac = row.locator(".mono").first.inner_text()
    helpdesk.page.get_by_label("Name, MAC or IP").fill(mac.replace("-", ":").lower())
    helpdesk.page.get_by_role("button", name="Show").click()
    expect(helpdesk.page.get_by_role("row")).to_have_count(2)
    expect(helpdesk.page.get_by_role("row", name=re.compile(name))).to_be_visible()


def roll_back_and_forth(admin: Person) -> None:
    admin.open_vdisk(NAME)
    admin.act("Set as override", version=1, reason="The driver crashes with two screens")
    admin.watch_job()
    board_marks(admin, 1)
    admin.open_vdisk(NAME)
    admin.act("Clear the override", version=1, reason="Fixed by a setting")
    admin.watch_job()
    admin.open_vdisk(NAME)
    admin.act("Revert to test", version=2, reason="One more test round")
    admin.watch_job()
    board_marks(admin, 1)


def audit_tells(admin: Person) -> None:
    admin.goto("/audit/")
    log = admin.page.locator("main")
    for words in (NAME, "approver", "admin"):
        expect(log).to_contain_text(words)
    admin.page.get_by_role("button", name=re.compile("Verify", re.IGNORECASE)).click()
    expect(admin.page.locator("main")).to_contain_text(re.compile("whole|intact|fits", re.IGNORECASE))


def test_a_note_that_is_being_written_outlives_the_request(portal: Portal, person: NewPerson) -> None:
    admin, approver = person("admin"), person("approver")
    portal.lab("reset")
    admin.withdraw_requests()
    admin.open_vdisk("W11-Office")
    admin.version(4).get_by_role("link", name="Request production").click()
    admin.page.get_by_label("Why should it go to production?").fill("Tested")
    admin.page.get_by_role("button", name="Request production").click()
    expect(admin.page).to_have_url(re.compile(r"/changes/\d+/$"))

    approver.goto(admin.page.url.removeprefix(portal.address))
    approver.page.get_by_label("Note").fill("I have looked at")
    admin.page.get_by_label("Note").fill("Asked for too early")
    admin.page.get_by_role("button", name="Withdraw the request").click()
    expect(admin.page.locator("#change")).to_contain_text("“Asked for too early”")

    expect(approver.page.locator("#change")).to_contain_text("Withdrawn by Ada Berger")
    expect(approver.page.locator(".decide")).to_contain_text("What you wrote here was not sent.")
    expect(approver.page.get_by_label("Note")).to_have_value("I have looked at")
    expect(approver.page.get_by_role("button", name="Approve and promote")).to_have_count(0)


def test_the_road_works_without_javascript(portal: Portal, person: NewPerson) -> None:
    admin = person("admin", java_script_enabled=False)
    portal.lab("reset")

    admin.open_vdisk("W2022-CVAD")
    admin.act("New maintenance version", reason="No script")

    expect(admin.page.locator("#job .title-row")).to_contain_text("succeeded", timeout=60_000)  # by its own refresh
    expect(admin.page.locator(".log")).to_contain_text("was created")


def test_a_double_click_makes_one_version(portal: Portal, person: NewPerson) -> None:
    admin = person("admin")
    portal.lab("reset")
    admin.open_vdisk("W11-Office")
    admin.page.get_by_role("link", name="New maintenance version", exact=True).first.click()

    admin.page.locator("main").get_by_role("button", name="New maintenance version").dblclick()

    expect(admin.page.locator("main")).to_contain_text(re.compile("succeeded|running|waiting"))
    admin.goto("/jobs/")
    expect(admin.page.locator("#list").get_by_role("link", name="New maintenance version: W11-Office")).to_have_count(1)


def test_a_refusal_shows_what_pvs_answered(portal: Portal, person: NewPerson) -> None:
    admin = person("admin")
    portal.lab("reset")
    portal.lab(
        "faults", cmdlet="New-PvsDiskMaintenanceVersion", action="fail", code=148, message="no room in the store"
    )
    admin.open_vdisk("W2022-CVAD")

    admin.act("New maintenance version", reason="Will not fit")
    admin.watch_job("failed")

    expect(admin.page.locator("#job")).to_contain_text("148")
    expect(admin.page.locator("#job")).to_contain_text("no room in the store")


def test_a_farm_that_is_away_is_said_on_every_page(portal: Portal, person: NewPerson) -> None:
    helpdesk = person("helpdesk")
    for server in ("PVS01", "PVS02"):
        portal.lab(f"servers/{server}/power", on=False)
    try:
        helpdesk.goto("/targets/")
        expect(helpdesk.page.locator("body")).to_contain_text(re.compile("PVS0.*(connect|answer)"), timeout=90_000)
        expect(helpdesk.page.locator("#list")).to_contain_text("MUC-OFF-001")
    finally:
        for server in ("PVS01", "PVS02"):
            portal.lab(f"servers/{server}/power", on=True)
    expect(helpdesk.page.locator("body")).not_to_contain_text(re.compile("PVS0.*(connect|answer)"), timeout=90_000)
