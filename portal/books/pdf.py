"""As PDF, by fpdf2, in a font that has the letters of European languages; what it lacks is shown as a box."""

from __future__ import annotations

from font_source_sans_pro import SourceSansPro, SourceSansProBold
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from lifecycle.portfolio.book import Block, Book, Table

_FONT = "source-sans"
_LONGEST = 600
"""Characters of one cell: one of a thousand would fill pages."""
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
    _line(paper, book.title, 22, bold=True)
    for section in book.sections:
        paper.ln(4)
        paper.start_section(_storable(section.title))
        _line(paper, section.title, 15, bold=True)
        for block in section.blocks:
            _block(paper, block)
    return bytes(paper.output())


def _line(paper: FPDF, text: str, size: float, *, bold: bool = False) -> None:
    paper.set_font(_FONT, "B" if bold else "", size)
    paper.set_text_color(*_INK)
    paper.multi_cell(0, size * 0.5, _storable(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
    paper.ln(1.5)


def _block(paper: FPDF, block: Block) -> None:
    if not isinstance(block, Table):
        _line(paper, block.text, 10)
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
                    cells.cell(_storable(cell[:_LONGEST]))
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
