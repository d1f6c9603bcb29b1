"""A study's page without a browser: what it says, what it carries, and that nothing in it is markup by accident."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose

from landscape.figures.study import report_page
from landscape.results.study.records import Cell, Claim, ClaimVerdict, Estimate, ModelSurface, StudyReport
from landscape.results.study.tables import latex
from tests.support import studies
from tests.support.browsing import HOSTILE
from tests.support.pages import Text, data_of, unpacked


@cache
def html() -> str:
    return report_page(studies.report())


def figures(page: str) -> dict:
    data = data_of(page)
    return {
        key: {scale: unpacked(figure, data["pool"]) for scale, figure in scales.items()}
        for key, scales in data["figures"].items()
    }


def of(page: str, heading: str) -> dict:
    """The figure below a heading."""
    (key,) = re.findall(rf">{re.escape(heading)}</h3>\s*<figure><div[^>]*data-key=\"([^\"]+)\"", page)[:1]
    return figures(page)[key]["linear"]


def test_verdicts_come_first_and_failed_runs_last():
    text = str(Text(html()))
    order = [
        "A small study",
        "52 of 61 runs are finished",
        "Verdicts",
        "SAMRec ranks better",
        "Table 1",
        "Figure 1: loss surfaces",
    ]
    order += [
        "Less training data",
        "The radius of SAM",
        "Sharpness along",
        "Eigenvalues of",
        "Flatness against",
        "Failed",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert text.endswith("samrec-Toys-seed2 the loss is NaN at epoch 3")


def test_the_page_says_what_is_known_and_what_is_not():
    text = str(Text(html())).replace("\N{NO-BREAK SPACE}", " ")
    for wanted in (
        "✓ supported 1",
        "14 % [9 %, 19 %] · 5 pairs",
        "claimed 13 % · p = 0.001 for, 0.98 against",
        "0.0570 ± 0.0036 3 seeds · paper 0.0601",
        "failed (2) the loss is NaN at epoch 3",
        "– 0 of 3 seeds",
        "0.21 [0.12, 0.3], a factor of 1.62 · 3 of 5 pairs",
        "contradicted on 1 of 2 data sets",
        "No runs to compare yet: Toys (margin ± 3 %)",
        "2 of 3 seeds",
        "Kendall’s τ −0.62 [−0.85, −0.30] over 9 runs; within methods 0.10 [−0.40, 0.50].",
        "Kendall’s τ undefined over 0 runs; within methods undefined. 1 without a finite value not drawn.",
        "Runs: 1 failed, 3 not finished.",
        "No surface was measured.",
        "seed 0 · λ₁ = 20",
    ):
        assert wanted in text
    assert len(re.findall('class="badge supported"', html())) == 4  # the count, the claim, two data sets


def test_charts_carry_means_intervals_seeds_and_published_values():
    figure = of(html(), "Toys")
    seeds, means, published = [trace for trace in figure["data"] if trace["name"] == "SAMRec"]
    assert_allclose(means["y"], [0.0272, 0.0416, 0.056])
    assert_allclose(means["error_y"]["array"], 0.0036)
    assert_allclose(means["error_y"]["arrayminus"], 0.0036)
    assert_allclose(sorted(seeds["y"])[-3:], [0.054, 0.056, 0.058])
    assert_allclose(published["y"], [0.026, 0.038, 0.05])
    assert means["text"][0] == "mean 0.0272<br>95 % interval 0.0236 to 0.0308<br>3 seeds, at 0.2"
    assert figure["layout"]["xaxis"]["title"]["text"] == "share of the users trained on"
    band = of(html(), "Beauty: λmax")["data"][0]
    assert band["fill"] == "toself" and len(band["x"]) == 30
    assert_allclose([band["y"][0], band["y"][-1]], [1.36, 0.64])


def test_a_method_has_one_colour_everywhere():
    page = html()
    data = data_of(page)
    colours = {model["name"]: model["colour"] for model in data["models"]}
    assert list(colours) == ["SASRec", "SAMRec", "CL4SRec", "CL4SRec + SAM"]
    drawn = 0
    for key, scales in figures(page).items():
        for trace in scales["linear"]["data"]:
            if key.startswith("figure-"):
                drawn += 1
                assert data["models"][trace["meta"]]["name"] == trace["name"]
                marker = trace.get("marker", trace.get("line", {}))
                colour = marker.get("color", marker.get("line", {}).get("color"))
                assert colour in (colours[trace["name"]], None)
    assert drawn > 30
    for name, colour in colours.items():
        assert f'style="--model: {colour}"></span><span class="name">{name}</span>' in page


def test_surfaces_of_a_data_set_have_one_scale_for_heights_and_colours():
    scenes = {key: scales for key, scales in figures(html()).items() if key.startswith("scene-")}
    assert list(scenes) == ["scene-0-0", "scene-0-1", "scene-0-2", "scene-1-0", "scene-1-1"]  # one is missing
    for scale in ("linear", "log"):
        ranges = {tuple(figure[scale]["layout"]["scene"]["zaxis"]["range"]) for figure in scenes.values()}
        assert len(ranges) == 1
        limits = {(figure[scale]["data"][0]["cmin"], figure[scale]["data"][0]["cmax"]) for figure in scenes.values()}
        assert len(limits) == 1
    heights = np.asarray(scenes["scene-0-0"]["linear"]["data"][0]["z"])
    assert_allclose([heights.min(), heights.max()], [0.3, 0.3 + 2 * 1.8], rtol=1e-6)


def test_tables_can_be_copied_as_they_are_exported():
    assert data_of(html())["copies"][0]["LaTeX"] == latex(studies.table())
    assert re.findall(r"data-copy=\"(\w+)\"", html()) == ["Markdown", "LaTeX", "CSV"]


def hostile() -> StudyReport:
    """The example with all of its names and texts replaced."""
    whole = studies.report()
    table = replace(whole.tables[0], key=HOSTILE, title=HOSTILE, caption=HOSTILE, rows=(HOSTILE, HOSTILE + "2", "x"))
    columns = tuple((HOSTILE, metric) for _, metric in table.columns)
    finding = ClaimVerdict(HOSTILE, HOSTILE, Estimate(0.1, 0, 0.2, 3), 0.1, (0.1, 0.2))
    chart = replace(whole.charts[0], key=HOSTILE, title=HOSTILE, panel=HOSTILE, x_title=HOSTILE, y_title=HOSTILE)
    series = tuple(replace(line, name=HOSTILE) for line in chart.series[:1])
    scatter = whole.scatters[0]
    points = tuple(replace(point, method=HOSTILE, run=HOSTILE) for point in scatter.points)
    return StudyReport(
        title=HOSTILE,
        lines=(HOSTILE,),
        claims=(Claim(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, (finding,)),),
        tables=(replace(table, columns=columns),),
        charts=(replace(chart, series=series),),
        scatters=(replace(scatter, data=HOSTILE, x_title=HOSTILE, y_title=HOSTILE, points=points),),
        surfaces=(ModelSurface(HOSTILE, HOSTILE, 0, studies.bowl(1.0), {HOSTILE: 1.0}),),
        failed=((HOSTILE, HOSTILE),),
    )


def test_everything_is_escaped():
    page, harmless = report_page(hostile()), html()
    read = Text(page)
    assert read.elements.count("script") == Text(harmless).elements.count("script")
    assert read.elements.count("img") == 0
    assert str(read).count("window.hacked = 1</script>") >= 20
    assert "{{ 7 * 7 }}" in str(read)
    for scales in figures(page).values():
        for figure in scales.values():
            assert "<script" not in str(figure)  # plotly reads some HTML


def test_a_table_without_a_finished_run_is_one_line():
    table = studies.table()
    waiting = replace(table, title="Search", cells=((Cell(None, missing=3, published=0.05),) * 4,) * 3)
    page = report_page(studies.report(tables=(table, waiting)))
    assert str(Text(page)).count("No run of this table is finished yet.") == 1
    assert page.count("</table>") == html().count("</table>")


def test_a_chart_tells_which_seeds_it_lacks():
    along = replace(studies.charts()[-1], note="Seeds: SAMRec 1 of 3.")
    page = report_page(studies.report(charts=(along,)))
    assert "<figcaption>Seeds: SAMRec 1 of 3.</figcaption>" in page


def test_an_empty_report_is_a_page():
    text = str(Text(report_page(StudyReport("nothing yet", ()))))
    assert text.startswith("nothing yet · Study")
    assert "Verdicts" not in text and "Figure 1" not in text


def test_a_chart_without_values_says_so():
    chart = studies.charts()[0]
    empty = tuple(replace(line, cells=tuple(replace(cell, estimate=None, values=(), seeds=(), published=None, missing=3)
                                            for cell in line.cells)) for line in chart.series)  # fmt: skip
    page = report_page(studies.report(charts=(replace(chart, series=empty),), surfaces=(), scatters=()))
    assert "No run has a value to draw. Runs: 27 not finished." in str(Text(page))
    assert data_of(page)["figures"] == {}


@pytest.mark.slow
def test_the_page_is_compact_and_asks_for_nothing():
    assert len(html().encode()) < 5.2e6
    assert "default-src 'none'" in html()
    assert not re.findall(r'(?:src|href)="(?!data:)', html().split("<script>")[0])
