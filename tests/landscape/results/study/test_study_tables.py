"""A study's tables as text: right values, everything escaped, and CSV that reads back as it was."""

from __future__ import annotations

import csv as csv_module
import io
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.results.display.escaping import latex as tex
from landscape.results.study.records import Cell, Estimate
from landscape.results.study.tables import blocks, cell_text, csv, decimal, latex, markdown, metrics_of
from tests.support.studies import failed, seeded, table

TO_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NAMES = "A|B", "50 % & <b>", "[x]_1\n\x1b[31m"


def test_markdown_shows_values_seeds_the_papers_value_and_why_a_cell_is_empty():
    lines = markdown(table()).splitlines()
    assert lines[0] == "**Table 1**"
    assert lines[4:12] == [
        "| Data | Method | HR@10 | NDCG@10 |",
        "| --- | --- | ---: | ---: |",
        r"| Beauty | SASRec | 0.0500 ± 0.0036 (3) \[0.0532\] | 0.0250 ± 0.0036 (3) |",
        r"| Beauty | SAMRec | **0.0570** ± 0.0036 (3) \[0.0601\] | **0.0290** ± 0.0036 (3) |",
        "| Beauty | CL4SRec | 0.0470 ± 0.0036 (2 of 3) | – (0 of 3) |",
        "| Toys | SASRec | 0.0650 ± 0.0036 (3) | 0.0310 (1) |",
        "| Toys | SAMRec | **0.0701** ± 0.0036 (3) | failed (2) <sup>1</sup> |",
        r"| Toys | CL4SRec | – <sup>2</sup> \[0.0480\] | 0.0295 ± 0.0036 (3) |",
    ]
    assert [line for line in lines[12:] if line] == [
        "<sup>1</sup> the loss is NaN at epoch 3",
        r"<sup>2</sup> no attributes \& no \<run\>",
    ]


def test_latex_has_the_rules_of_booktabs_and_bold_for_the_best():
    lines = latex(table()).splitlines()
    begin, end = lines.index(r"\toprule"), lines.index(r"\bottomrule")
    assert lines[begin - 1] == r"\begin{tabular}{lrr}"
    assert lines[begin + 1 : end] == [
        r"Method & HR@10 & NDCG@10 \\",
        r"\midrule",
        r"\multicolumn{3}{l}{\emph{Beauty}} \\",
        r"SASRec & 0.0500 $\pm$ 0.0036 (3) [0.0532] & 0.0250 $\pm$ 0.0036 (3) \\",
        r"SAMRec & \textbf{0.0570} $\pm$ 0.0036 (3) [0.0601] & \textbf{0.0290} $\pm$ 0.0036 (3) \\",
        r"CL4SRec & 0.0470 $\pm$ 0.0036 (2 of 3) & -- (0 of 3) \\",
        r"\midrule",
        r"\multicolumn{3}{l}{\emph{Toys}} \\",
        r"SASRec & 0.0650 $\pm$ 0.0036 (3) & 0.0310 (1) \\",
        r"SAMRec & \textbf{0.0701} $\pm$ 0.0036 (3) & failed (2)\textsuperscript{1} \\",
        r"CL4SRec & --\textsuperscript{2} [0.0480] & 0.0295 $\pm$ 0.0036 (3) \\",
    ]
    assert lines[-2] == r"\par\footnotesize\textsuperscript{2} no attributes \& no \textless{}run\textgreater{}"
    assert r"\label{tab:table-1}" in lines


def test_names_are_text_and_not_markup():
    hostile = replace(table(), rows=NAMES, title=r"\input{x} $y$", key="a b/ü")
    for line in markdown(hostile).splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 5  # a name with | adds no column
    assert "\x1b" not in markdown(hostile) + latex(hostile)
    lines = latex(hostile).splitlines()
    assert r"\label{tab:a-b--}" in lines
    assert r"\caption{\textbackslash{}input\{x\} \$y\$. " in "\n".join(lines)
    (row,) = {line.split(" & ")[0] for line in lines if line.startswith("{}")}
    assert row == r"{}[x]\_1\textbackslash{}n\textbackslash{}x1b[31m"  # after \\ LaTeX would read [x] as a length
    assert all(line.count(" & ") == 2 for line in lines if line.endswith(r"\\") and "multicolumn" not in line)


