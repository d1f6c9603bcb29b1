"""Surfaces and curvatures as plain values: what ``--json`` prints, and what a curvature's JSON file holds."""

from __future__ import annotations

from typing import Any

from landscape.results import Curvature, EigenPairs, RadialProfile, Surface
from landscape.results.storage.format import FORMAT
from landscape.results.storage.serialization import to_plain

NUMBERS = ("loss", "loss_stderr", "gradient_norm", "params_norm", "asymmetry", "metadata")  # of a curvature
SECTIONS = ("operator", "spectrum", "trace", "sharpness", "blocks", "localization", "checks", "quadratic")
SURFACE_SECTIONS = (
    "marks",
    "trajectory",
    "other_trajectories",
    "radial_profile",
    "barrier",
    "curve",
    "checks",
    "quadratic",
)


def surface_values(surface: Surface) -> dict[str, Any]:
    """Return a surface's numbers as plain values; its arrays are left out."""
    values: dict[str, Any] = {
        "format": FORMAT,
        "kind": "surface",
        "loss": _summary(surface),
        "evaluations": surface.evaluations,
        "error": surface.error,
    }
    if surface.metrics:
        metrics = {name: surface.of(name) for name in surface.metrics}
        values["metrics"] = {name: {**_summary(metric), "error": metric.error} for name, metric in metrics.items()}
    values |= {name: getattr(surface, name) for name in SURFACE_SECTIONS if getattr(surface, name)}
    if surface.radial_profile is not None:
        values["radial_profile"] = _profile_values(surface.radial_profile)
    plain: dict[str, Any] = to_plain({**values, "metadata": surface.metadata})
    return plain


def _summary(surface: Surface) -> dict[str, float]:
    low, high = surface.range
    return {"centre": surface.centre, "min": low, "max": high, "not_finite": surface.not_finite}


def _profile_values(profile: RadialProfile) -> dict[str, Any]:
    rises = profile.rises
    return {
        "radii": profile.radii,
        "mean": profile.mean,
        "half_width": profile.half_width(),
        "mean_rise": rises.mean(0),
        "rise_half_width": profile.half_width(rises),
        "level": profile.level,
        "repeats": profile.repeats,
    }


def curvature_values(curvature: Curvature) -> dict[str, Any]:
    """Return a curvature as plain values, under the names that its JSON file has; vectors are left out."""
    pairs, spectrum = curvature.pairs, curvature.spectrum
    values: dict[str, Any] = {
        "format": FORMAT,
        "kind": "curvature",
        **_end(pairs),
        "products": pairs.products,
        "bottom": _end(pairs.bottom) if pairs.bottom else None,
        "scaled_eigenvalue": float(pairs.values[0]) * curvature.params_norm**2,
        **{name: getattr(curvature, name) for name in NUMBERS},
        **{name: getattr(curvature, name) for name in SECTIONS if getattr(curvature, name)},
    }
    if spectrum is not None:
        share, error = spectrum.share_below()
        low, high = spectrum.share_bounds()
        values["negative_share"] = {"mean": share, "stderr": error, "least": low, "most": high}
    plain: dict[str, Any] = to_plain(values)
    return plain


def _end(pairs: EigenPairs) -> dict[str, Any]:
    return {"eigenvalues": pairs.values, "residuals": pairs.residuals, "converged": pairs.converged}
