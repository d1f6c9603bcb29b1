"""Results as tables: text for a terminal, HTML for a notebook."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from landscape.results.display.printable import printable

Cell = str | float | int | bool | tuple[float, float]  # a pair is a value with its error
Row = tuple[Cell, ...]
WIDTH = 100_000  # characters of a line at most: where a table is wider than the terminal, nothing is cut off


@dataclass(frozen=True)
class Table:
    """A title, column headings, and rows of cells."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[Row]

    def text(self, *, width: int = WIDTH, heading_width: int | None = None) -> str:
        """Return aligned columns under the title.

        Args:
            width: The most characters of a line.
            heading_width: The most characters of a heading's line: longer headings are broken into several lines,
                cells never.
        """
        rows = [[format_cell(cell) for cell in row] for row in self.rows]
        table = RichTable(box=SIMPLE_HEAD)
        for i, heading in enumerate(self.header):
            heading = _safe(heading)
            if i == 0:
                table.add_column(Text(heading))
            else:
                longest = max((len(row[i]) for row in rows), default=0)
                table.add_column(Text(heading), justify="right", min_width=longest, max_width=heading_width)
        for row in rows:
            table.add_row(*map(Text, row))
        console = Console(width=width, color_system=None)
        with console.capture() as text:
            console.print(table)
        return "\n".join([_safe(self.title), *(line.rstrip() for line in text.get().rstrip().splitlines()[1:])])

    def html(self) -> str:
        """Return a ``<table>`` with the title as its caption."""
        head = "".join(f'<th scope="col">{html.escape(_safe(heading))}</th>' for heading in self.header)
        rows = ("".join(f"<td>{html.escape(format_cell(cell))}</td>" for cell in row) for row in self.rows)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return (
            f"<table><caption>{html.escape(_safe(self.title))}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


class NotebookDisplay:
    """A result that a notebook displays as tables."""

    def table(self) -> Table:
        """Return the result as a table."""
        raise NotImplementedError

    def tables(self) -> Sequence[Table]:
        """Return all tables of this result; by default its only one."""
        return [self.table()]

    def _heading(self) -> str:
        """Return what a notebook shows above the tables, as HTML: the result in a sentence."""
        return f"<p>{html.escape(_safe(repr(self)))}</p>"

    def _repr_html_(self) -> str:
        return "".join([self._heading(), *(table.html() for table in self.tables())])


class TableDisplay(NotebookDisplay):
    """A result that displays itself: as text by ``print``, as tables in a notebook."""

    def __str__(self) -> str:
        return "\n\n".join([_safe(repr(self)), *(table.text() for table in self.tables())])


def format_cell(cell: Cell) -> str:
    """Return a cell as text: four significant digits, errors two; nothing for NaN.

    >>> format_cell(0.123456), format_cell((0.5, 0.00123)), format_cell(12345), format_cell(True)
    ('0.1235', '0.5 ± 0.0012', '12,345', 'yes')
    """
    if isinstance(cell, tuple):
        value, error = cell
        return format_cell(value) + ("" if math.isnan(error) else f" ± {error:.2g}")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return "" if math.isnan(cell) else f"{cell:.4g}"
    return _safe(cell)


def interval_cell(middle: float, half: float) -> Cell:
    """Return an interval as a cell; nothing where it is not known.

    >>> interval_cell(2.0, 0.5), interval_cell(2.0, math.nan)
    ('1.5 to 2.5', '')
    """
    return f"{format_cell(middle - half)} to {format_cell(middle + half)}" if math.isfinite(half) else ""


def _safe(text: str) -> str:
    """Text of any origin on one line."""
    return printable(text, WIDTH)
