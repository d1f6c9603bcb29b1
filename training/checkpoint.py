"""Checkpoints: tensors and plain values only, so that opening somebody's checkpoint runs no code."""

from __future__ import annotations

import io
import pickle
import warnings
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landscape.files import atomic
from models.sasrec import SASRec

FORMAT = 1  # raised when an older reader could misread a newer file


@dataclass(frozen=True)
class Method:
    """What a name on the command line stands for: a network, and how it is trained unless told otherwise."""

    title: str
    network: type[SASRec]
    sam: str | None = None  # None: no sharpness-aware training


METHODS = {
    "sasrec": Method("SASRec", SASRec),
    "samrec": Method("SAMRec", SASRec, sam="sam"),
}


@dataclass(frozen=True)
class Checkpoint:
    """A trained model and all one must know to trust it or to train it again."""

    method: str  # a key of METHODS
    model: dict[str, Any]  # the network's constructor arguments
    weights: dict[str, Tensor]
    data: dict[str, Any]  # name, source, sha256, users, items
    settings: dict[str, Any]  # everything that shaped the training
    seed: int
    epoch: int  # the epoch these weights are from, from 1
    metrics: dict[str, float]  # on the validation targets
    stage: str = "trained"
    versions: dict[str, str] = field(default_factory=dict)

    def build(self) -> SASRec:
        """The model, on the CPU, in evaluation mode.

        Raises:
            ValueError: The weights are not those of the network that the checkpoint names.
        """
        try:
            model = METHODS[self.method].network(**self.model)
            model.load_state_dict(self.weights)
        except (RuntimeError, TypeError) as problem:
            raise ValueError(
                f"the weights do not fit the network {self.method} {self.model}: "
                f"{str(problem).splitlines()[-1].strip()}"
            ) from None
        return model.eval()

    @property
    def title(self) -> str:
        """Method, data and seed, for people: ``SAMRec on Beauty, seed 0``."""
        return f"{METHODS[self.method].title} on {self.data['name']}, seed {self.seed}"


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
    except pickle.UnpicklingError as problem:
        if "Unsupported global" in str(problem):
            raise ValueError(
                f"{path} is no {what}: it holds more than tensors and plain values, and is not opened"
            ) from None
        raise ValueError(f"{path} is damaged or no {what}") from None
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError, IndexError, TypeError) as problem:
        raise ValueError(
            f"{path} cannot be read, is damaged or no {what} ({str(problem).splitlines()[0][:100]})"
        ) from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no {what}: it holds a {type(content).__name__}")
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
        raise ValueError(f"{path} is no checkpoint of `landscape train`: it lacks {', '.join(missing) or 'format'}")
    if content["format"] > FORMAT:
        raise ValueError(f"{path} was written by a newer version (format {content['format']}); upgrade to read it")
    if content["method"] not in METHODS:
        raise ValueError(f"{path} holds the unknown method {content['method']!r}; known are {', '.join(METHODS)}")
    return Checkpoint(**{name: content[name] for name in names})


def describe(checkpoint: Checkpoint) -> dict[str, Any]:
    """Everything but the weights."""
    return {name: value for name, value in asdict(checkpoint).items() if name != "weights"}
