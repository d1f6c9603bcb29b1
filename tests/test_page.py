"""The pages: what they say and what they carry; ``test_browser`` opens them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from drawable import METADATA, between, checks, curvature, evaluated, full_curvature, interpolated, marked

from figures.page import curvature_page, surface_page

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> {{ 7 * 7 }}"


class Text(HTMLParser):
    """The text that a reader sees, and every element's name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.elements: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)

    def handle_data(self, data):
        if self.elements[-1:] not in (["script"], ["style"]):
            self.seen.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.seen).split())


def data_of(page: str) -> dict:
    """What the page's own script draws from."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(found)


def test_page_tells_loss_error_evaluations_and_all_provenance():
    text = str(Text(surface_page(interpolated(), title="SAMRec on Beauty")))
    for wanted in ("SAMRec on Beauty", "Loss at the centre 0.25", "0.081 %", "16 evaluations", "Evaluations 81"):
        assert wanted in text
    for wanted in ("9f2c" * 16, "ab41" * 16, METADATA["command"], "3.13.1", "18.4", "[0, 1]", "width 64", "note none"):
        assert wanted in text


def test_provenance_can_be_given():
    text = str(
        Text(surface_page(evaluated(), title="x", provenance={"made by": {"deeply": [{"nested": np.float64(0.5)}]}}))
    )
    assert "made by deeply nested 0.5" in text
    assert METADATA["command"] not in text


def test_hostile_names_are_text():
    surface = evaluated()
    surface.metadata[HOSTILE] = {HOSTILE: [HOSTILE, {"a": HOSTILE}]}
    page = surface_page(surface, title=HOSTILE, curvature=curvature())
    harmless = Text(surface_page(evaluated(), title="x", curvature=curvature()))
    read = Text(page)
    assert sorted(read.elements.count(tag) for tag in ("script", "img")) == sorted(
        harmless.elements.count(tag) for tag in ("script", "img")
    )
    assert str(read).count("window.hacked = 1</script>") >= 4
    assert "{{ 7 * 7 }}" in str(read)
    assert data_of(page)["name"] == HOSTILE


def test_page_carries_both_scales():
    figures = data_of(surface_page(interpolated(), title="x"))["figures"]
    assert {panel: sorted(each["loss"]) for panel, each in figures.items()} == {
        "surface": ["linear", "log"],
        "contour": ["linear", "log"],
    }
    assert data_of(surface_page(evaluated(points=(9, 1)), title="x"))["figures"].keys() == {"line"}
    assert "spectrum" in data_of(surface_page(evaluated(), title="x", curvature=curvature()))["figures"]


def test_without_a_logarithm_there_is_no_log_scale():
    page = surface_page(evaluated(lambda a, b: -1 - a * a), title="x")
    assert list(data_of(page)["figures"]["surface"]["loss"]) == ["linear"]
    assert re.search(r'value="log"\s+disabled', page)


def test_page_is_compact():
    page = surface_page(interpolated(points=(51, 51)), title="x")
    assert len(page.encode()) < 5.5e6
    assert "bdata" in data_of(page)["figures"]["surface"]["loss"]["linear"]["data"][0]["z"]


def test_curvature_page_warns_in_plain_words():
    text = str(Text(curvature_page(curvature(), title="SASRec")))
    for wanted in ("0.379 ± 0.0002", "−0.41 ± 0.0003", "0.18", "15", "indefinite", "not a stationary point", "λ₃"):
        assert wanted in text
    assert "ab41" * 16 in text


def test_a_menu_offers_the_loss_and_every_metric():
    page = surface_page(marked(), title="x")
    assert re.findall(r'<option value="([^"]+)">', page) == ["loss", "HR@10", "NDCG@10"]
    figures = data_of(page)["figures"]
    for panel in ("surface", "contour"):
        assert set(figures[panel]) == {"loss", "HR@10", "NDCG@10"}
        assert all(sorted(scales) == ["linear", "log"] for scales in figures[panel].values())
    text = str(Text(page))
    assert "HR@10 0.4 0.07 0.4 357 points evaluated" in text
    assert "NDCG@10 0.4 0.07 0.4 25 points evaluated" in text
    assert "<select" not in surface_page(interpolated(), title="x")


def test_a_metric_that_fills_no_plane_is_in_the_table_only():
    surface = evaluated()
    sparse = np.full(surface.loss.shape, np.nan)
    sparse[4] = 0.5
    page = surface_page(replace(surface, metrics={"HR@10": sparse}), title="x")
    assert "<select" not in page
    assert "HR@10 0.5 0.5 0.5 11 points evaluated" in str(Text(page))


def test_surface_page_shows_what_the_surface_carries():
    page = surface_page(marked(), title="x", rho=0.3)
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
    assert set(data_of(page)["figures"]) == {"surface", "contour", "band"}
    names = [trace["name"] for trace in data_of(page)["figures"]["contour"]["loss"]["linear"]["data"]]
    assert {"path", "ball", "marks", "quadratic model", "evaluated points"} <= set(names)
    plain = str(Text(surface_page(evaluated(), title="x")))
    for absent in ("Checks", "Rise", "Barrier", "Quadratic", "snapshot", "What was measured"):
        assert absent not in plain


def test_a_line_tells_its_barrier():
    text = str(Text(surface_page(between(), title="x")))
    assert "Barrier 0.4 ± 0.01 above the straight line between the ends, at t = 0.5; 0.35 above the higher end" in text
    assert "t = 1 is a distance of 17" in text


PANELS = {
    "spectrum": "Density of all eigenvalues",
    "blocks": "λₘₐₓ by block",
    "shares": "Mass by item popularity",
    "sharpness": "Rise of the loss",
    "checks": "Checks",
    "trace": "Trace 91.4 ± 2.3",
    "quadratic": "Quadratic model holds to",
}


@pytest.mark.parametrize("part", PANELS)
def test_curvature_page_shows_only_what_is_there(part):
    full = full_curvature()
    one = str(Text(curvature_page(replace(curvature(), **{part: getattr(full, part)}), title="x")))
    assert {name for name, wanted in PANELS.items() if wanted in one} == {part}


def test_curvature_page_tells_numbers_errors_and_limits():
    page = curvature_page(full_curvature(), title="x")
    assert sorted(data_of(page)["figures"]) == ["blocks", "density", "shares-0", "shares-1", "sharpness", "spectrum"]
    text = str(Text(page))
    for wanted in (
        "hutch++, 60 products",
        "Below zero",
        "a node stands for all eigenvalues around it",
        "lower bounds of the true maximum",
        "each share may be off by the number below its vector's name",
        "average 2×10⁻⁵ ± 4×10⁻⁶ 8×10⁻⁵ ± 2×10⁻⁵ not a number",
        "one-step 0.009 0.02 −0.1",
    ):
        assert wanted in text


def test_both_pages_show_the_same_of_a_curvature():
    alone = data_of(curvature_page(full_curvature(), title="x"))["figures"]
    beside = data_of(surface_page(evaluated(), title="x", curvature=full_curvature()))["figures"]
    assert {panel: beside[panel] for panel in alone} == alone


def test_checks_that_differ_are_seen():
    failing = replace(curvature(), checks=checks(agree=False))
    text = str(Text(curvature_page(failing, title="x")))
    assert "curvature along gradient 1.5 1.7 ± 0.01 ✗ differs" in text
    assert "slope along <b>x</b> not a number 0.1 ± 0.1 ✗ differs" in text
    assert "2 of 4 checks failed: curvature along gradient, slope along <b>x</b>." in text
