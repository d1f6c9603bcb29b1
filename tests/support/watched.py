"""Operators that count their products, and the properties that results of Lanczos must have."""

import sys

import numpy as np
import torch

from landscape.linalg.krylov import Krylov

EPS = {torch.float32: 1.2e-7, torch.float64: 2.2e-16}


class Watched:
    """A matrix that counts its products, and the most rows of the basis."""

    def __init__(self, matrix):
        self.matrix, self.shape, self.dtype, self.device = matrix, matrix.shape, matrix.dtype, matrix.device
        self.products = self.rows = 0

    def __matmul__(self, vector):
        self.products += 1
        for depth in (1, 2, 3):  # directly, or through an ActiveOperator
            caller = sys._getframe(depth).f_locals.get("self")
            if isinstance(caller, Krylov):
                self.rows = max(self.rows, sum(len(piece) for piece in caller._pieces))
        return self.matrix @ vector


def room(H, vectors):
    """Memory for this many vectors, and for the one that reducing the basis needs."""
    return (vectors + 1) * H.shape[0] * H.dtype.itemsize


def bulk(count, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count)


def cauchy(count, seed=3):
    return np.random.default_rng(seed).standard_cauchy(count)


def check(pairs, H, k):
    """Vectors orthonormal, and residuals true: measured, and so an eigenvalue within each."""
    dense = H.double()
    values = torch.linalg.eigvalsh(dense).numpy()
    rounding = 100 * EPS[H.dtype] * np.abs(values).max()
    for end in (pairs, pairs.bottom):
        v = torch.from_numpy(end.vectors).double()
        torch.testing.assert_close(v @ v.T, torch.eye(len(v)).double(), rtol=0, atol=100 * EPS[H.dtype])
        measured = (v @ dense - torch.from_numpy(end.values)[:, None] * v).norm(dim=1).numpy()
        assert (measured <= end.residuals + rounding).all() and (end.residuals <= measured + rounding).all()
        assert (np.abs(end.values[:, None] - values).min(1) <= end.residuals + rounding).all()
    assert len(pairs.values) == k and pairs.products == pairs.bottom.products


SPECTRA = {
    "outliers": [10, 5, 3, 2, *bulk(96)],
    "clusters": [1, 1 - 1e-3, 1 - 2e-3, 0.9, *bulk(96)],
    "indefinite": [*np.linspace(-30, -20, 5), 4, 3, 2, *bulk(90)],
    "negative": [*np.linspace(-9, -1, 60)],
    "decaying": [*np.logspace(3, -6, 80)],
    "heavy tail": [*cauchy(120)],
    "equispaced": [*np.linspace(-1, 1, 50)],
}


def seeded(seed):
    return torch.Generator().manual_seed(seed)
