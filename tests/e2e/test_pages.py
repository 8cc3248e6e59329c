"""Every page at every width, light and dark: nothing runs over the edge. PORTAL_SCREENSHOTS=<folder> takes pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import NewPerson, Person, Portal

pytestmark = pytest.mark.browser
NAME = "W11-Office"
WIDTHS = (360, 1440, 2560)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def scene(portal: Portal, browser: Browser) -> Iterator[dict[str, str]]:
    """Something to see: an open request, a job that ended, a version being written to. Page by its name."""
    portal.lab("reset")
    context = browser.new_context()
    admin = Person(portal, context, "admin")
    admin.open_vdisk("W11-CAD")
    admin.act("New maintenance version", reason="Graphics driver 580")
    admin.watch_job()
    job = _path(admin)
    admin.open_vdisk("W11-CAD")
    admin.act("Boot the maintenance target", version=2)
    admin.watch_job()
    admin.open_vdisk(NAME)
    vdisk = _path(admin)
    change = _change(admin)
    yield {
        "board": "/",
        "vdisk": vdisk,
        "change": change,
        "job": job,
        "log": f"{job}log/",
        "targets": "/targets/",
        "audit": "/audit/",
        "operations": "/operations/",
    }
    context.close()


def _change(admin: Person) -> str:
    """The open request for the test version, made now unless another test left one."""
    admin.version(4).get_by_role("link", name=re.compile("Request production|request")).first.click()
    if "/changes/new/" in admin.page.url:
        admin.page.get_by_label("Why should it go to production?").fill("Office update and printer drivers, tested")
        admin.page.get_by_label("Change ticket").fill("CHG-20418")
        admin.page.get_by_role("button", name="Request production").click()
    expect(admin.page).to_have_url(re.compile(r"/changes/\d+/$"))
    return _path(admin)


def _path(someone: Person) -> str:
    return someone.page.url.removeprefix(someone.portal.address).partition("#")[0]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_runs_over_the_edge(scene: dict[str, str], person: NewPerson, width: int, scheme: str) -> None:
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    admin, approver = person("admin", **options), person("approver", **options)

    for name, path in scene.items():
        viewer = approver if name == "change" else admin  # whoever has the most controls on it
        viewer.goto(path)
        expect(viewer.page.locator("h1")).to_be_visible()
        over = viewer.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{name} is {over} px too wide at {width} px"
        if width == WIDTHS[0]:
            assert _too_low_for_a_finger(viewer.page) == [], name
        _picture(viewer.page, name, width, scheme)


def _too_low_for_a_finger(page: Page) -> list[str]:
    """Links in crumbs, lists and facts that are less than 24 px high."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('.crumbs a, .list a, .rows a, .facts a, .target-chips a, table a')]
            .filter(e => e.offsetParent !== null && e.getBoundingClientRect().height < 24)
            .map(e => e.outerHTML.slice(0, 120))"""
    )
    return found


def _picture(page: Page, name: str, width: int, scheme: str) -> None:
    folder = os.environ.get("PORTAL_SCREENSHOTS")
    if folder and width != 2560:
        suffix = scheme if width == 1440 else f"{scheme}-{width}"
        page.wait_for_timeout(300)
        page.screenshot(path=Path(folder) / f"{name}-{suffix}.png", full_page=name != "targets")


@pytest.mark.parametrize("name", ["board", "vdisk", "change", "job", "targets"])
def test_every_control_can_be_reached_by_keyboard_and_has_a_name(
    scene: dict[str, str], person: NewPerson, name: str
) -> None:
    approver = person("approver")
    approver.goto(scene[name])

    first = approver.page.locator("a[href], button, input:not([type=hidden])").first
    expect(first).to_have_text(re.compile("^Skip"))
    nameless = approver.page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
            .filter(e => e.offsetParent !== null)
            .filter(e => !e.textContent.trim() && !e.getAttribute('aria-label') && !(e.labels && e.labels.length))
            .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
