"""The loss that an analysis is about, and its data."""

from __future__ import annotations

from dataclasses import dataclass

from landscape.training.config.fields import Config, option
from landscape.training.config.methods import CONTRASTIVE, HEADS, RECOMMENDATION
from landscape.training.data.splits import HELD_OUT

OWN = "own"
OBJECTIVES = (RECOMMENDATION, OWN, *HEADS, CONTRASTIVE)
LOSS = "Loss"


@dataclass(frozen=True)
class ObjectiveConfig(Config):
    """The loss, parameters and data of an analysis. Models with an equal configuration are comparable.

    Raises:
        ValueError: A value is out of range or unknown.
    """

    loss: str = option(
        LOSS,
        RECOMMENDATION,
        "Loss to analyse: recommendation (binary cross-entropy of the next item, the same for all methods), own (the "
        "loss that the method was trained with), contrastive (CL4SRec's), or one of S3Rec's pre-training losses, for a "
        "pretrained.pt: aap (item-attribute), mip (sequence-item), map (sequence-attribute), sp (sequence-segment).",
        choices=OBJECTIVES,
        flag="objective",
    )
    split: str = option(
        LOSS, "train", "Items that the loss is to predict: those of train, valid or test.", choices=HELD_OUT
    )
    users: int | None = option(
        LOSS, None, "Number of users used for the loss, drawn by --seed.", least=1, default_help="all"
    )
    seed: int = option(
        LOSS,
        0,
        "Seed of all random numbers: users, negatives, views, masks, directions, start vectors and probes.",
        least=0,
    )
    blocks: str | None = option(
        LOSS,
        None,
        "Vary only the parameters with names that match these patterns, such as 'items.*, blocks.0.*'.",
        metavar="PATTERNS",
    )
    train_mode: bool = option(
        LOSS, False, "Compute the loss with dropout, as in training; the dropout masks are drawn once, by --seed."
    )

    @property
    def title(self) -> str:
        """The addition to a model's name where the loss is not the default: ``, own loss, test targets``."""
        names = {OWN: "own loss", CONTRASTIVE: "contrastive loss"} | {name: f"loss {name}" for name in HEADS}
        return "".join(
            [
                f", {names[self.loss]}" if self.loss in names else "",
                f", {self.split} targets" if self.split != "train" else "",
                f", {self.blocks} alone" if self.blocks else "",
                ", with dropout" if self.train_mode else "",
            ]
        )
