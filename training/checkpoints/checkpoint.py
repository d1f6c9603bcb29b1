"""Checkpoints: tensors and plain values only, so that opening somebody's checkpoint runs no code."""

from __future__ import annotations

import io
import pickle
import typing
import warnings
import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landscape.models.s3rec import S3Rec
from landscape.models.sasrec import SASRec
from landscape.results.files import atomic
from landscape.training.config.methods import METHODS, PRETRAINED, SAM_TITLES, TRAINED
from landscape.training.data.dataset import Dataset, load

FORMAT = 1  # raised when an older reader could misread a newer file


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
        try:
            network = S3Rec if self.stage == PRETRAINED else SASRec
            model = network(**self.model)
            model.load_state_dict(self.weights)
        except (RuntimeError, TypeError, AttributeError) as problem:
            raise ValueError(
                f"the weights do not fit the network {self.method} {self.model}: "
                f"{str(problem).splitlines()[-1].strip()}"
            ) from None
        if not all(weights.norm().isfinite() for weights in model.parameters()):
            raise ValueError(f"the weights of {self.title} are not finite, or their norm is not: its training diverged")
        return model.eval()

    @property
    def title(self) -> str:
        """Method, optimiser, data and seed, for people: ``CL4SRec + SAM on Beauty, seed 0``."""
        kind, sam = METHODS[self.method], self.settings.get("sam")
        sharpness = f" + {SAM_TITLES.get(sam, sam)}" if sam and sam != kind.sam and self.stage == TRAINED else ""
        stage = f" ({self.stage})" if self.stage != TRAINED else ""
        return f"{kind.title}{sharpness}{stage} on {self.data['name']}, seed {self.seed}"


def save_checkpoint(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a checkpoint, atomically."""
    save_plain({"format": FORMAT, **{f.name: getattr(checkpoint, f.name) for f in fields(checkpoint)}}, path)


def save_plain(values: dict[str, Any], path: str | Path) -> None:
    """Write tensors and plain values, atomically."""
    buffer = io.BytesIO()  # written by us: on a full disk torch's own writer hides the reason
    torch.save(values, buffer)
    with atomic(path) as file:
        file.write(buffer.getbuffer())


def load_plain(path: str | Path, what: str) -> dict[str, Any]:
    """Read a file of tensors and plain values that ``torch.save`` wrote, without running code from it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, damaged, foreign, or holds more than tensors and plain values.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the {what} in it, such as {path / 'checkpoint.pt'}")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; `landscape train` writes one")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty; the {what} was not written to its end")
    try:
        with warnings.catch_warnings(action="ignore"):  # about foreign pickles, which are refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
        damaged = zipfile.ZipFile(path).testzip() if zipfile.is_zipfile(path) else None  # torch looks at no check sum
        if damaged:
            raise ValueError(f"the check sum of {damaged} is wrong")
    except pickle.UnpicklingError as problem:
        if "Unsupported global" in str(problem):
            raise ValueError(
                f"{path} is not a {what}: it holds more than tensors and plain values, and is not opened"
            ) from None
        raise ValueError(f"{path} is damaged or not a {what}") from None
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError, IndexError, TypeError) as problem:
        raise ValueError(
            f"{path} cannot be read, is damaged or not a {what} ({str(problem).splitlines()[0][:100]})"
        ) from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not a {what}: it holds a {type(content).__name__}")
    return content


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, foreign, or from a newer version.
    """
    content = load_plain(path, "checkpoint")
    names = {f.name for f in fields(Checkpoint)}
    missing = sorted(names - set(content))
    if missing or "format" not in content:
        raise ValueError(f"{path} is not a checkpoint of `landscape train`: it lacks {', '.join(missing) or 'format'}")
    known = {**typing.get_type_hints(Checkpoint), "format": int}
    for name, kind in known.items():
        if not isinstance(content[name], typing.get_origin(kind) or kind):
            raise ValueError(f"{path} is damaged: its {name} is a {type(content[name]).__name__}; train it again")
    if content["format"] > FORMAT:
        raise ValueError(f"{path} was written by a newer version (format {content['format']}); upgrade to read it")
    if content["method"] not in METHODS:
        raise ValueError(f"{path} holds the unknown method {content['method']!r}; known are {', '.join(METHODS)}")
    for name in ("name", "source", "sha256"):
        if not isinstance(content["data"].get(name), str):
            raise ValueError(f"{path} is damaged: its data's {name} is missing; train it again")
    return Checkpoint(**{name: content[name] for name in names})


def data_of(checkpoint: Checkpoint, data: str | None = None, *, data_dir: str | None = None) -> Dataset:
    """The data that a checkpoint was trained on, from where it was then or from ``data`` (a name or a file).

    Raises:
        FileNotFoundError: It is not there any more.
        ValueError: It is not the same data, or lacks the attributes that the checkpoint was pre-trained on.
    """
    wanted = data or checkpoint.data["source"]
    attributes = checkpoint.data.get("attributes")
    if attributes is not None and not Path(attributes).is_file():
        attributes = None  # then those beside the data
    try:
        dataset = load(wanted, data_dir=data_dir, attributes=attributes)
    except FileNotFoundError:
        if data:
            raise
        try:
            dataset = load(checkpoint.data["name"], data_dir=data_dir)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"the checkpoint's data {wanted} is not there; say where {checkpoint.data['name']} is with --data"
            ) from None
    if dataset.sha256 != checkpoint.data["sha256"]:
        raise ValueError(
            f"{dataset.source} is not what the checkpoint was trained on: SHA-256 {dataset.sha256[:12]}… instead of "
            f"{checkpoint.data['sha256'][:12]}…; give the right file with --data"
        )
    if checkpoint.stage == PRETRAINED:
        actual = dataset.attributes.sha256 if dataset.attributes else "none"
        if actual != checkpoint.data["attributes_sha256"]:
            raise ValueError(
                f"{dataset.name} has other attributes than the checkpoint was pre-trained on: SHA-256 {actual[:12]} "
                f"instead of {checkpoint.data['attributes_sha256'][:12]}; put the right file beside {dataset.source}"
            )
    return dataset


def describe(checkpoint: Checkpoint) -> dict[str, Any]:
    """Everything but the weights."""
    return {name: value for name, value in asdict(checkpoint).items() if name != "weights"}
