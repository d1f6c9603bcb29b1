"""SASRec (Kang and McAuley 2018) in the form that S3Rec's and CL4SRec's public code share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from landscape.models.dropout import Dropout
from landscape.models.encoder import NORM_EPS, Block, Ends, attention_bias

INIT_STD = 0.02
BLOCKS = {  # named parameter blocks: patterns of parameters' names, those of S3Rec's heads included
    "item table": "items.*",
    "positions": "positions.*",
    "queries": "blocks.*.attention.query.*",
    "keys": "blocks.*.attention.key.*",
    "values": "blocks.*.attention.value.*",
    "attention output": "blocks.*.output.*",
    "feed-forward": "blocks.*.expand.*, blocks.*.contract.*",
    "norms": "norm.*, blocks.*_norm.*",
    "attribute table": "attributes.*",
    "heads": "heads.*",
}


class SASRec(nn.Module):
    """A Transformer over item sequences whose outputs are scored against the table of its inputs.

    Deviations from the original paper, as in the reference code: post-LayerNorm, a feed-forward of four times the
    width with exact GELU, a LayerNorm on the embeddings and none at the end.

    Args:
        n_items: Number of items V. The table has V + 2 rows: 0 is padding, V + 1 the [mask] item.
        max_length: Positions n; the last item of any sequence has position n − 1.
        width: Hidden width d.
        layers: Number of Transformer blocks.
        heads: Attention heads; must divide ``width``.
        dropout: On embeddings, attention probabilities, and both outputs of a block.
    """

    def __init__(
        self,
        n_items: int,
        *,
        max_length: int = 50,
        width: int = 64,
        layers: int = 2,
        heads: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.n_items = n_items
        self.max_length = max_length
        self.items = nn.Embedding(n_items + 2, width, padding_idx=0)
        self.positions = nn.Embedding(max_length, width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw N(0, 0.02) weights from torch's global generator; biases and the padding row are zero."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=INIT_STD)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        with torch.no_grad():
            self.items.weight[0].zero_()

    def forward(
        self,
        items: Tensor,
        positions: Tensor,
        segments: Tensor,
        *,
        causal: bool = True,
        select: Tensor | None = None,
    ) -> Tensor:
        """Encode packed rows.

        Args:
            items: (R, n) item ids.
            positions: (R, n) position of each item, 0..max_length − 1.
            segments: (R, n) which sequence each item belongs to, 0 for padding.
            causal: Whether an item sees only earlier ones.
            select: (S,) positions of the flattened rows to return; all when None.

        Returns:
            (R, n, d), or (S, d) with ``select``.
        """
        return self.encode(self.items(items), positions, segments, causal=causal, select=select)

    def encode(
        self,
        embedded: Tensor,
        positions: Tensor,
        segments: Tensor,
        *,
        causal: bool = True,
        select: Tensor | None = None,
        ends: Ends | None = None,
    ) -> Tensor:
        """Encode packed rows of embedded items (R, n, d), so that a loss can look up all its items at once.

        The other arguments are those of ``forward``, and ``ends``, with ``select``: rows of which the outputs at the
        last items alone are needed, which are returned after the selected ones.
        """
        x = self.dropout(self.norm(embedded + self.positions(positions)))
        bias = attention_bias(segments, causal=causal, dtype=x.dtype)
        *earlier, last = self.blocks
        for block in earlier:
            x = block(x, bias)
        outputs: Tensor = last(x, bias, select, ends)
        return outputs
