"""The pages: what they say, and that a browser draws them, offline and without a complaint."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from drawable import METADATA, bowl, curvature, evaluated, interpolated
from PIL import Image

from figures.page import curvature_page, surface_page
from figures.words import curvature_warnings, surface_error, surface_facts, surface_warnings
from landscape.results import InterpolationError, Surface

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


def becomes(page, expression: str) -> None:
    """Wait until a JavaScript expression is true; asked from outside, as the page's own policy forbids it ``eval``."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never became true: {expression}")


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
    assert {panel: sorted(scales) for panel, scales in figures.items()} == {
        "surface": ["linear", "log"],
        "contour": ["linear", "log"],
    }
    assert data_of(surface_page(evaluated(points=(9, 1)), title="x"))["figures"].keys() == {"line"}
    assert "spectrum" in data_of(surface_page(evaluated(), title="x", curvature=curvature()))["figures"]


def test_without_a_logarithm_there_is_no_log_scale():
    page = surface_page(evaluated(lambda a, b: -1 - a * a), title="x")
    assert list(data_of(page)["figures"]["surface"]) == ["linear"]
    assert re.search(r'value="log"\s+disabled', page)


def test_page_is_compact():
    page = surface_page(interpolated(points=(51, 51)), title="x")
    assert len(page.encode()) < 5.5e6
    assert "bdata" in data_of(page)["figures"]["surface"]["linear"]["data"][0]["z"]


def test_curvature_page_warns_in_plain_words():
    text = str(Text(curvature_page(curvature(), title="SASRec")))
    for wanted in ("0.379 ± 0.0002", "−0.41 ± 0.0003", "0.18", "15", "indefinite", "not a stationary point", "λ₃"):
        assert wanted in text
    assert "ab41" * 16 in text


def test_a_minimum_gets_no_warnings():
    assert curvature_warnings(curvature(indefinite=False)) == []
    assert len(curvature_warnings(curvature())) == 3


def test_words_for_a_surface():
    assert "off by at most 0.0019, which is 0.081 % of the range" in surface_error(interpolated())
    assert "within 0.33 % of the loss there" in surface_error(interpolated())
    assert surface_error(evaluated()).startswith("Every point drawn was evaluated; nothing was interpolated.")
    assert surface_warnings(evaluated()) == []
    (holes,) = surface_warnings(evaluated(spoil=True))
    assert holes.startswith("At 8 points the loss is not finite")
    (nothing,) = surface_warnings(evaluated(lambda a, b: a * np.nan))
    assert nothing == "No point has a finite loss: there is nothing to draw."
    (flat,) = surface_warnings(evaluated(lambda a, b: 0 * a + 0.7))
    assert flat == "All points have the same loss, 0.7: along these directions it does not change."
    (below,) = surface_warnings(evaluated(lambda a, b: a))
    assert below.startswith("At 54 points the loss is not above zero")


def test_an_error_that_was_not_measured_is_called_unknown():
    whole = interpolated()
    nan = float("nan")
    unmeasured = Surface(
        whole.alphas, whole.betas, whole.loss, whole.evaluated, {}, {}, InterpolationError(nan, nan, nan, 0)
    )  # fmt: skip
    assert "was not measured" in surface_error(unmeasured)
    facts = {fact.label: fact.value for fact in surface_facts(unmeasured)}
    assert facts["Error"] == "unknown"
    assert facts["Loss at the centre"] == "unknown"


# ---- in a browser --------------------------------------------------------------------------------------------------

ARGUMENTS = ["--headless=new", "--no-sandbox", "--enable-unsafe-swiftshader", "--disable-background-networking"]
TIMEOUT = 180_000  # ms; without a GPU, on a busy machine, a scene takes its time


