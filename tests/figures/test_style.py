"""Colours, themes, numbers and ticks that all figures share."""

from __future__ import annotations

import math

import numpy as np
import pytest

from landscape.figures.plotdata.ticks import log_ticks, round_ticks
from landscape.figures.style import COLOUR_SCALE, PATH_COLOURS, give_or_take, number, percent, shortened
from landscape.figures.themes import template


def test_themes_have_the_same_parts_in_other_colours():
    light, dark = template("light"), template("dark")
    assert light.layout.font.size == dark.layout.font.size
    assert light.layout.font.color != dark.layout.font.color
    with pytest.raises(ValueError, match="theme must be one of light, dark, got 'sepia'"):
        template("sepia")


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
    channels = np.array([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in colours]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16


def test_the_order_of_a_path_is_told_by_lightness_alone():
    assert (np.diff(lightness(PATH_COLOURS)) < -10).all()


def test_colour_scale_rises_evenly_in_lightness():
    steps = np.diff(lightness(COLOUR_SCALE))
    assert (steps > 0).all()
    assert steps.max() < 2 * steps.min()
