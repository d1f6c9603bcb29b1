"""Results for the tests of the figures: small, but of every kind that is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from landscape.results import (
    Barrier,
    BlockEigenvalues,
    Check,
    CheckReport,
    Curvature,
    EigenPairs,
    Floats,
    InterpolationError,
    Localization,
    Mark,
    Metadata,
    QuadraticRadius,
    RadialProfile,
    Sharpness,
    Spectrum,
    Surface,
    TraceEstimate,
    Trajectory,
    chebyshev,
)
from landscape.results.along import AlongTraining
from landscape.results.interpolation import Axis, tensor_product

NDCG = "valid_ndcg@20"
Function = Callable[[Floats, Floats], Floats]

METADATA: Metadata = {
    "command": "landscape surface runs/samrec-Beauty-seed0/checkpoint.pt",
    "checkpoint": {"path": "runs/samrec-Beauty-seed0/checkpoint.pt", "sha256": "9f2c" * 16, "settings": {"width": 64}},
    "data": {"name": "Beauty", "sha256": "ab41" * 16},
    "seeds": [0, 1],
    "note": None,
    "versions": {"python": "3.13.1", "torch": "2.13.0"},
    "seconds": 18.4,
}


def bowl(a: Floats, b: Floats) -> Floats:
    """0.25 at the centre, asymmetric, rising to some 2.6 at the corners of ±1."""
    rise = 1.25 * (1 - np.exp(-0.55 * (1.3 * a * a + 0.9 * b * b + 0.5 * a * b)))
    return 0.25 + rise + 0.62 * a * a + 0.48 * b * b + 0.22 * a * b + 0.1 * a**3 - 0.12 * a * b * b + 0.05 * b


def tiny(a: Floats, b: Floats) -> Floats:
    """Positive everywhere and below 1e-6 at the centre, where an interpolant that serves the corners is negative."""
    return np.exp(-14 + 6 * (a * a + b * b) + a)


def evaluated(function: Function = bowl, points: tuple[int, int] = (11, 9), *, spoil: bool = False) -> Surface:
    """Every point evaluated; with ``spoil`` some are NaN and some infinite. One β makes a line."""
    alphas = np.linspace(-1, 1, points[0]) if points[0] > 1 else np.zeros(1)
    betas = np.linspace(-0.8, 0.8, points[1]) if points[1] > 1 else np.zeros(1)
    a, b = np.meshgrid(alphas, betas)
    loss = np.array(function(a, b), dtype=np.float64)
    if spoil:
        loss[1:3, 2:4], loss[-2:, :2] = np.nan, np.inf
    nodes = tensor_product(alphas, betas)
    reason = {"method": "grid", "reason": "every point was asked for"}
    return Surface(alphas, betas, loss, np.ones_like(loss, bool), {**METADATA, **reason}, {}, None, nodes, loss.ravel())


def interpolated(function: Function = bowl, points: tuple[int, int] = (21, 17), count: int = 9) -> Surface:
    """Interpolated through ``count`` Chebyshev nodes a side, as ``landscape.surface`` does it."""
    axes = [Axis(-1.0, 1.0, n) if n > 1 else Axis(0.0, 0.0, 1) for n in points]
    at = [axis.nodes(count) for axis in axes]
    nodes = tensor_product(*at)
    loss = chebyshev.interpolate(function(*np.meshgrid(*at)), *(axis.unit(axis.grid()) for axis in axes))
    a, b = np.meshgrid(*(axis.grid() for axis in axes))
    known = {(x, y) for x, y in nodes.tolist()}
    here = np.array([[point in known for point in zip(*row, strict=True)] for row in zip(a, b, strict=True)])
    loss[here] = function(a, b)[here]
    fit = {"nodes": [len(at[0]), len(at[1])], "extent": [[axis.low, axis.high] for axis in axes]}
    error = InterpolationError(absolute=0.0019, relative=8.1e-4, near_centre=0.0033, points=16)
    metadata = {**METADATA, "method": "chebyshev", "interpolation": fit}
    node_loss = function(nodes[:, 0], nodes[:, 1])
    return Surface(axes[0].grid(), axes[1].grid(), loss, here, metadata, {}, error, nodes, node_loss)


def curvature(*, indefinite: bool = True) -> Curvature:
    """An early-stopped model's: indefinite, with a gradient, not all converged; or that of a proper minimum."""
    low = -0.41 if indefinite else 0.01
    bottom = EigenPairs(np.array([low]), np.array([3e-4]), np.array([True]), 15)
    done = np.array([True, True, not indefinite])
    pairs = EigenPairs(np.array([0.379, 0.281, 0.141]), np.array([2e-4, 8e-4, 2.1e-2]), done, 15, None, bottom)
    gradient = 0.18 if indefinite else 1e-6
    return Curvature(pairs, 0.2534, 0.0021, gradient, 38.2, 3e-7, dict(METADATA))


