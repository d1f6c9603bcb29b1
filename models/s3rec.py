"""S3Rec's network for pre-training (Zhou et al. 2020): SASRec's, and what its four losses need besides."""

from __future__ import annotations

import torch
from torch import nn

from landscape.models.sasrec import SASRec

HEADS = ("aap", "mip", "map", "sp")  # item-attribute, sequence-item, sequence-attribute, sequence-segment


class S3Rec(SASRec):
    """SASRec with an attribute table and a linear map for each of the four pre-training losses.

    The encoder's parameters have SASRec's names: what is pre-trained here is fine-tuned there.

    Args:
        n_items: Number of items V.
        n_attributes: Number of attributes A. The table has A + 1 rows; row 0, a padding that no item has, is a
            column of the losses like any other, as in the reference.
        max_length: As in ``SASRec``, and so are the others.
        width: Hidden width d.
        layers: Number of Transformer blocks.
        heads: Attention heads.
        dropout: On embeddings, attention probabilities, and both outputs of a block.
    """

    def __init__(
        self,
        n_items: int,
        n_attributes: int,
        *,
        max_length: int = 50,
        width: int = 64,
        layers: int = 2,
        heads: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(n_items, max_length=max_length, width=width, layers=layers, heads=heads, dropout=dropout)
        self.attributes = nn.Embedding(n_attributes + 1, width)
        self.heads = nn.ModuleDict({name: nn.Linear(width, width) for name in HEADS})
        self.reset_parameters()

    @staticmethod
    def is_encoder(name: str) -> bool:
        """Whether the parameter of this name is SASRec's as well."""
        return not name.startswith(("attributes.", "heads."))


def encoder_weights(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """SASRec's part of the weights of either network."""
    return {name: tensor for name, tensor in weights.items() if S3Rec.is_encoder(name)}
