"""The distribution of a symmetric operator's eigenvalues, by stochastic Lanczos quadrature.

G. H. Golub and G. Meurant, Matrices, Moments and Quadrature with Applications (Princeton 2010), chapters 6 and 7;
S. Ubaru, J. Chen and Y. Saad, Fast Estimation of tr(f(A)) via Stochastic Lanczos Quadrature (SIAM Journal on Matrix
Analysis and Applications 2017); B. Ghorbani, S. Krishnan and Y. Xiao, An Investigation into Neural Net Optimization via
Hessian Eigenvalue Density (ICML 2019).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal
from torch import Tensor

from landscape.linalg.krylov import ROWS, Krylov
from landscape.linalg.protocols import SymmetricOperator, dimension
from landscape.progress import Progress, silent
from landscape.results import Floats, Spectrum


def spectral_density(
    H: SymmetricOperator | Tensor,
    *,
    probes: int = 10,
    steps: int = 40,
    seed: int = 0,
    resume_from: Spectrum | None = None,
    progress: Progress = silent,
) -> Spectrum:
    """Estimate the distribution of the eigenvalues of H.

    Each probe is a Gaussian vector on the active coordinates, scaled to length one, and so uniform on their sphere:
    its estimate depends on the eigenvalues alone, not on the directions of the eigenvectors, as it would with random
    signs. From each probe, Lanczos with full reorthogonalisation makes ``steps`` products; the eigenvalues of the
    tridiagonal matrix are the nodes, the squares of their vectors' first components the weights. A probe ends early
    when its Krylov space is invariant: its quadrature is exact then.

    A probe is drawn from its number and the seed alone: ``resume_from`` continues a result with more probes, and gives
    bit for bit what all at once would have. More *steps* cannot be continued from nodes and weights, since the basis
    is not kept: start again.

    With as many steps as eigenvalues, a probe has them all as nodes:

    >>> spectrum = spectral_density(torch.diag(torch.tensor([1.0, 2.0, 4.0]).double()), probes=1, steps=3)
    >>> spectrum.values.round(6)
    array([[1., 2., 4.]])

    Args:
        H: The operator (n, n), or a dense symmetric matrix.
        probes: The number of random vectors, those of ``resume_from`` included. Standard errors fall with its root.
        steps: The most Lanczos steps, and so products, for each probe. A basis of as many vectors is kept meanwhile:
            see ``basis_bytes``.
        seed: Of the probes.
        resume_from: A result for the same operator, steps and seed, with fewer probes.
        progress: Called after each product with (steps done, steps of all new probes, ""); a probe that ends early
            counts in full.

    Raises:
        ValueError: An argument is out of range, ``resume_from`` does not fit, no coordinate is active, or a product is
            not finite.
    """
    started = time.monotonic()
    _check_arguments(probes, steps, seed)
    size = dimension(H)
    done, noise, seconds = 0, 0.0, 0.0
    values: Floats = np.full((probes, steps), np.nan)
    weights = values.copy()
    if resume_from is not None:
        _check_result(resume_from, size, probes, steps, seed)
        done = resume_from.probes
        values[:done], weights[:done] = resume_from.values, resume_from.weights
        noise, seconds = resume_from.noise, resume_from.metadata.get("seconds", math.nan)
    length = min(steps, size)
    for probe in range(done, probes):
        krylov = Krylov(H, _generator(seed, probe))
        for step in _steps(krylov, length):
            progress((probe - done) * length + step, (probes - done) * length, "")
        (block,) = krylov.blocks
        nodes, vectors = eigh_tridiagonal(block.alphas, block.betas[:-1])  # (m,), (m, m)
        values[probe, : len(nodes)], weights[probe, : len(nodes)] = nodes, vectors[0] ** 2
        noise = max(noise, krylov.resolution)
    return Spectrum(
        values=values,
        weights=weights,
        size=size,
        seeds=np.stack([np.full(probes, seed), np.arange(probes)], 1),
        noise=noise,
        metadata={
            "seed": seed,
            "dtype": str(H.dtype).removeprefix("torch."),
            "device": str(H.device),
            "torch": torch.__version__,
            "seconds": seconds + time.monotonic() - started,
        },
    )


def basis_bytes(n: int, steps: int, dtype: torch.dtype) -> int:
    """Return the bytes of one probe's Krylov basis, most of what ``spectral_density`` needs beside a product.

    Args:
        n: The operator's dimension, inactive coordinates included.
        steps: The Lanczos steps; the basis grows by a few vectors at a time, and is counted up to the last of these.
        dtype: The operator's.
    """
    return math.ceil(min(steps, n) / ROWS) * ROWS * n * dtype.itemsize


def _steps(krylov: Krylov, length: int) -> Iterator[int]:
    """Take up to ``length`` steps from one start; yield the number of steps, ``length`` if the space ends early."""
    ended = False
    while not ended:
        krylov.step()
        ended = krylov.invariant or krylov.count == length
        yield length if ended else krylov.count


def _generator(seed: int, probe: int) -> torch.Generator:
    mixed = np.random.SeedSequence(seed, spawn_key=(probe,)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(mixed[0]))


def _check_arguments(probes: int, steps: int, seed: int) -> None:
    for name, value in (("probes", probes), ("steps", steps)):
        if value < 1:
            raise ValueError(f"{name}={value} must be at least 1")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed={seed} must be between 0 and 2**63 - 1")


def _check_result(resume_from: Spectrum, size: int, probes: int, steps: int, seed: int) -> None:
    """Refuse to continue a result of other arguments."""
    if resume_from.steps != steps:
        raise ValueError(
            f"resume_from has steps={resume_from.steps}, not {steps}, and Lanczos cannot go on from nodes and weights; "
            f"pass steps={resume_from.steps}, or start again without resume_from"
        )
    if resume_from.size != size:
        raise ValueError(
            f"resume_from has {resume_from.size} eigenvalues and the operator {size}; pass a result of this operator"
        )
    if not np.array_equal(resume_from.seeds, [(seed, probe) for probe in range(resume_from.probes)]):
        drawn = ", ".join(map(str, np.unique(resume_from.seeds[:, 0])))
        raise ValueError(
            f"resume_from was drawn with seed {drawn}, not with seed={seed} and probes 0, 1, …; pass its seed"
        )
    if resume_from.probes > probes:
        raise ValueError(
            f"resume_from has {resume_from.probes} probes already; pass probes >= {resume_from.probes}, not {probes}"
        )