GRADIENT, HESSIAN = np.array([0.0, 0.05]), np.array([[3.0275, 0.56375], [0.56375, 2.1975]])  # of ``bowl`` at the centre


def quadratic(rays: int = 8) -> QuadraticRadius:
    """Of ``bowl``: one ray never departs, one has no number."""
    angles = 2 * np.pi * np.arange(rays) / rays
    radii = 0.3 + 0.1 * np.cos(2 * angles)
    radii[1], radii[2] = np.inf, np.nan
    extents = np.full(rays, 1.5)
    return QuadraticRadius(angles, radii, 12 * radii, extents, 0.1, GRADIENT, HESSIAN, 1e-9, 90, 2)


def checks(*, agree: bool = True) -> CheckReport:
    """Derivatives in two ways; with ``agree=False`` one differs and one is no number."""
    good = [Check("loss, evaluated twice", 0.25, 0.25, 1e-7), Check("slope along gradient", 0.031, 0.03101, 2e-5)]
    bad = [Check("curvature along gradient", 1.5, 1.7, 0.01), Check("slope along <b>x</b>", np.nan, 0.1, 0.1)]
    return CheckReport(tuple(good if agree else good + bad))


def profile(repeats: int = 5) -> RadialProfile:
    """The rise of a bowl, steeper from plane to plane."""
    radii = np.linspace(0, 1, 26)
    steepness = 1 + 0.2 * np.sin(np.arange(repeats))
    return RadialProfile(radii, 0.25 + steepness[:, None] * radii**2)


def ranking(a: Floats, b: Floats) -> Floats:
    """A step function as metrics are: 0.4 at the centre, in steps of 0.01."""
    return np.round(0.4 * np.exp(-(a * a + 0.8 * b * b)), 2)


def marked(points: tuple[int, int] = (21, 17)) -> Surface:
    """A plane through a training run, with marks, a path, a radial profile, checks, a quadratic model and metrics."""
    plain = interpolated(points=points)
    a, b = np.meshgrid(plain.alphas, plain.betas)
    whole, coarse = ranking(a, b), np.full(a.shape, np.nan)
    coarse[::4, ::5] = ranking(a, b)[::4, ::5]
    t = np.linspace(1, 0, 9)
    path = Trajectory(
        points=np.stack([0.9 * t, -0.7 * t**2 + 0.2 * np.sin(6 * t) * t], 1),
        off_plane=2.5 * t,
        names=tuple(f"epoch {epoch}" for epoch in range(9)),
        loss=0.25 + t,
    )
    plane = {"kind": "trajectory", "shares": [0.81, 0.12], "snapshots": 9, "names": []}
    return replace(
        plain,
        metadata={**plain.metadata, "plane": plane, "direction_norms": [2.0, 1.0], "cosine": 0.6},
        metrics={"HR@10": whole, "NDCG@10": coarse},
        marks=(Mark("end", 0.0, 0.0), Mark("averaged", 0.4, 0.3), Mark("far away", 3.0, 0.0)),
        trajectory=path,
        radial_profile=profile(),
        checks=checks(),
        quadratic=quadratic(),
    )


def raced() -> Surface:
    """Two runs in the plane of ``marked``, from one start; the second has half of the snapshots and ends earlier."""
    surface = replace(marked(), marks=(Mark("end", 0.0, 0.0),), radial_profile=None, checks=None, quadratic=None)
    assert surface.trajectory is not None
    t = np.linspace(1, 0.25, 4)
    first = replace(
        surface.trajectory,
        title="SASRec on x, seed 0",
        metric=np.r_[np.nan, 0.1 + 0.01 * np.arange(8)],
        metric_name=NDCG,
    )
    second = Trajectory(
        points=np.stack([0.9 * t, -0.7 * t**3 + 0.2 * np.sin(6) * t], 1),
        off_plane=np.array([2.5, 0.5, 0.25, 0.125]),
        names=("epoch 0", "epoch 2", "epoch 4", "epoch 6"),
        loss=np.array([1.25, 0.9, 0.6, 0.5]),
        title="SAMRec on x, seed 0",
        metric=np.array([np.nan, 0.12, 0.16, 0.2]),
        metric_name=NDCG,
    )
    return replace(surface, trajectory=first, other_trajectories=(second,), metrics={})


def along(epochs: tuple[int, ...] = tuple(range(9))) -> AlongTraining:
    """Measured at each of these epochs, with a peak of λmax in the middle."""
    at = np.array(epochs, dtype=np.int64)
    t = np.linspace(0, 1, len(at))
    errors = np.full(len(at), 0.1)
    zeros = np.zeros(len(at))
    return AlongTraining(at, 1 + np.sin(np.pi * t), errors, 5 + 10 * t, errors, 1.25 - t, zeros, 1 - t / 2, 0.1 * t)


