"""A study's tables as text: Markdown and LaTeX to read, CSV to compute with."""

from __future__ import annotations

import csv as csv_module
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from landscape.results.display import escaping
from landscape.results.display.printable import printable
from landscape.results.study.records import Cell, StudyTable

NONE = "–"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LEGEND = "In parentheses: the number of seeds"
CSV_HEAD = ("row", "data", "metric", "mean", "low", "high", "count", "failed", "missing", "published", "best", "note")
SEED = "seed "  # CSV columns of the values by seed


@dataclass(frozen=True)
class CellText:
    """The parts of a cell that are shown: in bold, after it, the seeds, the paper's value, and what a note says."""

    value: str
    spread: str = ""
    count: str = ""  # of seeds; ``2 of 5`` where some are not finished
    published: str = ""
    note: str = ""


@dataclass(frozen=True)
class Block:
    """The part of a table that is about one data set."""

    data: str
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]  # name, and a cell for each metric; None: not in the table


def cell_text(cell: Cell) -> CellText:
    """Return a cell as text: ``failed (n)`` where a run failed, and ``–`` where nothing is known.

    >>> from landscape.results.study.records import Estimate
    >>> cell_text(Cell(Estimate(0.05, 0.048, 0.052, 3), missing=2, published=0.0532))
    CellText(value='0.0500', spread='± 0.0020', count='3 of 5', published='0.0532', note='')
    """
    published = "" if cell.published is None else decimal(cell.published)
    if cell.failed:
        return CellText(f"failed ({cell.failed})", published=published, note=cell.note)
    estimate, seeds = cell.estimate, 0 if cell.estimate is None else cell.estimate.count
    count = f"{seeds} of {seeds + cell.missing}" if cell.missing else str(seeds or "")
    if estimate is None or math.isnan(estimate.mean):
        return CellText(NONE, "", count, published, cell.note or ("no result" if seeds or not cell.missing else ""))
    places = _places(estimate.mean)
    spread = "" if math.isnan(estimate.half_width) else f"± {decimal(estimate.half_width, places)}"
    return CellText(decimal(estimate.mean, places), spread, count, published, cell.note)


def decimal(value: float, places: int | None = None) -> str:
    """Return a number with at least four significant digits, or four places, and a true minus sign.

    >>> decimal(0.0532), decimal(-12.3456), decimal(3.2e-5)
    ('0.0532', '−12.35', '3.20×10⁻⁵')
    """
    places = _places(value) if places is None else places
    if places >= 0 or not math.isfinite(value):
        text = f"{value:.{max(places, 0)}f}"
        return text.strip("-") if float(text) == 0 else text.replace("-", "−")
    mantissa, power = f"{value:.2e}".split("e")
    return f"{mantissa.replace('-', '−')}×10{str(int(power)).translate(SUPERSCRIPTS)}"


def _places(value: float) -> int:
    """The decimal places of a number; −1: a power of ten."""
    size = abs(value)
    if not math.isfinite(size) or size == 0 or 1e-3 <= size < 1:
        return 4
    return -1 if size < 1e-3 or size >= 1e7 else max(3 - math.floor(math.log10(size)), 0)


def is_started(table: StudyTable) -> bool:
    """Whether any run of a table is finished, or has failed."""
    return any(cell.estimate is not None or cell.failed for row in table.cells for cell in row)


def metrics_of(table: StudyTable) -> tuple[str, ...]:
    """Return the metrics of a table, each once."""
    return tuple(dict.fromkeys(metric for _, metric in table.columns))


def blocks(table: StudyTable) -> list[Block]:
    """Return the table as one block a data set, with a column for each of ``metrics_of(table)``."""
    at = {column: place for place, column in enumerate(table.columns)}
    names = dict.fromkeys(data for data, _ in table.columns)
    return [
        Block(
            data,
            tuple(
                (row, tuple(cells[at[data, name]] if (data, name) in at else None for name in metrics_of(table)))
                for row, cells in zip(table.rows, table.cells, strict=True)
            ),
        )
        for data in names
    ]


def markdown(table: StudyTable) -> str:
    """Return a table in Markdown: title, caption, a row for each method and data set, notes."""
    notes = _Notes()

    def shown(cell: Cell | None) -> str:
        if cell is None:
            return ""
        text = cell_text(cell)
        value = f"**{text.value}**" if cell.best else text.value
        mark = notes.mark(text.note)
        return _joined(value + (f" <sup>{mark}</sup>" if mark else ""), text, escaping.markdown)

    lines = [["Data", "Method", *map(_markdown, metrics_of(table))], ["---", "---", *["---:"] * len(metrics_of(table))]]
    for block in blocks(table):
        lines += [[_markdown(block.data), _markdown(row), *map(shown, cells)] for row, cells in block.rows]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    below = [f"<sup>{mark}</sup> {_markdown(note)}" for mark, note in notes]
    head = [f"**{_markdown(table.title)}**", _markdown(_caption(table)), text]
    return "\n\n".join(head).rstrip("\n") + "\n" + "".join(f"\n{note}\n" for note in below)


