"""Files of ``torch.save``: a tree of values and tensors, changed as a tree or as bytes."""

from __future__ import annotations

import copy
import io
from collections import OrderedDict
from collections.abc import Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor

from tests.fuzz.mutations import VALUES, change_bytes, change_tree

DTYPES = (torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64)
MORE: tuple[Any, ...] = (
    b"bytes", (), (1, "x"), 1j, torch.zeros(3), torch.tensor(1.0), torch.zeros(0), torch.zeros(2, 2, dtype=torch.int64),
    OrderedDict(a=1), torch.Size([2]), torch.float32, 12 * 10**7, 3000,
)  # fmt: skip
TREE = (*(value for value in VALUES if value != "\ud800"), *MORE)  # torch's writer takes no lone surrogate


def saved(tree: Any) -> bytes:
    """What ``torch.save`` writes."""
    buffer = io.BytesIO()
    torch.save(tree, buffer)
    return buffer.getvalue()


def change_saved(random: Random, content: bytes, seeds: Sequence[bytes], *, share_of_bytes: float = 0.3) -> bytes:
    """A changed tree, or changed bytes; what is not a tree has its bytes changed."""
    if random.random() >= share_of_bytes:
        try:
            return saved(change_tree(random, torch.load(io.BytesIO(content), weights_only=True), TREE, change_tensor))
        except Exception:  # a file of the corpus that torch refuses, or a change that it cannot write
            pass
    return change_bytes(random, content, seeds)


def change_tensor(random: Random, value: Any) -> Any:
    """A tensor of another dtype, shape or with other numbers; other leaves come back as they are."""
    if not isinstance(value, Tensor):
        return copy.deepcopy(random.choice(TREE))
    if value.numel() > 10**6:  # claimed by a few bytes: a copy would be as large
        return value
    match random.randrange(12):
        case 0 | 1 | 2:
            return value.to(random.choice(DTYPES))
        case 3:
            return value.reshape(-1)
        case 4:
            return value[:-1] if value.dim() and len(value) else value[None]
        case 5:
            return torch.cat([value, value]) if value.dim() else value.expand(2)
        case 6:
            return torch.zeros((), dtype=value.dtype)
        case 7:
            return (
                torch.full_like(value, random.choice((float("nan"), float("inf"), 1e38)))
                if value.is_floating_point()
                else -value
            )
        case 8:
            return torch.zeros(1).expand(random.choice((10**6, 12 * 10**7)), 8)  # a few bytes that claim gigabytes
        case 9:
            return value.float().to_sparse() if value.dim() else value
        case 10:
            return torch.nn.Parameter(value.float())
        case _:
            return value.t() if value.dim() == 2 else value[None]
