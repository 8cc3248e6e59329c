"""Job pages before people: cancel, resume, a very long log, two tabs, no script, a connection that comes and goes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from playwright.sync_api import Locator, Page, expect

from lifecycle import topics
from portal import embedded
from tests.e2e.conftest import NewPerson, Person, Portal

pytestmark = pytest.mark.browser
NAME = "W11-Office"
TEST_VERSION = 4
LONG = 100_000


class Rows:
    """The portal's own database: for a log that no job could write in the time of a test."""

    def __init__(self, portal: Portal) -> None:
        entry = embedded.database(portal.var)
        self.connection = psycopg.connect(
            host=entry["HOST"], port=entry["PORT"], user=entry["USER"], dbname=entry["NAME"], autocommit=True
        )

    def add_lines(self, job: int, count: int, text: str = "Copied block %s of the image") -> None:
        """Lines as the recorder writes them: numbered without a gap, together with the count."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute("SELECT lines FROM lifecycle_job WHERE id = %s FOR UPDATE", [job])
            last = self.one(cursor)
            cursor.execute(
                "INSERT INTO lifecycle_joblogline (job_id, number, step_position, at, level, text) "
                "SELECT %s, n, 1, now(), 'info', replace(%s, '%%s', n::text) FROM generate_series(%s::int, %s::int) n",
                [job, text, last + 1, last + count],
            )
            cursor.execute("UPDATE lifecycle_job SET lines = %s WHERE id = %s", [last + count, job])

    def value(self, sql: str, *values: Any) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return self.one(cursor)

    @staticmethod
    def one(cursor: psycopg.Cursor[Any]) -> Any:
        row = cursor.fetchone()
        assert row is not None
        return row[0]


@pytest.fixture
def rows(portal: Portal) -> Iterator[Rows]:
    found = Rows(portal)
    yield found
    found.connection.close()


def announce(portal: Portal, job: int) -> None:
    """As a worker tells open pages of a line."""
    client = redis.Redis.from_url(embedded.redis_url(portal.var))
    client.publish(f"{topics.CHANNEL_PREFIX}{topics.job(job)}", json.dumps({"topic": topics.job(job)}))
    client.close()


def job_number(someone: Person) -> int:
    found = re.search(r"/jobs/(\d+)/", someone.page.url)
    assert found, someone.page.url
    return int(found[1])


def start_waiting_job(portal: Portal, admin: Person) -> int:
    """A job that waits for its targets to boot, which takes them a while."""
    portal.lab("reset")
    portal.lab("targets/power", vdisk=NAME, on=False)
    while any(target["power"] != "off" for target in portal.targets_of(NAME)):
        time.sleep(0.2)  # a target that is still shutting down counts as running
    admin.open_vdisk(NAME)
    admin.act("Boot the test targets", version=TEST_VERSION)
    expect(step(admin.page, "Boot the test targets")).to_contain_text("Waiting for", timeout=60_000)
    return job_number(admin)


def ended_job(portal: Portal, admin: Person) -> int:
    portal.lab("reset")
    admin.open_vdisk("W11-CAD")
    admin.act("New maintenance version", reason="A job with a log")
    admin.watch_job()
    return job_number(admin)


def step(page: Page, title: str) -> Locator:
    return page.locator(".step", has_text=title)


def state(page: Page) -> Locator:
    return page.locator("#job .title-row .pill")


def shows(page: Page, first: int, last: int) -> None:
    """Each of these lines once and in order, and no other."""
    for number in (first, last):
        expect(page.locator(f"#line-{number}")).to_be_attached(timeout=60_000)
    expect(page.locator(".log-line")).to_have_count(last - first + 1, timeout=60_000)
    assert numbers(page) == list(range(first, last + 1))


def numbers(page: Page) -> list[int]:
    return [
        int(found.removeprefix("line-")) for found in page.locator(".log-line").evaluate_all("e => e.map(x => x.id)")
    ]


def follows(page: Page) -> None:
    """The end of the log is in sight, within its frame."""
    page.wait_for_function(
        "log = document.querySelector('#log'), log.scrollHeight - log.scrollTop - log.clientHeight < 40"
    )


def test_a_running_job_is_cancelled_and_says_what_goes_on(portal: Portal, person: NewPerson) -> None:
    admin = person("admin")
    start_waiting_job(portal, admin)
    admin.page.evaluate("window.notReloaded = true")

    admin.page.get_by_role("button", name="Cancel the job").dblclick()

    expect(state(admin.page)).to_have_text("cancelled", timeout=60_000)
    expect(admin.page.locator("#job .notice").first).to_contain_text("Cancelled by admin.")
    expect(admin.page.locator("#job .notice").first).to_contain_text("started and go on")
    expect(admin.page.get_by_role("button", name="Cancel the job")).to_have_count(0)


def test_a_failed_job_goes_on_where_it_failed(portal: Portal, person: NewPerson, rows: Rows) -> None:
    admin = person("admin")
    portal.lab("reset")
    portal.lab("faults", cmdlet="New-PvsDiskMaintenanceVersion", action="fail", code=148, message="no room")
    admin.open_vdisk("W2022-CVAD")
    admin.act("New maintenance version", reason="Will not fit at first")
    admin.watch_job("failed")
    job = job_number(admin)
    done_at = rows.value("SELECT ended_at FROM lifecycle_jobstep WHERE job_id = %s AND position = 1", job)
    portal.lab("faults/clear")

    admin.page.get_by_role("button", name="Resume from the failed step").click()

    expect(state(admin.page)).to_have_text("succeeded", timeout=60_000)
    expect(admin.page.locator(".log")).to_contain_text("Resumed by admin from step 2, “Create the version”")
    expect(step(admin.page, "Create the version")).to_contain_text("done")
    assert rows.value("SELECT ended_at FROM lifecycle_jobstep WHERE job_id = %s AND position = 1", job) == done_at
    assert rows.value("SELECT attempts FROM lifecycle_jobstep WHERE job_id = %s AND position = 1", job) == 1


def test_a_log_of_100_000_lines_is_read_searched_and_followed(portal: Portal, person: NewPerson, rows: Rows) -> None:
    admin = person("admin")
    job = ended_job(portal, admin)
    first = rows.value("SELECT lines FROM lifecycle_job WHERE id = %s", job)
    rows.add_lines(job, LONG - first)
    page = admin.page

    admin.goto(f"/jobs/{job}/")
    expect(page.locator(f"#line-{LONG}")).to_be_attached()
    shows(page, LONG - 499, LONG)
    follows(page)
    page.locator("#log").evaluate("log => log.scrollIntoView({block: 'center'})")

    before = page.locator(f"#line-{LONG - 499}")
    page.get_by_role("link", name="Earlier lines").click()  # scrolls to it first
    expect(page.locator(f"#line-{LONG - 999}")).to_be_attached()
    shows(page, LONG - 999, LONG)
    expect(before).to_be_in_viewport()  # the reader's place has not moved

    page.get_by_label("Search the log").fill("BLOCK 54321 ")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("mark")).to_have_text(["block 54321 "])
    shows(page, 54321, 54321)
    page.get_by_role("link", name="Line 54321", exact=True).click()
    expect(page.locator("#line-54321")).to_be_in_viewport()
    shows(page, 54071, 54570)
    page.get_by_role("link", name="Later lines").click()
    expect(page.locator("#line-54571")).to_be_attached()
    shows(page, 54071, 55070)

    admin.goto(f"/jobs/{job}/#line-777")
    expect(page).to_have_url(re.compile(r"/log/\?line=777#line-777$"))
    expect(page.locator("#line-777")).to_be_in_viewport()
    whole = page.request.get(f"{portal.address}/jobs/{job}/log.txt").text()
    assert len(re.findall(r"^ *\d+ 20\d\d-\S+ (?:step|job)", whole, re.MULTILINE)) == LONG


def test_a_log_follows_its_reader_and_not_the_other_way_round(portal: Portal, person: NewPerson, rows: Rows) -> None:
    admin = person("admin")
    job = ended_job(portal, admin)
    rows.add_lines(job, 300)
    last = rows.value("SELECT lines FROM lifecycle_job WHERE id = %s", job)
    admin.goto(f"/jobs/{job}/")
    page, log = admin.page, admin.page.locator("#log")
    expect(page.locator("#live-sign")).to_have_text("live")
    newest = page.get_by_role("link", name="Newest lines")

    rows.add_lines(job, 20)
    announce(portal, job)
    expect(page.locator(f"#line-{last + 20}")).to_be_attached()
    follows(page)
    expect(newest).to_be_hidden()

    log.evaluate("log => log.scrollTop = 200")
    rows.add_lines(job, 20)
    announce(portal, job)
    expect(page.locator(f"#line-{last + 40}")).to_be_attached()
    expect(newest).to_be_visible()
    assert log.evaluate("log => log.scrollTop") == 200

    newest.click()
    follows(page)
    expect(newest).to_be_hidden()
    shows(page, 1, last + 40)


def test_two_tabs_show_the_same_and_the_second_cancel_is_answered_kindly(portal: Portal, person: NewPerson) -> None:
    admin = person("admin")
    job = start_waiting_job(portal, admin)
    other = admin.page.context.new_page()
    other.goto(f"{portal.address}/jobs/{job}/")
    form = "form[action$='/cancel/']"
    other.evaluate(f'window.asItWas = document.querySelector("{form}").cloneNode(true)')

    admin.page.get_by_role("button", name="Cancel the job").click()
    expect(other.get_by_role("button", name="Cancel the job")).to_have_count(0)
    expect(other.locator("#job")).to_contain_text(re.compile("asked to cancel it|Cancelled by admin"))
    other.evaluate("document.querySelector('main').append(window.asItWas)")
    other.get_by_role("button", name="Cancel the job").click()

    said = re.compile("its cancelling was asked for before|The job is over: it is cancelled")  # workers are quick
    expect(other.locator(".message")).to_contain_text(said)
    for tab in (admin.page, other):
        expect(state(tab)).to_have_text("cancelled", timeout=60_000)


def test_buttons_and_log_work_without_javascript(portal: Portal, person: NewPerson, rows: Rows) -> None:
    admin = person("admin", java_script_enabled=False)
    job = start_waiting_job(portal, admin)
    page = admin.page

    page.get_by_role("button", name="Cancel the job").click()
    expect(state(page)).to_have_text("cancelled", timeout=60_000)  # by its own refresh
    rows.add_lines(job, 1200)
    last = rows.value("SELECT lines FROM lifecycle_job WHERE id = %s", job)

    page.get_by_role("link", name="Whole log, with filters").click()
    shows(page, last - 499, last)
    page.get_by_role("link", name="Earlier lines").click()
    shows(page, last - 999, last - 500)
    page.get_by_role("link", name="Later lines").click()
    shows(page, last - 499, last)
    page.get_by_label("Text").fill("cancelling")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("mark").first).to_have_text(re.compile("cancelling", re.IGNORECASE))
    page.get_by_role("link", name=re.compile("^Line ")).first.click()
    expect(page.locator(".log-line").first).to_have_attribute("id", "line-1")


def test_a_lost_connection_is_said_and_nothing_is_missing_afterwards(
    portal: Portal, person: NewPerson, rows: Rows
) -> None:
    admin = person("admin")
    job = ended_job(portal, admin)
    page, sign = admin.page, admin.page.locator("#live-sign")
    admin.goto(f"/jobs/{job}/")
    expect(sign).to_have_text("live")
    last = rows.value("SELECT lines FROM lifecycle_job WHERE id = %s", job)

    page.context.set_offline(True)
    expect(sign).to_have_text("connection lost, retrying", timeout=60_000)
    rows.add_lines(job, 1234, "Written while nobody could hear it: %s")
    page.context.set_offline(False)

    expect(sign).to_have_text("live", timeout=60_000)
    expect(page.locator(f"#line-{last + 1234}")).to_be_attached(timeout=60_000)
    shows(page, 1, last + 1234)
    follows(page)
    offline = ("ERR_INTERNET_DISCONNECTED", "htmx:sendError")
    admin.complaints = [words for words in admin.complaints if not any(each in words for each in offline)]
