"""Combine templates, scripts and styles: HTML that opens from disk, offline, and loads nothing."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from landscape.figures import captions

HERE = Path(__file__).parent


def render(name: str, **values: Any) -> str:
    """Return a page from its template; all values are escaped."""
    return _environment().get_template(name).render(**values)


def bare(figure: go.Figure) -> dict[str, Any]:
    """Return the figure as plain data, without its template: the page adds the template of its theme."""
    plain: dict[str, Any] = json.loads(figure.to_json())
    plain["layout"].pop("template", None)
    return plain


def _unbroken(text: str) -> str:
    """Keep a number, its sign and its unit on one line."""
    for space in ("± ", " = ", " %"):
        text = text.replace(space, space.replace(" ", "\N{NO-BREAK SPACE}"))
    return text


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = _unbroken
    environment.globals["captions"] = captions
    environment.globals["plotly"] = Markup(get_plotlyjs())  # trusted, like the files beside the templates
    environment.globals["asset"] = lambda name: Markup((HERE / name).read_text(encoding="utf-8"))
    return environment
