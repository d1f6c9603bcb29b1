"""A hash of data of any form: tensors and arrays, in mappings, sequences and objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch


def fingerprint(*values: Any) -> str:
    """Return the SHA-256 of values, whose tensors count by shape, dtype and content, wherever they are.

    >>> fingerprint({"x": torch.ones(2)}) == fingerprint({"x": torch.ones(2)}) != fingerprint({"x": torch.ones(1, 2)})
    True
    """
    digest = hashlib.sha256()
    for piece in _pieces(values, set()):
        digest.update(len(piece).to_bytes(8, "little") + piece)
    return digest.hexdigest()


def _pieces(value: Any, seen: set[int]) -> Iterator[bytes]:
    if isinstance(value, torch.Tensor):
        yield from _of_tensor(value)
    elif isinstance(value, np.ndarray):
        yield f"array {value.dtype} {value.shape}".encode()
        yield repr(value.tolist()).encode() if value.dtype.hasobject else np.ascontiguousarray(value).tobytes()
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
        yield f"{type(value).__name__} {value!r}".encode()
    elif id(value) in seen:
        yield b"again"
    else:
        seen = seen | {id(value)}
        yield type(value).__name__.encode()
        if isinstance(value, Mapping):
            for name, entry in value.items():
                yield from _pieces(name, seen)
                yield from _pieces(entry, seen)
        elif isinstance(value, (tuple, list)):
            yield str(len(value)).encode()
            for entry in value:
                yield from _pieces(entry, seen)
        elif isinstance(value, (set, frozenset)):
            yield from sorted(fingerprint(entry).encode() for entry in value)
        else:
            yield from _pieces(getattr(value, "__dict__", None), seen)


def _of_tensor(tensor: torch.Tensor) -> Iterator[bytes]:
    if tensor.layout != torch.strided or tensor.is_quantized:
        tensor = tensor.dequantize() if tensor.is_quantized else tensor.to_dense()
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    yield f"tensor {tensor.dtype} {tuple(tensor.shape)}".encode()
    yield tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
