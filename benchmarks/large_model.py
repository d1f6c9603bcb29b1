"""λmax of a Transformer of 100 million parameters within 8 GB: ``python -m benchmarks.large_model``.

The Krylov basis of Lanczos is bounded, graphs are not kept between products, and the peak of the resident set is
printed beside what was forecast.
"""

from __future__ import annotations

import argparse
import time

import psutil
import torch
from torch import Tensor, nn

import landscape
from benchmarks.support.measure import peak_memory
from landscape.linalg.lanczos import eigen_bytes, peak_bytes

WORDS, WIDTH, LAYERS, LENGTH = 24_000, 768, 11, 32


class LanguageModel(nn.Module):
    """A causal Transformer with learnt positions and a tied output layer."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(WORDS, width), nn.Embedding(LENGTH, width)
        layer = nn.TransformerEncoderLayer(
            width, width // 64, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LENGTH), persistent=False)

    def forward(self, words: Tensor) -> Tensor:
        """From words (B, n) to scores of the next ones (B, V, n)."""
        length = words.shape[1]
        assert isinstance(self.mask, Tensor)
        hidden = self.words(words) + self.positions.weight[:length]
        hidden = self.layers(hidden, mask=self.mask[:length, :length], is_causal=True)
        scores: Tensor = (hidden @ self.words.weight.T).transpose(1, 2)
        return scores


def large_objective(width: int, layers: int) -> landscape.Objective[tuple[Tensor, Tensor]]:
    """Return the mean cross-entropy of two sequences of random words, of a model with random weights."""
    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    model = LanguageModel(width, layers)
    for table in (model.words, model.positions):
        nn.init.normal_(table.weight, std=0.02)
    drawn = torch.randint(WORDS, (2, LENGTH + 1))
    return landscape.Objective(model, landscape.supervised(nn.CrossEntropyLoss()), [(drawn[:, :-1], drawn[:, 1:])])


def main() -> None:
    """Compute the largest eigenvalue and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--vectors", type=int, default=6, help="of the Krylov basis that fit into the bound")
    parser.add_argument("--tolerance", type=float, default=1e-2)
    parser.add_argument("--products", type=int, default=60)
    chosen = parser.parse_args()
    objective = large_objective(chosen.width, chosen.layers)
    size = objective.space.size
    bound = chosen.vectors * size * 4
    free = eigen_bytes(size, 1, 0, chosen.products, torch.float32)
    print(f"{size:,} parameters; basis without a bound {free / 2**30:.1f} GiB, bound {bound / 2**30:.1f} GiB")
    H = landscape.HessianOperator(objective, retain=0)
    beside = landscape.product_memory(H)
    assert beside is not None
    before = psutil.Process().memory_info().rss
    expected = before + peak_bytes(size, 1, 0, chosen.products, H.dtype, product=beside.total, memory=bound)
    print(f"{before / 2**30:.2f} GiB in use, a product {beside.total / 2**30:.2f}: {expected / 2**30:.2f} at the peak")
    started = time.perf_counter()
    pairs = landscape.top_eigenpairs(
        H,
        tolerance=chosen.tolerance,
        max_products=chosen.products,
        bottom=0,
        memory=bound,
    )
    seconds = time.perf_counter() - started
    print(f"{pairs!r} in {seconds:.0f} s; peak of the resident set {(peak_memory() or 0) / 1024:.2f} GiB")


if __name__ == "__main__":
    main()
