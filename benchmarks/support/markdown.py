"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = 0) -> list[str]:
    """Return the lines of a table.

    Args:
        header: The headings of the columns.
        rows: Cells.
        right: How many columns, from the third on, are aligned to the right.

    Example:
        >>> markdown_table(["", "loss"], [["SASRec", "0.25"]])
        ['|  | loss |', '|---|---|', '| SASRec | 0.25 |']
    """
    marks = ["--:" if 2 <= i < 2 + right else "---" for i in range(len(header))]
    return [_line(header), f"|{'|'.join(marks)}|", *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
