"""All that shapes a training run besides its data: names, defaults, limits, and what ``--help`` says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from landscape.choices import one_of
from landscape.training.config.fields import Config, option
from landscape.training.config.methods import HEADS, LOSSES, METHODS, OPERATORS, SAM_TITLES, SIMILARITIES, Method
from landscape.training.optim.schedules import RHO_SCHEDULES, SCHEDULES

TRAINING = "Training"
NETWORK = "Network"
LOSS = "Loss"
SHARPNESS = "Sharpness-aware training (samrec, or any method with --sam)"
PRETRAINING = "Pre-training (s3rec)"
CONTRAST = "Contrastive learning (cl4srec)"
SECTIONS = (TRAINING, NETWORK, LOSS, SHARPNESS, PRETRAINING, CONTRAST)

LOOKSAM_EVERY = 5  # Liu et al. 2022


@dataclass(frozen=True)
class TrainingConfig(Config):
    """A training run's settings. The defaults are those of the methods' public reference code.

    Whatever a field's ``None`` stands for is filled in: a ``TrainingConfig`` says in full what will be done.

    Raises:
        ValueError: A value is out of range, unknown, or at odds with another.
    """

    method: str = "samrec"
    seed: int = option(TRAINING, 0, "Of weights, dropout, negatives, masks, views and the order of users.")
    epochs: int = option(TRAINING, 200, "At most so many.", least=1)
    patience: int = option(TRAINING, 10, "Stop when the validation NDCG@20 has not risen for so many epochs.", least=1)
    lr: float = option(TRAINING, 1e-3, "Adam's learning rate.", above=0)
    lr_schedule: str = option(
        TRAINING, "constant", "Of the learning rate over --epochs: constant, linear or cosine.", choices=SCHEDULES
    )
    batch_size: int = option(TRAINING, 256, "Users a step.", least=1)
    train_fraction: float = option(
        TRAINING, 1.0, "Train on this share of the users (by seed); rank for all.", above=0, most=1
    )
    padded: bool = option(TRAINING, False, "One sequence a row: slow, the reference that packing is checked against.")

    max_length: int = option(NETWORK, 50, "The most recent items that the model reads.", least=1)
    width: int = option(NETWORK, 64, "Hidden width.", least=1)
    layers: int = option(NETWORK, 2, "Transformer blocks.", least=1)
    heads: int = option(NETWORK, 2, "Attention heads.", least=1)
    dropout: float = option(NETWORK, 0.5, "On embeddings, attention and outputs.", least=0, below=1)

    loss: str = option(
        LOSS,
        "bce",
        "bce (one negative a target, the paper's Eq. 2), ce (softmax over all items) or sampled-softmax.",
        choices=LOSSES,
    )
    negatives: int | None = option(
        LOSS, None, "Sampled items a target, for sampled-softmax.", least=0, default_told="100"
    )

    sam: str | None = option(
        SHARPNESS,
        None,
        "sam, asam, fisher or looksam.",
        choices=SAM_TITLES,
        default_told="sam for samrec, none for the others",
    )
    rho: float = option(SHARPNESS, 0.5, "Radius of the ball whose highest loss is sought.", least=0)
    rho_schedule: str = option(
        SHARPNESS,
        "constant",
        "Of the radius over --epochs: constant, linear, cosine, or lr (as the learning rate).",
        choices=RHO_SCHEDULES,
    )
    sam_every: int | None = option(
        SHARPNESS, None, "Look only every so many steps.", least=1, default_told="1; 5 for looksam"
    )
    same_dropout: bool = option(SHARPNESS, False, "Both passes of a step drop the same elements.")
    look_alpha: float = option(SHARPNESS, 0.7, "Share of the saved direction in looksam's steps in between.", least=0)
    fisher_eta: float = option(
        SHARPNESS, 1.0, "How far fisher departs from sam; squared gradients of a mean loss are tiny.", least=0
    )

    pretrain_epochs: int | None = option(
        PRETRAINING, None, "Epochs of pre-training.", least=1, default_told="150, as published"
    )
    pretrain_batch_size: int = option(PRETRAINING, 100, "Prefixes of sequences a step.", least=1)
    pretrain_mask: float = option(
        PRETRAINING, 0.2, "Probability with which an item is masked; the last one always is.", least=0, most=1
    )
    aap: float = option(PRETRAINING, 0.2, "Weight of the item-attribute loss.", least=0)
    mip: float = option(PRETRAINING, 1.0, "Weight of the sequence-item loss.", least=0)
    map: float = option(PRETRAINING, 1.0, "Weight of the sequence-attribute loss.", least=0)
    sp: float = option(PRETRAINING, 0.5, "Weight of the sequence-segment loss.", least=0)
    pretrained: str | None = field(default=None, metadata={"section": PRETRAINING})  # SHA-256 of what is fine-tuned

    contrastive: float = option(CONTRAST, 0.1, "Weight of the contrastive loss.", least=0)
    temperature: float = option(CONTRAST, 1.0, "Similarities are divided by it.", above=0)
    similarity: str = option(CONTRAST, "dot", "Of two views: dot or cosine.", choices=SIMILARITIES)
    operators: str = option(CONTRAST, ",".join(OPERATORS), "What makes views, separated by commas.")
    crop: float = option(CONTRAST, 0.6, "Share of a sequence that crop keeps.", above=0, most=1)
    mask: float = option(CONTRAST, 0.3, "Share of a sequence that mask hides.", least=0, most=1)
    reorder: float = option(CONTRAST, 0.6, "Share of a sequence that reorder shuffles.", least=0, most=1)
    same_operator: bool = option(CONTRAST, False, "Both views of a sequence may be made by one operator.")

    def __post_init__(self) -> None:
        self._fill("method", one_of(self.method, METHODS, "the method"))
        super().__post_init__()
        if self.sam is None:
            self._fill("sam", self.kind.sam)
        if self.sam_every is None:
            self._fill("sam_every", LOOKSAM_EVERY if self.sam == "looksam" else 1)
        if self.negatives is None:
            self._fill("negatives", LOSSES[self.loss])
        if self.loss == "sampled-softmax" and not self.negatives:
            raise ValueError("sampled-softmax needs at least 1 of --negatives, got 0")
        if self.loss != "sampled-softmax" and self.negatives != LOSSES[self.loss]:
            raise ValueError(
                f"the loss {self.loss} takes {LOSSES[self.loss]} negatives, got {self.negatives}; "
                "other numbers go with --loss sampled-softmax"
            )
        if self.kind.pretrained and self.pretrained and self.pretrain_epochs:
            raise ValueError("--pretrained replaces pre-training; leave out --pretrain-epochs")
        if self.kind.pretrained and not self.pretrained and self.pretrain_epochs is None:
            self._fill("pretrain_epochs", 150)
        chosen = [one_of(name.strip(), OPERATORS, "an operator") for name in self.operators.split(",")]
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"operators names one twice: {self.operators}")
        if len(chosen) == 1 and not self.same_operator:
            raise ValueError(f"two different operators are needed, got {self.operators}; or add --same-operator")
        self._fill("operators", ",".join(chosen))

    @property
    def kind(self) -> Method:
        """What the method stands for."""
        return METHODS[self.method]

    @property
    def network(self) -> dict[str, Any]:
        """The network's arguments, but for the numbers of items and attributes."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.metadata.get("section") == NETWORK}

    @property
    def part_weights(self) -> dict[str, float]:
        """The weights of the four pre-training losses."""
        return {name: getattr(self, name) for name in HEADS}

    def described(self) -> dict[str, Any]:
        """All that has a say in this run; what belongs to other methods is left out."""
        idle = {section for section, used in self._uses().items() if not used}
        kept = {each.name for each in fields(self) if each.metadata.get("section") not in idle}
        return {name: value for name, value in asdict(self).items() if name in kept or name == "sam"}

    def idle(self, given: Iterable[str]) -> dict[str, str]:
        """Of the fields ``given``, those without a say in this run, with the section that they belong to."""
        uses, sections = self._uses(), {each.name: each.metadata.get("section") for each in fields(self)}
        return {name: section for name in given if (section := sections.get(name)) and not uses.get(section, True)}

    def _uses(self) -> Mapping[str, bool]:
        return {
            SHARPNESS: self.sam is not None,
            PRETRAINING: self.kind.pretrained,
            CONTRAST: self.kind.contrastive,
        }
