"""The lab plays exactly the product's PowerShell: a drift of either side shows here."""

from pathlib import Path

import pytest

from lab.__main__ import main
from lab.powershell import accepted
from lab.powershell.texts import Bootstrap, NotAccepted, Runner, bootstrap_of
from lab.powershell.values import select
from tests.lab.session import SCRIPTS, bootstrap_text, runner_text


def test_the_pinned_digests_are_those_of_the_product() -> None:
    runner = runner_text()

    assert Runner(runner).digest in accepted.RUNNERS
    assert Bootstrap(bootstrap_text(runner)).digest in accepted.BOOTSTRAPS


def test_the_command_prints_the_digests_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accept-runner", str(SCRIPTS / "bootstrap.ps1"), str(SCRIPTS / "runner.ps1")]) == 0

    bootstrap, runner = capsys.readouterr().out.splitlines()
    assert bootstrap.startswith("BOOTSTRAPS: ")
    assert runner.startswith("RUNNERS: ")
    assert all(digest in bootstrap + runner for digest in accepted.BOOTSTRAPS | accepted.RUNNERS)


def test_the_command_accepts_texts_as_they_are_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sent = tmp_path / "sent.ps1"
    sent.write_text(runner_text(), encoding="utf-8")

    main(["accept-runner", str(sent)])

    assert next(iter(accepted.RUNNERS)) in capsys.readouterr().out


def test_the_command_wants_files(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["accept-runner"])

    assert "usage: python -m lab accept-runner" in capsys.readouterr().err


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["accept-runner", "--help"])

    assert "usage: python -m lab accept-runner" in capsys.readouterr().out


def test_the_command_names_a_file_that_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = tmp_path / "binary.ps1"
    binary.write_bytes(b"\xff\xfe")

    assert main(["accept-runner", str(tmp_path / "missing.ps1")]) == 2
    assert "missing.ps1 cannot be read: No such file" in capsys.readouterr().err
    assert main(["accept-runner", str(binary)]) == 2
    assert "binary.ps1 is not UTF-8 text" in capsys.readouterr().err


def test_the_tables_are_read_from_the_text() -> None:
    runner = Runner(runner_text({"M\\Get-One": ["A", "B"], "M\\Get-None": []}))

    assert runner.allowed == {"m\\get-one": {"a", "b"}, "m\\get-none": frozenset()}
    assert runner.modules == ["Citrix.PVS.SnapIn"]


def test_the_tables_do_not_change_the_digest_but_the_body_does() -> None:
    small, large = runner_text({"M\\Get-One": []}), runner_text()

    assert Runner(small).digest == Runner(large).digest
    assert Runner(small.replace("$Queue", "$Other")).digest != Runner(large).digest


@pytest.mark.parametrize("row", ["    'M\\Get-One' = Get-Process", "    'M\\Get-One' = 'A'; 'M\\Get-Two' = 'B'"])
def test_a_row_that_is_more_than_data_is_not_accepted(row: str) -> None:
    runner = Runner(runner_text({}).replace("$Allow = @{\n", "$Allow = @{\n" + row + "\n"))

    with pytest.raises(NotAccepted, match="cannot be read"):
        assert runner.allowed


@pytest.mark.parametrize(
    "line", ["cmd.exe /c dir", "powershell.exe -Command Get-Date", "powershell.exe -EncodedCommand !"]
)
def test_other_command_lines_are_not_played(line: str) -> None:
    with pytest.raises(NotAccepted):
        bootstrap_of(line)


DISK = {"Name": "a", "Drives": [{"Path": "x"}, {"Path": "y"}], "Only": [{"Path": "z"}], "Empty": []}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Name", "a"),
        ("name", "a"),
        ("Missing", None),
        ("Missing.Path", None),
        ("Drives.Path", ["x", "y"]),
        ("Only.Path", "z"),
        ("Only.Path[]", ["z"]),
        ("Empty.Path", None),
        ("Empty.Path[]", []),
        ("Name[]", ["a"]),
        (".", DISK),
    ],
)
def test_paths_are_followed_as_powershell_does(path: str, value: object) -> None:
    assert select(DISK, path) == value
