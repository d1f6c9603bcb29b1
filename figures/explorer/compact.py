"""Plain data made small: equal values are stored once, and arrays of few different values as indices."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORTH = 120  # characters of JSON from which on a value is stored in the pool
FEW = 255  # different values, so that an index has one byte
FEW_TEXTS = 16


class Pool:
    """Values that others refer to as ``{"$": place}``; the page's script replaces the references."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def put(self, value: Any) -> Any:
        """Return the same value, with references in place of its large parts."""
        if isinstance(value, np.ndarray):
            value = encoded(value)
        if isinstance(value, dict) and "bdata" in value:
            return self._reference(_indexed(value))
        if isinstance(value, list) and len(value) > 8 and all(isinstance(row, list) for row in value):
            indexed = _indexed_texts(value)
            if indexed is not None:
                return self._reference(indexed)
        if isinstance(value, dict):
            value = {key: self.put(part) for key, part in value.items()}
        elif isinstance(value, list):
            value = [self.put(part) for part in value]
        else:
            return value
        return self._reference(value)

    def _reference(self, value: Any) -> Any:
        text = json.dumps(value)
        if len(text) < WORTH:
            return value
        if text not in self._places:
            self._places[text] = len(self.values)
            self.values.append(value)
        return {"$": self._places[text]}


def encoded(values: NDArray[Any]) -> dict[str, str]:
    """Encode an array as plotly does."""
    kind = f"{values.dtype.kind}{values.dtype.itemsize}"
    result = {"dtype": kind, "bdata": base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")}
    return result if values.ndim == 1 else {**result, "shape": ", ".join(map(str, values.shape))}


def _indexed(value: dict[str, str]) -> dict[str, Any]:
    """Return an encoded array of few different numbers as these and their indices; any other array as it is."""
    numbers = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
    different, places = np.unique(numbers, return_inverse=True)
    if "shape" in value or not len(numbers) > 4 * len(different) or len(different) > FEW or np.isnan(different).any():
        return value
    return {"$of": different.tolist(), "at": encoded(places.astype(np.uint8))["bdata"]}


def _indexed_texts(rows: list[list[Any]]) -> dict[str, Any] | None:
    texts = [text for row in rows for text in row]
    different = list(dict.fromkeys(text for text in texts if isinstance(text, str)))
    if (
        len({len(row) for row in rows}) != 1
        or not all(isinstance(text, str) for text in texts)
        or len(different) > FEW_TEXTS
    ):
        return None
    places = np.array([different.index(text) for text in texts], dtype=np.uint8)
    return {"$of": different, "at": encoded(places)["bdata"], "columns": len(rows[0])}
