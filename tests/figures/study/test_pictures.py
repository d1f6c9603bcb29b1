"""A study's pictures for a paper: what is in them, and the files."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from landscape.figures.study import is_current, study_pictures, write_report
from landscape.figures.study.pictures import file_name
from landscape.figures.style import PALETTE
from landscape.results.study.records import StudyReport
from tests.support import studies

BLUE, VERMILLION, GREEN, *_ = (colour.lower() for colour in PALETTE.values())


@cache
def flat() -> dict[str, Figure]:
    """All pictures but the surfaces, which take their time."""
    flat_ones = tuple(replace(drawing, surface=None) for drawing in studies.surfaces())
    return study_pictures(studies.report(surfaces=flat_ones))


def lines(figure: Figure, panel: int, colour: str) -> list:
    return [line for line in figure.axes[panel].lines if to_hex(line.get_color()) == colour]


def test_there_is_a_picture_for_each_subject_that_has_values():
    assert list(flat()) == [
        *("verdicts", "figure-2", "figure-3", "along", "spectra"),
        *("flatness-Beauty-test-NDCG-10", "flatness-Toys-test-NDCG-10"),
    ]
    assert study_pictures(StudyReport("nothing yet", ())) == {}


def test_charts_have_seeds_means_intervals_and_published_values():
    figure = flat()["figure-2"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Beauty", "Toys"]
    seeds, mean, published, failed = lines(figure, 1, VERMILLION)
    assert_allclose(mean.get_ydata(), [0.0272, 0.0416, 0.056])
    assert len(seeds.get_ydata()) == 9
    assert_allclose(published.get_ydata(), [0.026, 0.038, 0.05])
    assert len(failed.get_ydata()) == 0
    bars = figure.axes[1].collections[1].get_segments()
    assert_allclose(np.array(bars)[:, :, 1], np.stack([mean.get_ydata() - 0.0036, mean.get_ydata() + 0.0036], 1))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(studies.METHODS)


def test_failed_runs_are_crosses_and_leave_a_gap():
    _, mean, _, failed = lines(flat()["figure-3"], 0, VERMILLION)
    assert_allclose(mean.get_ydata(), [0.05, 0.056, np.nan])
    assert len(failed.get_xdata()) == 1
    assert flat()["figure-3"].axes[0].get_xscale() == "log"
    assert flat()["figure-3"].axes[0].get_xlabel() == "ρ (log scale)"


def test_verdicts_show_claimed_effects_and_margins():
    axes = flat()["verdicts"].axes
    assert len(axes) == 3  # a claim without differences has no panel
    assert " ".join(axes[0].get_title(loc="left").split()) == "SAMRec ranks better than SASRec: supported"
    marks = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes[0].lines if line.get_marker() in "Do"]
    assert sorted(marks) == [(0.08, 1), (0.11, 1), (0.13, 0), (0.14, 0)]
    assert [tick.get_text() for tick in axes[2].get_yticklabels()] == ["Beauty ?", "Toys –"]
    assert axes[2].collections[0].get_paths()[0].get_extents().xmax == pytest.approx(0.03)


def test_spectra_and_scatters_have_a_point_for_each_run():
    dots = [line for line in lines(flat()["spectra"], 0, GREEN) if line.get_marker() == "o"]
    assert [len(line.get_ydata()) for line in dots] == [3, 3, 2]  # of λmin one is unknown
    figure = flat()["flatness-Toys-test-NDCG-10"]
    assert [sum(len(line.get_xdata()) for line in axes.lines) for axes in figure.axes] == [9, 9]
    assert figure.axes[0].get_title(loc="left") == "τ = −0.62 [−0.85, −0.30]\nwithin methods 0.10 [−0.40, 0.50]"
    assert to_hex(figure.axes[0].lines[0].get_color()) == BLUE


@pytest.mark.slow
def test_figure_1_has_a_row_for_each_data_set_and_a_column_for_each_method():
    figure = study_pictures(StudyReport("surfaces", (), surfaces=studies.surfaces()))["figure-1"]
    texts = [text.get_text() for text in figure.texts]
    methods = ["(a) SASRec", "(b) SAMRec", "(c) CL4SRec", "(d) SASRec", "(e) SAMRec", "(f) CL4SRec"]
    assert sorted(texts) == sorted([*methods, "no surface", "Beauty", "Toys"])
    scenes = [axes for axes in figure.axes if axes.name == "3d"]
    assert len(scenes) == 5
    assert len({axes.get_zlim() for axes in scenes}) == 1
    left = [axes.get_position().x0 for axes in scenes]
    assert left[0] == pytest.approx(left[3]) and left[0] < left[1] < left[2]


@pytest.mark.slow
def test_a_report_is_written_whole_and_twice_the_same(tmp_path):
    report = studies.report(surfaces=(), charts=studies.charts()[2:3], scatters=())
    written = write_report(report, tmp_path / "new" / "folder")
    names = {path.relative_to(tmp_path / "new" / "folder").as_posix() for path in written}
    assert names == {
        *("report.html", "report.md"),
        *(f"tables/table-1{suffix}" for suffix in (".md", ".tex", ".csv")),
        *(f"figures/{name}{suffix}" for name in ("verdicts", "figure-3") for suffix in (".png", ".pdf", ".svg")),
    }
    first = {path: path.read_bytes() for path in written}
    assert all(first.values())
    assert write_report(report, tmp_path / "new" / "folder") == written
    assert {path: path.read_bytes() for path in written} == first


def test_a_page_that_is_none_is_not_replaced(tmp_path):
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(FileExistsError, match="is not a page that this command wrote"):
        write_report(studies.report(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_page_is_current_until_its_record_changes(tmp_path):
    page, record = tmp_path / "report.html", tmp_path / "study.json"
    assert not is_current(tmp_path)
    for first, second, current in ((record, page, True), (page, record, False)):
        for time, path in enumerate((first, second)):
            path.touch()
            os.utime(path, (time, time))
        assert is_current(tmp_path) is current


def test_a_page_that_another_process_moves_aside_meanwhile_is_not_current(tmp_path, monkeypatch):
    page, record = tmp_path / "report.html", tmp_path / "study.json"
    for path in (record, page):
        path.touch()
    is_file = Path.is_file

    def moved(path: Path) -> bool:
        found = is_file(path)
        if path == page:
            path.rename(tmp_path / ".report.html.old")
        return found

    monkeypatch.setattr(Path, "is_file", moved)
    assert not is_current(tmp_path)
    assert not page.exists()


@pytest.mark.parametrize(
    ("key", "name"), [("figure-2", "figure-2"), ("../../etc", "etc"), ("a/b c", "a-b-c"), ("..", "figure"), ("λ", "λ")]
)
def test_a_key_makes_a_plain_file_name(key: str, name: str):
    assert file_name(key) == name
