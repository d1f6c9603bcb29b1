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

Cell = str | float | int | bool | tuple[float, float]  # a pair is a value with its error
Row = tuple[Cell, ...]
WIDTH = 100_000  # of the text, at most: a line that is too long for a terminal is not to lose its end


@dataclass(frozen=True)
class Table:
    """A title, column headings, and rows of cells."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[Row]

    def text(self) -> str:
        """Aligned columns under the title."""
        shown = RichTable(box=SIMPLE_HEAD)
        for i, name in enumerate(self.header):
            shown.add_column(Text(name), justify="left" if i == 0 else "right")
        for row in self.rows:
            shown.add_row(*(Text(told(cell)) for cell in row))
        console = Console(width=WIDTH, color_system=None)
        with console.capture() as text:
            console.print(shown)
        return "\n".join([self.title, *(line.rstrip() for line in text.get().rstrip().splitlines()[1:])])

    def html(self) -> str:
        """A ``<table>`` with the title as its caption."""
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in self.header)
        rows = ("".join(f"<td>{html.escape(told(cell))}</td>" for cell in row) for row in self.rows)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return (
            f"<table><caption>{html.escape(self.title)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


class TableDisplay:
    """A result that displays itself: as text by ``print``, as tables in a notebook."""

    def tables(self) -> Sequence[Table]:
        """What there is to tell."""
        raise NotImplementedError

    def __str__(self) -> str:
        return "\n\n".join([repr(self), *(table.text() for table in self.tables())])

    def _repr_html_(self) -> str:
        return "".join([f"<p>{html.escape(repr(self))}</p>", *(table.html() for table in self.tables())])


def told(cell: Cell) -> str:
    """A cell as text: four significant digits, errors two; nothing where a number is not known."""
    if isinstance(cell, tuple):
        value, error = cell
        return told(value) + ("" if math.isnan(error) else f" ± {error:.2g}")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return "" if math.isnan(cell) else f"{cell:.4g}"
    return cell
