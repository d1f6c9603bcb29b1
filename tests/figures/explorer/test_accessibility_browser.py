"""What axe-core, the usual checker of accessibility, says about the pages in both themes: nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from landscape.figures.explorer.along import along_page
from landscape.figures.study import report_page
from tests.figures.explorer.test_explorer import HISTORY, recorded, steeper
from tests.support import studies
from tests.support.browsing import Opened
from tests.support.drawable import along, bowl, checks, full_curvature, interpolated, marked

VIOLATIONS = """axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations.flatMap(
    ({id, nodes}) => nodes.map(({target, failureSummary}) => `${id}: ${target} ${failureSummary}`)))"""


def compared() -> str:
    surfaces = [recorded(interpolated(function, points=(15, 15))) for function in (bowl, steeper)]
    more = {"checks": checks(), "metrics": {"HR@10": 0 * surfaces[0].loss + 0.1}}
    measured = {name: replace(surface, **more) for name, surface in zip("ab", surfaces, strict=True)}
    return explorer_page([ModelEntry(name, surface, full_curvature(), HISTORY) for name, surface in measured.items()])


PAGES: dict[str, Callable[[], str]] = {
    "comparison": compared,
    "surface": lambda: explorer_page([ModelEntry("SASRec", marked(), full_curvature(), HISTORY)]),
    "curvature": lambda: explorer_page([ModelEntry("SASRec", None, full_curvature())]),
    "along": lambda: along_page(along(), title="SASRec"),
    "study": lambda: report_page(studies.report()),
}


@pytest.fixture(scope="session")
def axe() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", PAGES)
def test_browser_finds_nothing_that_shuts_anybody_out(kind, axe, flat_chromium, file):
    opened = Opened(flat_chromium, file, PAGES[kind]())
    opened.page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    opened.page.evaluate(axe)
    for theme in ("light", "dark"):
        opened.page.emulate_media(color_scheme=theme)
        opened.page.wait_for_timeout(300)  # figures follow the theme
        assert "\n".join(opened.page.evaluate(VIOLATIONS)) == ""
    opened.close()
