"""A study's report written to a folder: the page, the tables, and the pictures."""

from __future__ import annotations

from pathlib import Path

from landscape.figures import static
from landscape.figures.static.canvas import SUFFIXES
from landscape.figures.study.page import report_page
from landscape.figures.study.pictures import file_name, study_pictures
from landscape.results.files import write_text
from landscape.results.outputs import is_drawn, refuse_foreign
from landscape.results.study import StudyReport
from landscape.results.study_tables import FORMATS
from landscape.results.transactions import together

PAGE, TABLES, FIGURES = "report.html", "tables", "figures"
RECORD = "study.json"


def is_current(folder: str | Path) -> bool:
    """Whether the page was written after the record that lies beside it."""
    page, record = Path(folder) / PAGE, Path(folder) / RECORD
    return page.is_file() and record.is_file() and page.stat().st_mtime_ns > record.stat().st_mtime_ns


def write_report(report: StudyReport, folder: str | Path) -> list[Path]:
    """Write ``report.html``, ``tables/*.md``, ``.tex``, ``.csv`` and ``figures/*.pdf``, ``.svg``, ``.png``.

    Args:
        report: What to write.
        folder: Where to; it is made if there is none.

    Returns:
        The files, the page first.

    Raises:
        FileExistsError: There is a ``report.html`` that is none.
        OSError: A file cannot be written.
    """
    folder = Path(folder)
    page = folder / PAGE
    refuse_foreign([page], is_drawn, "a page")
    for room in (folder, folder / TABLES, folder / FIGURES):
        room.mkdir(parents=True, exist_ok=True)
    written = [page]
    with together():
        for table in report.tables:
            for suffix, text in FORMATS.items():
                written.append(folder / TABLES / f"{file_name(table.key)}{suffix}")
                write_text(written[-1], text(table))
        for name, figure in study_pictures(report).items():
            for suffix in SUFFIXES:
                written.append(folder / FIGURES / f"{name}{suffix}")
                static.save(figure, written[-1])
        write_text(page, report_page(report))
    return written
