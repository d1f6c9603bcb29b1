"""The figures of a curvature. A new one begins here; the rest has the same name in the other rooms.

For each name there are, held together by a test:

- ``interactive.FIGURES[name]`` and ``static.FIGURES[name]``: functions ``<name>_figure``
- ``static.PANELS[name]``: the same as a panel of ``curvature_figure``
- ``captions.CARDS[name]``: heading and caption on a page
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.results import Curvature

Arguments = dict[str, Any]  # of the functions that draw a figure


def _spectrum(curvature: Curvature) -> list[Arguments]:
    return [{"curvature": curvature}]


def _blocks(curvature: Curvature) -> list[Arguments]:
    return [] if curvature.blocks is None else [{"blocks": curvature.blocks, "whole": curvature.pairs}]


def _density(curvature: Curvature) -> list[Arguments]:
    return [] if curvature.spectrum is None else [{"spectrum": curvature.spectrum}]


def _sharpness(curvature: Curvature) -> list[Arguments]:
    return [] if curvature.sharpness is None else [{"sharpness": curvature.sharpness}]


def _localization(curvature: Curvature) -> list[Arguments]:
    return [{"localization": localization} for localization in curvature.localization]


# Name: the arguments of each figure of this name; none if the curvature has nothing to draw. In the order of a page.
CURVATURE_FIGURES: dict[str, Callable[[Curvature], list[Arguments]]] = {
    "spectrum": _spectrum,
    "blocks": _blocks,
    "density": _density,
    "localization": _localization,
    "sharpness": _sharpness,
}
