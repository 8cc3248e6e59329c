"""Schedules before a real browser: times shown while one types, a schedule that stops itself, no scripts at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import NewPerson, Person, Portal

pytestmark = pytest.mark.browser
NAME = "Promote what there is"


@pytest.fixture(scope="module", autouse=True)
def lab(portal: Portal, browser: Browser) -> Iterator[None]:
    """As it was at first; what a test made is removed, so that the board is silent for other tests."""
    portal.lab("reset")
    yield
    context = browser.new_context()
    admin = Person(portal, context, "admin")
    admin.goto("/schedules/")
    while admin.page.locator("#schedules > .list .list-title").count():
        admin.page.locator("#schedules > .list .list-title").first.click()
        admin.page.get_by_role("link", name="Remove…").click()
        admin.page.get_by_role("button", name="Remove").click()
        expect(admin.page.get_by_role("heading", name="Schedules", level=1)).to_be_visible()
    context.close()


def _fill_in(page: Page, *, name: str, kind: str, cron: str, zone: str = "Europe/Berlin") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("What it does").select_option(label=kind)
    page.get_by_label("vDisk", exact=True).select_option(label="W11-CAD")
    page.get_by_label("Time zone").fill(zone)
    page.get_by_label("Times").fill(cron)


def test_the_next_times_follow_what_is_typed(person: NewPerson) -> None:
    admin = person("admin")
    admin.goto("/schedules/new/")
    preview = admin.page.locator("#preview")

    _fill_in(admin.page, name="Nightly", kind="Merge updates", cron="0 25 * * *")
    expect(preview).to_contain_text("The hour “25” makes no sense")

    admin.page.get_by_label("Times").fill("30 2 * * SUN")
    expect(preview.locator("time")).to_have_count(5)
    expect(preview).to_contain_text("At 02:30 on Sunday (Europe/Berlin)")
    expect(admin.page.get_by_label("Name")).to_have_value("Nightly")


def test_enter_saves(person: NewPerson) -> None:
    admin = person("admin")
    admin.goto("/schedules/new/")
    _fill_in(admin.page, name="By the keyboard", kind="Merge updates", cron="0 3 * * *")

    admin.page.get_by_label("Times").press("Enter")

    expect(admin.page.get_by_role("heading", name="By the keyboard", level=1)).to_be_visible()


def test_the_board_learns_that_a_schedule_stopped_itself(person: NewPerson) -> None:
    watcher, admin = person("auditor"), person("admin")
    watcher.goto("/")
    expect(watcher.page.locator("#live-sign")).to_have_text("live")
    watcher.page.evaluate("window.notReloaded = true")
    admin.goto("/schedules/new/")
    _fill_in(admin.page, name=NAME, kind="Promote to test", cron="* * * * *", zone="UTC")
    admin.page.get_by_label("Stops itself").fill("1")
    admin.page.get_by_role("button", name="Save").click()
    expect(admin.page.get_by_role("heading", name=NAME, level=1)).to_be_visible()

    stopped = watcher.page.locator("#stopped")
    expect(stopped).to_contain_text("W11-CAD has no maintenance version.", timeout=180_000)
    assert watcher.page.evaluate("window.notReloaded"), "the page was reloaded"
    expect(admin.page.locator("#schedule .notice")).to_contain_text("The last time failed, so it stopped itself.")

    admin.page.get_by_role("button", name="Resume").click()
    expect(admin.page.locator("main")).to_contain_text("It goes on with its next time.")
    expect(stopped).not_to_contain_text("stopped itself", timeout=60_000)


def test_times_are_previewed_and_saved_without_scripts(portal: Portal, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
    admin = Person(portal, context, "admin")
    admin.goto("/schedules/new/")
    _fill_in(admin.page, name="Without scripts", kind="Boot the test targets", cron="0 6 * * 1-5")

    admin.page.get_by_role("button", name="Preview").click()
    expect(admin.page.locator("#preview time")).to_have_count(5)
    expect(admin.page.get_by_label("Times")).to_have_value("0 6 * * 1-5")

    admin.page.get_by_role("button", name="Save").click()
    expect(admin.page.get_by_role("heading", name="Without scripts", level=1)).to_be_visible()
    admin.page.get_by_label("Why pause it").fill("Holidays")
    admin.page.get_by_role("button", name="Pause").click()
    expect(admin.page.locator("#schedule .notice")).to_contain_text("paused it: Holidays")
    context.close()


@pytest.mark.parametrize("width", [360, 2560])
def test_nothing_runs_over_the_edge(person: NewPerson, width: int) -> None:
    admin = person("admin", viewport={"width": width, "height": 800})
    admin.goto("/schedules/windows/new/")
    admin.page.get_by_label("Name").fill(f"A window with a name of some length for a page of {width} pixels")
    admin.page.get_by_label("Times").fill("0 22 * * SUN")
    admin.page.get_by_role("button", name="Save").click()
    admin.goto("/schedules/")

    for path in ["/schedules/", "/schedules/new/", "/schedules/windows/new/", *_paths(admin.page)]:
        admin.goto(path)
        over = admin.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, f"{path} is {over} pixels too wide"


def _paths(page: Page) -> list[str]:
    links = page.locator("#schedules .list-title")
    return [str(links.nth(at).get_attribute("href")) for at in range(links.count())]
