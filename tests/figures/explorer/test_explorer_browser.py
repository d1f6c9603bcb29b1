"""The page that compares models in a browser: linked, switched, copied and restored from its address."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from landscape.figures.themes import template
from tests.figures.explorer.test_explorer import HISTORY, recorded, steeper
from tests.support.browsing import FITS, HOSTILE, READOUT, Opened, becomes, colours
from tests.support.drawable import bowl, curvature, evaluated, full_curvature, interpolated


@cache
def html() -> str:
    flat, steep = (recorded(interpolated(function, points=(15, 15))) for function in (bowl, steeper))
    a, b = flat.alphas[None, :], flat.betas[:, None]
    return explorer_page(
        [
            ModelEntry("flat", replace(flat, metrics={"HR@10": 0.5 - 0.1 * a * a + 0 * b}), full_curvature(), HISTORY),
            ModelEntry(HOSTILE, steep, curvature()),
        ],
        title=HOSTILE,
    )


def panel(name: str, index: int) -> str:
    return f"document.querySelectorAll('[data-panel={name}]')[{index}]"


def eye(index: int) -> str:
    return f"{panel('surface', index)}.layout.scene.camera.eye"


@pytest.mark.slow
def test_browser_links_cameras_maps_and_switches(chromium, file):
    opened = Opened(chromium, file, html(), viewport={"width": 760, "height": 700})  # small scenes are drawn fast
    page = opened.page
    assert page.evaluate(FITS)
    assert page.inner_text("h1") == HOSTILE
    assert page.locator(".chip").nth(1).inner_text() == HOSTILE
    assert page.evaluate("window.hacked") is None
    assert colours(page, "[data-panel=surface] >> nth=1")[0] > 500  # a shaded surface, not an empty canvas

    # Turning one turns all, by mouse and by keys, and nothing goes on turning afterwards.
    page.focus("[data-panel=surface] >> nth=1")
    before = page.evaluate(eye(0))
    page.keyboard.press("ArrowLeft")
    becomes(page, f"Math.abs({eye(0)}.x - {before['x']}) > 0.01 && Math.abs({eye(1)}.x - {eye(0)}.x) < 1e-6")
    page.locator("[data-panel=surface]").nth(0).scroll_into_view_if_needed()
    box = page.locator("[data-panel=surface]").nth(0).bounding_box()
    before = page.evaluate(eye(1))
    page.mouse.move(box["x"] + 100, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 170, box["y"] + 160, steps=2)
    page.mouse.up()
    becomes(page, f"Math.abs({eye(1)}.x - {before['x']}) > 0.01 && Math.abs({eye(1)}.x - {eye(0)}.x) < 1e-6")
    becomes(page, "location.hash.includes('camera=')")
    settled = page.evaluate(eye(0))
    page.wait_for_timeout(300)
    assert page.evaluate(eye(0)) == settled
    becomes(page, "location.hash.includes('at=')")  # the mouse, which is over a scene, moved the crosshair

    # The crosshair moves in all maps, and in the profiles; what it meets is read aloud only if a key moved it.
    aloud = "document.getElementById('readout').ariaLive"
    assert page.evaluate(aloud) == "off"
    page.mouse.move(0, 0)
    page.click("#reset")
    becomes(page, f"{panel('contour', 1)}.layout.shapes[0].x0 === 0")
    page.focus("[data-panel=contour] >> nth=0")
    page.keyboard.press("ArrowRight")
    for index in (0, 1):
        becomes(page, f"Math.abs({panel('contour', index)}.layout.shapes[0].x0 - 1 / 7) < 1e-6")
    assert page.evaluate(aloud) == "polite"
    readout = page.inner_text("#readout")
    flat, steep = map(float, re.findall(r"(0\.\d+)\s*interpolated", readout))
    assert flat == pytest.approx(bowl(1 / 7, 0.0), abs=2e-3)
    assert steep == pytest.approx(steeper(1 / 7, 0.0), abs=4e-3)
    profile = f"{panel('profile-1', 0)}.data"
    becomes(page, f"{profile}[1].y[7] - {steep} < 1e-4 && {profile}[0].y[7] - {flat} < 1e-4")

    # A part is looked at closely in all maps; a double click shows the whole.
    part = "{'xaxis.range[0]': 0, 'xaxis.range[1]': 0.5, 'yaxis.range[0]': 0, 'yaxis.range[1]': 0.5}"
    page.evaluate(f"Plotly.relayout({panel('contour', 1)}, {part})")
    closer = "[0, 1].map((i) => document.querySelectorAll('[data-panel=contour]')[i].layout.xaxis.range)"
    becomes(page, f"({closer}).every(([low, high]) => high - low < 0.7)")
    becomes(page, "location.hash.includes('zoom=')")
    page.locator("[data-panel=contour]").nth(0).dblclick()
    whole = f"{panel('contour', 1)}.layout.xaxis.range.join() === '-1,1' && !state.zoom"
    becomes(page, whole)
    page.mouse.move(0, 0)
    page.evaluate("location.hash = '#at=0.5,-0.5'")
    becomes(page, "state.at[0] === 0.5")
    page.focus("[data-panel=contour] >> nth=1")
    page.keyboard.press("+")
    becomes(page, f"{panel('contour', 0)}.layout.xaxis.range[1] < 0.99")
    x, y = page.evaluate("crossed(grids[1])")
    ends = [x - 0.9 * (x + 1), x + 0.9 * (1 - x), y - 0.9 * (y + 1), y + 0.9 * (1 - y)]
    assert page.evaluate("state.zoom") == pytest.approx(ends)
    for key in "++++-----":
        page.keyboard.press(key)
    becomes(page, whole)
    page.evaluate("location.hash = '#at=0.5,0.5&zoom=-1,0.2,-1,0.2'")
    becomes(page, "state.at[1] === 0.5 && state.zoom")
    page.keyboard.press("-")  # nothing is outside of the map
    assert page.evaluate("state.zoom")[::2] == [-1, -1]
    page.click("#reset")
    becomes(page, whole)

    # Switches do what they say, and the back button undoes them.
    limits = "[0, 1].map((i) => document.querySelectorAll('[data-panel=contour]')[i].data[0].zmax)"
    shared = page.evaluate(limits)
    assert shared[0] == shared[1]
    page.check("input[value=own]", force=True)
    becomes(page, f"({limits})[0] < ({limits})[1]")
    assert page.is_hidden("#bar")
    page.check("input[value=rise]", force=True)
    becomes(page, f"{panel('surface', 1)}.data[0].name === 'loss above its lowest'")
    page.go_back()
    page.go_back()
    becomes(page, f"({limits})[0] === ({limits})[1] && {panel('surface', 1)}.data[0].name === 'loss'")
    assert page.is_checked("input[value=shared]")
    read = page.evaluate(READOUT)
    page.check("input[value=log]", force=True)
    becomes(page, f"{panel('profile-0', 0)}.layout.yaxis.type === 'log'")
    assert page.evaluate(READOUT) == read  # losses, and not their logarithms

    # What is folded away is drawn when it is opened.
    assert not page.evaluate(f"'drawn' in {panel('blocks-0', 0)}.dataset")
    page.click("text=Model by model")
    page.locator(".inner summary").nth(0).click()
    becomes(page, f"{panel('blocks-0', 0)}.data?.length > 0 && {panel('sharpness-0', 0)}.data?.length > 0")
    page.click("text=Model by model")

    # A hidden model is nowhere.
    page.click(".chip >> nth=0")
    becomes(page, f"{panel('profile-0', 0)}.data.length === 1 && {panel('spectrum', 0)}.data.length === 1")
    assert not page.locator("[data-panel=contour]").nth(0).is_visible()
    becomes(page, f"!{panel('surface', 0)}.data")  # as browsers draw only so many scenes
    assert not page.locator("#numbers [data-model='0']").first.is_visible()
    assert page.evaluate(f"!{READOUT}.includes('flat')")
    address = page.evaluate("location.hash")
    assert "hidden=1" in address
    assert "scale=log" in address

    # What a model has no scene of comes back with the camera of all.
    page.select_option("#quantity", "HR@10")
    becomes(page, f"{panel('surface', 1)}.hidden")
    page.select_option("#quantity", "loss")
    becomes(page, f"{panel('surface', 1)}.data?.length > 0")
    assert page.evaluate(f"{eye(1)}.z / state.camera.eye.z") == pytest.approx(1.1, abs=0.4)

    # A scene of another size is looked at from as far as it asks for.
    page.set_viewport_size({"width": 420, "height": 700})
    becomes(page, f"{panel('surface', 1)}.clientWidth < 400")
    becomes(page, f"Math.abs({eye(1)}.z / state.camera.eye.z - farther({panel('surface', 1)})) < 1e-3")
    opened.close()


@pytest.mark.slow
def test_browser_finds_the_view_again_sorts_copies_and_fits(flat_chromium, file):
    opened = Opened(
        flat_chromium, file, html(), permissions=["clipboard-read", "clipboard-write"], color_scheme="light"
    )
    page = opened.page
    address = "#quantity=HR%4010&share=own&at=0.5,-0.5&on=points&camera=1.5,0.5,1,0,0,0"
    page.evaluate(f"location.hash = '{address}'")
    becomes(page, f"{panel('contour', 0)}.data[0].name === 'HR@10'")
    assert page.input_value("#quantity") == "HR@10"
    assert "was not measured" in page.locator("#maps .missing").nth(1).inner_text()
    assert page.is_checked("#points")
    assert page.evaluate("state.camera.eye") == {"x": 1.5, "y": 0.5, "z": 1}
    becomes(page, f"Math.abs({panel('contour', 0)}.layout.shapes[0].x0 - 0.5) < 0.1")
    page.evaluate("location.hash = '#quantity=nonsense&scale=%&camera=0,0,0,0,0,0&hidden=9&at=x'")
    becomes(page, f"{panel('contour', 1)}.data?.[0].name === 'loss'")
    assert page.is_checked("input[value=linear]")

    first = page.locator("#numbers thead th").nth(1)
    for order in ("ascending", "descending"):
        page.click(".sort >> text=Trace")  # what is missing stays last
        assert first.inner_text() == "flat"
        assert page.locator(f"[aria-sort={order}] .sort").inner_text().startswith("Trace")
    page.click(".sort >> text=Loss at the centre")
    page.click(".sort >> text=Loss at the centre")
    assert first.inner_text() == HOSTILE
    page.click(".sort >> text=Loss at the centre")
    assert first.inner_text() == "flat"
    page.click(".sort >> text=Loss at the centre")
    page.click(".sort >> text=Loss at the centre")
    assert re.search(r"sort=-\d+", page.evaluate("location.hash"))
    page.go_back()
    becomes(page, "document.querySelectorAll('[aria-sort=ascending]').length === 1")
    page.go_forward()
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert first.inner_text() == HOSTILE
    for nonsense in ("x", "0.5", "-999"):
        page.evaluate(f"location.hash = '#sort={nonsense}'")
        becomes(page, "document.querySelectorAll('[aria-sort=none]').length === page.table.order.length")
        assert first.inner_text() == "flat"
        assert page.evaluate("state.sort") == 0
        page.go_back()
        becomes(page, "document.querySelectorAll('[aria-sort=descending]').length === 1")
    page.click("#reset")
    page.click(".sort >> text=Loss at the centre")
    assert first.inner_text() == "flat"
    page.click("text=Copy as Markdown")
    becomes(page, "document.getElementById('copied').textContent === 'Copied.'")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].startswith(r"|  | flat | \</script\>")
    assert lines[1] == "| --- | ---: | ---: |"
    assert "| Trace | 91.4 ± 2.3 | – |" in lines
    page.click(".chip >> nth=1")
    page.click("text=Copy as LaTeX")
    page.wait_for_timeout(200)
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("\\begin{tabular}{lr}\n\\toprule\n & flat \\\\\n\\midrule\n")
    assert "\n$\\lambda_{\\max}$ & 0.379 $\\pm$ 0.0002 \\\\\n" in copied
    page.click(".chip >> nth=1")

    spectrum = page.locator("[data-panel=spectrum]")
    spectrum.evaluate("element => element.scrollIntoView({block: 'center'})")
    spectrum.hover()
    with page.expect_download() as download:
        spectrum.locator(".modebar-btn").click()
    assert re.fullmatch(r"[\w.-]{1,120}-spectrum\.svg", download.value.suggested_filename)
    assert "</svg>" in download.value.path().read_text(encoding="utf-8")
    opened.check_fits()
    opened.close()


def test_browser_fills_cells_and_shows_a_part_alike_after_switches_and_afresh(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    cell = panel("contour", 0)
    fills = f"Math.abs({cell}.querySelector('.main-svg').clientWidth - {cell}.clientWidth) < 2"
    narrow = page.evaluate(f"{cell}.clientWidth")
    page.click(".chip >> nth=1")
    becomes(page, f"{cell}.clientWidth > {narrow} && {fills}")
    page.click(".chip >> nth=1")
    becomes(page, f"{cell}.clientWidth === {narrow} && {fills}")

    page.evaluate("location.hash = '#zoom=-0.2,0.2,-0.5,0.5'")
    ranges = f"[...{cell}.layout.xaxis.range, ...{cell}.layout.yaxis.range]"
    becomes(page, f"{ranges}[3] < 0.7")
    drawn = page.evaluate(ranges)
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.evaluate(ranges) == pytest.approx(drawn, abs=0.05)
    assert page.evaluate(f"{cell}._fullLayout.yaxis.domain") == [0, 1]
    opened.close()


def test_browser_prints_in_light_and_leaves_all_as_it_was(flat_chromium, file):
    opened = Opened(flat_chromium, file, html(), color_scheme="dark")
    page = opened.page
    notes = "document.querySelector('.notes').open"
    inks = {theme: template(theme).layout.font.color for theme in ("light", "dark")}
    ink = f"{panel('contour', 0)}._fullLayout.font.color"
    for was in (False, True):
        page.evaluate(f"{notes} = {str(was).lower()}")
        for _ in range(2):  # some browsers say so twice
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            assert page.evaluate(notes)
            assert not page.evaluate("document.querySelector('.provenance').open")  # dozens of pages
            becomes(page, f"{ink} === '{inks['light']}'")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(notes) == was
        becomes(page, f"{ink} === '{inks['dark']}'")
    page.emulate_media(color_scheme="light")
    becomes(page, f"{ink} === '{inks['light']}'")
    hint = page.get_by_text("to sort by it")
    assert hint.is_visible()
    page.emulate_media(media="print")
    assert not hint.is_visible()  # paper cannot be clicked
    opened.close()


def test_browser_takes_its_keys_and_leaves_the_browser_those_with_control(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    taken = """(ctrlKey) => ["surface", "contour"].map((name) => !document.querySelector(`[data-panel=${name}]`)
      .dispatchEvent(new KeyboardEvent("keydown", { key: "+", ctrlKey, cancelable: true, bubbles: true })))"""
    assert opened.page.evaluate(taken, False) == [True, True]
    assert opened.page.evaluate(taken, True) == [False, False]
    opened.close()


def test_browser_hides_no_focus_behind_what_stays_on_top(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    below = """() => {
      const [here, controls] = [document.activeElement, document.querySelector(".controls")];
      const [{ top }, stuck] = [here.getBoundingClientRect(), controls.getBoundingClientRect().bottom];
      const head = here.closest("tbody") ? document.querySelector("#numbers th").getBoundingClientRect().bottom : 0;
      return controls.contains(here) || top >= Math.max(stuck, head);
    }"""
    # The table's head stays below the controls for as long as its rows go by.
    page.locator(".sort >> nth=-1").focus()
    page.evaluate("document.activeElement.scrollIntoView()")
    edges = page.evaluate("""() => [document.querySelector(".controls").getBoundingClientRect().bottom,
      document.querySelector("#numbers thead th").getBoundingClientRect().top]""")
    assert edges[0] == pytest.approx(edges[1], abs=1)
    for _ in range(page.locator(".sort").count() + 12):
        assert page.evaluate(below)
        page.keyboard.press("Shift+Tab")
    # A table that is wider than its frame scrolls sideways instead.
    page.set_viewport_size({"width": 280, "height": 800})
    becomes(page, "getComputedStyle(document.getElementById('numbers').parentElement).overflowX === 'auto'")
    opened.close()


def test_browser_keeps_room_below_the_controls_of_many_models(flat_chromium, file):
    names = [f"a model with a rather long name, number {index}" for index in range(16)]
    opened = Opened(flat_chromium, file, explorer_page([ModelEntry(name) for name in names]))
    page = opened.page
    assert page.evaluate("document.querySelector('.controls').offsetHeight") < 250
    page.focus(".chip >> nth=15")
    page.keyboard.press("Enter")
    assert "hidden=" in page.evaluate("location.hash")
    page.set_viewport_size({"width": 960, "height": 540})  # as at 200 %
    becomes(page, "getComputedStyle(document.querySelector('.controls')).position === 'static'")
    opened.close()


@pytest.mark.slow
def test_browser_without_webgl_shows_the_maps_and_bad_results(flat_chromium, file):
    entries = [
        ModelEntry("good", evaluated()),
        ModelEntry("holes", evaluated(spoil=True)),
        ModelEntry("line", evaluated(points=(11, 1))),
        ModelEntry("point", evaluated(points=(1, 1))),
        ModelEntry("nothing finite", evaluated(lambda a, b: a * float("nan"))),
        ModelEntry("none"),
    ]
    opened = Opened(flat_chromium, file, explorer_page(entries))
    page = opened.page
    assert page.is_visible("#no-webgl")
    assert not page.is_visible("#surfaces")
    assert colours(page, "[data-panel=contour] >> nth=0")[0] > 100
    assert page.locator("#maps .missing:visible").count() == 4
    names = f"{panel('profile-0', 0)}.data.map((trace) => trace.name)"
    assert page.evaluate(names) == ["good", "holes", "line", "point"]
    modes = f"{panel('profile-0', 0)}.data.map((trace) => trace.mode === 'markers')"
    assert page.evaluate(modes) == [False, False, False, True]
    opened.close()


@pytest.mark.slow
def test_browser_tells_short_names_whole_beside_four_maps(flat_chromium, file):
    surface = evaluated()
    names = ("CL4SRec", "SASRec", "SAMRec", "S3Rec")
    viewport = {"width": 1024, "height": 768}
    opened = Opened(
        flat_chromium, file, explorer_page([ModelEntry(name, surface) for name in names]), viewport=viewport
    )
    cut = "[...document.querySelectorAll('.cell .name')].filter((name) => name.scrollWidth > name.clientWidth).length"
    assert opened.page.evaluate(cut) == 0
    opened.close()
