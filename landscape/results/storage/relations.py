"""What the fields of a stored result must be to each other, beyond their shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from landscape.results import Curvature, LanczosState, Spectrum, Surface
from landscape.results.interpolation import Axis, tensor_product
from landscape.results.sample import check_sample


def _check_surface(surface: Surface) -> None:
    check_sample(surface.metadata)
    plane = surface.metadata.get("plane", {})
    _check_plane(plane)
    by_direction = {f"plane.{name}": plane[name] for name in ("shares", "eigenvalues", "residuals") if name in plane}
    if "direction_norms" in surface.metadata:
        by_direction["direction_norms"] = surface.metadata["direction_norms"]
    for name, values in by_direction.items():
        if not 1 <= len(values) <= 2:
            raise ValueError(f"metadata.{name} has {len(values)} entries; a plane has one or two directions")
    _check_nodes(surface)


def _check_plane(plane: Mapping[str, Any]) -> None:
    """Check that the metadata hold what the axes of this kind of plane are named after."""
    for kind, names, least, most in (
        ("toward", ("names",), 2, 3),
        ("trajectory", ("shares",), 1, 2),
        ("eigen", ("numbers", "eigenvalues"), 1, 2),
    ):
        lengths = {len(plane.get(name, ())) for name in names}
        if plane.get("kind") == kind and not (len(lengths) == 1 and least <= min(lengths) <= most):
            raise ValueError(f"metadata.plane of kind {kind} needs {' and '.join(names)}, {least} to {most} of each")
    counted = {len(plane[name]) for name in ("eigenvalues", "residuals") if name in plane}
    if len(counted) > 1:
        raise ValueError("metadata.plane has residuals that are not those of its eigenvalues")


def _check_nodes(surface: Surface) -> None:
    """Check that a surface that was interpolated has the nodes of its interpolation."""
    fit = surface.metadata.get("interpolation")
    if fit is None:
        return
    if not {"nodes", "extent"} <= fit.keys():
        raise ValueError("metadata.interpolation lacks nodes or extent")
    counts, extent, grid = fit["nodes"], fit["extent"], surface.loss.shape[::-1]
    axes = [Axis(low, high, size) for (low, high), size in zip(extent, grid, strict=True)]
    if any(not axis.low < axis.high for axis in axes if axis.count > 1) or not all(
        1 <= count <= len(surface.nodes) for count in counts
    ):
        raise ValueError(
            "metadata.interpolation has an interval that is empty, or a number of nodes that are not there"
        )
    if counts[0] * counts[1] <= len(surface.nodes):
        wanted = tensor_product(*(axis.nodes(count) for axis, count in zip(axes, counts, strict=True)))
        if set(map(tuple, wanted.tolist())) <= set(map(tuple, surface.nodes.tolist())):
            return
    raise ValueError("nodes lack some of those that metadata.interpolation says")


def _check_curvature(curvature: Curvature) -> None:
    check_sample(curvature.metadata)
    pairs = curvature.pairs
    if not (np.diff(pairs.values) <= 0).all():
        raise ValueError("eigenvalues do not descend")
    if pairs.bottom is not None and not (np.diff(pairs.bottom.values) >= 0).all():
        raise ValueError("bottom.eigenvalues do not ascend")


def _check_spectrum(spectrum: Spectrum) -> None:
    known = ~np.isnan(spectrum.values)
    if (
        (known != ~np.isnan(spectrum.weights)).any()
        or not known[:, 0].all()
        or (np.diff(known, axis=1) & known[:, 1:]).any()
    ):
        raise ValueError("values and weights are not NaN at the same places, after the last node of a probe")
    if not np.isfinite(spectrum.values[known]).all() or not np.isfinite(spectrum.weights[known]).all():
        raise ValueError("values or weights hold a number that is not finite")
    if (np.diff(spectrum.values, axis=1) < 0).any():
        raise ValueError("values do not ascend")


def _check_state(state: LanczosState) -> None:
    blocks, n = int(state.blocks.max()) + 1, len(state.following)
    for name, number, most in (
        ("size", state.size, n),
        ("values", len(state.values), state.size),
        ("top", state.top, state.size),
        ("bottom", state.bottom, state.size),
        ("blocks", blocks, min(state.size, state.products)),
        ("draws", state.draws, blocks + 1),  # each block begins with one; the next may be drawn already
    ):
        if number > most:
            raise ValueError(f"{name} has or is {number}, more than the {most} that the other fields allow")
    if not (np.diff(state.values) <= 0).all():
        raise ValueError("values do not descend")


RELATIONS: Mapping[type, Callable[[Any], None]] = {
    Surface: _check_surface,
    Curvature: _check_curvature,
    Spectrum: _check_spectrum,
    LanczosState: _check_state,
}
