"""``history.csv``: a row for each epoch of a run, of all its stages."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from landscape.results.display.printable import printable
from landscape.results.storage.files import write_text
from landscape.results.storage.regular import check_regular
from landscape.training.checkpoints.schema import MEASURED, choice, record, rule, shown
from landscape.training.config.methods import PRETRAINED, TRAINED

METRIC = "valid_ndcg@20"  # the column with what selects the best epoch
HISTORY_NAMES = {PRETRAINED: "pretrain", TRAINED: "train"}  # of the stages
LARGEST = 1 << 26  # bytes of a file: over a hundred thousand epochs
REMEDY = "remove it, or `landscape train --resume` writes it again"
MISSING = ""  # the cell of a number that a stage does not have

EPOCH = rule(lambda value: type(value) in (int, float) and value >= 1 and value % 1 == 0, "a whole number from 1")
STAGE = choice(tuple(HISTORY_NAMES.values()))
ROW = record({"epoch": EPOCH, "train_loss": MEASURED}, {"stage": STAGE}, others=MEASURED)
CELL = rule(lambda value: type(value) is float or value == MISSING, "a number")
WRITTEN_ROW = record({"epoch": EPOCH, "train_loss": CELL}, {"stage": STAGE}, others=CELL)
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|nan|[+-]?inf")


def check_epochs(rows: Sequence[Mapping[str, Any]]) -> None:
    """Check that the epochs of each stage count from 1.

    Raises:
        ValueError: They do not.
    """
    done: dict[str, int] = {}
    for row in rows:
        stage = row.get("stage", "")
        done[stage] = done.get(stage, 0) + 1
        if row["epoch"] != done[stage]:
            raise ValueError(f"after epoch {done[stage] - 1} comes epoch {shown(row['epoch'])}")


def write_history(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write all rows, atomically; a row may have other columns than the one before."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval=MISSING, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_history(path: Path) -> list[dict[str, float | str]]:
    """Return the rows, numbers as numbers; an empty list if there is no file.

    Raises:
        ValueError: It is no history: a row has other fields than the header, a field is no number, or the epochs of a
            stage do not count from 1.
        OSError: It cannot be read.
    """
    if not path.exists():
        return []
    check_regular(path)
    line = 1
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it has over {LARGEST:,} bytes")
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        if len(set(header)) < len(header):
            raise ValueError("two columns have one name")
        rows = []
        for fields in lines:
            line = lines.line_num
            if fields:  # an empty line at the end
                rows.append(_row(header, fields))
        check_epochs(rows)
    except UnicodeDecodeError:
        raise ValueError(f"{printable(path)} is not UTF-8 text; {REMEDY}") from None
    except csv.Error as problem:
        raise ValueError(f"{printable(path)}, line {lines.line_num}: {printable(problem)}; {REMEDY}") from None
    except ValueError as problem:
        raise ValueError(f"{printable(path)}, line {line}: {printable(problem)}; {REMEDY}") from None
    return rows


def _row(header: Sequence[str], fields: Sequence[str]) -> dict[str, float | str]:
    if len(fields) != len(header):
        raise ValueError(f"{len(fields)} fields, and the first line has {len(header)}")
    cells = zip(header, fields, strict=True)
    row = {name: float(field) if NUMBER.fullmatch(field) else field for name, field in cells}
    WRITTEN_ROW(row, "")
    return row
