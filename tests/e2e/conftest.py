"""The whole portal as `make run` starts it, and people who sit before it in a real browser."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.conftest import require_extra

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""


@dataclass(frozen=True)
class Portal:
    address: str
    password: str
    var: Path

    def lab(self, path: str, **order: Any) -> Any:
        """Give the lab's control an order, as its page does."""
        control = json.loads((self.var / "lab" / "lab.json").read_text())["control"]
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(control + path, json.dumps(order).encode(), headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
            return json.load(response)

    def targets_of(self, vdisk: str) -> list[dict[str, Any]]:
        """The targets as the lab has them at this moment."""
        control = json.loads((self.var / "lab" / "lab.json").read_text())["control"]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"{control}/state", timeout=30
        ) as answer:
            return [target for target in json.load(answer)["targets"] if target["vdisk"] == vdisk]


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    require_extra("Chromium", bool(CHROMIUM), "apt-get install chromium")
    var = Path(tmp_path_factory.mktemp("portal"))
    password = secrets.token_urlsafe(12)
    port = _free_port()
    ours = {"PORTAL_VAR": str(var), "PORTAL_PORT": str(port), "PORTAL_DEMO_PASSWORD": password}
    theirs = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    log = var / "launcher.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "portal.launcher"]
        child = subprocess.Popen(command, cwd=ROOT, env=theirs | ours, stdout=output, stderr=output)
    try:
        _wait_until_ready(child, log)
        yield Portal(f"http://127.0.0.1:{port}", password, var)
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(timeout=60)


def _wait_until_ready(child: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(READY_SECONDS * 5):
        if b"Portal ready:" in log.read_bytes():
            return
        if child.poll() is not None:
            break
        time.sleep(0.2)
    raise AssertionError(f"the portal did not start:\n{log.read_text()[-4000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def browser(portal: Portal) -> Iterator[Browser]:
    """Closed with its module: while Playwright's event loop lives, Django refuses other tests their database."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Person:
    """Somebody with a browser window of their own, logged in. Collects what the console complains about."""

    def __init__(self, portal: Portal, context: BrowserContext, name: str) -> None:
        self.portal, self.name = portal, name
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda line: self._note(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.goto("/accounts/login/")
        self.page.locator("[name=username]").fill(name)
        self.page.locator("[name=password]").fill(portal.password)
        self.page.locator("main button[type=submit]").click()
        expect(self.page.get_by_role("heading", name="Board", level=1)).to_be_visible()

    def _note(self, complaint: str) -> None:
        """A refused form is a page with status 4xx, which Chromium mentions; a page left while a part of it was being
        fetched aborts that, which htmx mentions in two lines. Anything else is a fault."""
        refused = any(f"status of {status} " in complaint for status in (400, 409, 422))
        if not refused and not complaint.startswith(("htmx:sendAbort", "htmx:afterRequest")):
            self.complaints.append(complaint)

    def goto(self, path: str) -> None:
        self.page.goto(self.portal.address + path)

    def open_vdisk(self, name: str) -> None:
        self.goto("/")
        self.page.get_by_role("link", name=name, exact=True).first.click()
        expect(self.page.get_by_role("heading", name=name, level=1)).to_be_visible()

    def version(self, number: int) -> Any:
        return self.page.locator(f"#version-{number}")

    def act(self, label: str, *, version: int | None = None, reason: str = "") -> None:
        """Press an action of the open vDisk page, confirm it, and arrive at the job."""
        place = self.version(version) if version is not None else self.page
        place.get_by_role("link", name=label, exact=True).first.click()
        if reason:
            self.page.locator("[name=reason]").fill(reason)
        self.page.locator("main").get_by_role("button", name=label, exact=True).click()
        expect(self.page.locator(".steps, progress").first).to_be_visible()

    def withdraw_requests(self) -> None:
        """Other tests may have left some; a version has one open request at a time."""
        self.goto("/changes/?state=open")
        links = self.page.locator("#list .list-title a, #list a[href^='/changes/']")
        for path in {link.get_attribute("href") or "" for link in links.all()}:
            if re.fullmatch(r"/changes/\d+/", path):
                self.goto(path)
                self.page.get_by_role("button", name="Withdraw the request").click()
                expect(self.page.locator("#change")).to_contain_text("Withdrawn by")

    def watch_job(self, state: str = "succeeded") -> None:
        """Leave the job's page open until it shows the end; it must not have been loaded anew."""
        self.page.evaluate("window.notReloaded = true")
        expect(self.page.locator("#job .title-row")).to_contain_text(state, timeout=60_000)
        assert self.page.evaluate("window.notReloaded"), "the page was reloaded"


NewPerson = Callable[..., Person]


@pytest.fixture
def person(portal: Portal, browser: Browser) -> Iterator[NewPerson]:
    """Opens a window for somebody; the test fails when a window's console complained."""
    contexts: list[BrowserContext] = []
    people: list[Person] = []

    def enter(name: str, **options: Any) -> Person:
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))
        contexts.append(context)
        people.append(Person(portal, context, name))
        return people[-1]

    yield enter
    complaints = {someone.name: someone.complaints for someone in people if someone.complaints}
    for context in contexts:
        context.close()
    assert not complaints