def latex(table: StudyTable) -> str:
    r"""Return a LaTeX table with the rules of booktabs: ``\usepackage{booktabs}``."""
    notes = _Notes()

    def shown(cell: Cell | None) -> str:
        if cell is None:
            return ""
        text = cell_text(cell)
        value = escaping.latex(text.value)
        mark = notes.mark(text.note)
        bold = f"\\textbf{{{value}}}" if cell.best else value
        return _joined(bold + (f"\\textsuperscript{{{mark}}}" if mark else ""), text, escaping.latex)

    metrics = metrics_of(table)
    body: list[str] = []
    for block in blocks(table):
        body += ["\\midrule", f"\\multicolumn{{{1 + len(metrics)}}}{{l}}{{\\emph{{{_latex(block.data)}}}}} \\\\"]
        body += [f"{' & '.join([_first(_latex(row)), *map(shown, cells)])} \\\\" for row, cells in block.rows]
    below = [f"\\par\\footnotesize\\textsuperscript{{{mark}}} {_latex(note)}" for mark, note in notes]
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{_latex(table.title)}. {_latex(_caption(table))}}}",
        f"\\label{{tab:{_label(table.key)}}}",
        f"\\begin{{tabular}}{{l{'r' * len(metrics)}}}",
        "\\toprule",
        f"{' & '.join(['Method', *map(_latex, metrics)])} \\\\",
        *body,
        "\\bottomrule",
        "\\end{tabular}",
        *below,
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def csv(table: StudyTable) -> str:
    """Return a table as CSV: a line for each method, data set and metric, with the value of each seed.

    What is unknown is empty. Numbers have all their digits: ``float`` reads them back as they were.
    """
    seeds = sorted({seed for cells in table.cells for cell in cells for seed in cell.seeds})
    text = io.StringIO()
    writer = csv_module.writer(text, lineterminator="\n")
    writer.writerow([*CSV_HEAD, *(f"{SEED}{seed}" for seed in seeds)])
    for row, cells in zip(table.rows, table.cells, strict=True):
        for (data, metric), cell in zip(table.columns, cells, strict=True):
            writer.writerow([row, data, metric, *_numbers(cell, seeds)])
    return text.getvalue()


FORMATS: dict[str, Callable[[StudyTable], str]] = {".md": markdown, ".tex": latex, ".csv": csv}  # by suffix


def _numbers(cell: Cell, seeds: Sequence[int]) -> list[str]:
    estimate = cell.estimate
    known = [math.nan] * 3 if estimate is None else [estimate.mean, estimate.low, estimate.high]
    by_seed = dict(zip(cell.seeds, cell.values, strict=True))
    count = 0 if estimate is None else estimate.count
    published = math.nan if cell.published is None else cell.published
    return [
        *map(_digits, known),
        *map(str, (count, cell.failed, cell.missing)),
        _digits(published),
        "yes" if cell.best else "",
        cell.note,
        *(_digits(by_seed.get(seed, math.nan)) for seed in seeds),
    ]


def _digits(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _joined(value: str, text: CellText, escape: Callable[[str], str]) -> str:
    count = f"({text.count})" if text.count else ""
    published = f"[{text.published}]" if text.published else ""
    return " ".join([value, *(escape(part) for part in (text.spread, count, published) if part)])


def _caption(table: StudyTable) -> str:
    sentences = [table.caption.rstrip("."), LEGEND]
    return " ".join(f"{sentence}." for sentence in sentences if sentence)


def _markdown(text: str) -> str:
    return escaping.markdown(printable(text, limit=2000))


def _latex(text: str) -> str:
    return escaping.latex(printable(text, limit=2000))


def _first(text: str) -> str:
    """Protect the beginning of a line: after the end of another, LaTeX reads [ and * as its arguments."""
    return f"{{}}{text}" if text.startswith(("[", "*")) else text


def _label(key: str) -> str:
    return "".join(one if one.isalnum() and one.isascii() else "-" for one in key)


class _Notes:
    """The notes of a table, each with a number of its own."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, note: str) -> str:
        return str(self._numbers.setdefault(note, len(self._numbers) + 1)) if note else ""

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter([(number, note) for note, number in self._numbers.items()])
