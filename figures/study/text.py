"""A study's report as text: the verdicts and all tables in Markdown, to be read, committed, or pasted elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from landscape.figures.study.tables import correlations, most_runs
from landscape.figures.study.verdicts import (
    claimed_text,
    difference_text,
    p_values_text,
    symbol_of,
    tested_text,
    waiting_text,
    with_interval,
)
from landscape.results.display import escaping
from landscape.results.display.printable import printable
from landscape.results.study.records import Claim, Scatter, StudyReport, StudyTable
from landscape.results.study.tables import is_started, markdown

SIGN = "<!-- written by `landscape study` -->"  # at the end, so that the file is known as one that may be replaced
HEAD = ("Data", "Verdict", "Difference", "Claimed", "Tests", "Over seeds and users")
RULES = (
    "Differences are means over pairs of runs with one seed, with 95 % t intervals. The rules were fixed before the "
    "runs; p-values are Holm’s, over the data sets of a claim. The interval over seeds and users is a bootstrap; with "
    "few seeds it is too short."
)
TAU = (
    "Kendall’s τ of each measure with the success of the runs, over all runs, with its 95 % bootstrap interval, and in "
    "parentheses the mean within methods."
)


def report_text(report: StudyReport, pictures: Iterable[str] = ()) -> str:
    """Return a report in Markdown: a summary, the verdict on each claim with its numbers, tables, figures, failed runs.

    Args:
        report: What to write; all names and texts are any text.
        pictures: Paths of pictures, from where the text is written.
    """
    parts = [f"# {_text(report.title)}", _text(report.summary), *_list(report.lines)]
    if report.claims:
        parts += ["## Verdicts", RULES, *(part for claim in report.claims for part in _claim(claim))]
    if report.tables:
        parts.append("## Tables")
        parts += [part for table in report.tables if is_started(table) for part in _started(table)]
    if waiting := [_text(table.title) for table in report.tables if not is_started(table)]:
        parts.append(f"No run is finished yet of: {'; '.join(waiting)}.")
    if report.scatters:
        parts += ["## Flatness against ranking", TAU, _correlations(report.scatters)]
    if shown := [f"![{Path(path).stem}]({path})" for path in pictures]:
        parts += ["## Figures", *shown]
    if report.failed:
        parts += ["## Failed runs", *_list([f"{run}: {error}" for run, error in report.failed])]
    return "\n\n".join([*filter(None, parts), SIGN]) + "\n"


def is_report_text(path: Path) -> bool:
    """Whether a file is such a report."""
    return path.read_bytes().rstrip().endswith(SIGN.encode())


def _claim(claim: Claim) -> Iterator[str]:
    """Yield the paragraphs about a claim."""
    source = f" ({_text(claim.source)})" if claim.source else ""
    verdict = f"{symbol_of(claim.verdict)} {_text(claim.verdict)} {tested_text(claim)}".rstrip()
    yield f"**{_text(claim.text)}**{source}: {verdict}."
    if rows := [row for row in claim.by_data if row.difference.count]:
        cells = [
            (
                row.data,
                row.verdict,
                difference_text(claim, row),
                claimed_text(claim, row),
                p_values_text(row),
                "" if row.over_users is None else with_interval(claim, row.over_users),
            )
            for row in rows
        ]
        kept = [place for place in range(len(HEAD)) if any(row[place] for row in cells)]
        yield _table([HEAD[place] for place in kept], ([row[place] for place in kept] for row in cells))
        yield f"Difference: {_text(claim.unit)}. {_text(claim.rule[:1].upper() + claim.rule[1:])}."
    if waiting := waiting_text(claim):
        yield f"{_text(waiting)}."


def _started(table: StudyTable) -> Iterator[str]:
    """Yield a table without the data sets on which no run is finished, and which these are."""
    sets = list(dict.fromkeys(data for data, _ in table.columns))
    started = [data for data in sets if is_started(_part(table, [data]))]
    yield markdown(_part(table, started)).rstrip("\n")
    if waiting := [data for data in sets if data not in started]:
        yield f"No run is finished yet on {_text(', '.join(waiting))}."


def _part(table: StudyTable, sets: Sequence[str]) -> StudyTable:
    """Return the columns of some data sets."""
    kept = [place for place, (data, _) in enumerate(table.columns) if data in sets]
    cells = tuple(tuple(row[place] for place in kept) for row in table.cells)
    return replace(table, columns=tuple(table.columns[place] for place in kept), cells=cells)


def _correlations(scatters: Sequence[Scatter]) -> str:
    runs = most_runs(scatters)
    rows = [
        [
            flatness,
            success,
            *(f"{by_data[data].overall} ({by_data[data].within})" if data in by_data else "–" for data in runs),
        ]
        for (success, flatness), by_data in correlations(scatters).items()
    ]
    return _table(["Measure", "Success", *(f"{data}, {count} runs" for data, count in runs.items())], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [[*map(_text, head)], ["---"] * len(head), *([*map(_text, row)] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _list(lines: Sequence[str]) -> list[str]:
    return ["\n".join(f"- {_text(line)}" for line in lines)] if lines else []


def _text(text: str) -> str:
    return escaping.markdown(printable(text, limit=2000))
