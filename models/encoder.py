"""Transformer blocks over packed rows: several sequences share a row and never see each other.

Sizes in comments: R rows, n positions a row, d width, H heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landscape.models.dropout import Dropout

NORM_EPS = 1e-12  # the reference's


def attention_bias(segments: Tensor, *, causal: bool, dtype: torch.dtype) -> Tensor:
    """What attention adds to its scores: 0 where a position may look, −∞ where it may not.

    A position sees its own segment only, and with ``causal`` no later position. Padding is segment 0 and sees
    padding, so that no row of the softmax is empty (an empty one would be NaN and spread through gradients).

    Args:
        segments: (R, n) the number of the sequence at each position, 0 for padding.
        causal: Whether later positions are hidden.
        dtype: The dtype of the scores.

    Returns:
        (R, 1, n, n), to be broadcast over the heads.
    """
    allowed = segments[:, :, None] == segments[:, None, :]  # (R, n, n)
    if causal:
        allowed = allowed.tril()
    bias = torch.zeros(allowed.shape, dtype=dtype, device=segments.device)
    return bias.masked_fill_(~allowed, float("-inf"))[:, None]


class Attention(nn.Module):
    """Multi-head self-attention, without its output projection's residual."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of heads {heads}; choose one that is")
        self.heads = heads
        self.dropout = Dropout(dropout)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Mix positions: (R, n, d) and the (R, 1, n, n) bias to (R, n, d)."""
        rows, n, width = x.shape
        # One product for the three projections, which stay parameters of their own (they are blocks to analyse).
        weight = torch.cat([self.query.weight, self.key.weight, self.value.weight])
        offset = torch.cat([self.query.bias, self.key.bias, self.value.bias])
        qkv = F.linear(x, weight, offset).view(rows, n, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (R, H, n, d/H)
        if self.training:  # written out, for our dropout; on a CPU torch has no fused kernel with dropout either
            weights = torch.softmax((q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + bias, dim=-1)  # (R, H, n, n)
            mixed = self.dropout(weights) @ v
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, bias)
        joined: Tensor = mixed.transpose(1, 2).reshape(rows, n, width)
        return joined


class Block(nn.Module):
    """One post-LayerNorm Transformer block: attention, then a feed-forward of four times the width."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)
        self.feed_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor, select: Tensor | None = None) -> Tensor:
        """Transform (R, n, d) to (R, n, d).

        ``select`` (S,) names positions of the flattened rows: only they are carried past the attention, and the
        result is (S, d). The last block of a ranking needs one position a sequence.
        """
        mixed = self.attention(x, bias)
        if select is not None:
            mixed, x = mixed.flatten(0, 1)[select], x.flatten(0, 1)[select]
        x = self.attention_norm(x + self.dropout(self.output(mixed)))
        outputs: Tensor = self.feed_norm(x + self.dropout(self.contract(F.gelu(self.expand(x)))))
        return outputs
