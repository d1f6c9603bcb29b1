"""Combine templates, scripts and styles: HTML that opens from disk, offline, and loads nothing."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from landscape.figures import captions
from landscape.figures.explorer.bundle import plotly_script

HERE = Path(__file__).parent


def render(name: str, *, folder: Path = HERE, **values: Any) -> str:
    """Return a page from its template; all values are escaped.

    Args:
        name: Of the template.
        folder: Where a room keeps templates, scripts and styles of its own; what it lacks is taken from here.
        values: What the template shows.
    """
    return _environment(folder).get_template(name).render(**values)


def bare(figure: go.Figure) -> dict[str, Any]:
    """Return the figure as plain data, without its template: the page adds the template of its theme."""
    plain: dict[str, Any] = json.loads(figure.to_json())
    plain["layout"].pop("template", None)
    return plain


def _unbroken(text: str) -> str:
    """Keep a number, its error, its sign and its unit on one line."""
    for space in ("± ", " = ", " %"):
        text = text.replace(space, space.replace(" ", "\N{NO-BREAK SPACE}"))
    return text


def _breakable(text: str) -> Markup:
    """Let a long name break after its underscores."""
    return Markup("_<wbr>").join(map(escape, text.split("_")))


@cache
def _environment(folder: Path) -> Environment:
    def asset(name: str) -> Markup:
        own = folder / name
        return Markup((own if own.is_file() else HERE / name).read_text(encoding="utf-8"))

    environment = Environment(
        loader=FileSystemLoader([folder / "templates", HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"unbroken": _unbroken, "breakable": _breakable}
    environment.globals["captions"] = captions
    environment.globals["plotly"] = Markup(plotly_script())  # trusted, like the files beside the templates
    environment.globals["asset"] = asset
    return environment
