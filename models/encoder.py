"""Transformer blocks over packed rows: several sequences share a row and never see each other.

Sizes in comments: R rows, n positions a row, d width, H heads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landscape.models.dropout import Dropout

NORM_EPS = 1e-12  # the reference's


def attention_bias(segments: Tensor, *, causal: bool, dtype: torch.dtype) -> Tensor:
    """What attention adds to its scores: 0 where a position may look, the lowest number where it may not.

    A position sees its own segment only, and with ``causal`` no later position. Padding is segment 0 and sees
    padding, so that no row of the softmax is empty (an empty one would be NaN and spread through gradients).

    Args:
        segments: (R, n) the number of the sequence at each position, 0 for padding.
        causal: Whether later positions are hidden.
        dtype: The dtype of the scores.

    Returns:
        (R, 1, n, n), to be broadcast over the heads.
    """
    numbers = segments.to(torch.float32)  # exact below 2²⁴
    # In floats and in place: comparisons that make booleans, and masks made from these, take six times as long.
    bias = (numbers[:, :, None] - numbers[:, None, :]).ne_(0)  # (R, n, n)
    if causal:
        bias += torch.ones(bias.shape[1:], dtype=bias.dtype, device=bias.device).triu_(1)
    return bias.clamp_max_(1).to(dtype).mul_(torch.finfo(dtype).min)[:, None]


@dataclass(frozen=True)
class Ends:
    """The last items of sequences, where nothing but their outputs is needed of the rows from ``first_row`` on."""

    first_row: int
    places: Tensor  # (N,) of all items in these rows, as places of the flattened rows, all rows counted
    owners: Tensor  # (N,) which of the sequences each item belongs to
    ends: Tensor  # (E,) the places of their last items

    @classmethod
    def of(cls, segments: Tensor, ends: Tensor) -> Ends:
        """Return those of all sequences of packed rows: (R, n) segments 1…E, and (E,) places of their last items."""
        numbers = segments.flatten()
        places = numbers.nonzero().flatten()
        return cls(0, places, numbers[places] - 1, ends)


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
        return self._mix(x, bias, None)

    def of_ends(self, x: Tensor, bias: Tensor, select: Tensor, ends: Ends) -> Tensor:
        """Mix only what is needed: (R, n, d) to (S + E, d), at ``select`` (S,) and at ``ends``.

        Args:
            x: (R, n, d).
            bias: (R, 1, n, n), of which the rows before ``ends.first_row`` are used.
            select: (S,) places in these rows.
            ends: Of the other rows.
        """
        bits = self._dropout_bits(x) if self.training and self.dropout.p > 0 else None
        mixed = self._mix_ends(x, bits, ends)
        if not ends.first_row:
            return mixed
        first = slice(ends.first_row)
        whole = self._mix(x[first], bias[first], None if bits is None else bits[first])
        return torch.cat([whole.flatten(0, 1).index_select(0, select), mixed])

    def _dropout_bits(self, x: Tensor) -> Tensor:
        rows, n, _ = x.shape
        return self.dropout.bits(torch.Size((rows, self.heads, n, n)))

    def _mix(self, x: Tensor, bias: Tensor, bits: Tensor | None) -> Tensor:
        rows, n, width = x.shape
        size = width // self.heads
        # One product for the three projections, which stay parameters of their own (they are blocks to analyse).
        scale = size**-0.5 if self.training else 1.0  # of the scores: what is quickest to multiply is the weight
        weight = torch.cat([self.query.weight * scale, self.key.weight, self.value.weight])
        offset = torch.cat([self.query.bias * scale, self.key.bias, self.value.bias])
        qkv = F.linear(x, weight, offset).view(rows, n, 3, self.heads, size)
        q, k, v = (part.transpose(1, 2) for part in qkv.unbind(2))  # each (R, H, n, d/H)
        if self.training:  # written out, for our dropout; on a CPU torch has no fused kernel with dropout either
            q, k, v = q.contiguous(), k.contiguous(), v.contiguous()  # or each product copies them
            weights = torch.softmax(q @ k.transpose(-1, -2) + bias, dim=-1)  # (R, H, n, n)
            if bits is None:
                weights = self.dropout(weights)
            else:
                weights = weights * self.dropout.mask(bits, weights.dtype)
            mixed = weights @ v
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, bias)
        joined: Tensor = mixed.transpose(1, 2).reshape(rows, n, width)
        return joined

    def _mix_ends(self, x: Tensor, bits: Tensor | None, ends: Ends) -> Tensor:
        """Mix at the last item of each sequence, which sees all of it: (E, d).

        With one query q a sequence, q · (K h + b) is (Kᵀq) · h + q · b, and the mean of V h + b is V times the mean of
        h, and b: keys and values need no products with all items. Softmax does not see q · b, which is there to keep b
        a parameter of the loss, as it is elsewhere.
        """
        _, n, width = x.shape
        size = width // self.heads
        flat = x.flatten(0, 1)
        count = len(ends.ends)
        inputs = flat.index_select(0, ends.places)[:, None]  # (N, 1, d)
        queries = self.query(flat.index_select(0, ends.ends)) * size**-0.5  # (E, d)
        queries = queries.view(count, self.heads, size).transpose(0, 1)  # (H, E, d/H)
        asked = (queries @ self.key.weight.view(self.heads, size, width)).transpose(0, 1)  # (E, H, d)
        same = (queries * self.key.bias.view(self.heads, 1, size)).sum(-1).T  # (E, H)
        scores = (asked.index_select(0, ends.owners) * inputs).sum(-1) + same.index_select(0, ends.owners)  # (N, H)
        owners = ends.owners[:, None].expand_as(scores)
        largest = scores.new_zeros(count, self.heads).scatter_reduce(
            0, owners, scores.detach(), "amax", include_self=False
        )
        weights = (scores - largest.index_select(0, ends.owners)).exp()
        total = weights.new_zeros(count, self.heads).index_add(0, ends.owners, weights)
        weights = weights / total.index_select(0, ends.owners)
        if bits is not None:  # of the row, the head, the query's position and the key's
            row, key = ends.places // n, ends.places % n
            head = torch.arange(self.heads, device=x.device)
            query = (ends.ends % n).index_select(0, ends.owners)
            entries = ((row[:, None] * self.heads + head) * n + query[:, None]) * n + key[:, None]
            weights = weights * self.dropout.mask(bits.flatten()[entries], weights.dtype)
        summed = weights.new_zeros(count, self.heads).index_add(0, ends.owners, weights)
        mean = inputs.new_zeros(count, self.heads, width).index_add(0, ends.owners, weights[:, :, None] * inputs)
        values = mean.transpose(0, 1) @ self.value.weight.view(self.heads, size, width).transpose(1, 2)  # (H, E, d/H)
        offset = summed.T[:, :, None] * self.value.bias.view(self.heads, 1, size)
        mixed: Tensor = (values + offset).transpose(0, 1).reshape(count, width)
        return mixed


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

    def forward(self, x: Tensor, bias: Tensor, select: Tensor | None = None, ends: Ends | None = None) -> Tensor:
        """Transform (R, n, d) to (R, n, d).

        ``select`` (S,) names positions of the flattened rows: only they are carried past the attention, and the
        result is (S, d). The last block of a ranking needs one position a sequence. With ``ends``, the result is that
        of ``select`` followed by that of the ends, (S + E, d).
        """
        if select is None:
            mixed = self.attention(x, bias)
        else:
            wanted = select if ends is None else torch.cat([select, ends.ends])
            if ends is None or (self.training and x.device.type != "cpu"):
                mixed = self.attention(x, bias).flatten(0, 1).index_select(0, wanted)
            else:
                mixed = self.attention.of_ends(x, bias, select, ends)
            x = x.flatten(0, 1).index_select(0, wanted)
        x = self.attention_norm(self.dropout.added_to(x, self.output(mixed)))
        outputs: Tensor = self.feed_norm(self.dropout.added_to(x, self.contract(F.gelu(self.expand(x)))))
        return outputs
