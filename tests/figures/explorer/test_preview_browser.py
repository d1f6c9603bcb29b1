"""Previews in a browser: what is seen before the library has drawn a scene, and that the scene looks the same."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from landscape.figures.explorer.bundle import plotly_script
from tests.support.browsing import TIMEOUT, Opened, becomes
from tests.support.drawable import bowl, evaluated, marked

SCENE = "[data-panel=surface]"
NEVER = "window.Plotly = { react: () => new Promise(() => {}), Icons: {} }"  # a library that draws nothing
ADDRESSES = ["", "#camera=-1.2,0.7,0.5,0,0,-0.2", "#camera=1.2,1,-0.9,0,0,-0.1", "#scale=log&camera=0.3,-0.2,1.9,0,0,0"]
# Where the marker in the centre is: by the preview's perspective, and by the library.
PLACES = """() => scenes.map((panel) => {
  const { scene } = panel.layout;
  const view = perspective(panel, scene);
  const { x, y, z } = panel.data.find(({ name, mode }) => name === "centre" && mode === "markers");
  const mine = view.project([x, y, z].map((values, axis) => view.place(axis, values[0])));
  const { left, top } = panel.getBoundingClientRect();
  const pin = [...panel.querySelectorAll(".annotation-arrow-g path")].at(-1).getBoundingClientRect();
  return [mine[0], mine[1], pin.left + pin.width / 2 - left, pin.top + pin.height / 2 - top];
})"""


def wavy(a, b):
    """Steep enough to hide parts of itself."""
    return 2 + 2 * a * a + np.sin(4 * a) * np.cos(3 * b)


def pixels(page) -> np.ndarray:
    picture = page.locator(SCENE).first.screenshot()
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB")).astype(int)


def unfinished(browser, file, html, **context):
    """A page whose library never draws."""
    other = file.with_name("unfinished.html")
    other.write_text(html.replace(plotly_script(), NEVER), encoding="utf-8")
    page = browser.new_page(**context)
    page.set_default_timeout(TIMEOUT)
    page.goto(other.as_uri())
    return page


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "surface",
    [lambda: evaluated(bowl), lambda: evaluated(wavy, points=(41, 41)), lambda: evaluated(spoil=True), marked],
    ids=["bowl", "wavy", "holes", "marked"],
)
def test_browser_shows_the_surface_at_once_as_the_scene_shows_it_later(surface, theme, chromium, file):
    html = explorer_page([ModelEntry("one", surface())])
    context = {"viewport": {"width": 1280, "height": 800}, "color_scheme": theme}
    early = unfinished(chromium, file, html, **context)
    becomes(early, "document.querySelectorAll('.preview').length === 1")
    assert early.evaluate("getComputedStyle(scenes[0], '::before').content") in ("none", "normal")  # not "Drawing…"
    preview = pixels(early)
    early.close()
    opened = Opened(chromium, file, html, **context)
    assert opened.page.locator(".preview").count() == 0
    scene = pixels(opened.page)
    opened.close()
    assert preview.shape == scene.shape
    coloured, later = (np.ptp(picture, axis=-1) > 40 for picture in (preview, scene))  # surface and contours
    assert coloured.sum() > 0.05 * coloured.size
    assert (coloured & later).sum() > 0.9 * (coloured | later).sum()
    assert np.median(np.abs(preview - scene)[coloured & later]) <= 3  # of 255


@pytest.mark.slow
def test_browser_previews_in_the_perspective_of_the_scene(chromium, file):
    opened = Opened(chromium, file, explorer_page([ModelEntry(name, evaluated(points=(9, 9))) for name in "ab"]))
    page = opened.page
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        for address in ADDRESSES:
            page.evaluate(f"location.hash = '{address}'")
            becomes(page, "scenes.every((panel) => sameCamera(panel.layout.scene.camera, cameraOf(panel)))")
            becomes(page, "scenes.every((panel) => Math.abs(panel._fullLayout.width - panel.clientWidth) < 2)")
            becomes(
                page,
                f"({PLACES})().every(([x, y, right, down]) => Math.abs(x - right) < 1.5 && Math.abs(y - down) < 1.5)",
            )
    opened.close()


def test_browser_turns_and_repaints_a_preview(chromium, file):
    page = unfinished(chromium, file, explorer_page([ModelEntry("one", evaluated())]))
    becomes(page, "document.querySelectorAll('.preview').length === 1")
    first = pixels(page)
    page.focus(SCENE)
    page.keyboard.press("ArrowLeft")
    becomes(page, "location.hash.includes('camera=')")
    turned = pixels(page)
    assert (np.abs(first - turned).sum(-1) > 60).mean() > 0.02
    # In the theme of the page, and on paper in the light one.
    drawn = "document.querySelector('.preview').toDataURL()"
    page.evaluate(f"window.light = {drawn}")
    page.emulate_media(color_scheme="dark")
    becomes(page, "theme() === 'dark'")
    becomes(page, f"{drawn} !== light")
    page.evaluate(f"window.night = {drawn}")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(f"{drawn} === light")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(f"{drawn} === night")
    page.check("input[value=log]", force=True)
    becomes(page, "state.scale === 'log'")
    becomes(page, f"{drawn} !== night")
    assert page.locator(".preview").count() == 1
    page.close()
