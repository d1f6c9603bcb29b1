"""A study's page in a browser: it fits, its tables sort and can be copied, and its surfaces turn together."""

from __future__ import annotations

import csv as csv_module
import io
import re
from functools import cache

import pytest

from landscape.figures.study import report_page
from landscape.figures.themes import template
from landscape.results.study.tables import csv
from tests.figures.study.test_page import hostile
from tests.support import studies
from tests.support.browsing import Opened, becomes, colours


@cache
def html() -> str:
    return report_page(studies.report())


def drawn(heading: str) -> str:
    """The plot below a heading."""
    card = f"[...document.querySelectorAll('h3')].find((h) => h.textContent === '{heading}').parentElement"
    return f"{card}.querySelector('.plot')"


def scroll_to(page, heading: str) -> None:
    page.evaluate(f"{drawn(heading)}.scrollIntoView({{block: 'center'}})")
    becomes(page, f"{drawn(heading)}.dataset.drawn === 'true'")


def test_browser_fits_the_report_into_both_widths_and_themes(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    opened.check_fits()
    page.emulate_media(color_scheme="dark")
    scroll_to(page, "Beauty: λmax")
    assert colours(page, "[data-drawn] >> nth=-1")[0] > 20
    becomes(page, f"{drawn('Beauty: λmax')}._fullLayout.font.color === '{template('dark').layout.font.color}'")
    page.evaluate("scrollTo(0, 0)")
    # A table scrolls within its frame, and the method's name stays.
    frame = page.locator(".table").nth(0)
    assert frame.evaluate("(frame) => frame.scrollWidth > frame.clientWidth")
    frame.evaluate("(frame) => frame.scrollTo(300, 0)")
    edges = frame.evaluate(
        "(frame) => [frame, frame.querySelector('tbody th')].map((e) => e.getBoundingClientRect().left)"
    )
    assert edges[0] == pytest.approx(edges[1], abs=1)
    assert page.is_visible("#no-webgl") and not page.is_visible("#surfaces")
    opened.close()


def test_browser_fits_names_of_any_length_and_runs_none_of_them(flat_chromium, file):
    opened = Opened(flat_chromium, file, report_page(hostile()))
    opened.check_fits()
    assert opened.page.evaluate("window.hacked") is None
    opened.close()


def test_browser_sorts_tables_and_copies_them(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    names = "[...document.querySelectorAll('.cells')[0].tBodies[0].rows].map((row) => row.cells[0].textContent.trim())"
    whole = list(studies.METHODS)
    page.click(".sort >> nth=0")  # HR@10 on Beauty
    assert page.evaluate(names) == ["SAMRec", "SASRec", "CL4SRec"]
    assert page.locator("th[aria-sort=descending]").inner_text() == "HR@10"
    page.click(".sort >> nth=0")
    assert page.evaluate(names) == ["CL4SRec", "SASRec", "SAMRec"]
    page.click(".sort >> nth=3")  # where a run failed: last, in either order
    assert page.evaluate(names) == ["SASRec", "CL4SRec", "SAMRec"]
    page.click(".sort >> nth=3")
    assert page.evaluate(names) == ["CL4SRec", "SASRec", "SAMRec"]
    assert page.locator(".cells >> nth=0 >> [aria-sort=none]").count() == 3
    page.click(".sort >> nth=3")
    assert page.evaluate(names) == whole
    measures = "[...document.querySelector('.tau').tBodies[0].rows].map((row) => row.cells[3].dataset.order)"
    assert page.evaluate(measures) == ["-0.62", ""]
    page.click(".tau .sort >> nth=2")  # of the second data set, where one τ is undefined
    page.click(".tau .sort >> nth=2")
    assert page.locator(".tau [aria-sort=ascending]").inner_text() == "all runs"
    assert page.evaluate(measures) == ["-0.62", ""]
    page.click("text=Copy as CSV")
    becomes(page, "document.querySelector('.copy [role=status]').textContent === 'Copied.'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert [*csv_module.reader(io.StringIO(copied))] == [*csv_module.reader(io.StringIO(csv(studies.table())))]
    opened.close()


def test_browser_hides_a_method_everywhere_and_draws_what_comes_near(flat_chromium, file):
    opened = Opened(flat_chromium, file, html())
    page = opened.page
    assert page.locator("[data-drawn]").count() < page.locator("[data-panel=chart]").count()  # not all at once
    scroll_to(page, "Toys")
    shown = f"[...new Set({drawn('Toys')}.data.map(({{ name }}) => name))].join()"
    assert page.evaluate(shown) == "SASRec,SAMRec,CL4SRec"
    row = page.locator("tbody th:visible", has_text=re.compile("^SAMRec$"))
    assert row.count() == 1
    page.click(".chip >> nth=1")
    becomes(page, f"{shown} === 'SASRec,CL4SRec'")
    assert row.count() == 0
    page.click(".chip >> nth=1")
    becomes(page, f"{shown} === 'SASRec,SAMRec,CL4SRec'")

    # One data set's scatter plots at a time.
    scatter = "[data-in=scatter-data]"
    assert [page.locator(scatter).nth(place).is_visible() for place in (0, 1)] == [True, False]
    page.locator("[data-group=scatter-data]").nth(1).check(force=True)
    assert [page.locator(scatter).nth(place).is_visible() for place in (0, 1)] == [False, True]
    page.locator(scatter).nth(1).scroll_into_view_if_needed()
    becomes(page, f"document.querySelectorAll('{scatter}')[1].querySelector('.plot').dataset.drawn === 'true'")
    opened.close()


def test_browser_prints_all_figures_in_the_light_theme(flat_chromium, file):
    opened = Opened(flat_chromium, file, html(), color_scheme="dark")
    page = opened.page
    inks = {theme: template(theme).layout.font.color for theme in ("light", "dark")}
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    becomes(
        page,
        "[...document.querySelectorAll('[data-panel=chart]')].every((p) => p.closest('[hidden]') || p.dataset.drawn)",
    )
    becomes(page, f"{drawn('Toys')}._fullLayout.font.color === '{inks['light']}'")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    becomes(page, f"{drawn('Toys')}._fullLayout.font.color === '{inks['dark']}'")
    opened.close()


@pytest.mark.slow
def test_browser_turns_all_surfaces_with_one_camera(chromium, file):
    opened = Opened(chromium, file, html(), viewport={"width": 900, "height": 700})  # small scenes are drawn fast
    page = opened.page
    scene = "[...document.querySelectorAll('[data-panel=surface]')]"
    page.evaluate("document.getElementById('surfaces').scrollIntoView()")
    becomes(page, f"{scene}.slice(0, 3).every((panel) => panel.dataset.drawn)")
    assert colours(page, "[data-panel=surface] >> nth=0")[0] > 500  # a shaded surface, not an empty canvas
    eyes = f"{scene}.slice(0, 3).map((panel) => panel.layout.scene.camera.eye.x)"
    before = page.evaluate(eyes)
    page.focus("[data-panel=surface] >> nth=1")
    page.keyboard.press("ArrowLeft")
    becomes(page, f"{eyes}.every((x) => Math.abs(x - {before[0]}) > 0.01 && Math.abs(x - {eyes}[0]) < 1e-6)")

    # Another data set's surfaces keep the camera, and a missing one says so.
    turned = page.evaluate(eyes)[0]
    page.locator("[data-group=surface-data]").nth(1).check(force=True)
    becomes(page, f"{scene}.slice(3).every((panel) => panel.dataset.drawn) && !{scene}[0].dataset.drawn")
    assert page.evaluate(f"{scene}[3].layout.scene.camera.eye.x") == pytest.approx(turned, abs=0.05)
    assert page.locator("#surfaces .missing:visible").inner_text() == "No surface was measured."
    lowest = page.evaluate(f"{scene}[3].layout.scene.zaxis.range[0]")
    page.locator("[data-group=scale]").nth(1).check(force=True)
    becomes(page, f"{scene}[3].layout.scene.zaxis.range[0] !== {lowest}")
    assert page.locator("#surfaces .bar:visible .bar-label").inner_text() == "loss (log scale)"
    opened.close()
