"""The PowerShell side cannot run here. Checked without an engine: syntax, sizes and what it must not say."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
import tree_sitter_pwsh
from tree_sitter import Language, Node, Parser

from builders.adapters import powershell
from builders.adapters.powershell.lines import MAX_LINE_BYTES
from builders.adapters.powershell.script import RunnerScript
from builders.adapters.pvs.cmdlets import ALLOWED
from builders.adapters.pvs.session import SCRIPT

FOLDER = Path(powershell.__file__).parent
TEXTS = [FOLDER / "bootstrap.ps1", FOLDER / "runner.ps1"]
CMD_LINE_LIMIT = 8191


def syntax_errors(source: bytes) -> list[str]:
    tree = Parser(Language(tree_sitter_pwsh.language())).parse(source)
    found: list[str] = []
    todo: list[Node] = [tree.root_node]
    while todo:
        node = todo.pop()
        if node.is_error or node.is_missing:
            found.append(f"line {node.start_point[0] + 1}: {node.type}")
        elif node.has_error:
            todo.extend(node.children)
    return found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_the_texts_parse(path: Path) -> None:
    assert syntax_errors(path.read_bytes()) == []


def test_the_text_that_is_sent_parses_with_its_tables() -> None:
    assert syntax_errors(SCRIPT.runner) == []
    assert syntax_errors(SCRIPT.bootstrap.encode()) == []


def test_the_parser_finds_a_mistake() -> None:
    assert syntax_errors(b"function f { if ($a { 1 } }") != []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_the_texts_are_ascii_in_short_lines(path: Path) -> None:
    text = path.read_bytes().decode("ascii")

    assert "\r" not in text
    assert max(len(line) for line in text.splitlines()) <= 140


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_the_texts_never_name_the_input_variable(path: Path) -> None:
    """Its mere name in the syntax tree makes the host read standard input itself, and the two would compete."""
    assert re.search(r"\$input\b", path.read_text(), re.IGNORECASE) is None


@pytest.mark.parametrize("word", ["Invoke-Expression", "iex ", "AddScript", "NewScriptBlock"])
def test_the_runner_never_makes_code_from_text(word: str) -> None:
    assert word.lower() not in SCRIPT.runner.decode().lower()


def test_the_command_line_fits_through_cmd() -> None:
    assert len(" ".join(("powershell.exe", *SCRIPT.arguments))) < CMD_LINE_LIMIT


def test_the_runner_fits_into_one_send() -> None:
    assert len(SCRIPT.first_line) < MAX_LINE_BYTES


def test_the_bootstrap_knows_the_digest_of_the_runner() -> None:
    sent = base64.b64decode(SCRIPT.arguments[-1]).decode("utf-16-le")

    assert sent == SCRIPT.bootstrap
    assert hashlib.sha256(base64.b64decode(SCRIPT.first_line)).hexdigest().upper() in sent
    assert "@SHA256@" not in sent


def test_the_table_stands_one_cmdlet_a_line() -> None:
    body = SCRIPT.runner.decode().partition("$Allow = @{\n")[2].partition("}\n")[0]
    lines = body.splitlines()

    assert len(lines) == len(ALLOWED)
    assert r"    'Citrix.PVS.SnapIn\Get-PvsFarm' = @()" in lines
    assert r"    'Citrix.PVS.SnapIn\Merge-PvsDisk' = 'DiskLocatorId', 'NewBase', 'Access'" in lines
    assert "\n$Modules = @('Citrix.PVS.SnapIn')\n" in SCRIPT.runner.decode()


def test_a_name_that_could_leave_its_quotes_is_not_rendered() -> None:
    with pytest.raises(ValueError, match="module-qualified"):
        _ = RunnerScript(modules=(), allowed={"Evil\\Get-It' = @(); 'x": {}}).runner