@pytest.fixture(scope="module")
def launch():
    """Start Chromium with further arguments."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no chromium, chromium-browser or google-chrome is on the PATH")
    with api.sync_playwright() as playwright:
        yield lambda *more: playwright.chromium.launch(
            executable_path=program, args=[*ARGUMENTS, *more], timeout=TIMEOUT
        )


@pytest.fixture(scope="module")
def chromium(launch):
    browser = launch()
    yield browser
    browser.close()


class Opened:
    """A page in a browser, with everything it complained of or asked for."""

    def __init__(self, browser, file, html, **context):
        file.write_text(html, encoding="utf-8")
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **context})
        self.page.set_default_timeout(TIMEOUT)
        self.errors, self.requests = [], []
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def check_quiet(self, file):
        assert self.errors == []
        foreign = [url for url in self.requests if not url.startswith(("data:", "blob:")) and url != file.as_uri()]
        assert foreign == []


def colours(page, selector):
    """How many different colours a screenshot of an element has, and its bytes."""
    picture = page.locator(selector).screenshot()
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("RGB")).reshape(-1, 3)
    return len(np.unique(pixels, axis=0)), picture


@pytest.fixture
def file(tmp_path):
    return tmp_path / "page.html"


def test_browser_draws_the_scene_and_the_switch_switches(chromium, file):
    surface = interpolated()
    opened = Opened(chromium, file, surface_page(surface, title=HOSTILE, curvature=curvature()))
    page = opened.page
    assert page.inner_text("h1") == HOSTILE
    assert page.evaluate("window.hacked") is None
    count, linear = colours(page, "[data-panel=surface]")
    assert count > 500  # a shaded surface, not an empty canvas
    assert page.evaluate("document.querySelector('[data-panel=surface] canvas').getContext('webgl') !== null")
    title = "document.querySelector('[data-panel=surface]').layout.scene.zaxis.title.text"
    assert page.evaluate(title) == "loss"

    page.check("input[value=log]", force=True)
    becomes(page, f"{title} === 'loss (log scale)'")
    marks = (
        "document.querySelector('[data-panel=surface]').data.filter(t => t.name === 'centre' && t.mode === 'markers')"
    )
    centre = page.evaluate(f"{marks}[0].z[0]")
    assert centre == pytest.approx(np.log10(0.25))
    page.wait_for_timeout(300)
    assert colours(page, "[data-panel=surface]")[1] != linear
    opened.check_quiet(file)
    page.close()


def test_browser_shows_exact_numbers_to_mouse_and_keyboard(chromium, file):
    opened = Opened(chromium, file, surface_page(interpolated(), title="x"))
    page = opened.page
    page.focus("[data-panel=contour]")
    page.keyboard.press("ArrowRight")  # from the centre, a grid point to the right
    readout = page.inner_text("#readout")
    assert readout == f"α 0.1, β 0: loss {page_number(bowl(0.1, 0.0), 2e-3, readout)}, interpolated"
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#readout") == "α 0, β 0: loss 0.25, evaluated"
    assert page.evaluate("document.querySelector('[data-panel=contour]').layout.shapes.length") == 2

    box = page.locator("[data-panel=surface]").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.45)
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.45, steps=4)
    page.wait_for_selector("[data-panel=surface] .hovertext")
    hover = page.text_content("[data-panel=surface] .hovertext")
    told = re.fullmatch(r"α (-?[\d.]+)β (-?[\d.]+)loss ([\d.]+)(evaluated|interpolated)", hover.replace("−", "-"))
    a, b, loss = map(float, told.groups()[:3])
    assert loss == pytest.approx(bowl(a, b), abs=2e-3)

    points = "document.querySelector('[data-panel=contour]').data.find(t => t.name === 'evaluated points').visible"
    assert page.evaluate(points) is True
    page.uncheck("#evaluated")
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
    opened.check_quiet(file)
    page.close()


def page_number(expected, tolerance, text):
    """The loss that ``text`` tells, if it is near the one expected."""
    told = re.search(r"loss ([\d.]+)", text).group(1)
    assert float(told) == pytest.approx(expected, abs=tolerance)
    return told


def test_browser_fits_the_page_into_any_window_in_light_and_dark(chromium, file):
    long = evaluated(spoil=True)
    long.metadata["command"] = "landscape surface " + "a-very-long-name/" * 30
    opened = Opened(chromium, file, surface_page(long, title="A" * 200, curvature=curvature()), color_scheme="light")
    page = opened.page
    page.click("summary")
    text = "document.querySelector('[data-panel=contour]').layout.template.layout.font.color"
    light = page.evaluate(text)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        becomes(page, f"({text} === '{light}') === {str(theme == 'light').lower()}")
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background))) < 128) == (theme == "dark")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            # plotly follows a little later, on a busy machine much later
            becomes(page, f"innerWidth === {width} && document.documentElement.scrollWidth <= {width}")
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth") <= width  # and stays so
    opened.check_quiet(file)
    page.close()


def test_browser_without_webgl_shows_the_map_and_says_so(launch, file):
    browser = launch("--disable-3d-apis")
    opened = Opened(browser, file, surface_page(interpolated(), title="x"))
    assert opened.page.is_visible("#no-webgl")
    assert "contour map" in opened.page.inner_text("#no-webgl")
    assert not opened.page.is_visible("[data-panel=surface]")
    assert colours(opened.page, "[data-panel=contour]")[0] > 100
    opened.page.check("input[value=log]", force=True)
    becomes(
        opened.page, "document.querySelector('[data-panel=contour]').data[0].colorbar.title.text === 'loss (log scale)'"
    )
    opened.check_quiet(file)
    browser.close()


@pytest.mark.parametrize(
    "html",
    [
        lambda: curvature_page(curvature(), title="x"),
        lambda: surface_page(interpolated(points=(21, 1)), title="x"),
        lambda: surface_page(evaluated(points=(1, 1)), title="x"),
        lambda: surface_page(evaluated(lambda a, b: 0 * a + 0.7), title="x"),
        lambda: surface_page(evaluated(lambda a, b: a * np.nan), title="x"),
        lambda: surface_page(evaluated(points=(11, 2)), title="x"),
    ],
    ids=["curvature", "line", "point", "flat", "nothing finite", "narrow"],
)
def test_browser_draws_every_kind_of_result(chromium, file, html):
    opened = Opened(chromium, file, html())
    assert opened.page.locator("[data-panel] .main-svg").count() > 0
    opened.check_quiet(file)
    opened.page.close()
