"""inspect_image and diff_images as a script sees them: what is printed where, exit codes, and no database."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import execute_from_command_line

from builders.adapters.store.locks import MAY_BE_WRITTEN
from builders.commandline.words import report_lines
from builders.inspection.inventory import Report
from tests.inspection import sample

ROOT = Path(__file__).resolve().parents[3]
NEWER = sample.PROGRAMS | {"7-Zip 23.01 (x64)": ("24.08", "Igor Pavlov"), "Firefox": ("120.0", "Mozilla")}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    sample.base(folder / "W11.vhdx", sample.tree(sample.PROGRAMS))
    sample.child(folder / "W11.1.avhdx", folder / "W11.vhdx", sample.tree(NEWER))
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def manage(capsys: pytest.CaptureFixture[str]):
    """Run a command as manage.py does, in this process, where a test without a database may not touch one."""

    def start(*words: str | Path) -> subprocess.CompletedProcess[str]:
        code = 0
        try:
            execute_from_command_line(["manage.py", *map(str, words)])
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, told.out, told.err)

    return start


@pytest.fixture
def process(home: Path):
    """The same in a process of its own, whose database and Redis are not there."""

    def start(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        ours = ("PORTAL_", "DATABASE", "REDIS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        nowhere = {"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *map(str, words)],
            env=kept | nowhere | {"PORTAL_VAR": str(home)} | more,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return start


def programs(report: dict) -> dict[str, str]:
    return {each["name"]: each["version"] for each in report["programs"]}


def test_a_chain_is_found_beside_its_top_and_told_as_json_alone(process, store: Path) -> None:
    done = process("inspect_image", store / "W11.1.avhdx", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert set(report) == set(Report().as_dict())
    assert report["partial"] is False
    assert [link["name"] for link in report["image"]["links"]] == ["W11.1.avhdx", "W11.vhdx"]
    assert report["os"]["full_build"] == "10.0.22631.3447"
    assert programs(report) == {name: version for name, (version, _) in NEWER.items()}


def test_for_a_person(manage, store: Path) -> None:
    done = manage("inspect_image", store / "W11.vhdx")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Programs (2)" in done.stdout
    assert "  7-Zip 23.01 (x64), 23.01, Igor Pavlov" in done.stdout


def test_programs_and_updates_are_told_apart() -> None:
    def one(name: str, kind: str, **more: object) -> dict:
        return {"name": name, "kind": kind, "version": "1", "publisher": "", "scope": "machine", "updates": []} | more

    report = Report().as_dict() | {"image": {"links": [], "size": 0, "style": "none", "partitions": []}}
    report["programs"] = [
        one("Office", "application", updates=[{"name": "Security Update", "version": "2", "source": "x"}]),
        one("Edge", "platform"),
        one("Update for Nothing", "update", parent=""),
        one("Security Update", "update", version="2", parent="Office"),
        one("Secret Part", "hidden"),
    ]
    lines = list(report_lines(report))

    def under(title: str) -> str:
        return lines[lines.index(title) + 1].strip()

    assert under("Programs (1)") == "Office, 1"
    assert under("Parts of the platform (1)") == "Edge, 1"
    at = lines.index("Updates of programs (2)")
    assert lines[at + 1 : at + 3] == ["  Security Update, 2, of Office", "  Update for Nothing, 1"]
    assert not any("Secret Part" in line for line in lines)


def test_parents_that_are_named(manage, store: Path, tmp_path: Path) -> None:
    alone, elsewhere = tmp_path / "alone", tmp_path / "elsewhere"
    alone.mkdir()
    elsewhere.mkdir()
    top = alone / "W11.1.avhdx"
    top.write_bytes((store / top.name).read_bytes())
    (elsewhere / "renamed.vhdx").write_bytes((store / "W11.vhdx").read_bytes())
    missing = manage("inspect_image", top)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "W11.vhdx, the parent of W11.1.avhdx, is not in the same folder" in missing.stderr
    done = manage("inspect_image", top, "--json", "--parent", elsewhere / "renamed.vhdx")
    assert (done.returncode, done.stderr) == (0, "")
    assert programs(json.loads(done.stdout))["Firefox"] == "120.0"


def test_parents_of_a_named_parent_lie_beside_it_and_searched_folders_are_named(
    manage, store: Path, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("top", "old")}
    for folder in folders.values():
        folder.mkdir()
    for name, folder in (("W11.1.avhdx", "old"), ("W11.vhdx", "old")):
        (folders[folder] / name).write_bytes((store / name).read_bytes())
    middle = folders["old"] / "W11.1.avhdx"
    made = sample.child(folders["old"] / "W11.2.avhdx", middle, sample.tree(sample.PROGRAMS))
    top = made.rename(folders["top"] / made.name)
    done = manage("inspect_image", top, "--json", "--parent", middle)
    assert (done.returncode, done.stderr) == (0, "")
    links = json.loads(done.stdout)["image"]["links"]
    assert [link["name"] for link in links] == ["W11.2.avhdx", "W11.1.avhdx", "W11.vhdx"]

    (folders["old"] / "W11.vhdx").unlink()
    missing = manage("inspect_image", top, "--parent", middle)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert f"Searched: {folders['old']}, {folders['top']}." in missing.stderr


def test_a_lock_file_beside_the_newest_file_is_a_warning(manage, store: Path, tmp_path: Path) -> None:
    for name in ("W11.1.avhdx", "W11.vhdx"):
        (tmp_path / name).write_bytes((store / name).read_bytes())
        (tmp_path / name).with_suffix(".lok").touch()
    report = json.loads(manage("inspect_image", tmp_path / "W11.1.avhdx", "--json").stdout)
    assert report["warnings"] == [{"where": "W11.1.avhdx", "words": MAY_BE_WRITTEN}]
    assert report["partial"] is False
    report = json.loads(manage("inspect_image", tmp_path / "W11.vhdx", "--json").stdout)
    assert report["warnings"] == [], "a newer file stands on it, so nobody writes to it"


def test_a_foreign_parent_is_refused(manage, store: Path, tmp_path: Path) -> None:
    other = sample.base(tmp_path / "other.vhdx", sample.tree({}))
    done = manage("inspect_image", store / "W11.1.avhdx", "--json", "--parent", other)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not the parent that W11.1.avhdx was made on" in done.stderr


def test_a_plain_disk(manage, tmp_path: Path) -> None:
    disk = sample.raw(tmp_path / "W11-flat.vmdk", sample.tree(sample.PROGRAMS))
    done = manage("inspect_image", disk, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["image"]["links"][0]["format"] == "raw"
    assert len(report["programs"]) == 2


def test_what_cannot_be_read_in_part(manage, store: Path, tmp_path: Path) -> None:
    """A hive of zeros: the rest of the report is there, and both outputs say that something is missing."""
    files = sample.tree(sample.PROGRAMS) | {rf"{sample.CONFIG}\SYSTEM": bytes(8192)}
    done = manage("inspect_image", sample.base(tmp_path / "W11.vhdx", files), "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["partial"] is True
    assert any("SYSTEM" in warning["where"] for warning in report["warnings"])
    assert "read in part only" in done.stderr
    assert len(report["programs"]) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"root:x:0:0\n" * 100, "is no VHD or VHDX"),
        (b"", "is no VHD or VHDX"),
        (b"vhdxfile" + bytes(1 << 20), "image"),
        (b"PK\x03\x04" + bytes(1 << 16), "it is a ZIP archive"),
    ],
)
def test_what_is_no_image(manage, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "image").write_bytes(content)
    done = manage("inspect_image", tmp_path / "image", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_file(manage, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing.vhdx", ".", "pipe"):
        done = manage("inspect_image", tmp_path / name)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1


def test_wrong_use(manage, store: Path) -> None:
    assert manage("inspect_image").returncode == 2
    assert manage("diff_images", store / "W11.vhdx").returncode == 2
    twice = manage("inspect_image", store / "W11.1.avhdx", "--parent", store / "W11.1.avhdx")
    assert (twice.returncode, twice.stdout) == (2, "")
    assert "is given twice" in twice.stderr


def test_two_images_or_their_reports_differ_alike(manage, store: Path, tmp_path: Path) -> None:
    saved = {}
    for name in ("W11.vhdx", "W11.1.avhdx"):
        saved[name] = tmp_path / f"{name}.json"
        saved[name].write_text(manage("inspect_image", store / name, "--json").stdout)
    by_reports = manage("diff_images", saved["W11.vhdx"], saved["W11.1.avhdx"], "--json")
    mixed = manage("diff_images", store / "W11.vhdx", saved["W11.1.avhdx"], "--json")
    assert (by_reports.returncode, by_reports.stderr) == (0, "")
    assert mixed.stdout == by_reports.stdout
    found = json.loads(by_reports.stdout)
    told = found["categories"]["programs"]
    assert [each["name"] for each in told["added"]] == ["Firefox"]
    assert [(each["before"]["version"], each["after"]["version"]) for each in told["updated"]] == [("23.01", "24.08")]
    lines = manage("diff_images", saved["W11.vhdx"], saved["W11.1.avhdx"]).stdout
    assert "  + Firefox, 120.0" in lines
    assert "  ~ 7-Zip 23.01 (x64): version 23.01 -> 24.08" in lines


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "not JSON"), ("{}", "no report of format 1"), ('{"format": 2, "programs": []}', "no report of format 1")],
)
def test_what_is_no_report(manage, store: Path, tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "report.json").write_text(content)
    done = manage("diff_images", tmp_path / "report.json", tmp_path / "report.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


def test_no_database_is_connected_to_and_none_is_started(process, store: Path, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        there = {"DATABASE_URL": f"postgresql://a:b@127.0.0.1:{port}/c", "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        assert process("inspect_image", store / "W11.vhdx", **there).returncode == 0
        assert process("diff_images", store / "W11.vhdx", store / "W11.vhdx", **there).returncode == 0
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    embedded = {"DATABASE_URL": "", "REDIS_URL": ""}
    assert process("inspect_image", store / "W11.vhdx", **embedded).returncode == 0
    assert {entry.name for entry in home.iterdir()} <= {"secret_key", "field_keys"}


def test_limits_are_those_of_the_settings(process, store: Path) -> None:
    done = process("inspect_image", store / "W11.vhdx", PORTAL_INSPECT_MEMORY_MIB="1")
    assert done.returncode != 0
    assert "PORTAL_INSPECT_MEMORY_MIB is 1; the least is 64" in done.stderr


def test_names_from_an_image_cannot_play_with_the_terminal(manage, tmp_path: Path) -> None:
    hostile = {"\x1b]0;owned\x07\x1b[2JTool\u202e": ("1.0", "x")}
    done = manage("inspect_image", sample.base(tmp_path / "W11.vhdx", sample.tree(hostile)))
    assert done.returncode == 0
    assert "Tool" in done.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)
