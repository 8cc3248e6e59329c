"""As PDF, by fpdf2, in a font that has the letters of European languages; what it lacks is shown as a box."""

from __future__ import annotations

from font_source_sans_pro import SourceSansPro, SourceSansProBold
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from lifecycle.portfolio.book import Block, Book, Table

_FONT = "source-sans"
LONGEST = 120
"""Characters of one cell."""
ROWS_AT_MOST = 150
"""Of one table."""
TEXT_AT_MOST = 4000
"""Characters of one paragraph."""
CELLS_AT_MOST = 6000
"""Of all tables: laying them out takes the web process, and what fills them comes from an image."""
_INK, _QUIET, _LINE = (28, 34, 40), (95, 105, 115), (205, 212, 219)


class _Paper(FPDF):
    def __init__(self, book: Book) -> None:
        super().__init__(orientation="landscape", format="A4")
        self.book = book
        self.set_margin(14)
        self.set_auto_page_break(True, margin=16)
        self.add_font(_FONT, "", SourceSansPro)
        self.add_font(_FONT, "B", SourceSansProBold)
        self.set_title(book.title)
        self.set_creator("vDisk Portal")
        self.set_creation_date(book.made_at)
        self.set_lang("en")

    def footer(self) -> None:
        self.set_y(-11)
        self.set_font(_FONT, size=8)
        self.set_text_color(*_QUIET)
        words = f"{_storable(self.book.title)}  ·  {self.book.made_at:%Y-%m-%d %H:%M} UTC  ·  page {self.page_no()}"
        self.cell(0, 5, words, align="C")


def write(book: Book) -> bytes:
    paper = _Paper(book)
    paper.add_page()
    room = CELLS_AT_MOST
    _line(paper, book.title, 22, bold=True)
    for section in book.sections:
        paper.ln(4)
        paper.start_section(_storable(section.title))
        _line(paper, section.title, 15, bold=True)
        for block in section.blocks:
            shown = _within(block, room) if isinstance(block, Table) else block
            room -= _cells(shown)
            _block(paper, shown)
    return bytes(paper.output())


def _within(table: Table, room: int) -> Table:
    """So much of it as a page holds in reasonable time; the rest counts as left out."""
    rows_left = max(0, room // len(table.heads) - 1)
    rows = table.rows[: min(ROWS_AT_MOST, rows_left)]
    cut = tuple(tuple(_cut(cell) for cell in row) for row in rows)
    return Table(table.heads, cut, table.left_out + len(table.rows) - len(rows))


def _cells(block: Block) -> int:
    return (len(block.rows) + 1) * len(block.heads) if isinstance(block, Table) else 0


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _line(paper: FPDF, text: str, size: float, *, bold: bool = False) -> None:
    paper.set_font(_FONT, "B" if bold else "", size)
    paper.set_text_color(*_INK)
    paper.multi_cell(0, size * 0.5, _storable(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
    paper.ln(1.5)


def _block(paper: FPDF, block: Block) -> None:
    if not isinstance(block, Table):
        _line(paper, _cut(block.text, TEXT_AT_MOST), 10)
        return
    if block.rows:
        paper.set_font(_FONT, size=8.5)
        paper.set_draw_color(*_LINE)
        heads = FontFace(emphasis="BOLD", color=_INK)
        with paper.table(
            borders_layout="HORIZONTAL_LINES",
            col_widths=_widths(block),
            first_row_as_headings=any(block.heads),
            headings_style=heads,
            line_height=4.4,
            text_align="LEFT",
            num_heading_rows=1 if any(block.heads) else 0,
        ) as table:
            for row in (block.heads, *block.rows) if any(block.heads) else block.rows:
                cells = table.row()
                for cell in row:
                    cells.cell(_storable(cell))
        paper.ln(2)
    if block.left_out:
        _line(paper, f"{block.left_out} more are left out here.", 9)


def _widths(block: Table) -> tuple[int, ...]:
    """Each column by the length of what is in it, within bounds."""
    columns = zip(block.heads, *block.rows, strict=True)
    return tuple(min(60, max(8, *(len(cell) for cell in column))) for column in columns)


def _storable(text: str) -> str:
    """Without control characters and halves of pairs, which no page can show."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain.encode("utf-8", "replace").decode() or " "
