"""The loss that an analysis is about, and its data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from landscape.training.config.fields import Config, option
from landscape.training.config.methods import CONTRASTIVE, HEADS, RECOMMENDATION
from landscape.training.data.splits import HELD_OUT

OWN = "own"
OBJECTIVES = (RECOMMENDATION, OWN, *HEADS, CONTRASTIVE)
LOSS = "Loss"
AUTO = "auto"  # users: as many as the precision needs
PRECISION = 0.01  # of auto, by default


def number_of_users(text: str) -> int | str:
    """Parse a number of users, or ``auto``."""
    if text.strip().lower() == AUTO:
        return AUTO
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a number of users nor {AUTO}") from None


def share(text: str) -> float:
    """Parse a share, in per cent or as a fraction.

    >>> share("1%"), share("5 %"), share("0.01")
    (0.01, 0.05, 0.01)
    """
    number = text.strip()
    try:
        value = float(number.removesuffix("%"))
    except ValueError:
        raise ValueError(f"{text!r} is not a share such as 1% or 0.01") from None
    if not number.endswith("%") and math.isfinite(value) and value >= 1:
        raise ValueError(f"{text} is {value:.0%}; write {text}% or {value / 100:g} for {value:g} per cent")
    return value / 100 if number.endswith("%") else value


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
    users: int | str | None = option(
        LOSS,
        None,
        "Number of users used for the loss, drawn by --seed; auto adds users until the errors are at most --precision.",
        least=1,
        default_help="all",
        parse=number_of_users,
        metavar="N|auto",
    )
    precision: float | None = option(
        LOSS,
        None,
        "With --users auto, the largest standard error (of λ1, with its bias) from taking some of the users: "
        "on a surface, of the loss above the centre, as a share of its range; of λ1 and the trace, of their values.",
        above=0,
        below=1,
        default_help="1%",
        parse=share,
        metavar="SHARE",
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
    skipped: int | None = None  # the users follow on so many in the order in which auto adds them; None: drawn freely

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.users, str) and self.users != AUTO:
            raise ValueError(f"users must be a number or {AUTO!r}, got {self.users!r}")
        if self.precision is not None and self.users != AUTO:
            raise ValueError(
                f"--precision {self.precision:g} goes with --users {AUTO}, which adds users until it is reached"
            )
        if self.users == AUTO and self.precision is None:
            self._fill("precision", PRECISION)

    @property
    def is_auto(self) -> bool:
        """Whether the number of users is still to be chosen by the data."""
        return self.users == AUTO

    def with_first(self, count: int, total: int) -> ObjectiveConfig:
        """Return the same loss on the first users in the order in which auto adds them; on all, if that is all."""
        if count == total:
            return replace(self, users=None, precision=None, skipped=None)
        return replace(self, users=count, precision=None, skipped=0)

    def with_others(self, count: int, total: int) -> ObjectiveConfig | None:
        """Return the same loss on as many users as follow on the first ones, as far as there are; None if on none."""
        left = min(count, total - count)
        return replace(self, users=left, precision=None, skipped=count) if left else None

    def described(self) -> dict[str, Any]:
        """Return the values by which results are stored and found; what came later is left out where it is not used."""
        values = asdict(self)
        return {
            name: values[name] for name in values if name not in ("precision", "skipped") or values[name] is not None
        }

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
