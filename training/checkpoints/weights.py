"""Which weights a network has, known from its sizes alone, so that no network is built for weights that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from landscape.models.s3rec import HEADS
from landscape.results.display.printable import printable
from landscape.training.checkpoints.schema import rule

Shape = tuple[int, ...]


def _is_stored(tensor: Any) -> bool:
    """Whether it is a plain tensor of float32 with a number in memory for each of its elements."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.dtype == torch.float32
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
    )


WEIGHTS = rule(_is_stored, "a dense tensor of float32 with all its elements")


def shapes_of(sizes: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the shapes of a network's weights by name: SASRec's, and S3Rec's if there is a number of attributes.

    Args:
        sizes: The network's arguments.
    """
    width = sizes["width"]
    shapes: dict[str, Shape] = {
        "items.weight": (sizes["n_items"] + 2, width),
        "positions.weight": (sizes["max_length"], width),
    }
    shapes |= _norm("norm", width)
    for layer in range(sizes["layers"]):
        block = f"blocks.{layer}."
        for name in ("attention.query", "attention.key", "attention.value", "output"):
            shapes |= _linear(block + name, width, width)
        shapes |= _norm(f"{block}attention_norm", width)
        shapes |= _linear(f"{block}expand", width, 4 * width) | _linear(f"{block}contract", 4 * width, width)
        shapes |= _norm(f"{block}feed_norm", width)
    if "n_attributes" in sizes:
        shapes["attributes.weight"] = (sizes["n_attributes"] + 1, width)
        for head in HEADS:
            shapes |= _linear(f"heads.{head}", width, width)
    return shapes


def _linear(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def check_fit(weights: Mapping[str, Any], sizes: Mapping[str, Any]) -> None:
    """Check that weights are those of a network of these sizes. Nothing is allocated.

    Raises:
        ValueError: One is missing or unknown, of another kind or shape, or ``heads`` does not divide ``width``.
    """
    if sizes["heads"] < 1 or sizes["width"] % sizes["heads"]:
        raise ValueError(f"the width {sizes['width']} is not a multiple of {sizes['heads']} heads")
    if sizes["layers"] > len(weights):  # before a name is made for each of them
        raise ValueError(f"{len(weights)} weights are too few for {sizes['layers']:,} layers")
    check_shapes(weights, shapes_of(sizes))


def check_shapes(weights: Mapping[str, Any], shapes: Mapping[str, Shape]) -> None:
    """Check that these are float32 tensors of these names and shapes, each with its own memory.

    Raises:
        ValueError: They are not.
    """
    if different := sorted(shapes.keys() ^ weights.keys()):
        raise ValueError(f"{'it lacks' if different[0] in shapes else 'it also has'} {printable(different[0], 60)}")
    for name, shape in shapes.items():
        WEIGHTS(weights[name], name)
        if tuple(weights[name].shape) != shape:
            raise ValueError(f"{name} has the shape {tuple(weights[name].shape)} instead of {shape}")
    memory = {weights[name].untyped_storage().data_ptr(): weights[name].untyped_storage().nbytes() for name in shapes}
    if sum(weights[name].nbytes for name in shapes) > sum(memory.values()):
        raise ValueError("several of them are the same memory")


def check_finite(weights: Mapping[str, Tensor], title: str) -> None:
    """Check that weights and their norms are finite.

    Raises:
        ValueError: They are not; the message calls the model ``title``.
    """
    if not all(tensor.norm().isfinite() for tensor in weights.values()):
        raise ValueError(f"the weights of {title} are not finite, or their norm is not: its training diverged")
