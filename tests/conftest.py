"""Settings and data that the tests share."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: the tests run side by side, one core each

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"  # real data, too large for the repository

# The same examples in every run: what fails, fails again. Time decides nothing.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that open a browser, by their fixtures."""
    for item in items:
        if {"launch", "chromium", "flat_chromium", "firefox"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(autouse=True)
def _no_data_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDSCAPE_DATA", raising=False)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of Beauty.txt, Toys_and_Games.txt and their attributes."""
    return _folder("LANDSCAPE_TEST_DATA", SHARED / "data", "Beauty.txt")


@pytest.fixture(scope="session")
def fixtures_folder() -> Path:
    """The folder of numbers made with S3Rec's public code."""
    return _folder("LANDSCAPE_TEST_FIXTURES", SHARED / "fixtures", "s3rec_Beauty.npz")


def _folder(variable: str, default: Path, contains: str) -> Path:
    folder = Path(os.environ.get(variable, default))
    if not (folder / contains).exists():
        pytest.skip(f"{folder} has no {contains}; set {variable} to the folder that has")
    return folder


@pytest.fixture(scope="session")
def launch():
    """Start Chromium with further arguments."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no chromium, chromium-browser or google-chrome is on the PATH")
    arguments = ["--headless=new", "--no-sandbox", "--enable-unsafe-swiftshader", "--disable-background-networking"]
    with api.sync_playwright() as playwright:
        yield lambda *more: playwright.chromium.launch(
            executable_path=program,
            args=[*arguments, *more],
            ignore_default_args=["--hide-scrollbars"],  # on most desktops they take up space
            timeout=180_000,
        )


@pytest.fixture(scope="session")
def chromium(launch):
    """A browser that draws in three dimensions, slowly where there is no GPU."""
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def flat_chromium(launch):
    """A browser without WebGL, and thereby fast."""
    browser = launch("--disable-3d-apis")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def firefox(tmp_path_factory: pytest.TempPathFactory):
    """A Firefox with one page, which draws in three dimensions where there is a screen or ``xvfb-run``."""
    pytest.importorskip("websockets", reason="websockets is not installed")
    from tests.support.firefox import Firefox

    program = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
    if program is None:
        pytest.skip("no firefox-esr or firefox is on the PATH")
    browser = Firefox(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a page is put to be opened."""
    return tmp_path / "page.html"
