"""The content security policy refuses styles that stand in a page: none may be in a template or a script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STYLE = re.compile(r"<style\b|\sstyle\s*=|\.style\b|cssText|setAttribute\(\s*[\"']style", re.IGNORECASE)
FILES = [path for folder in ("templates", "static") for path in sorted((ROOT / folder).rglob("*"))]
PAGES = [path for path in FILES if path.suffix in {".html", ".js", ".svg"}]


def test_there_are_pages_to_look_at() -> None:
    assert {path.suffix for path in PAGES} == {".html", ".js", ".svg"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_brings_a_style_of_its_own(path: Path) -> None:
    assert not STYLE.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", ['<p style="x">', "<style>", "part.style.width = 1", "e.setAttribute('style', x)"])
def test_a_style_would_be_found(text: str) -> None:
    assert STYLE.search(text)
