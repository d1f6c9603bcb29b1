"""A small report of a study, with everything that can be missing from one."""

from __future__ import annotations

import math

import numpy as np

from landscape.results import Surface
from landscape.results.study.records import (
    Cell,
    Chart,
    Claim,
    ClaimVerdict,
    Estimate,
    ModelSurface,
    Scatter,
    ScatterPoint,
    Series,
    StudyReport,
    StudyTable,
)

METHODS = ("SASRec", "SAMRec", "CL4SRec")
DATA = ("Beauty", "Toys")
NAN = math.nan
UNKNOWN = Estimate(NAN, NAN, NAN, 0)


def seeded(mean: float, spread: float = 0.002, count: int = 3, **more) -> Cell:
    """The mean of ``count`` seeds, evenly spread over ± ``spread``; no interval for a single one."""
    shifts = [0.0] if count == 1 else [2 * place / (count - 1) - 1 for place in range(count)]
    half = NAN if count == 1 else 1.8 * spread
    values = tuple(mean + spread * shift for shift in shifts)
    return Cell(Estimate(mean, mean - half, mean + half, count), values, tuple(range(count)), **more)


def failed(count: int = 1, mean: float = 0.05) -> Cell:
    """Two seeds that are finished, and some that failed: no mean."""
    estimate = Estimate(NAN, NAN, NAN, 2 + count)
    return Cell(estimate, (mean, mean + 0.001), (0, 1), failed=count, note="the loss is NaN at epoch 3")


def table() -> StudyTable:
    """Three methods, two data sets, two metrics: a cell of each kind."""
    return StudyTable(
        key="table-1",
        title="Table 1",
        caption="Mean over seeds ± half of the 95 % interval",
        rows=METHODS,
        columns=tuple((data, metric) for data in DATA for metric in ("HR@10", "NDCG@10")),
        cells=(
            (seeded(0.05, published=0.0532), seeded(0.025), seeded(0.065), seeded(0.031, count=1)),
            (
                seeded(0.057, published=0.0601, best=True),
                seeded(0.029, best=True),
                seeded(0.0701, best=True),
                failed(2),
            ),
            (
                seeded(0.047, count=2, missing=1),
                Cell(None, missing=3),
                Cell(None, note="no attributes & no <run>", published=0.048),
                seeded(0.0295),
            ),
        ),
    )


def claims() -> tuple[Claim, ...]:
    """One of each verdict, in each unit."""
    gain = "supported: above 0 and reaching half the claimed effect; contradicted: below half of it"
    return (
        Claim(
            "SAMRec ranks better than SASRec",
            "Table 1",
            "relative to the second's mean",
            gain,
            "supported",
            (
                ClaimVerdict("Beauty", "supported", Estimate(0.14, 0.09, 0.19, 5), 0.13, (0.001, 0.98)),
                ClaimVerdict("Toys", "supported", Estimate(0.08, 0.02, 0.14, 5), 0.11, (0.012, 0.6)),
            ),
        ),
        Claim(
            "The top eigenvalue of SASRec is ten times that of CL4SRec",
            "Figure 1",
            "log₁₀ of the ratio",
            gain,
            "contradicted",
            (
                ClaimVerdict("Beauty", "contradicted", Estimate(0.21, 0.12, 0.3, 3), 1.0, (0.01, 0.001), None, 5),
                ClaimVerdict("Toys", "not tested", Estimate(0.4, NAN, NAN, 1), 1.0, (NAN, NAN)),
            ),
        ),
        Claim(
            "SAMRec and CL4SRec are equal",
            "Section 5",
            "relative to the second's mean",
            "supported: within ± the margin; contradicted: outside",
            "undecided",
            (
                ClaimVerdict("Beauty", "undecided", Estimate(-0.02, -0.09, 0.05, 3), 0.03, (0.3, 0.4)),
                ClaimVerdict("Toys", "not tested", UNKNOWN, 0.03, (NAN, NAN)),
            ),
            margin=True,
        ),
        Claim("Less data hurts SAMRec least", "Figure 2", "difference of relative losses", "above 0", "not tested", ()),
    )


