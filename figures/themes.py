"""Light and dark for plotly: fonts, lines and the colours of text, axes and background."""

from __future__ import annotations

from functools import cache

import plotly.graph_objects as go

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
FONT_SIZE = 13
THEMES = {
    "light": {
        "text": "#3a4149",
        "strong": "#15191e",
        "grid": "#e3e6ea",
        "axis": "#aab1ba",
        "paper": "#ffffff",
        "label": "rgba(255,255,255,0.82)",  # behind text in the scene
    },
    "dark": {
        "text": "#b4bcc6",
        "strong": "#eef1f4",
        "grid": "#2b323b",
        "axis": "#5b6570",
        "paper": "#14181d",
        "label": "rgba(20,24,29,0.78)",
    },
}


@cache
def template(theme: str) -> go.layout.Template:
    """Return plotly's template of a theme: fonts, lines, and the colours of text, axes and background.

    Raises:
        ValueError: The theme is unknown.
    """
    if theme not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {theme!r}")
    colours = THEMES[theme]
    title = {"font": {"size": FONT_SIZE + 1, "color": colours["text"]}}
    axis = {
        "gridcolor": colours["grid"],
        "linecolor": colours["axis"],
        "zerolinecolor": colours["axis"],
        "tickcolor": colours["axis"],
        "zeroline": False,
        "tickfont": {"size": FONT_SIZE, "color": colours["text"]},
        "title": title,
    }
    flat = {**axis, "title": {**title, "standoff": 10}}
    depth = {
        **axis,
        "showbackground": False,
        "showspikes": False,
        "gridwidth": 1,
        "showline": True,
        "linewidth": 1,
        "tickangle": 0,
    }
    annotation = {"font": {"color": colours["strong"]}, "bgcolor": colours["label"]}
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": FONT_SIZE, "color": colours["text"]},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "title": {"font": {"size": FONT_SIZE + 3, "color": colours["strong"]}, "x": 0.02, "xanchor": "left"},
            "margin": {"l": 64, "r": 16, "t": 16, "b": 56},
            "hoverlabel": {
                "font": {"family": FONT, "size": FONT_SIZE, "color": colours["strong"]},
                "bgcolor": colours["paper"],
                "bordercolor": colours["axis"],
                "align": "left",
            },
            "xaxis": {**flat, "automargin": True},
            "yaxis": {**flat, "automargin": True},
            "annotationdefaults": {**annotation, "bordercolor": "rgba(0,0,0,0)"},
            "legend": {"font": {"color": colours["text"]}},
            "scene": {"xaxis": depth, "yaxis": depth, "zaxis": depth, "annotationdefaults": annotation},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colours["axis"], "activecolor": colours["text"]},
        },
        data={"contour": [{"colorbar": {"tickcolor": colours["axis"]}}]},
    )
