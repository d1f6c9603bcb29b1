"""The page of one model in a browser: drawn, offline and without a complaint, for mouse and keyboard."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from landscape.results import Mark
from tests.support.browsing import HOSTILE, READOUT, Opened, becomes, colours
from tests.support.drawable import (
    between,
    bowl,
    checks,
    curvature,
    evaluated,
    full_curvature,
    interpolated,
    marked,
    ranking,
)
from tests.support.pages import page_of


@pytest.mark.slow
def test_browser_draws_the_scene_and_the_switch_switches(chromium, file):
    surface = interpolated()
    opened = Opened(chromium, file, page_of(surface, curvature(), name=HOSTILE))
    page = opened.page
    assert page.inner_text("h1") == HOSTILE
    assert page.evaluate("window.hacked") is None
    count, linear = colours(page, "[data-panel=surface]")
    assert count > 500  # a shaded surface, not an empty canvas
    assert page.evaluate("document.querySelector('[data-panel=surface] canvas').getContext('webgl') !== null")
    assert page.inner_text(".bar-label") == "loss"

    page.check("input[value=log]", force=True)
    becomes(page, "document.querySelector('.bar-label').textContent === 'loss (log scale)'")
    marks = (
        "document.querySelector('[data-panel=surface]').data.filter(t => t.name === 'centre' && t.mode === 'markers')"
    )
    becomes(page, f"Math.abs({marks}[0].z[0] - {np.log10(0.25)}) < 1e-6")
    page.wait_for_timeout(300)
    assert colours(page, "[data-panel=surface]")[1] != linear

    # On paper a canvas would be blank.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    becomes(page, "document.querySelector('img.printed').naturalWidth > 300")
    assert colours(page, "img.printed")[0] > 500
    assert not page.is_visible("[data-panel=surface]")
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.is_visible("[data-panel=surface]")
    assert page.locator("img.printed").count() == 0
    opened.close()


def test_browser_shows_exact_numbers_to_mouse_and_keyboard(chromium, file):
    opened = Opened(chromium, file, page_of(interpolated()))
    page = opened.page
    page.focus("[data-panel=contour]")
    page.keyboard.press("ArrowRight")  # from the centre, a grid point to the right
    becomes(page, f"{READOUT}.startsWith('At α 0.1, β 0, loss:')")
    assert float(re.search(r"loss:(0\.\d+)interpolated", page.evaluate(READOUT)).group(1)) == pytest.approx(
        bowl(0.1, 0.0), abs=2e-3
    )
    page.keyboard.press("ArrowLeft")
    becomes(page, f"{READOUT} === 'At α 0, β 0, loss:0.25evaluated'")
    assert page.evaluate("document.querySelector('[data-panel=contour]').layout.shapes.length") == 2

    box = page.locator("[data-panel=surface]").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.45)
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.45, steps=4)
    page.wait_for_selector("[data-panel=surface] .hovertext")
    hover = page.text_content("[data-panel=surface] .hovertext")
    parts = re.fullmatch(r"α (-?[\d.]+)β (-?[\d.]+)loss ([\d.]+)(evaluated|interpolated)", hover.replace("−", "-"))
    a, b, loss = map(float, parts.groups()[:3])
    assert loss == pytest.approx(bowl(a, b), abs=2e-3)
    becomes(page, f"{READOUT}.includes('α {a:.5g},')".replace("-", "−"))  # the crosshair follows

    points = "document.querySelector('[data-panel=contour]').data.find(t => t.name === 'evaluated points').visible"
    assert page.evaluate(points) is True
    page.uncheck("#points")
    becomes(page, f"{points} === false")

    eye = "document.querySelector('[data-panel=surface]').layout.scene.camera.eye"
    page.focus("[data-panel=surface]")
    before = page.evaluate(eye)
    page.keyboard.press("ArrowLeft")
    becomes(page, f"{eye}.x !== {before['x']}")
    after = page.evaluate(eye)
    assert np.hypot(after["x"], after["y"]) == pytest.approx(np.hypot(before["x"], before["y"]))
    page.click("#reset")
    becomes(page, f"Math.abs({eye}.x - {before['x']}) < 1e-9")
    opened.close()


@pytest.mark.slow
def test_browser_fits_the_page_into_any_window_in_light_and_dark(chromium, file):
    long = replace(marked(), marks=(Mark("m" * 90, 0.9, 0.1), Mark("n" * 90, -0.9, 0.1)))
    long.metadata["command"] = "landscape surface " + "a-very-long-name/" * 30
    all_known = replace(full_curvature(), checks=checks(agree=False))
    html = page_of(long, all_known, name="A" * 200)
    opened = Opened(chromium, file, html, color_scheme="light")
    page = opened.page
    page.click("summary")
    text = "document.querySelector('[data-panel=contour]').layout.template.layout.font.color"
    light = page.evaluate(text)
    opened.check_fits()
    becomes(page, f"{text} !== '{light}'")
    opened.close()


@pytest.mark.slow
def test_browser_menu_shows_a_metric_on_its_own_grid(flat_chromium, file):
    surface = marked()
    opened = Opened(flat_chromium, file, page_of(surface))
    page = opened.page
    chart = "document.querySelector('[data-panel=contour]')"
    page.focus("#quantity")
    page.keyboard.press("n")  # as far as the keyboard goes: the first name with that letter
    becomes(page, f"{chart}.data[0].name === 'NDCG@10'")
    page.focus("[data-panel=contour]")
    page.keyboard.press("ArrowUp")
    a, b = surface.of("NDCG@10").alphas[2], surface.of("NDCG@10").betas[3]
    becomes(page, f"{READOUT} === 'At α {a:.5g}, β {b:.5g}, NDCG@10:{ranking(a, b):.5g}evaluated'")
    page.check("input[value=log]", force=True)
    becomes(page, "document.querySelector('.bar-label').textContent === 'NDCG@10 (log scale)'")
    page.select_option("#quantity", "loss")
    becomes(page, "document.querySelector('.bar-label').textContent === 'loss (log scale)'")
    opened.close()


def test_browser_menu_switches_the_log_scale_off_where_there_is_none(flat_chromium, file):
    surface = evaluated()
    signed = replace(surface, metrics={"gain": -1 - surface.loss})
    opened = Opened(flat_chromium, file, page_of(signed))
    page = opened.page
    page.check("input[value=log]", force=True)
    page.select_option("#quantity", "gain")
    becomes(page, "document.querySelector('.bar-label').textContent === 'gain'")
    assert page.is_disabled("input[value=log]")
    assert page.is_checked("input[value=linear]")
    page.select_option("#quantity", "loss")
    becomes(page, "document.querySelector('.bar-label').textContent === 'loss'")
    assert not page.is_disabled("input[value=log]")
    opened.close()


@pytest.mark.slow
def test_browser_shows_the_quadratic_model_when_it_is_asked_to(flat_chromium, file):
    opened = Opened(flat_chromium, file, page_of(marked(), rho=0.3))
    page = opened.page
    trace = "document.querySelector('[data-panel=contour]').data.find(t => t.name === 'quadratic model')"
    assert page.evaluate(f"{trace}.visible") is False
    page.focus("#quadratic")
    page.keyboard.press("Space")
    becomes(page, f"{trace}.visible !== false")
    opened.close()


def test_browser_resets_a_line(flat_chromium, file):
    opened = Opened(flat_chromium, file, page_of(between(), rho=3.4))
    page, line = opened.page, "document.querySelector('[data-panel=line]')"
    page.evaluate(f"Plotly.relayout({line}, {{'xaxis.range': [0, 0.1], 'yaxis.range': [0, 0.1]}})")
    page.click("#reset")
    becomes(page, f"{line}.layout.xaxis.range[0] <= -0.5 && {line}.layout.yaxis.range[1] > 0.75")
    assert page.evaluate(f"{line}.layout.shapes.length") == 2  # those of the ball
    opened.close()


@pytest.mark.slow
def test_browser_without_webgl_shows_the_map_and_says_so(flat_chromium, file):
    opened = Opened(flat_chromium, file, page_of(interpolated()))
    assert opened.page.is_visible("#no-webgl")
    assert "contour map" in opened.page.inner_text("#no-webgl")
    assert not opened.page.is_visible("[data-panel=surface]")
    assert colours(opened.page, "[data-panel=contour]")[0] > 100
    opened.page.check("input[value=log]", force=True)
    becomes(opened.page, "document.querySelector('.bar-label').textContent === 'loss (log scale)'")
    opened.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        lambda: page_of(None, curvature()),
        lambda: page_of(None, full_curvature()),
        lambda: page_of(between()),
        lambda: page_of(marked(), rho=0.5),
        lambda: page_of(interpolated(points=(21, 1))),
        lambda: page_of(evaluated(points=(1, 1))),
        lambda: page_of(evaluated(lambda a, b: 0 * a + 0.7)),
        lambda: page_of(evaluated(lambda a, b: a * np.nan)),
        lambda: page_of(evaluated(points=(11, 2))),
    ],
    ids=[
        "curvature",
        "all of a curvature",
        "barrier",
        "path and marks",
        "line",
        "point",
        "flat",
        "nothing finite",
        "narrow",
    ],
)
def test_browser_draws_every_kind_of_result(chromium, file, html):
    opened = Opened(chromium, file, html())
    assert opened.page.locator("[data-panel] .main-svg, .missing:visible").count() > 0
    opened.close()
