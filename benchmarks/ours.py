"""The toolkit itself: packed, and padded as the public implementations are.

A benchmark returns its measurements by name. A value that is a function is called after memory has been read.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.support.measure import arithmetic, in_turn, ratio, seconds
from benchmarks.support.setting import QUICK, Setting, nearby, scaled
from landscape import curvature, random_direction, surface
from landscape.models.sasrec import SASRec
from landscape.training.batches.packing import batch, input_windows
from landscape.training.config.training import TrainingConfig
from landscape.training.evaluation.ranking import FullRanking, History, model_ranks
from landscape.training.loop.trainer import train

HVP_SHARE = 0.1  # of the users, for what takes a minute a product
MANY_ITEMS = 128_000
CHECKS = 64  # points of the grid at which the finished surface is compared with the loss itself


def ranking(setting: Setting) -> dict[str, Any]:
    """Ranks of all users' test items among all items, and the same again, as after each epoch of a training."""
    model = setting.checkpoint.build()
    ready = FullRanking(setting.dataset, "test", model.max_length)

    def rank() -> object:
        return model_ranks(model, setting.dataset, "test")

    measured = in_turn({"once": rank, "again": lambda: ready.ranks(model)}, rounds=setting.repeats(5))
    return measured["once"] | {
        "users": setting.dataset.n_users,
        "ratios": {"again / once": ratio(measured["again"], measured["once"])},
        "flops": partial(arithmetic, rank),
    }


def ranking_of_many_items(setting: Setting) -> dict[str, Any]:
    """The same users' ranks among ten times as many items, by a model that is not trained."""
    order = np.random.default_rng(0).permutation(MANY_ITEMS)[: setting.dataset.n_items + 1]
    items = (order[setting.dataset.items] + 1).astype(np.int32)
    ready = FullRanking(replace(setting.dataset, items=items, n_items=MANY_ITEMS), "test", 50)
    model = SASRec(MANY_ITEMS)

    def rank() -> object:
        return ready.ranks(model)

    return seconds(rank, repeats=setting.repeats(3)) | {
        "users": setting.dataset.n_users,
        "flops": partial(arithmetic, rank),
    }


@torch.no_grad()
def ranking_padded(setting: Setting) -> dict[str, Any]:
    """As public code ranks: padded rows, every score of a user, seen items masked, the best 20 sorted."""
    model, dataset = setting.checkpoint.build(), setting.dataset
    users = np.arange(round(dataset.n_users * (QUICK if setting.quick else 1)))
    inputs, history = input_windows(dataset, model.max_length, held_out=1), History(dataset, 1)

    def rank() -> float:
        hits = 0
        for group in np.array_split(users, -(-len(users) // 256)):
            rows = batch(dataset, inputs, group, model.max_length, padded=True)
            hidden = model(rows.items, rows.positions, rows.segments)[:, -1]  # (B, d)
            scores = (hidden @ model.items.weight.T).numpy()  # (B, V + 2)
            seen = np.zeros(scores.shape, dtype=bool)
            seen[history.of(int(group[0]), int(group[-1]) + 1)] = True
            seen[:, [0, -1]] = True  # padding and [mask]
            scores[seen] = -np.inf
            best = np.argpartition(scores, -20)[:, -20:]
            order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
            ranked = np.take_along_axis(best, order, 1)
            hits += int((ranked[:, :10] == history.targets[group, None]).sum())
        return hits / len(users)

    return scaled(seconds(rank, repeats=setting.repeats(2)), len(users) / dataset.n_users) | {"HR@10": rank()}


def point(setting: Setting) -> dict[str, Any]:
    """The loss over the whole training set, at one point of a surface."""
    objective, share = setting.objective()
    params = nearby(objective)
    measured = scaled(seconds(lambda: objective.value(params), repeats=setting.repeats(15)), share)
    return measured | {
        "terms": float(objective.counts.sum()),
        "flops": partial(arithmetic, lambda: objective.value(differentiable=True)),
    }


def point_padded(setting: Setting) -> dict[str, Any]:
    """The same with one sequence a row."""
    objective, share = setting.objective(padded=True)
    params = nearby(objective)
    return scaled(seconds(lambda: objective.value(params), repeats=setting.repeats(3)), share)


def whole_surface(setting: Setting) -> dict[str, Any]:
    """A 51×51 surface on filter-normalised directions, its error measured again at points of the grid itself."""
    objective, _ = setting.objective()
    x, y = (random_direction(objective.space, objective.params, seed=seed) for seed in (0, 1))
    results = []

    def draw() -> None:
        results.append(surface(objective, x, y, points=51, extent=1.0, tolerance=1e-3))

    measured = seconds(draw, repeats=setting.repeats(2), warm_up=False)
    result = results[-1]
    at = np.random.default_rng(0).integers(51, size=(CHECKS, 2))  # (row, column)
    true = objective.along(torch.stack([x, y]), np.column_stack([result.alphas[at[:, 1]], result.betas[at[:, 0]]]))
    off = np.abs(result.loss[at[:, 0], at[:, 1]] - true).max()
    return measured | {
        "evaluations": result.evaluations,
        "error_left_out": result.error.relative if result.error else 0.0,
        "error_on_grid": float(off / np.ptp(result.range)),
        "error_checked_at": CHECKS,
        "range": list(result.range),
    }


def product(setting: Setting) -> dict[str, Any]:
    """One Hessian-vector product over the whole training set."""
    objective, share = setting.objective()
    vector = torch.randn(objective.space.size, generator=torch.Generator().manual_seed(0))
    measured = scaled(seconds(lambda: objective.hvp(vector), repeats=setting.repeats(3)), share)
    return measured | {"flops": partial(arithmetic, lambda: objective.hvp(vector))}


def product_padded(setting: Setting) -> dict[str, Any]:
    """The same with one sequence a row, on a tenth of the users."""
    objective, share = setting.objective(HVP_SHARE, padded=True)
    vector = torch.randn(objective.space.size, generator=torch.Generator().manual_seed(0))
    return scaled(seconds(lambda: objective.hvp(vector), repeats=setting.repeats(2), warm_up=False), share)


def eigenvalue(setting: Setting, share: float = 1.0) -> dict[str, Any]:
    """λmax to a relative residual of 1e-3, as ``landscape curvature`` computes it, with checks and gradient."""
    objective, _ = setting.objective(share)
    results = []
    repeats = 1 if share == 1 else setting.repeats(3)
    measured = seconds(lambda: results.append(curvature(objective, 1, tolerance=1e-3)), repeats=repeats, warm_up=False)
    pairs = results[-1].pairs
    return measured | {
        "products": pairs.products,
        "value": float(pairs.values[0]),
        "relative_residual": float(pairs.residuals[0] / abs(pairs.values[0])),
        "converged": bool(pairs.converged[0]),
        "smallest": float(pairs.bottom.values[0]) if pairs.bottom else None,
    }


def eigenvalue_of_a_tenth(setting: Setting) -> dict[str, Any]:
    """The same on a tenth of the users, for which the peers take minutes."""
    return eigenvalue(setting, HVP_SHARE)


def trained(data_dir: str | None, folder: Path, *, quick: bool) -> Path:
    """Return the checkpoint to measure: SASRec with seed 0, trained now unless it exists."""
    setting = Setting(data_dir, folder / "checkpoint.pt", quick)
    settings = TrainingConfig(method="sasrec", sam=None)
    if quick:
        settings = replace(settings, epochs=2, train_fraction=QUICK)
    train(setting.dataset, settings, folder, resume=True)
    return folder / "checkpoint.pt"
