"""Progress in a log, and from the functions that report it."""

from __future__ import annotations

import sys
from itertools import count
from types import SimpleNamespace

import pytest
import torch

from landscape import (
    Objective,
    block_eigenvalues,
    check_derivatives,
    quadratic_radius,
    radial_profile,
    sharpness,
    surface,
)
from landscape import progress as module
from tests.support.planar import X, Y


def test_a_log_shows_the_count_and_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_PER_LINE", 0.0)
    clock = count(step=10.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with module.progress_bar("Surface") as report:
        report(0, 5)
        report(0.5, 5, "planes ")
        report(2, 5, "planes")
        report(3, 9, "products")
        report(1, 9, "products")  # another task begins
    assert capsys.readouterr().err.splitlines() == [
        "Surface 0/5.",
        "Surface 0.5/5, 180 s left. planes",
        "Surface 2/5, 45 s left. planes",
        "Surface 3/9, 80 s left. products",
        "Surface 1/9. products",
    ]
    with module.progress_bar("Surface") as report:
        report(100, 200)  # continued: the time it took before is not known
        report(150, 200)
    assert capsys.readouterr().err.splitlines() == ["Surface 100/200.", "Surface 150/200, 10 s left."]


def test_a_bar_shows_names_and_takes_nothing_in_them_for_markup(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with module.progress_bar("Surface") as report:
        report(1, 2, "of [/b]x and [bold]y")
    assert "of [/b]x and [bold]y" in capsys.readouterr().err


def bowl():
    """θ₁² + 2 θ₂² + θ₁⁴ around (1, 1)."""
    model = torch.nn.Linear(2, 1, bias=False).double()
    torch.nn.init.ones_(model.weight)
    weights = torch.tensor([[1.0, 2.0]]).double()
    return Objective(model, lambda model, _: ((weights * model.weight**2).sum() + model.weight[0, 0] ** 4, 1), [None])


def line():
    return surface(bowl(), X, points=9)


@pytest.mark.parametrize(
    "call",
    [
        lambda progress: surface(bowl(), X, Y, points=9, progress=progress),
        lambda progress: surface(bowl(), X, Y, metrics={"norm": torch.norm}, progress=progress),
        lambda progress: radial_profile([line(), line()], progress=progress),
        lambda progress: sharpness(bowl(), kinds=["one-step", "average"], progress=progress),
        lambda progress: block_eigenvalues(bowl(), {"weights": "weight", "all": "*"}, progress=progress),
        lambda progress: check_derivatives(bowl(), {"x": X, "y": Y}, progress=progress),
        lambda progress: quadratic_radius(bowl(), X, Y, progress=progress),
    ],
)
def test_progress_never_falls_and_ends_at_the_total(call):
    reports = []
    call(lambda *report: reports.append(report))
    assert all(text for _, _, text in reports)
    done = [count for count, _, _ in reports]
    assert len(done) > 1 and done == sorted(done)
    assert all(count <= total for count, total, _ in reports)
    assert done[-1] == reports[-1][1]
