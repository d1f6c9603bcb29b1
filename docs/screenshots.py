"""Pictures of a page for the README: ``python docs/screenshots.py PAGE.html PICTURE.png [HEADING] [OPTIONS]``.

The window is scrolled to the heading, or shows the top of the page. Needs playwright and Chromium, as the tests do.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

TIMEOUT = 180_000  # ms; without a GPU a scene takes its time


def screenshot(page: Path, picture: Path, heading: str | None, *, height: int, dark: bool) -> None:
    """Open ``page``, wait until everything is drawn, and write a picture of the window."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--headless=new", "--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        tab = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="dark" if dark else "light")
        tab.set_default_timeout(TIMEOUT)
        tab.goto(page.resolve().as_uri())
        tab.wait_for_selector("html[data-ready]", state="attached")
        if heading is not None:
            # The controls stay on top while the page is scrolled and would hide the heading.
            tab.add_style_tag(content=".controls { position: static !important }")
            tab.get_by_role("heading", name=heading, exact=True).evaluate(
                "heading => scrollTo(0, heading.closest('.card').getBoundingClientRect().top + scrollY - 16)"
            )
        tab.wait_for_timeout(1000)
        tab.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("heading", nargs="?")
    parser.add_argument("--height", type=int, default=860)
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    screenshot(given.page, given.picture, given.heading, height=given.height, dark=given.dark)
