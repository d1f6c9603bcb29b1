"""Write a stored result for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from landscape.figures.exchange.formats import ExportOptions, export, format_of
from landscape.results.display.printable import printable
from landscape.results.storage.files import atomic, check_writable, errors_about
from landscape.results.storage.kinds import load_result
from landscape.results.storage.outputs import refuse_existing, refuse_inputs
from landscape.results.storage.transactions import together

REMEDY = "add --overwrite to replace it, or give another name by --out"


@dataclass(frozen=True)
class Exported:
    """What was written."""

    title: str  # of the result
    note: str  # on what is in the files
    files: tuple[Path, ...]


def export_file(
    source: str | Path,
    to: str,
    out: str | Path | None = None,
    *,
    options: ExportOptions | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a result file in another format.

    Args:
        source: A file that ``landscape surface`` or ``landscape curvature`` wrote.
        to: A key of ``FORMATS``.
        out: The file, which ends like the format; by default ``export_path``. The further tables of a CSV are beside
            it, under its name and theirs.
        options: Of a mesh.
        overwrite: Whether files that are there may be replaced.

    Raises:
        ValueError: The file holds no result, or one that cannot be written in this format; the name of the file to
            write does not fit, or is that of ``source``.
        FileExistsError: A file is there, and ``overwrite`` is not set.
        OSError: A file cannot be read or written.
    """
    format_of(to)
    path = export_path(source, to) if out is None else Path(out)
    if path.suffix.lower() != f".{to}":
        raise ValueError(f"--out must be a file that ends in .{to}, got {printable(path)!r}")
    check_writable(path)
    result = load_result(source)
    with errors_about(source):
        contents, note = export(result, to, options)
    files = {_beside(path, ending): content for ending, content in contents.items()}
    refuse_inputs(files, [source])
    if not overwrite:
        refuse_existing(files, REMEDY)
    with together():  # the first is the main one
        for file, content in reversed(files.items()):
            with atomic(file) as opened:
                opened.write(content)
    return Exported(printable(result.metadata.get("title") or Path(source).stem), note, (*files,))


def export_path(source: str | Path, to: str) -> Path:
    """Return where a file's result is written by default: beside it.

    >>> print(export_path("runs/a.npz", "stl"), export_path("runs/a.json", "json"))
    runs/a.stl runs/a-export.json
    """
    source = Path(source)
    # A curvature is stored as JSON, under whatever name.
    return source.with_name(f"{source.stem}{'-export' if to == 'json' else ''}.{to}")


def _beside(first: Path, ending: str) -> Path:
    return first.with_name(f"{first.stem}-{ending}{first.suffix}") if ending else first
