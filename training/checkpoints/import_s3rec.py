"""Weights in the form that S3Rec's authors publish them, as checkpoints."""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from landscape.models.s3rec import HEADS
from landscape.provenance import file_sha256, versions
from landscape.training.batches.masked import attributes_of
from landscape.training.checkpoints.checkpoint import Checkpoint, load_plain
from landscape.training.config.methods import PRETRAINED, TRAINED
from landscape.training.data.dataset import Dataset

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
LAYER = re.compile(r"item_encoder\.layer\.(\d+)\.")


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
        ValueError: It holds something else, or the data has other numbers of items or attributes.
    """
    published = load_plain(path, "state dict")
    weights = renamed(published, str(path))
    table, positions = weights["items.weight"], weights["positions.weight"]
    if len(table) != dataset.n_items + 2:
        raise ValueError(
            f"{path} was trained on {len(table) - 2:,} items and {dataset.name} has {dataset.n_items:,}; "
            "give the data it belongs to with --data"
        )
    model = {
        "n_items": dataset.n_items,
        "max_length": len(positions),
        "width": table.shape[1],
        "layers": 1 + max(int(matched[1]) for name in published if (matched := LAYER.match(name))),
        "heads": heads,
        "dropout": 0.5,
    }
    stage = TRAINED
    if "attributes.weight" in weights:
        stage = PRETRAINED
        model["n_attributes"] = attributes_of(dataset).n_attributes
        if len(weights["attributes.weight"]) != model["n_attributes"] + 1:
            raise ValueError(
                f"{path} was trained on {len(weights['attributes.weight']) - 1:,} attributes and {dataset.name} has "
                f"{model['n_attributes']:,}; give its attribute file with --attributes"
            )
    checkpoint = Checkpoint(
        method="s3rec",
        model=model,
        weights=weights,
        data=dataset.metadata(),
        settings={"imported": Path(path).name, "imported_sha256": file_sha256(path)},
        seed=0,
        epoch=0,
        metrics={},
        stage=stage,
        versions=versions(),
    )
    checkpoint.build()  # refuses what does not fit
    return checkpoint


def renamed(published: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """Published weights by our names.

    Raises:
        ValueError: A name is missing, or one is unknown.
    """
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
        what = f"lacks {', '.join(missing[:3])}" if missing else f"also holds {', '.join(unknown[:3])}"
        raise ValueError(f"{source} is not a state dict of S3Rec: it {what}")
    for theirs in names.values():
        if not isinstance(published[theirs], Tensor):
            raise ValueError(
                f"{source} is not a state dict of S3Rec: {theirs} is a {type(published[theirs]).__name__}, not a tensor"
            )
    return {ours: published[theirs].detach().clone().float() for ours, theirs in names.items()}
