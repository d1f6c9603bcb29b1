"""A figure of a curvature has one name, under which all rooms have their part of it."""

from __future__ import annotations

import inspect
from functools import cache

import pytest

from landscape.figures import captions, interactive, static
from landscape.figures.plotdata.registry import CURVATURE_FIGURES
from landscape.results.display.display_names import DISPLAY_NAMES, display_name
from tests.support.drawable import curvature, full_curvature
from tests.support.pages import Text, page_of, part_of


@cache
def text_of_page():
    return str(Text(page_of(None, full_curvature())))


def test_all_rooms_have_all_figures():
    for room in (interactive.FIGURES, static.FIGURES, static.PANELS, captions.CARDS):
        assert room.keys() == CURVATURE_FIGURES.keys()
    for module in (interactive, static):
        assert {name: function.__name__ for name, function in module.FIGURES.items()} == {
            name: f"{name}_figure" for name in CURVATURE_FIGURES
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", CURVATURE_FIGURES)
def test_a_figure_is_on_the_page_with_its_card(name):
    parts = CURVATURE_FIGURES[name](full_curvature())
    assert len(parts) == (2 if name == "localization" else 1)
    page = page_of(None, full_curvature())
    panels = part_of(page, "common") | part_of(page, "own")[0]
    for place, arguments in enumerate(parts):
        panel = name if name in panels else f"{name}-{place}"
        assert panels[panel]
        assert f'data-panel="{panel}"' in page
        card = captions.CARDS[name](**arguments)
        assert f"{card.heading} {card.caption}" in text_of_page()


@pytest.mark.parametrize("name", CURVATURE_FIGURES)
def test_all_functions_take_the_arguments_of_the_figure(name):
    (arguments, *_) = CURVATURE_FIGURES[name](full_curvature())
    panel = static.PANELS[name]
    for function in (interactive.FIGURES[name], static.FIGURES[name], captions.CARDS[name], panel.height):
        inspect.signature(function).bind(**arguments)
    inspect.signature(panel.draw).bind(None, **arguments)
    assert panel.height(**arguments) > 1


def test_what_was_not_computed_is_not_drawn():
    drawn = {name for name, parts in CURVATURE_FIGURES.items() if parts(curvature())}
    assert drawn == {"spectrum"}


def test_identifiers_have_readable_names_on_the_page():
    result = full_curvature()
    for identifier in (*result.sharpness.kinds, result.trace.method):
        assert display_name(identifier) in text_of_page()
    for identifier in ("one-step", "adaptive-ascent", "hutch++", "gauss-newton"):
        assert DISPLAY_NAMES[identifier] != identifier
        assert f" {identifier} " not in text_of_page()
    assert display_name("somebody's own") == "somebody's own"
