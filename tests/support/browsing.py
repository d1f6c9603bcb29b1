"""A page in a browser, for tests that use it as people do; the browsers themselves are fixtures."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> {{ 7 * 7 }}"
READOUT = "document.getElementById('readout').textContent"
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"  # beside the scroll bar
TIMEOUT = 180_000  # ms; without a GPU, on a busy machine, a scene takes its time


class Opened:
    """A page in a browser, with everything it complained of or asked for."""

    def __init__(self, browser, file, html, **context):
        file.write_text(html, encoding="utf-8")
        self.file = file
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **context})
        self.page.set_default_timeout(TIMEOUT)
        self.errors, self.requests = [], []
        self.page.on("console", lambda message: self.errors.append(message.text) if _complains(message) else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def check_fits(self):
        """In both themes and at both widths nothing sticks out."""
        for theme in ("light", "dark"):
            self.page.emulate_media(color_scheme=theme)
            background = self.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, re.findall(r"\d+", background))) < 128) == (theme == "dark")
            for width in (1280, 390):
                self.page.set_viewport_size({"width": width, "height": 800})
                # plotly follows a little later, on a busy machine much later
                becomes(self.page, f"innerWidth === {width} && {FITS}")
                self.page.wait_for_timeout(200)
                assert self.page.evaluate(FITS)  # and stays so

    def close(self):
        """Done; nobody was asked for anything, and nothing was wrong."""
        assert self.errors == []
        own = ("data:", "blob:", self.file.as_uri())
        assert [url for url in self.requests if not url.startswith(own)] == []
        self.page.close()


def _complains(message) -> bool:
    """Whether it is an error, or a warning of plotly's; what the graphics driver has to say is none."""
    return message.type == "error" or message.text.startswith("WARN")


def becomes(page, expression: str) -> None:
    """Wait until a JavaScript expression is true; asked from outside, as the page's own policy forbids it ``eval``."""
    for _ in range(TIMEOUT // 100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never became true: {expression}")


def colours(page, selector):
    """How many different colours a screenshot of an element has, and its bytes."""
    picture = page.locator(selector).screenshot()
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("RGB")).reshape(-1, 3)
    return len(np.unique(pixels, axis=0)), picture
