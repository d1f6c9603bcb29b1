"""Checkpoints: tensors and plain values only, so that opening somebody's checkpoint runs no code."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from landscape.models.s3rec import S3Rec
from landscape.models.sasrec import SASRec
from landscape.results.display.printable import printable
from landscape.training.checkpoints.plain_files import ForeignFileError, load_plain, save_plain
from landscape.training.checkpoints.schema import (
    MEASURED,
    NAME,
    PLAIN,
    SHA256,
    choice,
    each,
    maybe,
    options,
    record,
    shown,
    whole,
)
from landscape.training.checkpoints.weights import WEIGHTS, check_finite, check_fit
from landscape.training.config.methods import METHODS, PRETRAINED, SAM_TITLES, TRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset, load

FORMAT = 1  # raised when an older reader could misread a newer file
SEED = whole(0, 2**64 - 1)  # what torch takes
SETTINGS = {**options(TrainingConfig), "method": choice(METHODS), "seed": SEED}
SIZES = {name: SETTINGS[name] for name in ("max_length", "width", "layers", "heads", "dropout")}
DATA = {"name": NAME, "source": NAME, "sha256": SHA256, "users": whole(), "items": whole(1)}
CHECKPOINT = record(
    {
        "format": whole(1, FORMAT),
        "method": choice(METHODS),
        "model": record({"n_items": whole(1), **SIZES}, {"n_attributes": whole()}),
        "weights": each(WEIGHTS),
        "data": record(DATA, {"attributes": maybe(NAME), "attributes_sha256": maybe(SHA256)}, others=PLAIN),
        "settings": record({}, SETTINGS, others=PLAIN),
        "seed": SEED,
        "epoch": whole(),
        "metrics": each(MEASURED),
        "stage": choice((TRAINED, PRETRAINED)),
        "versions": each(NAME),
    }
)


@dataclass(frozen=True)
class Checkpoint:
    """A trained model, and everything needed to verify it or to train it again."""

    method: str  # a key of METHODS
    model: dict[str, Any]  # the network's constructor arguments
    weights: dict[str, Tensor]
    data: dict[str, Any]  # name, source, sha256, users, items
    settings: dict[str, Any]  # all that affected the training
    seed: int
    epoch: int  # the epoch these weights are from, from 1
    metrics: dict[str, float]  # on the validation targets
    stage: str = TRAINED  # or PRETRAINED: S3Rec before its fine-tuning, with four heads that SASRec lacks
    versions: dict[str, str] = field(default_factory=dict)

    def build(self) -> SASRec:
        """The model, on the CPU, in evaluation mode.

        Raises:
            ValueError: The weights are not those of the network that the checkpoint names, or not finite.
        """
        self.check_weights()
        model = (S3Rec if self.stage == PRETRAINED else SASRec)(**self.model)
        model.load_state_dict(self.weights)
        return model.eval()

    def check_weights(self) -> None:
        """Check that the weights fit the network, without building it, and are finite; errors as ``build`` raises."""
        try:
            check_fit(self.weights, self.model)
        except ValueError as problem:
            raise ValueError(f"the weights do not fit the network {self.method} {self.model}: {problem}") from None
        check_finite(self.weights, self.title)

    @property
    def title(self) -> str:
        """Method, optimiser, data and seed, for people: ``CL4SRec + SAM on Beauty, seed 0``."""
        kind, sam = METHODS[self.method], self.settings.get("sam")
        sharpness = f" + {SAM_TITLES.get(sam, sam)}" if sam and sam != kind.sam and self.stage == TRAINED else ""
        stage = f" ({self.stage})" if self.stage != TRAINED else ""
        return f"{kind.title}{sharpness}{stage} on {printable(self.data['name'], 100)}, seed {self.seed}"


def save_checkpoint(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a checkpoint, atomically."""
    save_plain({"format": FORMAT, **{f.name: getattr(checkpoint, f.name) for f in fields(checkpoint)}}, path)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint; everything in it is checked.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or from a newer version.
        ForeignFileError: It holds something else.
    """
    content = load_plain(path, "checkpoint")
    path = printable(path)
    names = [f.name for f in fields(Checkpoint)]
    missing = sorted({*names} - set(content))
    if missing or "format" not in content:
        lacking = ", ".join(missing) or "format"
        raise ForeignFileError(f"{path} is not a checkpoint of `landscape train`: it lacks {lacking}")
    if type(content["format"]) is int and content["format"] > FORMAT:
        raise ValueError(
            f"{path} was written by a newer version (format {shown(content['format'])}); upgrade to read it"
        )
    if type(content["method"]) is str and content["method"] not in METHODS:
        raise ValueError(f"{path} holds the unknown method {shown(content['method'])}; known are {', '.join(METHODS)}")
    try:
        CHECKPOINT({name: content[name] for name in ("format", *names)}, "")
        checkpoint = Checkpoint(**{name: content[name] for name in names})
        _check_agreement(checkpoint)
        checkpoint.check_weights()
    except ValueError as problem:
        raise ValueError(f"{path} is damaged: {problem}; train it again") from None
    return checkpoint


def _check_agreement(checkpoint: Checkpoint) -> None:
    """Check that what a checkpoint says twice is the same."""
    pretrained = checkpoint.stage == PRETRAINED
    if pretrained and PRETRAINED not in METHODS[checkpoint.method].stages:
        raise ValueError(f"{checkpoint.method} has no pre-training")
    if pretrained != ("n_attributes" in checkpoint.model) or (
        pretrained and not checkpoint.data.get("attributes_sha256")
    ):
        raise ValueError(f"its attributes are not those of the stage {checkpoint.stage}")
    if checkpoint.model["n_items"] != checkpoint.data["items"]:
        raise ValueError(f"its network has {checkpoint.model['n_items']} items and its data {checkpoint.data['items']}")
    said = {**checkpoint.model, "method": checkpoint.method, "seed": checkpoint.seed}
    for name, value in said.items():
        if checkpoint.settings.get(name, value) != value:
            raise ValueError(f"its {name} is {value} and in its settings {checkpoint.settings[name]}")


def data_of(checkpoint: Checkpoint, data: str | None = None, *, data_dir: str | None = None) -> Dataset:
    """The data that a checkpoint was trained on, from where it was then or from ``data`` (a name or a file).

    Raises:
        FileNotFoundError: It is not there any more.
        ValueError: It is not the same data, or lacks the attributes that the checkpoint was pre-trained on.
    """
    wanted = checkpoint.data["source"] if data is None else data
    attributes = checkpoint.data.get("attributes")
    if checkpoint.stage != PRETRAINED or (attributes is not None and not _is_file(attributes)):
        attributes = None  # then those beside the data
    try:
        dataset = load(wanted, data_dir=data_dir, attributes=attributes)
    except OSError as problem:
        if data is not None or isinstance(problem, PermissionError):
            raise
        try:
            dataset = load(checkpoint.data["name"], data_dir=data_dir)
        except OSError:
            raise FileNotFoundError(
                f"the checkpoint's data {printable(wanted, 200)} is not there; "
                f"say where {printable(checkpoint.data['name'], 100)} is with --data"
            ) from None
    except ValueError as problem:
        if data is not None:
            raise
        name = printable(checkpoint.data["name"], 100)
        raise ValueError(f"the checkpoint's data: {problem}; say where {name} is with --data") from None
    if dataset.sha256 != checkpoint.data["sha256"]:
        raise ValueError(
            f"{dataset.source} is not what the checkpoint was trained on: SHA-256 {dataset.sha256[:12]}… instead of "
            f"{checkpoint.data['sha256'][:12]}…; give the right file with --data"
        )
    if dataset.n_items != checkpoint.model["n_items"]:
        raise ValueError(
            f"{dataset.source} has {dataset.n_items:,} items and the checkpoint's network "
            f"{checkpoint.model['n_items']:,}: the checkpoint is damaged; train it again"
        )
    if checkpoint.stage == PRETRAINED:
        actual = dataset.attributes.sha256 if dataset.attributes else "none"
        if actual != checkpoint.data["attributes_sha256"]:
            raise ValueError(
                f"{dataset.name} has other attributes than the checkpoint was pre-trained on: SHA-256 {actual[:12]} "
                f"instead of {checkpoint.data['attributes_sha256'][:12]}; put the right file beside {dataset.source}"
            )
        if dataset.attributes and dataset.attributes.n_attributes != checkpoint.model["n_attributes"]:
            raise ValueError(
                f"{dataset.name} has {dataset.attributes.n_attributes:,} attributes and the checkpoint's network "
                f"{checkpoint.model['n_attributes']:,}: the checkpoint is damaged; train it again"
            )
    return dataset


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:  # a name too long, for example
        return False


def describe(checkpoint: Checkpoint) -> dict[str, Any]:
    """Everything but the weights."""
    return {f.name: getattr(checkpoint, f.name) for f in fields(checkpoint) if f.name != "weights"}
