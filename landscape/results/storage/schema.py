"""What the files of results may hold, field by field: types are those of the dataclasses, limits are declared here.

A field without an entry may hold any value of its type. For numbers that includes NaN, which means "missing", and
infinity, which means "overflow": a loss at a point, a metric, a sharpness, a radius, a check, a standard error that is
not known. An entry narrows that; ``finite`` refuses both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.results import (
    Barrier,
    BlockEigenvalues,
    Curvature,
    EigenPairs,
    InterpolationError,
    LanczosState,
    Localization,
    QuadraticRadius,
    RadialProfile,
    Sharpness,
    Spectrum,
    Surface,
    TraceEstimate,
    Trajectory,
)
from landscape.results.along import AlongTraining
from landscape.results.curve import BarrierMatrix, LowLossCurve, PathLoss
from landscape.results.sample import SampleSize
from landscape.results.study.records import RunRecord, SurfaceGrid

LARGEST = 2**63 - 1  # of a whole number


@dataclass(frozen=True)
class Rule:
    """What the value of one field must be, beside its type."""

    shape: str | None = None  # dimensions by name; equal names in one object have equal lengths, "?" may be empty
    finite: bool = False
    least: float = -math.inf  # passed by NaN, where ``finite`` allows it
    most: float = math.inf
    increasing: bool = False


Rules = Mapping[str, Rule | Any]  # or the types of the entries of metadata, as far as something reads them


def of(shape: str | None = None, **limits: Any) -> Rule:
    """Return a rule for numbers that are finite."""
    return Rule(shape, finite=True, **limits)


NUMBER = of()
LENGTH = of(least=0, most=1e150)  # of a vector, whose square is finite, too
COUNT = of(least=0)
ERROR = Rule(least=0)  # NaN: unknown, infinite: no bound

_TEXTS, _NUMBERS = tuple[str, ...], tuple[float, ...]
_ANYWHERE = {
    "title": str | None,
    "checkpoint": {"sha256": str},
    "data": {"name": str, "sha256": str},
    "objective": {"loss": str | None, "split": str | None, "users": int | None},
    "sample": {
        "unit": str,
        "size": int,
        "needed": int,
        "total": int,
        "precision": float,
        "reached": bool,
        "quantities": tuple[str, ...],
        "errors": tuple[float | None, ...],
        "biases": tuple[float | None, ...],
        "tried": tuple[int, ...],
    },
    "versions": {},
}
_SURFACE = {
    **_ANYWHERE,
    "quantity": str,
    "loss_stderr": float | None,
    "cosine": float | None,
    "direction_norms": _NUMBERS,
    "interpolation": {"nodes": tuple[int, int], "extent": tuple[tuple[float, float], tuple[float, float]]},
    "plane": {
        "kind": str | None,
        "names": _TEXTS,
        "shares": _NUMBERS,
        "numbers": tuple[int, ...],
        "eigenvalues": _NUMBERS,
        "residuals": _NUMBERS,
    },
}

SCHEMA: Mapping[type, Rules] = {
    Surface: {
        "alphas": of("A", increasing=True),
        "betas": of("B", increasing=True),
        "loss": Rule("B A"),
        "evaluated": Rule("B A"),
        "metrics": Rule("B A"),  # each of them
        "nodes": of("N? 2"),
        "node_loss": Rule("N?"),
        "node_metrics": Rule("N?"),
        "metadata": _SURFACE,
    },
    InterpolationError: {"absolute": ERROR, "relative": ERROR, "near_centre": ERROR, "points": COUNT},
    Trajectory: {"points": of("T 2"), "off_plane": of("T", least=0)},
    RadialProfile: {"radii": of("G", least=0, increasing=True), "losses": Rule("R G"), "level": of(least=0, most=1)},
    Barrier: {"height": of(least=0), "at": NUMBER, "above_ends": NUMBER, "error": ERROR, "stderr": ERROR},
    PathLoss: {"t": of("T", least=0, most=1, increasing=True), "loss": of("T"), "stderr": Rule("T", least=0)},
    LowLossCurve: {"distance": LENGTH, "length": LENGTH, "bend": of("n")},
    BarrierMatrix: {
        "names": Rule("M"),
        "heights": of("M M", least=0),
        "stderr": Rule("M M", least=0),
        "at": of("M M", least=0, most=1),
        "distances": of("M M", least=0),
        "losses": of("M"),
        "metadata": _ANYWHERE,
    },
    QuadraticRadius: {
        "angles": of("A"),
        "radii": Rule("A", least=0),
        "distances": Rule("A", least=0),
        "extents": of("A", least=0),
        "share": of(least=0),
        "gradient": Rule("2"),
        "hessian": Rule("2 2"),
        "noise": ERROR,
        "evaluations": COUNT,
        "products": COUNT,
    },
    Curvature: {
        "loss": NUMBER,
        "loss_stderr": ERROR,
        "gradient_norm": LENGTH,
        "params_norm": LENGTH,
        "asymmetry": ERROR,
        "metadata": _ANYWHERE,
    },
    EigenPairs: {
        "values": of("k"),
        "residuals": of("k", least=0),
        "converged": Rule("k"),
        "products": COUNT,
        "vectors": of("k n"),
        "asymmetry": ERROR,
    },
    Spectrum: {
        "values": Rule("P steps"),
        "weights": Rule("P steps", least=0),
        "size": of(least=1),
        "seeds": Rule("P 2"),
        "noise": of(least=0),
        "metadata": {"seconds": float | None},
    },
    TraceEstimate: {"mean": NUMBER, "stderr": ERROR, "products": COUNT, "samples": COUNT},
    Sharpness: {
        "kinds": Rule("K"),
        "rhos": of("R", least=0),
        "values": Rule("R K"),
        "stderr": Rule("R K", least=0),
        "evaluations": Rule("R K", least=0),
        "steps": Rule("R K", least=0),
        "last_gain": Rule("R K"),
        "gap": Rule("R K"),
        "loss": NUMBER,
        "noise": ERROR,
        "gradient_norm": LENGTH,
        "params_norm": LENGTH,
    },
    AlongTraining: {
        "epochs": of("T", least=0, increasing=True),
        "top": of("T"),
        "top_residual": of("T", least=0),
        "trace": of("T"),
        "trace_stderr": Rule("T", least=0),
        "loss": of("T"),
        "loss_stderr": Rule("T", least=0),
        "gradient_norm": of("T", least=0),
        "metric": Rule("T"),
        "metadata": _ANYWHERE,
    },
    BlockEigenvalues: {
        "names": Rule("G"),
        "values": Rule("G"),  # NaN: none was found
        "residuals": Rule("G", least=0),
        "converged": Rule("G"),
        "sizes": Rule("G", least=0),
        "products": Rule("G", least=0),
    },
    Localization: {
        "groups": Rule("G"),
        "values": of("K G"),
        "errors": Rule("K", least=0),
        "baselines": of("G"),  # each of them
    },
    LanczosState: {
        "values": of("p"),
        "vectors": of("p n"),
        "couplings": of("p"),
        "blocks": Rule("p", least=0),
        "following": of("n"),
        "size": of(least=1),
        "top": COUNT,
        "bottom": COUNT,
        "products": COUNT,
        "draws": COUNT,
        "asymmetry": ERROR,
        "scale": of(least=0),
        "residual": of(least=0),
    },
    SampleSize: {
        "precision": of(least=0),
        "total": of(least=1),
        "sizes": of("T", least=1, increasing=True),
        "errors": Rule("T Q", least=0),
        "biases": Rule("T Q"),
        "quantities": Rule("Q"),
    },
    SurfaceGrid: {"alphas": of("A", increasing=True), "betas": of("B", increasing=True), "loss": Rule("B A")},
    RunRecord: {"epoch": COUNT, "epochs": COUNT},
}


def check_limits(value: Any, rule: Rule, at: str) -> None:
    """Check the numbers of a field, be they one or an array.

    Raises:
        ValueError: One is not finite, too small or too large, or they do not increase.
    """
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "iuf":
        return
    for wrong, what in (
        (rule.finite and numbers.dtype.kind == "f" and not np.isfinite(numbers).all(), "not finite"),
        (rule.least > -math.inf and (numbers < rule.least).any(), f"less than {rule.least:g}"),
        (rule.most < math.inf and (numbers > rule.most).any(), f"more than {rule.most:g}"),
    ):
        if wrong:
            raise ValueError(f"{at} is {what}" if numbers.ndim == 0 else f"{at} holds a number that is {what}")
    if rule.increasing and not (np.diff(numbers) > 0).all():
        raise ValueError(f"{at} do not increase")


def check_shape(value: Any, rule: Rule, at: str, lengths: dict[str, int]) -> None:
    """Check the shape of an array, or the length of a tuple, against the shapes of the fields before it.

    Args:
        value: With a shape or a length.
        rule: Has the names of the dimensions.
        at: The name of the field.
        lengths: By name of a dimension; those that are new are added.

    Raises:
        ValueError: It has another shape.
    """
    if rule.shape is None:
        return
    names, shape = rule.shape.split(), value.shape if isinstance(value, np.ndarray) else (len(value),)
    if len(names) != len(shape):
        raise ValueError(f"{at} has {len(shape)} dimensions and not {len(names)}")
    for name, length in zip(names, shape, strict=True):
        wanted = int(name) if name.isdigit() else lengths.setdefault(name, length)
        if length != wanted:
            raise ValueError(f"{at} has shape {shape}; the fields before it need {wanted} in place of {length}")
        if length == 0 and not name.endswith("?"):
            raise ValueError(f"{at} is empty")
