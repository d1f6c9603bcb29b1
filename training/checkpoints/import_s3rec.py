"""Weights in the form that S3Rec's authors publish them, as checkpoints."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from landscape.models.s3rec import HEADS
from landscape.provenance import file_sha256, versions
from landscape.results.display.printable import printable
from landscape.results.storage.files import check_writable, errors_about
from landscape.results.storage.outputs import refuse_foreign, refuse_inputs
from landscape.results.storage.regular import check_regular
from landscape.training.batches.masked import attributes_of
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.checkpoints.plain_files import load_plain
from landscape.training.checkpoints.schema import SHOWN, anything, each
from landscape.training.checkpoints.weights import WEIGHTS
from landscape.training.config.methods import PRETRAINED, TRAINED
from landscape.training.data.dataset import Dataset, check_attributes

TABLES = {"items": "item_embeddings", "positions": "position_embeddings"}  # our name -> that of the published weights
BLOCK = {
    "attention.query": "attention.query",
    "attention.key": "attention.key",
    "attention.value": "attention.value",
    "output": "attention.dense",
    "attention_norm": "attention.LayerNorm",
    "expand": "intermediate.dense_1",
    "contract": "intermediate.dense_2",
    "feed_norm": "intermediate.LayerNorm",
}
TABLE = "_embeddings.weight"  # ends their names
IMPORTED = "imported"  # the setting that tells an imported checkpoint: the name of the weights' file
IMPORTED_SHA256 = "imported_sha256"  # that of the file
LAYER = re.compile(r"item_encoder\.layer\.(0|[1-9][0-9]{0,3})\.")


def check_place(out: str | Path, weights: str | Path, dataset: Dataset) -> None:
    """Check that an imported checkpoint may be written to ``out``: in place of nothing, or of one of the same weights.

    Raises:
        ValueError: It would replace the weights, the data or the attributes.
        FileExistsError: It would replace something else.
        OSError: Its folder cannot be written to.
    """
    out = Path(out)
    check_writable(out)
    inputs = [weights, dataset.source]
    if dataset.attributes is not None:
        inputs.append(dataset.attributes.source)
    refuse_inputs([out], inputs)

    def own(path: Path) -> bool:
        sha256 = load_checkpoint(path).settings.get(IMPORTED_SHA256)
        check_regular(Path(weights))
        return sha256 == file_sha256(weights)

    refuse_foreign([out], own, "a checkpoint of these weights")


def import_s3rec(path: str | Path, dataset: Dataset, *, heads: int = 2) -> Checkpoint:
    """A checkpoint of published S3Rec weights.

    With the attribute table and the four maps it is a pre-trained one, to be analysed or fine-tuned; without them a
    plain encoder. How long it was trained is not known: its epoch is 0.

    Args:
        path: A state dict, as ``torch.save`` wrote it; no code in it is run.
        dataset: What it was trained on.
        heads: Number of attention heads; the shapes of the weights do not determine it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else, the data has other numbers of items or attributes, or attributes of which
            none is of its items.
    """
    source = printable(path)
    check_attributes(dataset)
    weights = renamed(load_plain(path, "state dict"), source)
    table, positions = weights["items.weight"], weights["positions.weight"]
    if len(table) != dataset.n_items + 2:
        raise ValueError(
            f"{source} was trained on {len(table) - 2:,} items and {dataset.name} has {dataset.n_items:,}; "
            "give the data it belongs to with --data"
        )
    model = {
        "n_items": dataset.n_items,
        "max_length": len(positions),
        "width": table.shape[1],
        "layers": len({name.split(".")[1] for name in weights if name.startswith("blocks.")}),
        "heads": heads,
        "dropout": 0.5,
    }
    stage = TRAINED
    if "attributes.weight" in weights:
        stage = PRETRAINED
        model["n_attributes"] = attributes_of(dataset).n_attributes
        if len(weights["attributes.weight"]) != model["n_attributes"] + 1:
            raise ValueError(
                f"{source} was trained on {len(weights['attributes.weight']) - 1:,} attributes and {dataset.name} has "
                f"{model['n_attributes']:,}; give its attribute file with --attributes"
            )
    checkpoint = Checkpoint(
        method="s3rec",
        model=model,
        weights=weights,
        data=dataset.metadata(),
        settings={IMPORTED: Path(path).name, IMPORTED_SHA256: file_sha256(path)},
        seed=0,
        epoch=0,
        metrics={},
        stage=stage,
        versions=versions(),
    )
    with errors_about(source):
        checkpoint.check_weights()
    return replace(checkpoint, weights={name: tensor.clone() for name, tensor in weights.items()})


def renamed(published: dict[str, Any], source: str) -> dict[str, Tensor]:
    """Published weights by our names; they share the memory of ``published``.

    Raises:
        ValueError: A name is missing or unknown, or something is not a tensor of float32; the message calls the file
            ``source``.
    """
    try:
        each(anything)(published, "it")
    except ValueError as problem:
        raise ValueError(f"{source} is not a state dict of S3Rec: {problem}") from None
    layers = sorted({int(matched[1]) for name in published if (matched := LAYER.match(name))})
    tables, affine = dict(TABLES), {"norm": "LayerNorm"}
    for layer in layers:
        affine |= {f"blocks.{layer}.{ours}": f"item_encoder.layer.{layer}.{theirs}" for ours, theirs in BLOCK.items()}
    if "attribute_embeddings.weight" in published:
        tables["attributes"] = "attribute_embeddings"
        affine |= {f"heads.{head}": f"{head}_norm" for head in HEADS}
    names = {f"{ours}.weight": f"{theirs}.weight" for ours, theirs in (tables | affine).items()}
    names |= {f"{ours}.bias": f"{theirs}.bias" for ours, theirs in affine.items()}
    missing = [theirs for theirs in names.values() if theirs not in published]
    unknown = sorted(set(published) - set(names.values()))
    if missing or unknown or not layers:
        lacking = missing or ["item_encoder.layer.0"] * (not layers)
        what = f"lacks {', '.join(lacking[:3])}" if lacking else f"also holds {_list(unknown[:3])}"
        raise ValueError(f"{source} is not a state dict of S3Rec: it {what}")
    for theirs in names.values():
        try:
            WEIGHTS(published[theirs], theirs)
            if theirs.endswith(TABLE) and published[theirs].dim() != 2:
                raise ValueError(f"{theirs} has the shape {tuple(published[theirs].shape)}, not that of a table")
        except ValueError as problem:
            raise ValueError(f"{source} holds other weights than S3Rec's: {problem}") from None
    return {ours: published[theirs].detach() for ours, theirs in names.items()}


def _list(names: list[str]) -> str:
    return ", ".join(printable(name, SHOWN) for name in names)
