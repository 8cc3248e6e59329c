"""What is inside the images, before a real browser: an approver sees what would differ; an admin makes a package of a
program that none covers, and the vDisk comes nearer to being rebuilt."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import NewPerson, Person, Portal

pytestmark = pytest.mark.browser
NAME = "W11-Office"
PATIENCE_SECONDS = 180


def test_an_approver_sees_what_would_differ_inside(portal: Portal, person: NewPerson) -> None:
    portal.lab("reset")
    admin, approver = person("admin"), person("approver")
    wait_until_read(admin, 3)
    wait_until_read(admin, 4)
    admin.withdraw_requests()

    admin.open_vdisk(NAME)
    admin.version(4).get_by_role("link", name="Request production").click()
    admin.page.get_by_label("Why should it go to production?").fill("Tried for two days")
    admin.page.get_by_role("button", name="Request production").click()
    expect(admin.page).to_have_url(re.compile(r"/changes/\d+/$"))
    approver.page.goto(admin.page.url)

    inside = approver.page.locator("#inside")
    expect(inside).to_contain_text("2 programs updated")
    expect(inside).to_contain_text("Microsoft 365 Apps for enterprise")
    admin.withdraw_requests()


def test_an_uncovered_program_becomes_a_package_and_readiness_rises(portal: Portal, person: NewPerson) -> None:
    admin = person("admin")
    wait_until_read(admin, 4)
    before = readiness(admin)

    admin.goto("/portfolio/?text=notepad")
    admin.page.get_by_role("link", name=re.compile("Notepad")).click()
    admin.page.get_by_role("button", name="Make a package draft").click()
    expect(admin.page.get_by_role("heading", level=1)).to_contain_text("Notepad++")
    drafted = readiness(admin)
    admin.goto("/portfolio/?text=greenshot")
    admin.page.get_by_role("link", name=re.compile("Greenshot")).click()
    admin.page.get_by_text("Decide by hand").click()
    admin.page.get_by_label("Or: it needs no package, because").fill("replaced by Windows' own tool")
    admin.page.get_by_role("button", name="Decide", exact=True).click()
    expect(admin.page.locator("main")).to_contain_text("needs no package")
    after = readiness(admin)

    assert drafted[1] > before[1], "one more program has a package"
    assert drafted[0] == before[0], "a draft installs nothing yet"
    assert after[0] > drafted[0]


def test_advice_and_the_build_book(portal: Portal, person: NewPerson) -> None:
    approver = person("approver")
    wait_until_read(approver, 4)
    approver.open_vdisk(NAME)
    approver.page.get_by_role("link", name="Which way for a change?").click()
    approver.page.get_by_label("What is to change?").select_option("tools")
    approver.page.get_by_role("button", name="Advise").click()
    expect(approver.page.locator("main")).to_contain_text("The tools replace the driver of the network card")

    approver.open_vdisk(NAME)
    approver.page.get_by_role("link", name="Build book").click()
    expect(approver.page.get_by_role("heading", level=1)).to_have_text(f"Build book of {NAME}")
    with approver.page.expect_download() as download:
        approver.page.get_by_role("link", name="PDF").click()
    assert download.value.suggested_filename == "build-book-w11-office.pdf"


def wait_until_read(somebody: Person, number: int) -> None:
    """Readings begin by themselves; the page says when there is one."""
    somebody.open_vdisk(NAME)
    somebody.version(number).get_by_role("link", name="What is in it").click()
    until = time.monotonic() + PATIENCE_SECONDS
    while somebody.page.get_by_role("heading", name="Programs").count() == 0:
        assert time.monotonic() < until, somebody.page.locator("main").inner_text()
        somebody.page.wait_for_timeout(500)
        somebody.page.reload()


def readiness(somebody: Person) -> tuple[int, int]:
    """Explained by ready packages, and programs with a package, in per cent."""
    somebody.open_vdisk(NAME)
    somebody.page.get_by_role("link", name="Ready to be rebuilt?").click()
    text = somebody.page.locator("main").inner_text()
    explained = re.search(r"(\d+) %\s", text)
    covered = re.search(r"(\d+) % of its \d+ programs have a package", text)
    assert explained, text
    assert covered, text
    return int(explained[1]), int(covered[1])
