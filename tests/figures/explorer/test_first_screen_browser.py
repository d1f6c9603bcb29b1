"""The first screen in a browser: the answer and the picture come first, nothing is cut, and the numbers agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from landscape.figures.style import PALETTE
from tests.figures.explorer.test_explorer import recorded
from tests.support.browsing import READOUT, Opened, becomes
from tests.support.drawable import bowl, curvature, evaluated, full_curvature, marked, profile
from tests.support.pages import page_of

LAPTOP = {"viewport": {"width": 1366, "height": 650}}
PHONE = {"viewport": {"width": 390, "height": 800}}
NAMES = ("SASRec on synthetic, seed 0", "SAMRec on synthetic, seed 0")


def two() -> str:
    surfaces = [recorded(evaluated(function)) for function in (bowl, lambda a, b: bowl(a, b) + 0.1)]
    known = replace(full_curvature(), metadata=surfaces[0].metadata)
    return explorer_page(
        [
            ModelEntry(name, replace(surface, radial_profile=profile()), known)
            for name, surface in zip(NAMES, surfaces, strict=True)
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "html", [two, lambda: page_of(evaluated()), lambda: page_of(marked())], ids=["two", "one", "wide"]
)
def test_browser_shows_answer_and_picture_above_the_fold(chromium, file, html):
    opened = Opened(chromium, file, html(), **LAPTOP)
    page = opened.page
    answer, scene = (page.locator(part).first.bounding_box() for part in ("#answer", "[data-panel=surface]"))
    assert answer["y"] + answer["height"] < scene["y"]
    assert scene["height"] >= 280  # a picture, all of it
    assert scene["y"] + scene["height"] <= 650
    opened.close()


def test_browser_reads_at_the_centre_what_the_headline_says(flat_chromium, file):
    surface = evaluated(points=(20, 20))
    nodes = np.concatenate([surface.nodes, [[0.0, 0.0]]])
    known = replace(surface, nodes=nodes, node_loss=np.append(surface.node_loss, 0.2171))  # between the grid's points
    opened = Opened(flat_chromium, file, page_of(known))
    page = opened.page
    assert page.evaluate(READOUT) == "At α 0, β 0, loss:0.2171evaluated"
    page.check("input[value=log]", force=True)
    becomes(page, f"{READOUT} === 'At α 0, β 0, loss:0.2171evaluated'")
    # Elsewhere the point that is read is told, if it is not the crosshair's.
    page.evaluate("location.hash = '#at=0.5,0.5'")
    becomes(page, f"{READOUT}.endsWith('evaluated at {surface.alphas[14]:.5g}, {surface.betas[15]:.5g}')")
    opened.close()


def test_browser_leaves_no_bar_without_controls_on_a_page_of_a_curvature(flat_chromium, file):
    opened = Opened(flat_chromium, file, page_of(None, curvature()), **LAPTOP)
    assert opened.page.locator(".controls").count() == 0
    stuck = """[...document.querySelectorAll('body *')].filter(
      (part) => getComputedStyle(part).position === 'sticky' && !part.closest('table')).length"""
    assert opened.page.evaluate(stuck) == 0
    assert opened.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--stuck')") == "0px"
    opened.close()


def test_browser_leaves_no_gap_beside_the_map_of_a_wide_plane(flat_chromium, file):
    surface = evaluated()
    wide = replace(surface, alphas=2.5 * surface.alphas, nodes=surface.nodes * [2.5, 1])
    opened = Opened(flat_chromium, file, page_of(wide), viewport={"width": 1280, "height": 900})
    page = opened.page
    panel = page.locator("[data-panel=contour]").bounding_box()
    drawn = page.locator("[data-panel=contour] .bglayer, [data-panel=contour] .heatmaplayer").last.bounding_box()
    below = panel["y"] + panel["height"] - drawn["y"] - drawn["height"]
    assert drawn["width"] > 0.75 * panel["width"]
    assert below < 80  # ticks and a title
    opened.close()


def test_browser_cuts_neither_names_nor_letters(flat_chromium, file):
    opened = Opened(flat_chromium, file, two(), viewport={"width": 1366, "height": 900})
    cut = """[...document.querySelectorAll('.name, .chip span, .bar-label, #numbers th')]
      .filter(({ clientWidth, clientHeight }) => clientWidth && clientHeight)
      .filter((part) => part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1)
      .map((part) => part.textContent)"""
    assert opened.page.evaluate(cut) == []
    low = """[...document.querySelectorAll('body *')].filter((part) => {
      const { overflow, lineHeight, fontSize } = getComputedStyle(part);
      const cuts = overflow === 'hidden' && part.textContent && !part.closest('.plot, legend');
      return cuts && parseFloat(lineHeight) < 1.15 * parseFloat(fontSize);
    }).map((part) => part.className)"""
    assert opened.page.evaluate(low) == []
    opened.close()


def test_browser_shows_both_models_of_the_table_on_a_phone(flat_chromium, file):
    opened = Opened(flat_chromium, file, two(), **PHONE)
    page = opened.page
    page.locator("#numbers").scroll_into_view_if_needed()
    frame = page.locator(".table:has(#numbers)").bounding_box()
    for row in (0, 2):
        cell = page.locator("#numbers tbody tr").nth(row).locator("td").nth(1).bounding_box()
        assert cell["x"] + cell["width"] <= frame["x"] + frame["width"] + 1
    opened.close()


def test_browser_breaks_no_number_after_its_sign(flat_chromium, file):
    opened = Opened(flat_chromium, file, page_of(evaluated(), full_curvature()), viewport={"width": 320, "height": 800})
    broken = r"""(() => {
      const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
      const result = [];
      while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.parentElement.closest('.plot, script')) continue;
        for (const { index, 0: text } of node.data.matchAll(/±\s[\d.]+(×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?/g)) {
          const range = document.createRange();
          range.setStart(node, index);
          range.setEnd(node, index + text.length);
          if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) result.push(text);
        }
      }
      return result;
    })()"""
    assert opened.page.evaluate(broken) == []
    opened.close()


def test_browser_opens_above_the_lowest_where_levels_lie_far_apart(flat_chromium, file):
    far = explorer_page([ModelEntry("low", evaluated()), ModelEntry("high", evaluated(lambda a, b: bowl(a, b) + 9))])
    opened = Opened(flat_chromium, file, far)
    page = opened.page
    assert page.is_checked("input[value=rise]") and page.inner_text(".bar-label") == "loss above its lowest"
    page.check("input[value=linear]", force=True)
    becomes(page, "location.hash === '#scale=linear'")
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.is_checked("input[value=linear]")
    opened.close()


def test_browser_marks_the_centre_in_no_colour_of_a_model(flat_chromium, file):
    opened = Opened(flat_chromium, file, two())
    page = opened.page
    chart = "document.querySelector('[data-panel=contour]')"
    marks = page.evaluate(f"{chart}.data.filter((trace) => trace.name === 'centre').map((trace) => trace.marker.color)")
    lines = page.evaluate(f"{chart}.layout.shapes.map((shape) => shape.line.color)")
    assert marks and lines
    assert not {colour.upper() for colour in marks + lines} & set(PALETTE.values())
    opened.close()


def test_browser_explains_the_coordinates_beside_the_first_picture_and_leads_on(chromium, file):
    opened = Opened(chromium, file, page_of(evaluated()), **LAPTOP)
    page = opened.page
    about = page.locator("#surfaces .about")
    assert "α" in about.inner_text() and "how far the parameters are moved" in about.inner_text()
    about.locator("a").click()
    becomes(page, "document.querySelector('#how-to-read').getBoundingClientRect().top < innerHeight")
    assert page.evaluate("state.at.join()") == "0,0"  # the address of a heading is no state
    opened.close()


def test_browser_folds_warnings_into_one_line_above_the_first_picture(chromium, file):
    surfaces = [evaluated(), recorded(evaluated(), users=4000), recorded(evaluated(), data={"name": "Toys"})]
    surfaces[1] = replace(surfaces[1], metadata={**surfaces[1].metadata, "seeds": [7, 8]})
    opened = Opened(
        chromium, file, explorer_page([ModelEntry(*one) for one in zip("abc", surfaces, strict=True)]), **LAPTOP
    )
    page = opened.page
    folded = page.locator("details.warnings")
    count = folded.locator("li").count()
    assert count >= 2
    assert folded.locator("summary").inner_text().startswith(f"{count} warnings")
    assert folded.bounding_box()["height"] < 40 and not folded.locator("li").first.is_visible()
    scene = page.locator("[data-panel=surface]").first.bounding_box()
    assert scene["height"] >= 280
    assert scene["y"] + scene["height"] <= 650
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert folded.locator("li").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    folded.locator("summary").click()
    assert folded.locator("li").first.is_visible()
    opened.close()
