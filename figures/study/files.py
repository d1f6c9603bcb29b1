"""A study's report written to a folder: the page, the tables, and the pictures."""

from __future__ import annotations

from pathlib import Path

from landscape.figures import static
from landscape.figures.static.canvas import SUFFIXES
from landscape.figures.study.page import report_page
from landscape.figures.study.pictures import file_name, study_pictures
from landscape.figures.study.text import is_report_text, report_text
from landscape.results.storage.files import write_text
from landscape.results.storage.outputs import is_drawn, refuse_foreign
from landscape.results.storage.transactions import together
from landscape.results.study.records import StudyReport
from landscape.results.study.tables import FORMATS

PAGE, TEXT, TABLES, FIGURES = "report.html", "report.md", "tables", "figures"
RECORD = "study.json"


def is_current(folder: str | Path) -> bool:
    """Whether the page was written after the record that lies beside it."""
    page, record = Path(folder) / PAGE, Path(folder) / RECORD
    try:
        return page.is_file() and record.is_file() and page.stat().st_mtime_ns > record.stat().st_mtime_ns
    except FileNotFoundError:  # another process writes the report, and has moved the old page aside for a moment
        return False


def write_report(report: StudyReport, folder: str | Path) -> list[Path]:
    """Write ``report.html``, ``report.md``, ``tables/*`` (Markdown, LaTeX, CSV) and ``figures/*`` (PDF, SVG, PNG).

    Args:
        report: What to write.
        folder: Where to; it is made if there is none.

    Returns:
        The files, the page first.

    Raises:
        FileExistsError: There is a ``report.html`` or ``report.md`` that is none.
        OSError: A file cannot be written.
    """
    folder = Path(folder)
    page, words = folder / PAGE, folder / TEXT
    refuse_foreign([page], is_drawn, "a page")
    refuse_foreign([words], is_report_text, "a report")
    for room in (folder, folder / TABLES, folder / FIGURES):
        room.mkdir(parents=True, exist_ok=True)
    written = [page, words]
    with together():
        for table in report.tables:
            for suffix, text in FORMATS.items():
                written.append(folder / TABLES / f"{file_name(table.key)}{suffix}")
                write_text(written[-1], text(table))
        pictures = study_pictures(report)
        for name, figure in pictures.items():
            for suffix in SUFFIXES:
                written.append(folder / FIGURES / f"{name}{suffix}")
                static.save(figure, written[-1])
        write_text(words, report_text(report, [f"{FIGURES}/{name}.png" for name in pictures]))
        write_text(page, report_page(report))
    return written
