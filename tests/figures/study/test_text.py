"""A study's report in Markdown: a text that can be committed, however much of the study is finished."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from landscape.figures.study import write_report
from landscape.figures.study.text import SIGN, is_report_text, report_text
from landscape.results.study.records import Cell, Estimate, StudyReport
from tests.support import studies
from tests.support.browsing import HOSTILE

NOT_YET = Cell(None, missing=3)


def test_the_summary_comes_first_then_verdicts_tables_figures_and_what_failed():
    text = report_text(studies.report(), ["figures/verdicts.png"])
    lines = text.splitlines()
    assert lines[:6] == [
        "# A small study", "", "Of 4 claims, 1 is supported; 52 of 61 runs are finished.", "",
        "- Data: Beauty, Toys", "- Seeds: 0, 1, 2",
    ]  # fmt: skip
    assert [line for line in lines if line.startswith("## ")] == [
        f"## {name}" for name in ("Verdicts", "Tables", "Flatness against ranking", "Figures", "Failed runs")
    ]
    assert "![verdicts](figures/verdicts.png)" in lines
    assert lines[-3:] == ["- samrec-Toys-seed2: the loss is NaN at epoch 3", "", SIGN]


def test_a_verdict_stands_with_its_numbers_and_with_what_is_missing():
    lines = report_text(studies.report()).splitlines()
    at = lines.index("**SAMRec ranks better than SASRec** (Table 1): ✓ supported.")
    assert lines[at + 2 : at + 6] == [
        "| Data | Verdict | Difference | Claimed | Tests |",
        "| --- | --- | --- | --- | --- |",
        r"| Beauty | supported | 14 % \[9 %, 19 %\] · 5 pairs | claimed 13 % | p = 0.001 for, 0.98 against |",
        r"| Toys | supported | 8 % \[2 %, 14 %\] · 5 pairs | claimed 11 % | p = 0.012 for, 0.6 against |",
    ]
    assert lines[at + 7].startswith("Difference: relative to the second's mean. Supported: above 0 and")
    assert "**SAMRec and CL4SRec are equal** (Section 5): ? undecided on 1 of 2 data sets." in lines
    assert "No runs to compare yet: Toys (margin ± 3 %)." in lines
    assert "**Less data hurts SAMRec least** (Figure 2): – not tested." in lines
    tau = r"−0.62 \[−0.85, −0.30\] (0.10 \[−0.40, 0.50\])"
    assert f"| λmax | test NDCG@10 | {tau} | {tau} |" in lines


def test_data_and_tables_without_a_finished_run_are_named_and_take_no_rows():
    table = studies.table()
    beauty = replace(table, cells=tuple((*row[:2], NOT_YET, NOT_YET) for row in table.cells))
    search = replace(table, title="Search", cells=((NOT_YET,) * 4,) * 3)
    text = report_text(studies.report(tables=(beauty, search)))
    assert "| Beauty | SASRec | 0.0500" in text
    assert "| Toys | SASRec" not in text
    assert "\n\nNo run is finished yet on Toys.\n\n" in text
    assert "\n\nNo run is finished yet of: Search.\n\n" in text
    assert "**Search**" not in text
    whole = report_text(studies.report())
    assert "No run is finished yet" not in whole and "| Toys | SASRec | 0.0650" in whole


def test_any_name_is_plain_text():
    claim = replace(studies.claims()[0], text=HOSTILE, source="a|b\n# c", rule="")
    text = report_text(studies.report(title=HOSTILE, claims=(claim,)))
    assert {*re.findall(r"(?<!\\)<[^ >]*", text)} == {"<sup", "</sup", "<!--"}  # all others are escaped
    assert not any(line.startswith("# c") for line in text.splitlines())


def test_of_nothing_there_is_a_text():
    assert report_text(StudyReport("nothing yet", ())) == f"# nothing yet\n\n{SIGN}\n"


def test_a_text_that_is_somebody_elses_is_not_replaced(tmp_path):
    empty = StudyReport("nothing yet", ())
    page, text = write_report(empty, tmp_path)
    assert is_report_text(text)
    assert write_report(replace(empty, title="other"), tmp_path) == [page, text]
    assert text.read_text().startswith("# other\n")
    text.write_text("# my notes\n")
    with pytest.raises(FileExistsError, match=r"report.md exists and is not a report"):
        write_report(empty, tmp_path)
    assert text.read_text() == "# my notes\n"


def test_a_difference_that_is_unknown_names_no_number():
    broken = replace(studies.claims()[0].by_data[0], difference=Estimate(float("nan"), float("nan"), float("nan"), 1))
    text = report_text(studies.report(claims=(replace(studies.claims()[0], by_data=(broken,)),)))
    assert "| Beauty | supported | unknown: a run failed, or lacks the value · 1 pair |" in text
