"""The control: orders as JSON, as forms and from the command line, and who may give them."""

import http.client
import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import pytest

from lab.control import cli
from tests.lab.session import Session
from tests.lab.test_roads import OFFICE, until
from tests.labprocess import LabProcess


def ask(
    lab: LabProcess, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
) -> tuple[int, str, dict[str, str]]:
    """(status, text, headers) with exactly these headers, as a browser or a stranger would send them."""
    url = urlsplit(lab.info["control"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 0, timeout=20)
    try:
        connection.request(method, path, body=body or None, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_the_first_day(lab: LabProcess) -> None:
    state = lab.get("/state")

    assert [server["name"] for server in state["servers"]] == ["PVS01", "PVS02"]
    accesses = {disk["name"]: [version["access"] for version in disk["versions"]] for disk in state["vdisks"]}
    assert accesses == {
        "W11-Office": ["test", "production", "production", "production", "production"],
        "W2022-CVAD": ["production", "override", "production", "production", "production", "production"],
        "W11-CAD": ["production", "production"],
    }
    every = [version for disk in state["vdisks"] for version in disk["versions"]]
    assert all(set(version["inventory"].values()) == {"up_to_date"} for version in every)


def test_the_first_day_has_forty_targets(lab: LabProcess) -> None:
    targets = lab.get("/state")["targets"]

    assert len(targets) == len({target["name"] for target in targets}) == len({one["mac"] for one in targets}) == 40
    assert sum(one["vdisk"] == "W11-Office" and one["type"] == "production" for one in targets) == 24
    for vdisk in ("W11-Office", "W2022-CVAD", "W11-CAD"):
        kinds = [target["type"] for target in targets if target["vdisk"] == vdisk]
        assert kinds.count("test") >= 2
        assert kinds.count("maintenance") == 1
    obsolete = [one["name"] for one in targets if one["vdisk"] == "W2022-CVAD" and one["version"] == 2]
    assert obsolete == ["MUC-CTX-04"]


def test_targets_are_switched_and_restarted(lab: LabProcess) -> None:
    assert lab.post("/targets/power", {"names": ["MUC-OFF-023"], "on": True}) == {"on": ["MUC-OFF-023"]}
    assert lab.post("/targets/restart", {"vdisk": "W11-CAD"})["restarted"] == [
        "MUC-CAD-01",
        "MUC-CAD-02",
        "MUC-TST-CAD1",
    ]

    def running() -> bool:
        targets = {target["name"]: target for target in lab.get("/state")["targets"]}
        return targets["MUC-OFF-023"]["power"] == "running" and targets["MUC-OFF-023"]["version"] == 3

    until(running)


def test_writing_changes_the_maintenance_version(lab: LabProcess, session: Session) -> None:
    session.call("New-PvsDiskMaintenanceVersion", **OFFICE)
    path = lab.state_dir / "stores" / "PVS01" / "W11-Office.5.avhdx"
    before = path.stat()

    assert lab.post("/write", {"vdisk": "W11-Office"}) == {"vdisk": "W11-Office", "version": 5}

    assert path.stat().st_mtime_ns > before.st_mtime_ns
    assert path.stat().st_size > before.st_size


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/write", {"vdisk": "W11-Office"}, "no maintenance version"),
        ("/write", {"vdisk": "Nothing"}, "No such vDisk"),
        ("/targets/restart", {}, "Name targets"),
        ("/targets/restart", {"names": ["X"]}, "No such target"),
        ("/targets/restart", {"names": 7}, "list of target names"),
        ("/targets/power", {"names": ["MUC-OFF-001"]}, "true or false"),
        ("/servers/PVS99/power", {"on": True}, "No such server"),
        ("/replication", {"mode": "backwards"}, "run, hold, break"),
        ("/faults", {"cmdlet": "*", "action": "explode"}, "delay, fail, drop, kill"),
        ("/faults", {"cmdlet": "", "action": "fail"}, "names a cmdlet"),
        ("/faults", {"cmdlet": "*", "action": "fail", "code": "x"}, "is a number"),
        ("/install", {"where": "W11-Office", "program": "7-Zip", "version": "25.01"}, "no maintenance version"),
        ("/install", {"where": "W11-Office", "program": 7, "version": "25.01"}, "program is a text"),
        ("/remove", {"where": "MUC-OFF-001", "program": "7-Zip"}, "gone when it restarts"),
        ("/clock", {"forward_seconds": -5}, "forward only"),
        ("/nothing", {}, "no such order"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_in_words(
    lab: LabProcess, path: str, body: dict[str, Any], words: str
) -> None:
    with pytest.raises(RuntimeError, match=words):
        lab.post(path, body)


def test_a_reset_brings_servers_and_versions_back(lab: LabProcess, session: Session) -> None:
    session.call("New-PvsDiskMaintenanceVersion", **OFFICE)
    lab.post("/servers/PVS02/power", {"on": False})
    lab.post("/faults", {"cmdlet": "*", "action": "fail", "code": 16})

    lab.post("/reset")

    state = lab.get("/state")
    assert all(server["up"] for server in state["servers"])
    assert state["faults"] == []
    assert len(state["vdisks"][0]["versions"]) == 5
    assert not list((lab.state_dir / "stores").glob("*/W11-Office.5.*"))


class Page(HTMLParser):
    """Forms with their fields, labels and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.tags.append(tag)
        if tag == "form":
            assert values["method"] == "post"
            self.forms.append((values["action"], {}))
        elif tag == "input" and values.get("type") == "hidden":
            self.forms[-1][1][values["name"]] = values["value"]


def test_the_page_offers_forms_that_work(lab: LabProcess) -> None:
    status, text, headers = ask(lab, "GET", "/")
    page = Page(text)
    restart = next(form for form in page.forms if form == ("/targets/restart", {"collection": "CAD"}))

    posted, _, answer = ask(lab, "POST", restart[0], urlencode(restart[1]), FORM | _from_the_page(lab))

    assert status == 200
    assert {"h1", "h2", "th", "label", "main"} <= set(page.tags)
    assert "script" not in page.tags
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert posted == 303
    assert "MUC-CAD-01, MUC-CAD-02" in unquote(answer["Location"])


def test_the_page_says_what_was_not_done(lab: LabProcess) -> None:
    _, _, answer = ask(lab, "POST", "/write", urlencode({"vdisk": "W11-Office"}), FORM | _from_the_page(lab))
    _, text, _ = ask(lab, "GET", answer["Location"])

    assert "Not done: W11-Office has no maintenance version." in text


def test_the_page_installs_and_removes(lab: LabProcess, session: Session) -> None:
    session.call("New-PvsDiskMaintenanceVersion", **OFFICE)
    _, text, _ = ask(lab, "GET", "/")
    assert {"/install", "/remove"} <= {action for action, _ in Page(text).forms}

    for path, fields, words in (
        ("/install", {"program": "Widget Maker", "version": "1.5"}, "installed: Widget Maker 1.5"),
        ("/remove", {"program": "Greenshot"}, "removed: Greenshot"),
    ):
        body = urlencode(fields | {"where": "W11-Office"})
        status, _, answer = ask(lab, "POST", path, body, FORM | _from_the_page(lab))
        assert status == 303
        assert words in unquote(answer["Location"]).replace("+", " ")

    programs = lab.get("/contents?vdisk=W11-Office&version=5")["programs"]
    assert programs["Widget Maker"] == "1.5"
    assert "Greenshot" not in programs


@pytest.mark.parametrize("query", ["vdisk=Nothing", "vdisk=W11-CAD&version=9", "vdisk=W11-CAD&version=x", ""])
def test_contents_of_what_is_not_there_are_refused_in_words(lab: LabProcess, query: str) -> None:
    status, text, _ = ask(lab, "GET", f"/contents?{query}")

    assert status == 400
    assert json.loads(text)["error"]


def test_a_notice_is_no_way_to_smuggle_markup(lab: LabProcess) -> None:
    _, text, _ = ask(lab, "GET", "/?notice=%3Cscript%3Ealert(1)%3C/script%3E")

    assert "<script" not in text
    assert "&lt;script&gt;" in text


def _from_the_page(lab: LabProcess) -> dict[str, str]:
    return {"Origin": lab.info["control"].rstrip("/"), "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "elsewhere.example"},
    ],
    ids=str,
)
def test_a_post_from_elsewhere_is_refused(lab: LabProcess, headers: dict[str, str]) -> None:
    status, text, _ = ask(lab, "POST", "/reset", "{}", {"Content-Type": "application/json"} | headers)

    assert status == 403
    assert "own page" in text


def test_another_host_name_reads_nothing(lab: LabProcess) -> None:
    status, text, _ = ask(lab, "GET", "/state", headers={"Host": "elsewhere.example"})

    assert status == 421
    assert "vdisks" not in text


def test_a_body_that_is_no_object_is_refused(lab: LabProcess) -> None:
    for body in ("[]", "{", "x" * 70_000):
        status, text, _ = ask(lab, "POST", "/reset", body, {"Content-Type": "application/json"})
        assert status in {400, 413}
        assert json.loads(text)["error"]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(lab: LabProcess, capsys: pytest.CaptureFixture[str]) -> Run:
    def run_one(*words: str) -> tuple[int, str, str]:
        code = cli.main(["--state", str(lab.state_dir), *words])
        written = capsys.readouterr()
        return code, written.out, written.err

    return run_one


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["restart", "MUC-OFF-001"], {"restarted": ["MUC-OFF-001"]}),
        (["power", "off", "--collection", "CAD"], {"off": ["MUC-CAD-01", "MUC-CAD-02"]}),
        (["server", "PVS02", "down"], {"server": "PVS02", "up": False}),
        (["replication", "hold", "--server", "PVS02"], {"replication": "hold"}),
        (["fault", "Get-PvsFarm", "fail", "--code", "16", "--after-effect"], {"faults": 1}),
        (["clear-faults"], {"faults": 0}),
        (["reset"], {"reset": True}),
    ],
)
def test_the_command_line_gives_the_same_orders(run: Run, words: list[str], answer: dict[str, Any]) -> None:
    code, out, _ = run(*words)

    assert code == 0
    assert json.loads(out) == answer


def test_the_command_line_says_what_was_refused(run: Run) -> None:
    code, _, errors = run("write", "W11-Office")

    assert code == 1
    assert "no maintenance version" in errors


def test_the_command_line_installs_and_tells_what_is_there(run: Run, session: Session) -> None:
    session.call("New-PvsDiskMaintenanceVersion", **OFFICE)

    code, out, _ = run("install", "W11-Office", "Notepad++", "9.0")
    assert code == 0
    assert json.loads(out) == {"vdisk": "W11-Office", "version": 5, "installed": "Notepad++ 9.0"}
    assert run("remove", "W11-Office", "7-Zip")[0] == 0

    programs = json.loads(run("contents", "W11-Office", "5")[1])["programs"]
    assert programs["Notepad++"] == "9.0"
    assert "7-Zip" not in programs
    assert "7-Zip" in json.loads(run("contents", "W11-Office", "4")[1])["programs"]


def test_the_command_line_prints_the_state(run: Run) -> None:
    assert json.loads(run("state")[1])["farm"] == "Lab Farm"
    assert run("clock", "1")[0] == 0