def hump(a: Floats, b: Floats) -> Floats:
    """0.3 at 0, 0.2 at 1, 0.65 midway: a barrier."""
    return 0.3 - 0.1 * a + 0.4 * np.sin(np.pi * a) ** 2 + 0 * b


def between() -> Surface:
    """The straight path from A to B, beyond both, with its barrier of 0.4 at t = 0.5."""
    t = np.linspace(-0.5, 1.5, 41)
    loss = hump(t, t)[None]
    plane = {"kind": "toward", "names": ["A", "B"], "distances": [17.0]}
    return Surface(
        alphas=t,
        betas=np.zeros(1),
        loss=loss,
        evaluated=np.ones_like(loss, bool),
        metadata={**METADATA, "plane": plane, "direction_norms": [17.0], "cosine": None},
        nodes=np.stack([t, 0 * t], 1),
        node_loss=loss[0],
        marks=(Mark("A", 0.0, 0.0), Mark("B", 1.0, 0.0)),
        barrier=Barrier(0.4, 0.5, 0.35, 0.01),
    )


def spectrum(probes: int = 4, steps: int = 40) -> Spectrum:
    """Nodes as of a Hessian with most eigenvalues near zero; one probe has no error, and the last ended early."""
    generator = np.random.default_rng(0)
    bulk = 0.01 * generator.standard_normal((probes, steps - 6))
    values = np.sort(np.concatenate([bulk, np.tile([-0.4, -0.1, 0.1, 0.15, 0.28, 0.379], (probes, 1))], 1), 1)
    weights = np.where(np.abs(values) < 0.06, 1.0, 1e-5 * (1 + generator.random(values.shape)))
    if probes > 1:
        values[-1, -1] = weights[-1, -1] = np.nan
    weights /= np.nansum(weights, 1, keepdims=True)
    return Spectrum(values, weights, 775_000, np.stack([np.zeros(probes, int), np.arange(probes)], 1), 1e-8)


def blocks() -> BlockEigenvalues:
    """One not converged, one without a number, one with a long name that is no HTML."""
    return BlockEigenvalues(
        names=("items", "positions", "blocks.0.attention", "blocks.0.<b>feed</b>.forward.and.norms"),
        values=np.array([0.21, 0.02, 0.36, np.nan]),
        residuals=np.array([1e-3, 2e-4, 4e-2, np.inf]),
        converged=np.array([True, True, False, False]),
        sizes=np.array([774_464, 3_200, 16_640, 8_500]),
        products=np.array([12, 20, 30, 30]),
    )


def localization(by: str = "block") -> Localization:
    """Of three eigenvectors, the last undetermined; a tenth of each lies in no decile."""
    if by == "block":
        groups = blocks().names
        values = np.array([[0.6, 0.1, 0.25, 0.05], [0.2, 0.0004, 0.7, 0.0996], [0.25, 0.25, 0.25, 0.25]])
        baselines = {"coordinates": np.array([0.93, 0.01, 0.04, 0.02])}
    else:
        groups = tuple(f"decile {rank}" for rank in range(1, 11))
        falling = np.arange(10, 0, -1) / 55
        values = 0.9 * np.stack([falling, falling**2 / (falling**2).sum(), np.full(10, 0.1)])
        baselines = {"coordinates": np.full(10, 0.09), "interactions": falling}
    return Localization(by, groups, values, np.array([0.003, 0.02, 1.0]), baselines)


def sharpness() -> Sharpness:
    """Values that cannot stand on a logarithmic axis among them: negative, infinite, none."""
    kinds = ("one-step", "ascent", "adaptive-ascent", "average")
    rhos = np.array([0.05, 0.1, 0.5])
    values = np.array([[0.009, 0.01, 0.002, 2e-5], [0.02, 0.025, 0.009, 8e-5], [-0.1, 0.4, np.inf, np.nan]])
    errors = np.full(values.shape, np.nan)
    errors[:2, 3] = 4e-6, 2e-5
    steps = np.tile([1, 10, 10, 0], (3, 1))
    gains = np.where(steps > 0, 1e-6, np.nan)
    gains[2, 1] = 0.1
    return Sharpness(
        kinds=kinds,
        rhos=rhos,
        values=values,
        stderr=errors,
        evaluations=np.full(values.shape, 21),
        steps=steps,
        last_gain=gains,
        gap=np.where(steps > 0, 1e-4, np.nan),
        loss=0.25,
        noise=1e-4,
        gradient_norm=0.18,
        params_norm=38.2,
        eigenvalue=0.379,
    )


def full_curvature() -> Curvature:
    """A curvature with all of its parts."""
    return replace(
        curvature(),
        spectrum=spectrum(),
        trace=TraceEstimate(91.4, 2.3, 60, "hutch++"),
        sharpness=sharpness(),
        blocks=blocks(),
        localization=(localization(), localization("item popularity")),
        checks=checks(),
        quadratic=quadratic(),
    )
