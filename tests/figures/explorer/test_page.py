"""The page of one model: what it says and what it carries; ``test_browser`` opens it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.explorer import explorer_page
from landscape.results import Mark
from tests.support.drawable import METADATA, between, checks, curvature, evaluated, full_curvature, interpolated, marked
from tests.support.pages import Text, data_of, figure, page_of, part_of, views

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> {{ 7 * 7 }}"


def test_page_tells_loss_error_evaluations_and_all_provenance():
    text = str(Text(page_of(interpolated(), name="SAMRec on Beauty")))
    for wanted in ("SAMRec on Beauty", "Loss at the centre 0.25", "0.081 %", "16 evaluations", "Evaluations 81"):
        assert wanted in text
    for wanted in ("9f2c" * 16, "ab41" * 16, METADATA["command"], "3.13.1", "18.4", "[0, 1]", "width 64", "note none"):
        assert wanted in text


def test_names_of_models_are_whole_where_there_is_room():
    names = ["SASRec on synthetic, seed 0", "SAMRec on synthetic, seed 0", "a mean of both, seed 0"]
    plane = {"kind": "toward", "names": names, "distances": [17.0, 8.0]}
    page = page_of(replace(evaluated(), metadata={**METADATA, "plane": plane}, marks=(Mark(names[1], 0.5, 0.0),)))
    assert f"α, from {names[0]} to {names[1]}, β, from {names[0]} to {names[2]}" in str(Text(page))
    for panel in ("surface", "contour"):
        layout = figure(page, panel)["layout"]
        labels = layout["annotations"] if panel == "contour" else layout["scene"]["annotations"]
        assert any(names[1] in label["text"] for label in labels)


def test_provenance_may_be_nested():
    surface = evaluated()
    surface.metadata["made by"] = {"deeply": [{"nested": np.float64(0.5)}]}
    assert "made by deeply nested 0.5" in str(Text(page_of(surface)))


@pytest.mark.slow
def test_hostile_names_are_text():
    surface = evaluated()
    surface.metadata[HOSTILE] = {HOSTILE: [HOSTILE, {"a": HOSTILE}]}
    page = page_of(surface, curvature(), name=HOSTILE)
    harmless = Text(page_of(evaluated(), curvature()))
    read = Text(page)
    assert sorted(read.elements.count(tag) for tag in ("script", "img")) == sorted(
        harmless.elements.count(tag) for tag in ("script", "img")
    )
    assert str(read).count("window.hacked = 1</script>") >= 4
    assert "{{ 7 * 7 }}" in str(read)
    assert data_of(page)["name"] == HOSTILE


@pytest.mark.slow
def test_page_carries_all_scales():
    drawn = views(page_of(interpolated()))["loss"]
    assert set(drawn) == {"linear", "log", "rise"}
    for view in drawn.values():
        assert {panel for panel, variants in view["figures"].items() if variants["shared"][0]} == {"surface", "contour"}
        assert set(view["figures"]["surface"]) == {"shared"}
    line = views(page_of(evaluated(points=(9, 1))))["loss"]["linear"]["figures"]
    assert {panel for panel, variants in line.items() if variants["shared"][0]} == {"line"}
    assert "spectrum" in part_of(page_of(evaluated(), curvature()), "common")


@pytest.mark.slow
def test_a_plane_has_profiles_and_its_evaluated_points_at_first():
    plane, line = page_of(interpolated()), page_of(interpolated(points=(21, 1)))
    several = explorer_page([ModelEntry("a", interpolated()), ModelEntry("b", interpolated())])
    assert [data_of(html)["on"] for html in (plane, line, several)] == [["points"], ["points"], []]
    assert data_of(page_of(evaluated()))["on"] == []
    shown = [len(re.findall(r'data-panel="profile-\d\"', html)) for html in (plane, line, several)]
    assert shown == [2, 0, 2]


def test_without_a_logarithm_there_is_no_log_scale():
    page = page_of(evaluated(lambda a, b: -1 - a * a))
    assert set(views(page)["loss"]) == {"linear", "rise"}
    assert re.search(r'value="log"\s+disabled', page)


def test_page_is_compact():
    page = page_of(interpolated(points=(51, 51)))
    assert len(page.encode()) < 5.5e6
    assert data_of(page)["pool"]


def test_curvature_page_warns_in_plain_words():
    text = str(Text(page_of(None, curvature(), name="SASRec")))
    for wanted in ("0.379 ± 0.0002", "−0.41 ± 0.0003", "0.18", "15", "indefinite", "not a stationary point", "λ₃"):
        assert wanted in text
    assert "ab41" * 16 in text


@pytest.mark.slow
def test_a_menu_offers_the_loss_and_every_metric():
    page = page_of(marked())
    assert re.findall(r'<option value="([^"]+)">', page) == ["loss", "HR@10", "NDCG@10"]
    drawn = views(page)
    assert set(drawn) == {"loss", "HR@10", "NDCG@10"}
    for quantity, scales in drawn.items():
        assert set(scales) == {"linear", "log", "rise"}
        for panel in ("surface", "contour"):
            assert figure(page, panel, quantity=quantity)["data"][0]["name"] == quantity
    text = str(Text(page))
    assert "HR@10 0.4 0.07 0.4 357 points evaluated" in text
    assert "NDCG@10 0.4 0.07 0.4 25 points evaluated" in text
    assert "<select" not in page_of(interpolated())


def test_a_metric_that_fills_no_plane_is_in_the_table_only():
    surface = evaluated()
    sparse = np.full(surface.loss.shape, np.nan)
    sparse[4] = 0.5
    page = page_of(replace(surface, metrics={"HR@10": sparse}))
    assert "<select" not in page
    assert "HR@10 0.5 0.5 0.5 11 points evaluated" in str(Text(page))


@pytest.mark.slow
def test_surface_page_shows_what_the_surface_carries():
    page = page_of(marked(), rho=0.3)
    text = str(Text(page))
    for wanted in (
        "Rise at r = 1",
        "95% interval over 5 planes",
        "principal components of a training run",
        "α = 1 is a distance of 2, β = 1 is a distance of 1 in the space of parameters; the cosine between them is 0.6",
        "The path has 9 snapshots",
        "holds 93 % of the squared distances",
        "up to 2.5 off the plane",
        "within a distance of ρ = 0.3",
        "slope along gradient 0.031 0.03101 ± 2×10⁻⁵ ✓ yes",
        "Quadratic model holds to",
    ):
        assert wanted in text
    assert set(part_of(page, "common")) == {"radial-profile", "course-loss", "course-off-plane"}
    names = [trace["name"] for trace in figure(page, "contour")["data"]]
    assert {"path", "ball", "marks", "quadratic model", "evaluated points"} <= set(names)
    plain = str(Text(page_of(evaluated())))
    for absent in ("Checks", "Rise at", "Barrier", "Quadratic", "snapshot", "What was measured"):
        assert absent not in plain


def test_a_line_tells_its_barrier():
    text = str(Text(page_of(between())))
    assert "Barrier 0.4 ± 0.01 above the straight line between the ends, at t = 0.5; 0.35 above the higher end" in text
    assert "t = 1 is a distance of 17" in text
    assert "Barrier above the straight line between the ends 0.4 ± 0.01 " in text  # among all numbers


PANELS = {
    "spectrum": "Density of all eigenvalues",
    "blocks": "λₘₐₓ by block",
    "localization": "Shares of the eigenvectors by item popularity",
    "sharpness": "Rise of the loss",
    "checks": "Checks",
    "trace": "Trace 91.4 ± 2.3",
    "quadratic": "Quadratic model holds to",
}


@pytest.mark.parametrize("part", PANELS)
def test_curvature_page_shows_only_what_is_there(part):
    full = full_curvature()
    one = str(Text(page_of(None, replace(curvature(), **{part: getattr(full, part)}))))
    assert {name for name, wanted in PANELS.items() if wanted in one} == {part}


def test_curvature_page_tells_numbers_errors_and_limits():
    page = page_of(None, full_curvature())
    assert set(part_of(page, "common")) == {"density", "spectrum"}
    assert set(part_of(page, "own")[0]) == {"blocks-0", "localization-0", "localization-1", "sharpness-0"}
    text = str(Text(page))
    for wanted in (
        "Hutch++, 60 products",
        "Below zero",
        "a node stands for all eigenvalues around it",
        "lower bounds of the true maximum",
        "each share may be off by the number below its vector's name",
        "average over directions 2×10⁻⁵ ± 4×10⁻⁶ 8×10⁻⁵ ± 2×10⁻⁵ not a number",
        "SAM step 0.009 0.02 −0.1",
    ):
        assert wanted in text


@pytest.mark.slow
def test_a_curvature_looks_the_same_beside_a_surface_and_beside_other_models():
    alone, beside = page_of(None, full_curvature()), page_of(evaluated(), full_curvature())
    several = explorer_page([ModelEntry("a", evaluated()), ModelEntry("b", None, full_curvature())])
    assert str(part_of(beside, "common")) == str(part_of(alone, "common"))
    assert str(part_of(beside, "own")[0]) == str(part_of(alone, "own")[0])
    own, other = part_of(alone, "own")[0], part_of(several, "own")[1]
    assert own.keys() == other.keys()
    second = model_styles([ModelEntry("a"), ModelEntry("b")])[1].colour  # colours tell models there
    for panel, drawn in own.items():
        assert str(drawn["layout"]) == str(other[panel]["layout"])
        for one, two in zip(drawn["data"], other[panel]["data"], strict=True):
            assert str([one.get(name) for name in ("x", "y", "z", "text")]) == str(
                [two.get(name) for name in ("x", "y", "z", "text")]
            )
            assert panel.startswith("localization") or two["marker"]["color"] == two["line"]["color"] == second
    for wanted in (
        "λₘₐₓ by block",
        "Shares of the eigenvectors by item popularity",
        "SAM step 0.009 0.02 −0.1",
        "✓ yes",
    ):
        for page in (alone, beside, several):
            assert wanted in str(Text(page))


def test_checks_that_differ_are_seen():
    failing = replace(curvature(), checks=checks(agree=False))
    text = str(Text(page_of(None, failing)))
    assert "curvature along gradient 1.5 1.7 ± 0.01 ✗ differs" in text
    assert "slope along <b>x</b> not a number 0.1 ± 0.1 ✗ differs" in text
    assert "2 of 4 checks failed: curvature along gradient, slope along <b>x</b>." in text


def test_no_line_ends_between_a_number_and_its_sign_or_unit():
    page = page_of(evaluated(), full_curvature())
    for wanted in (">91.4 ±~2.3<", "SAM step, ρ~=~0.05<", ">46~% (44 to 49~%)<"):
        assert wanted.replace("~", "\N{NO-BREAK SPACE}") in page


def test_a_model_without_results_says_so_and_draws_nothing():
    page = page_of()
    text = str(Text(page))
    assert "This model has neither a surface nor a curvature: there is nothing to draw." in text
    data = data_of(page)
    assert 'data-panel="' not in page
    assert (data["views"], data["common"], data["own"]) == ({"loss": {}}, {}, [{}])
    assert (data["table"]["order"], data["on"]) == ([], [])
    assert "table" not in Text(page).elements
    for given in (page_of(evaluated()), page_of(None, curvature())):
        assert "nothing to draw" not in str(Text(given))
        assert 'data-panel="' in given


def test_points_without_a_finite_loss_are_counted_in_the_first_note():
    surface = evaluated(points=(51, 51))
    loss = surface.loss.copy()
    loss[:3, :2], loss[-2:, -3:] = np.nan, np.inf
    spoilt = replace(surface, loss=loss, checks=checks(agree=False))
    page = explorer_page([ModelEntry("one", spoilt), ModelEntry("other", surface)])
    wanted = "12 of 2,601 grid points have no finite loss and are left blank. Crosses mark them on the map."
    notes = re.search(r'<details class="fold notes">.*?</details>', page, flags=re.DOTALL)
    sentences = re.findall("<p>(.*?)</p>", notes[0])
    assert sentences[0] == wanted
    assert sentences[1].startswith("2 of 4 checks failed")
    assert page.count("no finite loss") == 1
    assert wanted in str(Text(page_of(spoilt)))


def test_a_surface_without_a_finite_loss_says_so_and_draws_nothing():
    page = page_of(evaluated(lambda a, b: a * np.nan))
    assert "No point has a finite loss: there is nothing to draw." in str(Text(page))
    assert part_of(page, "views") == {"loss": {}}
    assert data_of(page)["missing"]["loss"] == ["No point has a finite value."]
