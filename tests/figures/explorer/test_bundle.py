"""The bundle of plotly.js: for the installed plotly, and with all that figures are made of."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import plotly.graph_objects as go
import pytest
from plotly.basedatatypes import BaseTraceType
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from landscape import figures
from landscape.figures.explorer import bundle

FIGURES = Path(figures.__file__).parent
ADDED = re.compile(r"add_(scatter3d|scatter|surface|heatmap|contour|bar|mesh3d|box|violin|histogram)$")


@pytest.fixture(autouse=True)
def fresh():
    bundle.plotly_script.cache_clear()
    yield
    bundle.plotly_script.cache_clear()


def test_the_bundle_is_that_of_the_installed_plotly():
    script = bundle.plotly_script()
    assert bundle.bundled_version(script) == get_plotlyjs_version(), "run `make plotly`"
    assert f'"{get_plotlyjs_version()}"' in script  # what the code itself says
    assert script.partition("(")[2].partition(")")[0].split(", ") == [*bundle.TRACES], "run `make plotly`"
    # Each trace registers itself under its name.
    assert all(re.search(rf'\bname:"{trace}"', script) for trace in bundle.TRACES)
    assert len(script) < 0.45 * len(get_plotlyjs())
    assert "Permission is hereby granted" in script
    assert "</script" not in script.lower()  # it stands inside a page


def test_another_version_of_plotly_draws_with_its_own_script(monkeypatch):
    monkeypatch.setattr(bundle, "get_plotlyjs_version", lambda: "99.0.0")
    assert bundle.plotly_script() == get_plotlyjs()


def test_all_traces_that_figures_add_are_bundled():
    used = set()
    for file in FIGURES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute):
                continue
            if match := ADDED.match(node.attr):
                used.add(match[1])
            elif isinstance(node.value, ast.Name) and node.value.id == "go" and _is_trace(node.attr):
                used.add(node.attr.lower())
    assert used == set(bundle.TRACES)


def _is_trace(name: str) -> bool:
    kind = getattr(go, name, None)
    return isinstance(kind, type) and issubclass(kind, BaseTraceType)
