"""The pages in Firefox: they draw, switch and remember as in Chromium, and complain of nothing."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from landscape.figures.study import report_page
from tests.figures.explorer.test_explorer import HISTORY, recorded, steeper
from tests.support import studies
from tests.support.drawable import bowl, full_curvature, interpolated, raced
from tests.support.firefox import Firefox

WEBGL = "document.createElement('canvas').getContext('webgl') !== null"
PANELS = "[...document.querySelectorAll('[data-panel=surface]')]"


@pytest.fixture
def opened(firefox: Firefox, file):
    """Open a page, and check at the end that nothing was asked for and nothing was wrong."""

    def show(html: str, width: int = 900, height: int = 800) -> Firefox:
        file.write_text(html, encoding="utf-8")
        firefox.complaints.clear()
        firefox.requests.clear()
        firefox.open(file, width, height)
        return firefox

    yield show
    assert firefox.complaints == []
    own = ("data:", "blob:", file.as_uri(), "about:", "chrome:", "resource:")
    assert [url[:200] for url in firefox.requests if not url.startswith(own)] == []


def colours(browser: Firefox) -> int:
    """How many colours are seen."""
    pixels = np.asarray(Image.open(BytesIO(browser.screenshot())).convert("RGB")).reshape(-1, 3)
    return len(np.unique(pixels, axis=0))


@pytest.mark.slow
def test_firefox_draws_switches_and_finds_a_view_again(opened, file):
    surfaces = [recorded(interpolated(function, points=(15, 15))) for function in (bowl, steeper)]
    page = explorer_page(
        [ModelEntry(name, s, full_curvature(), HISTORY) for name, s in zip("ab", surfaces, strict=True)]
    )
    browser = opened(page)
    drawn = "document.querySelectorAll('[data-panel=contour][data-drawn]').length"
    assert browser.evaluate(drawn) == 2
    if browser.evaluate(WEBGL):
        assert browser.evaluate(f"{PANELS}.filter((panel) => panel.data).length") == 2
        browser.evaluate(f"{PANELS}[0].scrollIntoView()")
        assert colours(browser) > 500  # shaded surfaces, not empty canvases
    else:
        assert browser.evaluate("document.body.textContent.includes('WebGL')")
    browser.evaluate("document.querySelector('[data-chip=\"1\"]').click()")
    browser.evaluate("document.querySelector('input[name=scale][value=log]').click()")
    address = browser.evaluate("location.hash")
    assert address
    browser.evaluate(f"location.hash = {json.dumps(address)}, location.reload()")
    assert browser.evaluate(
        "new Promise((done) => { const look = () => document.documentElement.dataset.ready ? "
        "done(document.querySelector('input[name=scale]:checked').value) : setTimeout(look, 50); look(); })"
    ) == "log"  # fmt: skip
    assert browser.evaluate("document.querySelector('[data-chip=\"1\"]').getAttribute('aria-pressed')") == "false"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["race", "study"])
def test_firefox_opens_the_other_pages(kind, opened):
    page = explorer_page([ModelEntry("run", raced())]) if kind == "race" else report_page(studies.report())
    browser = opened(page, 390, 800)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    browser.evaluate("document.querySelector('[data-panel=chart], [data-panel=contour]').scrollIntoView()")
    assert browser.evaluate(  # a report draws what comes near
        "new Promise((done) => { const look = () => document.querySelector('.js-plotly-plot') ? done(true) : "
        "setTimeout(look, 50); look(); })"
    )
