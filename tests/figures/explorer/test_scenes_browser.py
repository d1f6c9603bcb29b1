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
from tests.support.browsing import Opened, becomes
from tests.support.drawable import bowl, evaluated
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
