"""Training that is played in a browser: markers, curves, keys, address, and what moves when motion is unwanted."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from tests.support.browsing import HOSTILE, Opened, becomes
from tests.support.drawable import along, raced

SURFACE = raced()
HISTORY = [
    {"epoch": str(epoch), "stage": "train", "train_loss": str(1 / epoch), "valid_ndcg@20": "0.1"}
    for epoch in range(1, 9)
]
INDEX = "Number(document.getElementById('moment').value)"


@cache
def html(name: str = "x") -> str:
    return explorer_page([ModelEntry(name, SURFACE, None, HISTORY, (along(), None))])


def at(panel: str, name: str = "runner", run: int = 0) -> str:
    """The last coordinates of a trace of a run."""
    traces = f"document.querySelector('[data-panel={panel}]').data"
    return f"(t => [t.x.at(-1), t.y.at(-1)])({traces}.find(t => t.name === '{name}' && t.legendgroup === 'run-{run}'))"


def line(panel: str) -> str:
    return f"document.querySelector('[data-panel=\"{panel}\"]').layout.shapes[0].x0"


def stands(page, panel: str, epoch: int) -> None:
    """Both runs are at the projections of their snapshots: the second has one every two epochs, and ends at 6."""
    places = SURFACE.trajectory.points[epoch], SURFACE.other_trajectories[0].points[min(epoch, 6) // 2]
    for run, place in enumerate(places):
        x, y = place.tolist()
        becomes(page, f"(([a, b]) => Math.hypot(a - {x}, b - {y}) < 1e-6)({at(panel, run=run)})")


def test_browser_moves_marker_path_curves_and_table_together(chromium, file):
    opened = Opened(chromium, file, html(), viewport={"width": 760, "height": 700})
    page = opened.page
    for epoch in (8, 4, 0):
        page.evaluate(f"document.getElementById('moment').value = {epoch}")
        page.locator("#moment").dispatch_event("input")
        for panel in ("surface", "contour"):
            stands(page, panel, epoch)
        for panel in ("course-loss", "course-metric", "course-top", "valid_ndcg@20", "train_loss"):
            becomes(page, f"{line(panel)} === {epoch}")
        becomes(page, f"{at('course-loss', 'here')}[1] === {SURFACE.trajectory.loss[epoch]}")
        becomes(page, f"{at('course-top', 'here')}[1] === {along().top[epoch]}")
        cells = page.locator("#runs tr[data-run='0'] [data-cell]").all_inner_texts()
        assert cells[0] == f"epoch {epoch}"
        assert cells[-1].startswith(f"{2.5 * (1 - epoch / 8):.4g}".rstrip("0").rstrip("."))
        # The marker is above the surface, the path behind it is drawn to it, and the path to come begins there.
        height = "document.querySelector('[data-panel=surface]').data.find(t => t.name === 'runner').z[0]"
        path = "document.querySelector('[data-panel=surface]').data.find(t => t.name === 'path' && t.mode === 'lines')"
        assert page.evaluate(f"{height} - {path}.z.at(-1)") > 0.05
        assert page.evaluate(f"{path}.x.length") == 24 * epoch + 1
        coming = "document.querySelector('[data-panel=surface]').data.find(t => t.name === 'path to come')"
        assert page.evaluate(f"{coming}.x.length") == 24 * (8 - epoch) + 1
        assert page.evaluate(f"{coming}.x[0] === {path}.x.at(-1)")
    # The ring of the map is as wide as the snapshot lies off the plane.
    ring = "document.querySelector('[data-panel=contour]').layout.shapes.find(s => s.type === 'circle')"
    assert page.evaluate(f"({ring}.x1 - {ring}.x0) / 2") == pytest.approx(2.5)
    opened.close()


def test_browser_takes_keys_in_the_player_alone(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    page.focus("#moment")
    for key, index in (
        ("Home", 0),
        ("ArrowRight", 1),
        ("ArrowUp", 2),
        ("ArrowLeft", 1),
        ("ArrowLeft", 0),
        ("ArrowLeft", 0),
    ):
        page.keyboard.press(key)
        assert page.evaluate(INDEX) == index, key
    stands(page, "contour", 0)
    page.focus("#play")
    for key, index in (("ArrowRight", 1), ("Home", 0), ("ArrowUp", 1), ("ArrowDown", 0), ("End", 8)):
        page.keyboard.press(key)
        assert page.evaluate(INDEX) == index, key
    # Elsewhere they are what they were: the crosshair's, and the page's.
    page.focus("[data-panel=contour]")
    page.keyboard.press("ArrowRight")
    becomes(page, "state.at[0] > 0")
    page.locator("h1").click()
    for key in ("Home", "ArrowLeft", "Space"):
        page.keyboard.press(key)
    assert page.evaluate("[state.moment, between]") == [None, None]
    # What is said to a reader who sees nothing.
    page.focus("#moment")
    page.keyboard.press("Home")
    said = page.get_attribute("#moment", "aria-valuetext")
    assert said == "epoch 0; SASRec: loss 1.25, 2.5 off the plane; SAMRec: loss 1.25, 2.5 off the plane"
    page.keyboard.press("End")
    assert "SAMRec: loss 0.5, 0.125 off the plane, ended" in page.get_attribute("#moment", "aria-valuetext")
    assert page.locator("#runs tr.ended").inner_text().startswith("SAMRec")
    opened.close()


def test_browser_plays_from_start_to_end_and_stops_where_it_is_told(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    assert page.evaluate("[between, state.moment]") == [None, None]  # nothing plays by itself
    page.click("#play")
    becomes(page, "between > 0 && between < 8 && between % 1 !== 0")  # between two snapshots
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    page.focus("#moment")
    page.keyboard.press("Space")
    becomes(page, "between === null")
    stopped = page.evaluate("state.moment")
    assert stopped in range(8)
    stands(page, "contour", stopped)
    becomes(page, f"location.hash.includes('moment={stopped}') || {stopped} === 0")
    page.keyboard.press("Space")
    becomes(page, "between === null && state.moment === null")
    stands(page, "contour", 8)
    becomes(page, "!location.hash.includes('moment')")  # which is written a little later
    opened.close()


def test_browser_steps_from_snapshot_to_snapshot_where_motion_is_unwanted(flat_chromium, file):
    opened = Opened(flat_chromium, file, html(), reduced_motion="reduce")
    page = opened.page
    page.focus("#moment")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    times = set()
    while (time := page.evaluate("between")) is not None:
        times.add(time)
        page.wait_for_timeout(40)
    assert times <= {6, 7, 8}
    assert 7 in times
    assert page.evaluate("state.moment") is None
    opened.close()


def test_browser_keeps_the_moment_in_the_address(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    page.focus("#moment")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    becomes(page, "location.hash.includes('moment=1')")
    page.goto(file.as_uri() + "#moment=3")
    becomes(page, "state.moment === 3")
    stands(page, "contour", 3)
    for wrong in ("moment=2.5", "moment=99", "moment=x", "moment=1,2"):
        page.goto(f"{file.as_uri()}#{wrong}")
        becomes(page, "state.moment === null")
        stands(page, "contour", 8)
    page.goto(file.as_uri() + "#moment=0")
    becomes(page, "state.moment === 0")
    opened.close()


def test_browser_prints_the_moment_that_is_shown(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    page.click("#play")
    becomes(page, "between > 1")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("between") is None
    stands(page, "contour", page.evaluate("state.moment"))
    page.emulate_media(media="print")
    assert not page.locator(".player").is_visible()
    assert page.locator("#runs").is_visible()
    opened.close()


@pytest.mark.parametrize("width", [390, 768])
def test_browser_keeps_the_player_in_reach_on_narrow_windows(flat_chromium, file, width):
    opened = Opened(
        flat_chromium, file, html(), viewport={"width": width, "height": 700}, has_touch=True, is_mobile=True
    )
    page = opened.page
    page.locator("#maps").scroll_into_view_if_needed()
    box = page.locator("#play").bounding_box()
    assert min(box["width"], box["height"]) >= 44
    assert 0 <= box["y"] <= 700 - box["height"]
    slider = page.locator("#moment").bounding_box()
    page.touchscreen.tap(slider["x"] + slider["width"] / 2, slider["y"] + slider["height"] / 2)
    becomes(page, f"{INDEX} === 4")
    stands(page, "contour", 4)
    opened.close()


def test_browser_plays_runs_with_any_name_in_both_themes(flat_chromium, file):
    first, second = SURFACE.trajectories
    surface = replace(SURFACE, trajectory=replace(first, title=HOSTILE), other_trajectories=(second,))
    opened = Opened(flat_chromium, file, explorer_page([ModelEntry("x", surface)]))
    page = opened.page
    assert page.evaluate("window.hacked") is None
    assert page.locator("#runs tr[data-run='0'] .name").inner_text() == " ".join(HOSTILE.split())
    opened.check_fits()
    opened.close()


def test_browser_plays_two_models_on_their_own_surfaces(flat_chromium, file):
    models = [ModelEntry(name, SURFACE) for name in ("one", "other")]
    opened = Opened(flat_chromium, file, explorer_page(models))
    page = opened.page
    page.focus("#moment")
    page.keyboard.press("Home")
    start = np.round(SURFACE.trajectory.points[0], 6).tolist()
    for index in (0, 1):
        traces = f"document.querySelectorAll('[data-panel=contour]')[{index}].data.filter(t => t.name === 'runner')"
        becomes(page, f"{traces}.every(t => Math.hypot(t.x[0] - {start[0]}, t.y[0] - {start[1]}) < 1e-5)")
    assert page.locator("#runs tbody tr").count() == 4
    page.click("[data-chip='0']")
    becomes(page, "document.querySelectorAll('#runs tbody tr:not([hidden])').length === 2")
    page.focus("#moment")
    page.keyboard.press("End")
    becomes(page, f"{line('course-loss')} === 8")
    opened.close()
