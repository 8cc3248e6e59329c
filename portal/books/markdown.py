"""As Markdown. Everything in it may come from an image, so each sign that Markdown knows is written as itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lifecycle.portfolio.book import Block, Book, Table

_SIGNS = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")
_STARTS = re.compile(r"^(\d+)([.)])(?=\s|$)")


def write(book: Book) -> str:
    return "\n".join(_lines(book)) + "\n"


def _lines(book: Book) -> Iterator[str]:
    yield f"# {escape(book.title)}"
    yield ""
    yield f"Made by vDisk Portal, {book.made_at:%Y-%m-%d %H:%M} UTC."
    for section in book.sections:
        yield ""
        yield f"## {escape(section.title)}"
        for block in section.blocks:
            yield ""
            yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    if not isinstance(block, Table):
        yield escape(block.text)
        return
    yield _row(block.heads)
    yield "|" + " --- |" * len(block.heads)
    for row in block.rows:
        yield _row(row)
    if block.left_out:
        yield ""
        yield f"{block.left_out} more are left out here."


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"


def escape(text: str) -> str:
    """One line, every sign as itself."""
    line = " ".join(text.split())
    return _STARTS.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", line))
