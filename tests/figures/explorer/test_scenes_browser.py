"""Scenes in a browser: nothing is cut off at any size, a finger turns all of them, and pictures can be taken away."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from tests.figures.explorer.test_explorer import HISTORY
from tests.support.browsing import FITS, READOUT, Opened, becomes
from tests.support.drawable import bowl, evaluated, full_curvature
from tests.support.pages import page_of

SCENE = "[data-panel=surface]"
PHONE = {"viewport": {"width": 390, "height": 700}, "has_touch": True, "is_mobile": True}


def small(a, b):
    """Heights whose ticks have long labels."""
    return 8e-4 + 1e-4 * (a * a + b * b)


def strip():
    """Long and narrow."""
    surface = evaluated(points=(11, 11))
    return replace(surface, alphas=4 * surface.alphas, nodes=surface.nodes * [4, 1])


def eye(index: int) -> str:
    return f"document.querySelectorAll('{SCENE}')[{index}].layout.scene.camera.eye"


def two() -> str:
    return explorer_page([ModelEntry(name, evaluated(points=(9, 9))) for name in ("one", "other")])


@pytest.mark.parametrize(
    "surface", [lambda: evaluated(bowl), lambda: evaluated(small), strip], ids=["bowl", "small", "strip"]
)
def test_browser_shows_the_whole_box_of_a_scene_with_its_labels_at_every_size(chromium, file, surface):
    opened = Opened(chromium, file, page_of(surface()), viewport={"width": 1366, "height": 650})
    page = opened.page
    for width, height in ((1366, 650), (768, 700), (390, 800)):
        page.set_viewport_size({"width": width, "height": height})
        page.locator(SCENE).scroll_into_view_if_needed()
        for turn in ("", "ArrowLeft", "ArrowLeft"):
            page.focus(SCENE)
            page.keyboard.press(turn or "Shift")
            becomes(page, f"Math.abs({eye(0)}.x - cameraOf(scenes[0]).eye.x) < 1e-9")
            page.wait_for_timeout(100)
            page.evaluate("document.activeElement.blur()")  # whose outline is no part of the scene
            picture = np.asarray(Image.open(BytesIO(page.locator(SCENE).screenshot())).convert("RGB")).astype(int)
            picture = picture[2:-2, 2:-2]  # without the neighbours that share a pixel
            drawn = np.abs(picture - picture[0, 0]).sum(-1) > 24
            edge = np.concatenate([drawn[:2].ravel(), drawn[-2:].ravel(), drawn[:, :2].ravel(), drawn[:, -2:].ravel()])
            assert not edge.any(), (width, turn)
            rows, columns = (np.flatnonzero(drawn.any(axis)) for axis in (1, 0))
            filled = max(np.ptp(rows) / drawn.shape[0], np.ptp(columns) / drawn.shape[1])
            assert filled > 0.55, (width, turn, filled)  # nor is it far away
    opened.close()


def test_browser_turns_all_scenes_by_one_finger_and_scrolls_by_a_swipe(chromium, file):
    opened = Opened(chromium, file, two(), **PHONE)
    page = opened.page
    page.locator(SCENE).nth(0).scroll_into_view_if_needed()
    box = page.locator(SCENE).nth(0).bounding_box()
    devtools = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind, *points):
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})

    def swipe(across, down):
        touch("touchStart", (x, y))
        for share in np.linspace(0.1, 1, 6).tolist():
            touch("touchMove", (x + share * across, y + share * down))
        touch("touchEnd")

    before = page.evaluate(eye(0))
    swipe(-90, 0)
    becomes(page, f"Math.abs({eye(0)}.x - {before['x']}) > 0.1 && Math.abs({eye(1)}.x - {eye(0)}.x) < 1e-9")
    becomes(page, "location.hash.includes('camera=')")

    # Upwards the page scrolls; the camera stays.
    turned, top = page.evaluate("state.camera.eye"), page.evaluate("scrollY")
    swipe(0, -120)
    becomes(page, f"scrollY > {top} + 40")
    after = page.evaluate("state.camera.eye")
    assert after["z"] == pytest.approx(turned["z"])

    # After a tap the scene holds the finger; after a tap elsewhere the page does again.
    becomes(page, f"(scrollTo(0, {top}), Math.abs(scrollY - {top}) < 2)")  # once the page has stopped
    page.touchscreen.tap(x, y)
    becomes(page, "scenes[0].classList.contains('held')")
    before, top = page.evaluate("[state.camera.eye.z, scrollY]")
    swipe(0, -60)
    becomes(page, f"Math.abs(state.camera.eye.z - {before}) > 0.1")
    assert page.evaluate("scrollY") == pytest.approx(top, abs=20)  # where it was still gliding
    page.evaluate("scrollTo(0, 0)")
    page.locator("h1").tap()
    becomes(page, "!document.querySelector('.held')")
    opened.close()


def test_browser_saves_a_scene_with_title_axes_colour_bar_and_background(chromium, file):
    opened = Opened(
        chromium, file, two(), color_scheme="dark", viewport={"width": 760, "height": 700}, accept_downloads=True
    )
    page = opened.page
    page.locator(SCENE).nth(1).hover()
    with page.expect_download() as download:
        page.locator(SCENE).nth(1).locator(".modebar-btn").click()
    picture = np.asarray(Image.open(download.value.path()).convert("RGBA"))
    assert (picture[..., 3] == 255).all()
    assert picture[2, 2, :3].tolist() == [0x14, 0x18, 0x1D]  # the card of the dark theme
    lit = np.abs(picture[..., :3].astype(int) - picture[2, 2, :3]).sum(-1) > 60
    width = lit.shape[1]
    assert lit[: lit.shape[0] // 10].any()  # the title
    bar = picture[:, int(0.85 * width) :, :3].reshape(-1, 3)
    assert len(np.unique(bar[lit[:, int(0.85 * width) :].ravel()], axis=0)) > 30  # all colours of the scale
    layout = page.evaluate("pictureOf(scenes[1]).figure.layout")
    assert "other" in layout["title"]["text"] and layout["scene"]["zaxis"]["title"]["text"] == "loss"
    # A map has them too, and keeps its title within the picture.
    page.locator("[data-panel=contour]").nth(1).hover()
    with page.expect_download() as download:
        page.locator("[data-panel=contour]").nth(1).locator(".modebar-btn").click()
    drawing = download.value.path().read_text(encoding="utf-8")
    title = re.search(r'<text class="gtitle"([^>]*)>', drawing)[1]
    moved = re.search(r"translate\([-\d.]+,\s*([-\d.]+)\)", title)
    assert float(re.search(r' y="([\d.]+)"', title)[1]) + (float(moved[1]) if moved else 0) > 12
    assert 'class="cbfills"' in drawing
    assert re.search(
        r'<rect x="0" y="0" width="\d+" height="\d+" style="fill: rgb\(20, 24, 29\); fill-opacity: 1', drawing
    )
    opened.close()


def entries(*names: str) -> list[ModelEntry]:
    known = evaluated(points=(9, 9))
    return [ModelEntry(name, known, full_curvature(), HISTORY) for name in names]


def test_browser_shows_four_scenes_in_one_view(chromium, file):
    opened = Opened(chromium, file, explorer_page(entries(*"abcd")), viewport={"width": 1280, "height": 900})
    page = opened.page
    for width, height in ((1280, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        becomes(page, "scenes.every((panel) => Math.abs(panel._fullLayout.width - panel.clientWidth) < 2)")
        boxes = page.evaluate("scenes.map((panel) => panel.getBoundingClientRect().toJSON())")
        assert min(box["top"] for box in boxes) > 0
        assert max(box["bottom"] for box in boxes) <= height
        assert min(box["height"] for box in boxes) > 230
        assert max(box["right"] for box in boxes) > 0.95 * width - 40  # the width of the screen is used
        assert page.evaluate(FITS)
    opened.close()


@pytest.mark.parametrize("refused", [False, True], ids=["screen", "window"])
def test_browser_enlarges_a_scene_and_goes_back(refused, chromium, file):
    opened = Opened(chromium, file, two(), viewport={"width": 1280, "height": 800})
    page = opened.page
    if refused:  # as in a frame
        refuse = "Element.prototype.requestFullscreen = () => Promise.reject(new TypeError('not allowed'))"
        page.evaluate(f"() => {{ {refuse}; }}")
    drawn = "Math.abs(scenes[1]._fullLayout.{0} - scenes[1].client{1}) < 2"
    fitted = " && ".join(drawn.format(side.lower(), side) for side in ("Width", "Height"))
    small = page.evaluate("scenes[1].clientWidth")
    button = page.locator(".enlarge").nth(1)
    button.focus()
    page.keyboard.press("Enter")
    becomes(page, f"scenes[1].clientHeight > 600 && scenes[1].clientWidth > 1000 && {fitted}")
    assert page.evaluate("document.fullscreenElement !== null") != refused
    assert button.get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.activeElement.className") == "enlarge"
    page.keyboard.press("Tab")  # the scene itself
    page.keyboard.press("ArrowLeft")
    becomes(page, "location.hash.includes('camera=')")
    becomes(page, "sameCamera(scenes[1].layout.scene.camera, cameraOf(scenes[1]))")
    for _ in range(3):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('.enlarged')"
        )
    if refused:
        page.keyboard.press("Escape")
    else:
        page.evaluate("document.exitFullscreen()")  # the key is the browser's own, which a test does not reach
    becomes(page, f"scenes[1].clientWidth === {small} && {fitted}")
    becomes(page, "scenes.every((panel) => sameCamera(panel.layout.scene.camera, cameraOf(panel)))")  # also the other
    assert page.evaluate("document.fullscreenElement === null && !document.querySelector('.enlarged')")
    assert button.get_attribute("aria-pressed") == "false"
    assert page.evaluate("document.activeElement === document.querySelectorAll('.enlarge')[1]")
    opened.close()


@pytest.mark.parametrize("names", ["abcd", "abcdef"])
def test_browser_draws_only_what_a_hidden_model_changes(names, chromium, file):
    opened = Opened(chromium, file, explorer_page(entries(*names)), viewport={"width": 1280, "height": 900})
    page = opened.page
    last = len(names) - 1  # without which the others keep their size: their scenes and maps have nothing to do
    page.evaluate("""() => {
      window.drawn = {};
      for (const panel of panels.filter(({ data }) => data))
        panel.on("plotly_afterplot", () => (window.drawn[panel.dataset.panel] ??= []).push(panel.dataset.of));
      window.before = scenes.map(({ data }) => data[0].z);
    }""")
    ready = page.evaluate("Number(document.documentElement.dataset.ready)")
    page.click(f".chip >> nth={last}")
    becomes(page, f"Number(document.documentElement.dataset.ready) > {ready}")
    page.wait_for_timeout(300)
    drawn = page.evaluate("window.drawn")
    assert "surface" not in drawn and "contour" not in drawn
    assert drawn["spectrum"] == [None]  # once
    assert page.evaluate("scenes.slice(0, -1).every(({ data }, index) => data[0].z === window.before[index])")
    assert not page.evaluate("Boolean(scenes.at(-1).data)")
    models = "document.querySelector('[data-panel=spectrum]').data.map(({ meta }) => meta)"
    assert last not in page.evaluate(models)
    # What is shown again is drawn, and nothing else of its kind; a scale changes all.
    page.click(f".chip >> nth={last}")
    becomes(page, f"Number(document.documentElement.dataset.ready) > {ready + 1}")
    assert page.evaluate("Boolean(scenes.at(-1).data)")
    assert "surface" not in page.evaluate("window.drawn")
    page.check("input[value=log]", force=True)
    becomes(page, f"Number(document.documentElement.dataset.ready) > {ready + 2}")
    assert {*page.evaluate("window.drawn").get("surface", [])} >= {str(index) for index in range(last)}
    opened.close()


def test_browser_moves_the_crosshair_back_with_the_address(flat_chromium, file):
    opened = Opened(flat_chromium, file, two())
    page = opened.page
    at = "maps[0].layout.shapes[0].x0"
    page.evaluate("location.hash = '#at=0.5,0.5'")
    becomes(page, f"Math.abs({at} - 0.5) < 1e-6")
    page.evaluate("moveTo([-0.5, 0.5])")
    becomes(page, f"Math.abs({at} + 0.5) < 1e-6")
    page.wait_for_timeout(400)  # the address follows
    page.evaluate("location.hash = '#at=0.5,0.5'")
    becomes(page, f"Math.abs({at} - 0.5) < 1e-6")
    opened.close()


def test_browser_divides_no_cells_of_a_surface_of_many_points(chromium, file):
    opened = Opened(chromium, file, page_of(evaluated(points=(41, 36))))
    finer = "Object.values(scenes[0]._fullLayout.scene._scene.traces).find((trace) => trace.surface)"
    assert opened.page.evaluate(f"[{finer}.dataScaleX, {finer}.dataScaleY]") == [1, 1]
    opened.close()


def test_browser_enlarges_a_map_with_what_its_crosshair_reads(flat_chromium, file):
    opened = Opened(flat_chromium, file, two(), viewport={"width": 1280, "height": 800})
    page = opened.page
    drawn = "Math.abs(maps[1]._fullLayout.{0} - maps[1].client{1}) < 2"
    fitted = " && ".join(drawn.format(side.lower(), side) for side in ("Width", "Height"))
    small = page.evaluate("[maps[1].clientWidth, maps[1].clientHeight]")
    button = page.get_by_role("button", name="Enlarge the map of other")
    button.focus()
    page.keyboard.press("Enter")
    becomes(page, f"maps[1].clientHeight > 600 && maps[1].clientWidth > 1000 && {fitted}")
    # Equal lengths stay equal, and nothing is outside of the window.
    axes = "['xaxis', 'yaxis'].map((name) => maps[1]._fullLayout[name])"
    across, along = page.evaluate(f"{axes}.map(({{ _length, range }}) => _length / (range[1] - range[0]))")
    assert across == pytest.approx(along, rel=0.01) and along > 300
    readout = page.locator("#readout").bounding_box()
    assert readout["y"] > 0 and readout["y"] + readout["height"] <= 800
    page.keyboard.press("Tab")  # the map itself
    page.keyboard.press("ArrowRight")
    becomes(page, f"{READOUT}.startsWith('At α 0.25')")
    becomes(page, "Math.abs(maps[1].layout.shapes[0].x0 - 0.25) < 1e-6")
    for _ in range(3):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('.enlarged')"
        )
    page.evaluate("document.exitFullscreen()")
    becomes(page, f"!document.querySelector('.enlarged') && {fitted}")
    becomes(page, f"maps[1].clientWidth === {small[0]} && maps[1].clientHeight === {small[1]}")
    assert page.evaluate("document.getElementById('readout').parentElement.id") == "maps"
    assert page.evaluate("maps[0].layout.shapes[0].x0") == pytest.approx(0.25)  # the other followed
    opened.close()


def test_browser_writes_the_heights_of_a_scene_apart_on_a_phone(chromium, file):
    at = (
        "(() => { const [panel] = scenes, { scene } = panel.layout, box = perspective(panel, scene); return ticksOf("
        "scene.zaxis).map(([value, text]) => [text, box.project([-0.5, -0.5, box.place(2, value)])[1]]); })()"
    )
    found = []
    for screen in (PHONE, {"viewport": {"width": 1366, "height": 650}}):
        opened = Opened(chromium, file, page_of(evaluated(bowl)), **screen)
        texts, heights = zip(*opened.page.evaluate(at), strict=True)
        assert (np.diff(heights) <= -14).all()  # upwards, by more than the height of a figure
        found.append(texts)
        opened.close()
    phone, desk = found
    assert 2 <= len(phone) < len(desk)
    assert set(phone) <= set(desk) and phone[-1] == desk[-1]
