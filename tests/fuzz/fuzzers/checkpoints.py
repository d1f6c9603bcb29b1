"""Checkpoints, by their bytes and by the objects in them, and published weights of S3Rec."""

from __future__ import annotations

import functools
import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import torch

from landscape.models.s3rec import S3Rec
from landscape.models.sasrec import SASRec
from landscape.results.storage.serialization import to_plain
from landscape.training.checkpoints.checkpoint import Checkpoint, data_of, load_checkpoint, save_checkpoint
from landscape.training.checkpoints.import_s3rec import BLOCK, import_s3rec
from landscape.training.checkpoints.info import describe_file
from landscape.training.config.methods import PRETRAINED, TRAINED
from landscape.training.data.dataset import load
from landscape.training.evaluation.ranking import model_ranks
from tests.fuzz.fuzzers.objects import change_saved, saved
from tests.fuzz.harness import Fuzzer, WrongError, naming, shown

DATA = "small.txt"
SIZES = {"n_items": 30, "max_length": 6, "width": 8, "layers": 1, "heads": 2}


def prepare(folder: Path) -> None:
    """Write the data that the seeds were trained on."""
    generator = np.random.default_rng(0)
    sequences = [generator.permutation(30)[: 4 + user % 5] + 1 for user in range(20)]
    sequences[0][0] = 30
    (folder / DATA).write_text(
        "".join(f"{user} {' '.join(map(str, items))}\n" for user, items in enumerate(sequences, 1))
    )
    attributes = {str(item): sorted({1 + item % 4, 1 + item % 7}) for item in range(1, 31)}
    (folder / "small_item2attributes.json").write_text(json.dumps(attributes))


@functools.cache
def seeds() -> list[bytes]:
    """A trained checkpoint and a pre-trained one."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        dataset = load(Path(folder) / DATA)
        assert dataset.attributes is not None
        data = {**dataset.metadata(), "source": DATA, "attributes": "small_item2attributes.json"}
        common = {"data": data, "seed": 0, "versions": {"torch": "2.5.0"}}
        settings = {"seed": 0, "epochs": 2, "lr": 0.001, "padded": False, "dropout": 0.5, "sam": None}
        torch.manual_seed(0)
        trained = Checkpoint(
            "sasrec", {**SIZES, "dropout": 0.5}, SASRec(**SIZES).state_dict(),
            settings=settings, epoch=1, metrics={"HR@10": 0.3, "NDCG@20": 0.2}, stage=TRAINED, **common,
        )  # fmt: skip
        sizes = {**SIZES, "n_attributes": dataset.attributes.n_attributes}
        pretrained = Checkpoint(
            "s3rec", {**sizes, "dropout": 0.5}, S3Rec(**sizes).state_dict(),
            settings={**settings, "sam": "sam"}, epoch=1, metrics={}, stage=PRETRAINED, **common,
        )  # fmt: skip
        files = []
        for checkpoint in (trained, pretrained):
            save_checkpoint(checkpoint, Path(folder) / "seed.pt")
            files.append((Path(folder) / "seed.pt").read_bytes())
        return files


def _change(share_of_bytes: float) -> Callable[[Random, list[bytes]], tuple[bytes, str]]:
    def change(random: Random, files: list[bytes]) -> tuple[bytes, str]:
        return change_saved(random, random.choice(files), files, share_of_bytes=share_of_bytes), "case.pt"

    return change


def read(path: Path) -> None:
    """All that the commands do with a checkpoint: load, describe, name, build, find its data, rank."""
    checkpoint = load_checkpoint(path)
    shown(checkpoint.title, "the title")
    json.dumps(to_plain(describe_file(path)), allow_nan=False)
    with naming(path):
        model = checkpoint.build()
        dataset = data_of(checkpoint)
        model_ranks(model, dataset, "valid")
    strange = {tensor.dtype for tensor in checkpoint.weights.values()} - {torch.float32}
    if strange:
        raise WrongError(f"weights of {sorted(map(str, strange))[0]} accepted")
    if checkpoint.stage not in (TRAINED, PRETRAINED):
        raise WrongError("an unknown stage accepted")
    if type(checkpoint.epoch) is not int or checkpoint.epoch < 0:
        raise WrongError("an epoch that is no number from 0 accepted")
    if dataset.n_items != model.items.num_embeddings - 2:
        raise WrongError("a network for another number of items accepted")


@functools.cache
def _published() -> list[bytes]:
    torch.manual_seed(0)
    sizes = {**SIZES, "n_attributes": 7, "layers": 2}
    files = []
    for heads in (True, False):
        theirs = {}
        for name, tensor in S3Rec(**sizes).state_dict().items():
            new = name.replace("items.", "item_embeddings.").replace("positions.", "position_embeddings.")
            new = new.replace("attributes.", "attribute_embeddings.")
            if name.startswith("norm."):
                new = f"LayerNorm.{name[5:]}"
            if name.startswith("blocks."):
                _, layer, rest = name.split(".", 2)
                part, kind = rest.rsplit(".", 1)
                new = f"item_encoder.layer.{layer}.{BLOCK[part]}.{kind}"
            if name.startswith("heads."):
                _, head, kind = name.split(".")
                new = f"{head}_norm.{kind}"
            if heads or not name.startswith(("heads.", "attributes.")):
                theirs[new] = tensor
        files.append(saved(theirs))
    return files


def _change_published(random: Random, files: list[bytes]) -> tuple[bytes, str]:
    return change_saved(random, random.choice(files), files), "case.pt"


def _read_published(path: Path) -> None:
    with naming(path):
        checkpoint = import_s3rec(path, load("tiny.txt" if Path("tiny.txt").exists() else DATA))
    shown(checkpoint.title, "the title")
    with warnings.catch_warnings(action="ignore"):
        published = torch.load(path, weights_only=True)
    strange = {tensor.dtype for tensor in published.values()} - {torch.float32, torch.float64}
    if strange:
        raise WrongError(f"weights of {sorted(map(str, strange))[0]} accepted")


CHECKPOINT_BYTES = Fuzzer("checkpoint-bytes", (".pt",), seeds, _change(1.0), read, prepare)
CHECKPOINT_OBJECTS = Fuzzer("checkpoint-objects", (".pt",), seeds, _change(0.0), read, prepare)
IMPORT = Fuzzer("import", (".pt",), _published, _change_published, _read_published, prepare)
