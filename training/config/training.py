"""The settings of a training run: names, defaults, limits, and their texts in ``--help``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from landscape.choices import one_of
from landscape.training.config.fields import Config, option
from landscape.training.config.methods import (
    CONTRASTIVE,
    HEADS,
    LOSSES,
    METHODS,
    OPERATORS,
    PRETRAINED,
    SAM_TITLES,
    SAMPLED_LOSSES,
    SIMILARITIES,
    Method,
)
from landscape.training.optim.schedules import RHO_SCHEDULES, SCHEDULES

TRAINING = "Training"
NETWORK = "Network"
LOSS = "Loss"
GBCE = "Generalised binary cross-entropy (--loss gbce)"
SHARPNESS = "Sharpness-aware training (samrec, or any method with --sam)"
PRETRAINING = "Pre-training (s3rec)"
CONTRAST = "Contrastive learning (cl4srec)"
SECTIONS = (TRAINING, NETWORK, LOSS, GBCE, SHARPNESS, PRETRAINING, CONTRAST)
STAGE_SECTIONS = {PRETRAINED: PRETRAINING, CONTRASTIVE: CONTRAST}  # the options that only methods with a stage use

LOOKSAM_EVERY = 5  # Liu et al. 2022
PRETRAIN_EPOCHS = 150  # as published (Zhou et al. 2020)


@dataclass(frozen=True)
class TrainingConfig(Config):
    """A training run's settings. The defaults are those of the methods' public reference code.

    ``None`` is replaced by the default that it stands for, so that an instance states every setting in full.

    Raises:
        ValueError: A value is out of range, unknown, or contradicts another.
    """

    method: str = "samrec"
    seed: int = option(
        TRAINING,
        0,
        "Seed of all random numbers: weights, dropout, negatives, masks, views and the order of users.",
        least=0,
        most=2**63 - 1,
    )
    epochs: int = option(TRAINING, 200, "Train for at most this many epochs.", least=1)
    patience: int = option(TRAINING, 10, "Stop after this many epochs without a better validation NDCG@20.", least=1)
    lr: float = option(TRAINING, 1e-3, "Learning rate of Adam.", above=0)
    lr_schedule: str = option(
        TRAINING,
        "constant",
        "How the learning rate changes over --epochs: constant, linear or cosine.",
        choices=SCHEDULES,
    )
    batch_size: int = option(TRAINING, 256, "Number of users in a training step.", least=1)
    train_fraction: float = option(
        TRAINING,
        1.0,
        "Train on this share of the users, drawn by --seed; validation ranks for all users, or --valid-users.",
        above=0,
        most=1,
    )
    valid_users: int | None = option(
        TRAINING,
        None,
        "Validate on this many users, drawn by --seed; `landscape evaluate` ranks for all users.",
        least=2,
        metavar="N",
        default_help="all",
    )
    padded: bool = option(
        TRAINING, False, "Put each sequence into a padded row of its own instead of packing several; slow, for checks."
    )

    max_length: int = option(NETWORK, 50, "Number of most recent items that the model takes as input.", least=1)
    width: int = option(NETWORK, 64, "Size of the hidden vectors.", least=1)
    layers: int = option(NETWORK, 2, "Number of Transformer blocks.", least=1)
    heads: int = option(NETWORK, 2, "Number of attention heads.", least=1)
    dropout: float = option(
        NETWORK, 0.5, "Dropout probability for embeddings, attention weights and block outputs.", least=0, below=1
    )

    loss: str = option(
        LOSS,
        "bce",
        "Loss of the next item: bce (binary cross-entropy against one sampled negative, SAMRec's Eq. 2), ce (softmax "
        "over all items), sampled-softmax (softmax over the target and sampled items) or gbce (gSASRec's generalised "
        "binary cross-entropy against sampled items).",
        choices=LOSSES,
    )
    negatives: int | None = option(
        LOSS,
        None,
        "Number of sampled items for each target, with sampled-softmax and gbce.",
        least=0,
        default_help="100; 256 for gbce",
    )
    gbce_t: float = option(
        GBCE,
        0.75,
        "Calibration t: 0 is binary cross-entropy, 1 makes σ(score) estimate the probability of an item.",
        least=0,
        most=1,
    )

    sam: str | None = option(
        SHARPNESS,
        None,
        "Sharpness-aware optimiser: sam (SAM), asam (adaptive SAM), fisher (FisherSAM) or looksam (LookSAM).",
        choices=SAM_TITLES,
        default_help="sam for samrec, none for the others",
    )
    rho: float = option(
        SHARPNESS, 0.5, "Radius of the ball around the weights in which a step looks for a higher loss.", least=0
    )
    rho_schedule: str = option(
        SHARPNESS,
        "constant",
        "How the radius changes over --epochs: constant, linear, cosine, or lr (like the learning rate).",
        choices=RHO_SCHEDULES,
    )
    sam_every: int | None = option(
        SHARPNESS,
        None,
        "Look for a higher loss in every N-th step only.",
        least=1,
        metavar="N",
        default_help="1; 5 for looksam",
    )
    same_dropout: bool = option(SHARPNESS, False, "Use the same dropout mask in both passes of a step.")
    look_alpha: float = option(
        SHARPNESS, 0.7, "Weight of the stored direction in looksam's steps between two looks.", least=0
    )
    fisher_eta: float = option(
        SHARPNESS,
        1.0,
        "Weight of the squared gradients in fisher (0 is sam); those of a mean loss are tiny.",
        least=0,
    )

    pretrain_epochs: int | None = option(
        PRETRAINING, None, "Number of pre-training epochs.", least=1, default_help=f"{PRETRAIN_EPOCHS}, as published"
    )
    pretrain_batch_size: int = option(PRETRAINING, 100, "Number of sequence prefixes in a pre-training step.", least=1)
    pretrain_mask: float = option(
        PRETRAINING,
        0.2,
        "Probability of masking an item; the last item of a prefix is always masked.",
        least=0,
        most=1,
    )
    aap: float = option(PRETRAINING, 0.2, "Weight of the item-attribute loss.", least=0)
    mip: float = option(PRETRAINING, 1.0, "Weight of the sequence-item loss.", least=0)
    map: float = option(PRETRAINING, 1.0, "Weight of the sequence-attribute loss.", least=0)
    sp: float = option(PRETRAINING, 0.5, "Weight of the sequence-segment loss.", least=0)
    pretrained: str | None = field(default=None, metadata={"section": PRETRAINING})  # SHA-256 of what is fine-tuned

    contrastive: float = option(CONTRAST, 0.1, "Weight of the contrastive loss.", least=0)
    temperature: float = option(CONTRAST, 1.0, "Divide the similarities of views by this temperature.", above=0)
    similarity: str = option(
        CONTRAST, "dot", "Similarity of two views: dot (inner product) or cosine.", choices=SIMILARITIES
    )
    operators: str = option(CONTRAST, ",".join(OPERATORS), "Operators that make views, separated by commas.")
    crop: float = option(CONTRAST, 0.6, "Share of a sequence that crop keeps.", above=0, most=1)
    mask: float = option(CONTRAST, 0.3, "Share of a sequence that mask hides.", least=0, most=1)
    reorder: float = option(CONTRAST, 0.6, "Share of a sequence that reorder shuffles.", least=0, most=1)
    same_operator: bool = option(CONTRAST, False, "Allow the same operator for both views of a sequence.")

    def __post_init__(self) -> None:
        self._fill("method", one_of(self.method, METHODS, "the method"))
        super().__post_init__()
        if self.sam is None:
            self._fill("sam", self.kind.sam)
        if self.sam_every is None:
            self._fill("sam_every", LOOKSAM_EVERY if self.sam == "looksam" else 1)
        self._complete_negatives()
        if PRETRAINED in self.kind.stages and self.pretrained and self.pretrain_epochs:
            raise ValueError("--pretrained replaces pre-training; leave out --pretrain-epochs")
        if PRETRAINED in self.kind.stages and not self.pretrained and self.pretrain_epochs is None:
            self._fill("pretrain_epochs", PRETRAIN_EPOCHS)
        self._complete_operators()

    def _complete_negatives(self) -> None:
        if self.negatives is None:
            self._fill("negatives", LOSSES[self.loss])
        if self.loss in SAMPLED_LOSSES and not self.negatives:
            raise ValueError(f"{self.loss} needs at least 1 of --negatives, got 0")
        if self.loss not in SAMPLED_LOSSES and self.negatives != LOSSES[self.loss]:
            raise ValueError(
                f"the loss {self.loss} takes {LOSSES[self.loss]} negatives, got {self.negatives}; "
                f"other numbers go with --loss {' or '.join(SAMPLED_LOSSES)}"
            )

    def _complete_operators(self) -> None:
        operators = [one_of(name.strip(), OPERATORS, "an operator") for name in self.operators.split(",")]
        if len(set(operators)) < len(operators):
            raise ValueError(f"operators names one twice: {self.operators}")
        if len(operators) == 1 and not self.same_operator:
            raise ValueError(f"two different operators are needed, got {self.operators}; or add --same-operator")
        self._fill("operators", ",".join(operators))

    @property
    def kind(self) -> Method:
        """The method's entry in ``METHODS``."""
        return METHODS[self.method]

    @property
    def calibration(self) -> float | None:
        """The calibration t of the loss ``gbce``; None for other losses."""
        return self.gbce_t if self.loss == "gbce" else None

    @property
    def network(self) -> dict[str, Any]:
        """The network's arguments, without the numbers of items and attributes."""
        names = [name for name, section in self._sections().items() if section == NETWORK]
        return {name: getattr(self, name) for name in names}

    @property
    def part_weights(self) -> dict[str, float]:
        """The weights of the four pre-training losses."""
        return {name: getattr(self, name) for name in HEADS}

    def settings_in_use(self) -> dict[str, Any]:
        """Return all settings that affect the run, without those of other methods and losses."""
        unused = {section for section, used in self._uses().items() if not used}
        sections = self._sections()
        settings = {
            name: value for name, value in asdict(self).items() if sections[name] not in unused or name == "sam"
        }
        if self.valid_users is None:  # so that runs from before the option are continued
            del settings["valid_users"]
        return settings

    def unused_options(self, given: Iterable[str]) -> dict[str, str]:
        """Return those of the fields ``given`` that do not affect the run, with the section that each belongs to."""
        uses, sections = self._uses(), self._sections()
        return {name: section for name in given if (section := sections.get(name)) and not uses.get(section, True)}

    def _uses(self) -> Mapping[str, bool]:
        """Whether the run uses a section of options, for those that not all runs use."""
        return {
            GBCE: self.loss == "gbce",
            SHARPNESS: self.sam is not None,
            **{section: stage in self.kind.stages for stage, section in STAGE_SECTIONS.items()},
        }

    def _sections(self) -> dict[str, str | None]:
        return {declared.name: declared.metadata.get("section") for declared in fields(self)}
