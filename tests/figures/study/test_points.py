"""What a study's charts, strips and verdicts draw: right places, and nothing where nothing is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from landscape.figures.study.methods import method_styles, named
from landscape.figures.study.points import drawn_chart
from landscape.figures.study.scattered import drawn_scatter, eigenvalues_by_method, first_surfaces
from landscape.figures.study.strips import Scale, scale_of, strip_of
from landscape.figures.study.tables import correlations, most_runs, shown_table
from landscape.figures.study.verdicts import claim_cards, verdict_counts
from landscape.figures.style import PALETTE
from landscape.results.study.records import Cell, Chart, Estimate, ScatterPoint, Series
from tests.support import studies
from tests.support.studies import NAN, failed, seeded


def chart(*series: Series, **more) -> Chart:
    return Chart("key", "title", "panel", "x", "y", series, **more)


def test_means_intervals_and_seeds_are_drawn_beside_one_another():
    xs = (0.2, 0.6, 1.0)
    drawn = drawn_chart(chart(*(Series(name, xs, tuple(seeded(0.05 * x) for x in xs)) for name in "ab")))
    assert drawn is not None
    first, second = drawn.lines
    assert_allclose(second.at - first.at, 0.18 * 0.4 / 2)
    assert_allclose((first.at + second.at) / 2, xs)
    assert_allclose(first.mean, [0.01, 0.03, 0.05])
    assert_allclose(first.low, first.mean - 0.0036)
    assert_allclose(first.high, first.mean + 0.0036)
    assert [seed.seed for seed in first.seeds[:3]] == [0, 1, 2]
    assert_allclose([seed.y for seed in first.seeds[:3]], [0.008, 0.01, 0.012])
    assert {seed.x for seed in first.seeds} == set(first.at.tolist())
    assert drawn.x_ticks == xs
    assert not drawn.band
    assert drawn.y_limits[0] < 0.01 - 0.0036 < 0.05 + 0.0036 < drawn.y_limits[1]


def test_values_come_in_the_order_of_x_whatever_the_reports_is():
    drawn = drawn_chart(chart(Series("a", (3.0, 1.0), (seeded(0.3), seeded(0.1)))))
    assert drawn is not None
    assert_allclose(drawn.lines[0].mean, [0.1, 0.3])
    assert_allclose(drawn.lines[0].x, [1, 3])


def test_a_failed_run_is_marked_and_has_no_mean_but_its_seeds():
    drawn = drawn_chart(chart(Series("a", (1.0, 2.0), (seeded(0.06), replace(failed(2), estimate=seeded(1).estimate)))))
    assert drawn is not None
    (line,) = drawn.lines
    assert line.failed == ((2.0, 2),)
    assert np.isnan(line.mean[1]) and np.isnan(line.low[1])
    assert [seed.y for seed in line.seeds if seed.x == 2] == pytest.approx([0.05, 0.051])
    assert drawn.y_limits[0] < drawn.floor < drawn.y_limits[0] + 0.05 * np.ptp(drawn.y_limits)


def test_a_single_seed_has_no_interval_and_a_missing_cell_no_point():
    drawn = drawn_chart(chart(Series("a", (1.0, 2.0), (seeded(0.06, count=1), Cell(None, missing=3)))))
    assert drawn is not None
    (line,) = drawn.lines
    assert np.isnan(line.low).all()
    assert_allclose(line.mean, [0.06, np.nan])
    assert line.counts == (1, 0)
    assert drawn_chart(chart(Series("a", (1.0,), (Cell(None, missing=3),)))) is None
    assert drawn_chart(chart()) is None


def test_logarithmic_axes_leave_out_what_is_not_positive_and_cut_intervals():
    cells = (seeded(2.0, 0.5), seeded(2.0, 5.0), seeded(-1.0), seeded(3.0, 0.1))
    drawn = drawn_chart(chart(Series("a", (0.0, 0.1, 1.0, 10.0), cells), log_x=True, log_y=True))
    assert drawn is not None
    (line,) = drawn.lines
    assert drawn.x_ticks == (0.1, 1.0, 10.0)
    assert_allclose(line.mean, [2, 2, np.nan, 3])
    assert np.isnan(line.at[0])
    low, high = drawn.y_limits
    assert line.low[1] == low > 0  # the interval reaches to −7
    assert high > 11
    assert [seed.y for seed in line.seeds] == [2.0, 7.0, 2.9, 3.0, 3.1]  # −3 and what is at 0 have no place
    assert low < drawn.floor < high


@pytest.mark.parametrize("log", [False, True])
def test_lines_at_a_single_place_stand_beside_one_another(log: bool):
    drawn = drawn_chart(chart(*(Series(name, (0.6,), (seeded(0.1),)) for name in "ab"), log_x=log))
    assert drawn is not None
    low, high = (float(line.at[0]) for line in drawn.lines)
    assert low < 0.6 < high < low + 0.1
    assert drawn.x_limits[0] < low and high < drawn.x_limits[1]


def test_many_places_have_a_band():
    epochs = tuple(float(epoch) for epoch in range(9))
    lines = [Series(name, epochs, tuple(seeded(1 + epoch) for epoch in epochs)) for name in "ab"]
    drawn = drawn_chart(chart(*lines))
    assert drawn is not None and drawn.band and drawn.x_ticks is None
    assert_allclose(drawn.lines[0].at, epochs)  # no line stands beside another


def test_a_strip_has_places_in_per_cent():
    scale = Scale(0.0, 2.0)
    strip = strip_of(scale, Estimate(1.0, 0.5, 1.75, 3), dots=(0.0, NAN, 2.0), mark=0.2, margin=0.3, zero=True)
    assert strip is not None
    assert (strip.mean, strip.interval, strip.dots, strip.mark) == (50, (25, 62.5), (0, 100), 10)
    assert (strip.band, strip.zero) == ((-15, 30), 0)
    lonely = strip_of(scale, Estimate(1.0, NAN, NAN, 1))
    assert lonely is not None and lonely.interval is None and lonely.band is None and lonely.zero is None
    assert strip_of(scale, studies.UNKNOWN) is None
    assert strip_of(None, Estimate(1, 0, 2, 3)) is None
    assert scale_of([NAN, math.inf]) is None
    one = scale_of([0.5, 0.5])
    assert one is not None and one.low < 0.5 < one.high and one.place(0.5) == 50


def test_methods_have_the_colours_of_the_palette_in_the_order_of_the_rows():
    names = {name: style.colour for name, style in method_styles(studies.report()).items()}
    assert names == dict(zip([*studies.METHODS, "CL4SRec + SAM"], PALETTE.values(), strict=False))
    search = replace(studies.table(), key="tuning", rows=("rho 1", "rho 2", "rho 3"))
    assert method_styles(studies.report(tables=(studies.table(), search))).keys() == names.keys()
    shown = shown_table(search, method_styles(studies.report()))
    assert [row.style for row in shown.rows] == [None] * 3


def test_a_name_with_control_characters_is_drawn_and_keeps_its_colour():
    renamed = studies.report(
        tables=(replace(studies.table(), rows=("\x1b[31m", "SAMRec", "CL4SRec")),),
        charts=(chart(Series("\x1b[31m", (1.0,), (seeded(0.1),))),),
    )
    styles = method_styles(renamed)
    assert (styles["\x1b[31m"].name, styles["\x1b[31m"].colour) == (r"\x1b[31m", PALETTE["blue"])
    assert list(named(["CL4SRec", "\x1b[31m"], styles)) == ["\x1b[31m", "CL4SRec"]
    shown = shown_table(renamed.tables[0], styles)
    assert shown.rows[0].style is styles["\x1b[31m"]


def test_correlations_of_one_success_stand_together():
    first, second, *_ = studies.scatters()
    gap = replace(first, y_title="gap", overall=Estimate(0.5, NAN, NAN, 12), within=studies.UNKNOWN)
    rows = correlations([first, gap, second])
    assert list(rows) == [("test NDCG@10", "λmax"), ("test NDCG@10", "trace (Hutch++)"), ("gap", "λmax")]
    shown = rows["gap", "λmax"]["Beauty"]
    assert (shown.overall, shown.within, shown.orders) == ("0.50, no interval", "undefined", (0.5, None))
    assert [strip is None for strip in shown.strips] == [False, True]
    kept = rows["test NDCG@10", "λmax"]["Beauty"]
    assert kept.overall == "−0.62 [−0.85, −0.30]"
    assert (kept.strips[0].mean, kept.strips[0].interval, kept.strips[0].zero) == (19, (7.5, 27.5), 50)
    assert most_runs([first, gap, second]) == {"Beauty": 12}


def test_shown_cells_tell_seeds_and_sort_by_means():
    shown = shown_table(studies.table(), method_styles(studies.report()))
    assert shown.groups == (("Beauty", 2), ("Toys", 2))
    orders = [[cell.order for cell in row.cells] for row in shown.rows]
    assert orders == [[0.05, 0.025, 0.065, 0.031], [0.057, 0.029, 0.0701, None], [0.047, None, None, 0.0295]]
    assert shown.rows[0].cells[0].title == "seed 0: 0.0480, seed 1: 0.0500, seed 2: 0.0520"
    lost = shown.rows[1].cells[3]
    assert lost.failed and lost.strip is not None and lost.strip.mean is None and len(lost.strip.dots) == 2
    assert shown.rows[2].cells[2].strip is None  # nothing but the published value
    assert shown.started
    waiting = tuple((Cell(None, missing=3, published=0.05),) * 4 for _ in studies.METHODS)
    assert not shown_table(replace(studies.table(), cells=waiting), {}).started


def test_verdicts_say_difference_interval_claim_and_pairs():
    gain, ratio, equal, empty = claim_cards(studies.report())
    assert gain.rows[0].difference == "14 % [9 %, 19 %] · 5 pairs"
    assert (gain.rows[0].claimed, gain.rows[0].p_values) == ("claimed 13 %", "p = 0.001 for, 0.98 against")
    assert ratio.rows[0].difference == "0.21 [0.12, 0.3], a factor of 1.62 · 3 of 5 pairs"
    assert ratio.rows[0].claimed == "claimed 1, a factor of 10"
    assert ratio.rows[1].difference == "0.4, no interval, a factor of 2.51 · 1 pair"
    assert ratio.rows[1].p_values == ""
    assert equal.rows[0].claimed == "margin ± 3 %"
    assert (len(equal.rows), equal.waiting) == (1, "No runs to compare yet: Toys (margin ± 3 %)")
    assert [card.tested for card in (gain, ratio, equal, empty)] == ["", *["on 1 of 2 data sets"] * 2, ""]
    strips = [card.rows[0].strip for card in (gain, ratio, equal)]
    assert [(strip.mark is None, strip.band is None) for strip in strips] == [
        (False, True),
        (False, True),
        (True, False),
    ]
    assert strips[0].zero < strips[0].interval[0] < strips[0].mark < strips[0].mean
    assert strips[1].mean < strips[1].mark  # a ratio far below the claimed one
    broken = replace(studies.claims()[0].by_data[0], difference=Estimate(NAN, NAN, NAN, 2), planned=5)
    (card,) = claim_cards(studies.report(claims=(replace(studies.claims()[0], by_data=(broken,)),)))
    assert (card.rows[0].difference, card.rows[0].strip) == (
        "unknown: a run failed, or lacks the value · 2 of 5 pairs", None,
    )  # fmt: skip
    assert empty.rows == () and empty.ticks == ()
    assert [label for _, label in gain.ticks] == ["0 %", "10 %", "20 %"]
    counts = verdict_counts(studies.report())
    assert counts == [("supported", "✓", 1), ("contradicted", "✗", 1), ("undecided", "?", 1), ("not tested", "–", 1)]


def test_scatters_leave_out_and_count_what_is_not_finite():
    last = drawn_scatter(studies.scatters()[-1])
    assert last is not None
    assert last.left_out == 1 and sum(map(len, last.by_method.values())) == 9
    assert last.log_x and last.x_limits[0] > 0
    close = replace(last.scatter, points=tuple(ScatterPoint("a", "r", x, 1.0) for x in (1.0, 2.0)))
    drawn = drawn_scatter(close)
    assert drawn is not None and not drawn.log_x
    assert drawn_scatter(replace(close, points=(ScatterPoint("a", "r", NAN, 1.0),))) is None


def test_eigenvalues_are_of_all_seeds_and_the_surface_of_the_first_that_has_one():
    toys = [drawing for drawing in studies.surfaces() if drawing.data == "Toys"]
    names, by_method = eigenvalues_by_method(toys)
    assert names == ["λ₁", "λ₂", "λmin"]
    seeds, values = by_method["SAMRec"]
    assert seeds == [0, 1, 2]
    assert_allclose(values, [[5, 3.5, np.nan], [5.5, 4, -1], [6, 4.5, -1.5]])
    later = [replace(toys[0], surface=None), replace(toys[0], seed=7), replace(toys[0], seed=8)]
    assert first_surfaces(later)["Toys"]["SASRec"].seed == 7
    assert first_surfaces(toys)["Toys"]["CL4SRec"].surface is None
    assert eigenvalues_by_method([replace(toys[0], eigenvalues={"λ₁": NAN})])[1] == {}


@pytest.mark.parametrize("bad", [math.inf, -math.inf, NAN])
def test_an_infinite_value_widens_no_axis(bad: float):
    spoilt = Cell(Estimate(bad, bad, bad, 2), (0.1, bad), (0, 1))
    drawn = drawn_chart(chart(Series("a", (1.0, 2.0), (seeded(0.1), spoilt))))
    assert drawn is not None and np.isfinite(drawn.y_limits).all()
    assert np.isnan(drawn.lines[0].mean[1])
    assert [seed.y for seed in drawn.lines[0].seeds if seed.x == 2] == [0.1]
