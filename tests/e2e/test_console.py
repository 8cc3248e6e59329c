"""Pages that stay open while they are refreshed: the console has nothing to say."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import NewPerson, Person, Portal

pytestmark = pytest.mark.browser
NAME = "W2022-CVAD"
PLACES = ("", "contents/", "changes/", "jobs/", "targets/", "portfolio/", "packages/", "audit/", "operations/")


def stay(somebody: Person) -> None:
    """Until the header and every live part of the page were fetched anew, and what is around them has settled."""
    somebody.page.evaluate(
        """() => { window.settled = new Set();
            document.body.addEventListener("htmx:afterSettle", (event) => window.settled.add(event.detail.elt.id));
            document.querySelectorAll("[data-live]").forEach((part) => htmx.trigger(part, "live")); }"""
    )
    somebody.page.wait_for_function(
        """() => Array.from(document.querySelectorAll("[data-live][id]"))
            .every((part) => window.settled.has(part.id))"""
    )


def test_pages_that_are_refreshed_keep_the_console_quiet(portal: Portal, person: NewPerson) -> None:
    admin = person("admin")
    for place in PLACES:
        admin.goto(f"/{place}")
        stay(admin)
        assert not admin.complaints, f"/{place}"
    admin.open_vdisk(NAME)
    stay(admin)
    admin.version(3).get_by_role("link", name="What is in it").click()
    expect(admin.page.get_by_role("heading", level=1)).to_contain_text("What is in")
    for _ in range(5):
        stay(admin)
    assert admin.page.locator("[style]").count() == 0


def test_a_header_from_before_the_portal_was_renewed_takes_what_it_has_a_place_for(
    portal: Portal, person: NewPerson
) -> None:
    """The person's fixture fails when the console complains of a badge without a place."""
    admin = person("admin")
    admin.page.evaluate("""() => { document.getElementById("badge-packages").remove();
        document.getElementById("badge-jobs").textContent = "old"; }""")
    stay(admin)
    assert "old" not in (admin.page.locator("#badge-jobs").text_content() or "")
    assert admin.page.locator("#badge-packages").count() == 0
