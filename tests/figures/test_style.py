"""Colours, themes, numbers and ticks that all figures share."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from landscape.figures import interactive, themes
from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.plotdata.surfaces.curves import drawn_paths
from landscape.figures.plotdata.ticks import log_ticks, round_ticks
from landscape.figures.style import (
    BALL_COLOUR,
    BARRIER_COLOUR,
    COLOUR_SCALE,
    MARK,
    PALETTE,
    PATH_COLOURS,
    QUADRATIC_COLOUR,
    SMALLEST_COLOUR,
    colour,
    give_or_take,
    number,
    percent,
    shortened,
)
from landscape.figures.themes import THEMES, template
from tests.figures.test_curve_figures import PATHS
from tests.support.drawable import between, curvature

TRANSPARENT = "rgba(0,0,0,0)"
STYLES = (Path(themes.__file__).parent / "explorer" / "styles" / "page.css").read_text(encoding="utf-8")


def linear(code):
    """Linear RGB of an sRGB colour #rrggbb."""
    channels = np.array([int(code[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(first, second):
    """The contrast ratio of two colours as WCAG 2 defines it: 1 to 21."""
    low, high = sorted(float(linear(code) @ [0.2126, 0.7152, 0.0722]) for code in (first, second))
    return (high + 0.05) / (low + 0.05)


def colours_of(part, path=()):
    """The colours in a template, by their path."""
    colours = {}
    for key, value in part.items():
        if isinstance(value, dict):
            colours |= colours_of(value, (*path, key))
        elif "color" in key and value != TRANSPARENT:
            colours[*path, key] = value
    return colours


def page_colours(theme):
    """The variables of the page's style."""
    light, dark = re.findall(r":root \{(.*?)\}", STYLES, flags=re.DOTALL)
    named = [dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in (light, dark)]
    return named[0] if theme == "light" else named[0] | named[1]


def layout_of(theme):
    """The layout of a theme as plain data, without what plotly adds."""
    return template(theme).to_plotly_json()["layout"]


TEXTS = {"font", "tickfont"}  # parts whose colour is that of text
LINES = {"gridcolor": 1.2, "linecolor": 2, "zerolinecolor": 2, "tickcolor": 2}  # least contrast; the grid is faint


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_lines_stand_out_from_the_background(theme):
    background = page_colours(theme)["card"]
    assert THEMES[theme]["paper"] == background  # figures lie on cards and have no background of their own
    layout = layout_of(theme)
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == TRANSPARENT
    texts, lines = [], []
    for path, shown in colours_of(layout).items():
        if path[-2:-1] and path[-2] in TEXTS:
            texts.append(path)
            assert contrast(shown, background) >= 7, path
        elif path[-1] in LINES:
            lines.append(path)
            assert contrast(shown, background) >= LINES[path[-1]], path
    parts = [("xaxis",), ("yaxis",), ("scene", "xaxis"), ("scene", "yaxis"), ("scene", "zaxis")]
    for axis in parts:
        assert {(*axis, "tickfont", "color"), (*axis, "title", "font", "color")} <= {*texts}
        assert {(*axis, name) for name in LINES} <= {*lines}
    assert {("font", "color"), ("title", "font", "color"), ("legend", "font", "color")} <= {*texts}
    assert {("hoverlabel", "font", "color"), ("annotationdefaults", "font", "color")} <= {*texts}
    assert ("scene", "annotationdefaults", "font", "color") in texts
    assert contrast(layout["hoverlabel"]["font"]["color"], layout["hoverlabel"]["bgcolor"]) >= 7


def test_themes_have_the_same_parts_in_other_colours():
    light, dark = (colours_of(layout_of(theme)) for theme in ("light", "dark"))
    assert light.keys() == dark.keys()
    assert [path for path in light if light[path] == dark[path]] == []
    assert template("light").layout.font.size == template("dark").layout.font.size
    with pytest.raises(ValueError, match="theme must be one of light, dark, got 'sepia'"):
        template("sepia")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_s_own_text_stands_out(theme):
    colours = page_colours(theme)
    for background in ("page", "card", "notice"):
        for text in ("text", "strong", "quiet"):
            assert contrast(colours[text], colours[background]) >= 4.5, (text, background)
    assert contrast(colours["accent-text"], colours["accent"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_of_models_stand_out_from_the_background(theme):
    for name, code in PALETTE.items():
        assert contrast(code, THEMES[theme]["paper"]) >= 2, name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.25"), (-2601, "−2,601"), (2.6e7, "2.6×10⁷"), (8.04e-4, "0.000804"), (1.5e-7, "1.5×10⁻⁷"), (0.0, "0"),
        (math.nan, "not a number"), (math.inf, "∞"), (-math.inf, "−∞"), (0.99999, "1"), (1e-9, "10⁻⁹"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value, text):
    assert number(value) == text


def test_ticks_are_round_and_inside():
    assert round_ticks(0.25, 2.6) == [0.5, 1, 1.5, 2, 2.5]
    assert log_ticks(-6.1, 0.1) == [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]
    assert log_ticks(math.log10(0.25), math.log10(2.6)) == [0.5, 1, 2]
    assert log_ticks(math.log10(0.7), math.log10(0.75)) == [0.7, 0.71, 0.72, 0.73, 0.74, 0.75]


def test_errors_stand_behind_numbers_where_there_are_any():
    assert give_or_take(0.379, 2e-4) == "0.379 ± 0.0002"
    assert give_or_take(-1.5, math.nan) == "−1.5"
    assert give_or_take(12.0, 0.0) == "12"
    assert percent(0.81) == "81 %"


def test_long_names_keep_both_ends():
    assert shortened("x" * 28) == "x" * 28
    short = shortened("SASRec on Amazon Beauty, seed 0, epoch 12", 20)
    assert len(short) == 20
    assert short == "SASRec on Ama…och 12"


def lightness(colours):
    """CIE 1976 L* of sRGB colours."""
    return 116 * np.cbrt(np.stack([linear(code) for code in colours]) @ [0.2126, 0.7152, 0.0722]) - 16


def test_the_order_of_a_path_is_told_by_lightness_alone():
    assert (np.diff(lightness(PATH_COLOURS)) < -10).all()


def test_colour_scale_rises_evenly_in_lightness():
    steps = np.diff(lightness(COLOUR_SCALE))
    assert (steps > 0).all()
    assert steps.max() < 2 * steps.min()


def test_control_characters_in_names_of_models_are_escaped():
    styles = model_styles([ModelEntry("a\x1b[31m"), ModelEntry("<b>α</b>"), ModelEntry("<b>α</b>")])
    assert [style.name for style in styles] == [r"a\x1b[31m", "<b>α</b> (1)", "<b>α</b> (2)"]


def test_a_colour_of_a_single_model_means_one_thing():
    meanings = [colour(0), MARK, BARRIER_COLOUR, SMALLEST_COLOUR, BALL_COLOUR, QUADRATIC_COLOUR]
    assert len(set(meanings)) == len(meanings)
    ends = {trace.name: trace.marker.color for trace in interactive.spectrum_figure(curvature()).data}
    assert ends == {"largest": colour(0), "smallest": SMALLEST_COLOUR}
    rise = [trace for trace in interactive.line_figure(between()).data if trace.name == "barrier"][-1]
    assert rise.line.color == rise.marker.line.color == BARRIER_COLOUR
    straight, curved = drawn_paths(PATHS)
    assert (straight.colour, curved.colour) == (BARRIER_COLOUR, colour(0))
