"""Which loss is looked at, on which data."""

from __future__ import annotations

from dataclasses import dataclass

from landscape.training.config.fields import Config, option
from landscape.training.config.methods import CONTRASTIVE, HEADS, RECOMMENDATION

READ = {"train": 3, "valid": 2, "test": 1}  # by split, how far from the end what is read ends
OWN = "own"
OBJECTIVES = (RECOMMENDATION, OWN, *HEADS, CONTRASTIVE)
OF = "Loss"


@dataclass(frozen=True)
class ObjectiveConfig(Config):
    """Which loss an analysis is about, of which parameters, on which data. Equal subsets make models comparable.

    Raises:
        ValueError: A value is out of range or unknown.
    """

    loss: str = option(
        OF,
        RECOMMENDATION,
        "recommendation (Eq. 2, for all methods alike), own (what the method minimised), or a part: aap, mip, map, sp "
        "(of a pretrained.pt), contrastive.",
        choices=OBJECTIVES,
        flag="objective",
    )
    split: str = option(OF, "train", "Which targets the loss is of: train, valid or test.", choices=READ)
    users: int | None = option(OF, None, "Only this many users, drawn by --seed.", least=1, default_told="all")
    seed: int = option(OF, 0, "Of users, negatives, views and masks, and of directions, starts and probes.", least=0)
    blocks: str | None = option(
        OF,
        None,
        "Move only the parameters that these patterns name, such as 'items.*, blocks.0.*'; the others stay.",
        metavar="PATTERNS",
    )
    train_mode: bool = option(OF, False, "The loss with dropout, as in training; the masks are drawn once, by --seed.")

    @property
    def title(self) -> str:
        """What to add to a model's name where the loss is not the usual one: ``, own loss, test targets``."""
        names = {OWN: "own loss", CONTRASTIVE: "contrastive loss"} | {name: f"loss {name}" for name in HEADS}
        return "".join(
            [
                f", {names[self.loss]}" if self.loss in names else "",
                f", {self.split} targets" if self.split != "train" else "",
                f", {self.blocks} alone" if self.blocks else "",
                ", with dropout" if self.train_mode else "",
            ]
        )