def charts() -> tuple[Chart, ...]:
    """Figures 2 and 3, and sharpness along training, for both data sets."""
    fractions, radii = (0.2, 0.6, 1.0), (0.01, 0.1, 1.0)
    slopes = dict(zip(METHODS, (0.03, 0.036, 0.028), strict=True))
    training = tuple(
        Chart(
            "figure-2",
            "Less training data",
            data,
            "train_fraction",
            "test HR@10",
            tuple(
                Series(name, fractions, tuple(seeded(0.02 + slope * x, published=0.02 + 0.03 * x) for x in fractions))
                for name, slope in slopes.items()
            ),
        )
        for data in DATA
    )
    radius = Chart(
        "figure-3",
        "The radius of SAM",
        "Beauty",
        "rho",
        "test HR@10",
        (
            Series("SAMRec", radii, (seeded(0.05), seeded(0.056), failed())),
            Series("CL4SRec + SAM", radii, (Cell(None, missing=3), seeded(0.052, count=1), seeded(0.049))),
        ),
        log_x=True,
    )
    epochs = tuple(float(epoch) for epoch in range(0, 75, 5))
    along = Chart(
        "along",
        "Sharpness along training",
        "Beauty: λmax",
        "epoch",
        "λmax",
        tuple(
            Series(name, epochs, tuple(seeded(scale * (1 + epoch / 20) ** 2, 0.2 * scale) for epoch in epochs))
            for name, scale in (("SASRec", 1.0), ("SAMRec", 0.25))
        ),
        log_y=True,
    )
    return (*training, radius, along)


def scatters() -> tuple[Scatter, ...]:
    """Two measures for each data set; of the last τ has no interval, and a run has no value."""
    result = []
    for data in DATA:
        for place, title in enumerate(("λmax", "trace (Hutch++)")):
            points = tuple(
                ScatterPoint(name, f"{name.lower()}-{data}-seed{seed}", 10.0 ** (row + place + 0.1 * seed), 0.05 - x)
                for row, name in enumerate(METHODS)
                for seed in range(3)
                for x in [0.004 * row + 0.0005 * seed * (-1) ** seed]
            )
            overall = Estimate(-0.62, -0.85, -0.3, 9)
            result.append(Scatter(data, title, "test NDCG@10", points, overall, Estimate(0.1, -0.4, 0.5, 9)))
    last = result[-1]
    lost = ScatterPoint("SASRec", "lost", NAN, 0.05)
    return (*result[:-1], Scatter(last.data, last.x_title, last.y_title, (*last.points, lost), UNKNOWN, UNKNOWN))


def bowl(height: float) -> Surface:
    """A bowl as a study stores it: axes and loss."""
    axis = np.linspace(-1, 1, 9)
    a, b = np.meshgrid(axis, axis)
    return Surface(axis, axis, 0.3 + height * (a * a + 0.6 * b * b + 0.2 * a * b), np.ones((9, 9), dtype=bool))


def surfaces() -> tuple[ModelSurface, ...]:
    """A surface of the first seed, eigenvalues of all; one model's surface is missing."""
    heights = dict(zip(METHODS, (2.0, 0.5, 0.9), strict=True))
    return tuple(
        ModelSurface(
            data,
            name,
            seed,
            bowl(height) if seed == 0 and (data, name) != ("Toys", "CL4SRec") else None,
            {"λ₁": height * (10 + seed), "λ₂": height * (7 + seed), "λmin": -height * (1 + seed) if seed else NAN},
        )
        for data in DATA
        for name, height in heights.items()
        for seed in range(3)
    )


def report(**changes) -> StudyReport:
    """The whole report."""
    parts = {
        "title": "A small study",
        "lines": ("Data: Beauty, Toys", "Seeds: 0, 1, 2"),
        "summary": "Of 4 claims, 1 is supported; 52 of 61 runs are finished.",
        "claims": claims(),
        "tables": (table(),),
        "charts": charts(),
        "scatters": scatters(),
        "surfaces": surfaces(),
        "failed": (("samrec-Toys-seed2", "the loss is NaN at epoch 3"),),
    }
    return StudyReport(**parts | changes)