def test_csv_reads_back_with_every_digit_and_a_column_for_each_seed():
    awkward = replace(table(), rows=('with "quotes", commas', "two\nlines", "=1+1"))
    rows = list(csv_module.DictReader(io.StringIO(csv(awkward))))
    assert len(rows) == 12
    at = iter(rows)
    for name, cells in zip(awkward.rows, awkward.cells, strict=True):
        for (data, metric), cell in zip(awkward.columns, cells, strict=True):
            row = next(at)
            assert (row["row"], row["data"], row["metric"], row["note"]) == (name, data, metric, cell.note)
            assert (row["failed"], row["missing"]) == (str(cell.failed), str(cell.missing))
            assert row["best"] == ("yes" if cell.best else "")
            estimate = cell.estimate or Estimate(math.nan, math.nan, math.nan, 0)
            assert int(row["count"]) == estimate.count
            for column, value in (("mean", estimate.mean), ("low", estimate.low), ("high", estimate.high)):
                assert float(row[column] or "nan") == pytest.approx(value, rel=0, abs=0, nan_ok=True)
            assert (float(row["published"]) if row["published"] else None) == cell.published
            seeds = {int(key.removeprefix("seed ")): float(row[key]) for key in row if key[:5] == "seed " and row[key]}
            assert seeds == dict(zip(cell.seeds, cell.values, strict=True))


def test_a_table_has_a_block_for_each_data_set_also_where_a_metric_is_missing():
    short = replace(table(), columns=table().columns[:3], cells=tuple(cells[:3] for cells in table().cells))
    assert metrics_of(short) == ("HR@10", "NDCG@10")
    first, second = blocks(short)
    assert (first.data, second.data) == ("Beauty", "Toys")
    assert [cells[1] for _, cells in second.rows] == [None] * 3
    assert "| Toys | SASRec | 0.0650 ± 0.0036 (3) |  |" in markdown(short)
    assert r"SASRec & 0.0650 $\pm$ 0.0036 (3) &  \\" in latex(short)


def test_a_failed_run_leaves_no_mean_over_the_others():
    assert cell_text(failed(2)).value == "failed (2)"
    assert cell_text(replace(seeded(0.05), failed=1)).value == "failed (1)"  # whatever the estimate says
    not_finite = Cell(Estimate(math.nan, math.nan, math.nan, 3))
    assert (cell_text(not_finite).value, cell_text(not_finite).note) == ("–", "no result")


@given(st.floats(1e-12, 1e12), st.sampled_from((-1, 1)))
def test_a_number_keeps_three_digits_and_its_sign(size: float, sign: int):
    value = sign * size
    read = float(decimal(value).replace("−", "-").translate(TO_DIGITS).replace("×10", "e"))
    places = 5e-5 if 1e-3 <= size < 1 else 0  # four decimal places, as papers print metrics
    assert abs(read - value) <= max(5.01e-3 * size, places)
    assert (read < 0) == (sign < 0)


def test_a_number_that_is_rounded_to_zero_has_no_sign():
    assert (decimal(-0.001, 2), decimal(-0.006, 2), decimal(math.nan), decimal(-math.inf)) == (
        "0.00",
        "−0.01",
        "nan",
        "−inf",
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("λ₁ ≈ τ", r"$\lambda_{1}$ $\approx$ $\tau$"),
        ("x₁₀", r"x$_{10}$"),
        ("10⁻³", r"10$^{-3}$"),
    ],
)
def test_subscripts_are_formulas(text: str, written: str):
    assert tex(text) == written


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.0, "1234"), (-98765.4, "−98765"), (9999999.0, "9999999"), (1e7, "1.00×10⁷"), (999.94, "999.9")],
)
def test_from_a_thousand_on_a_number_has_no_decimal_places(value, text):
    assert decimal(value) == text
    assert cell_text(Cell(Estimate(value, value - 12.0, value + 12.0, 3))).value == text


def test_a_spread_has_the_decimal_places_of_its_mean():
    assert cell_text(Cell(Estimate(1234.0, 1221.4, 1246.6, 3))).spread == "± 13"
    assert (decimal(0.4, 0), decimal(-0.4, 0), decimal(-7.6, 0)) == ("0", "0", "−8")
