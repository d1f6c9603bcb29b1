"""The kinds of values that results are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Metadata = dict[str, Any]


def give_or_take(error: float | None) -> str:
    """A standard error to put behind a number; nothing where there is none or it is not known."""
    return f" ± {error:.1g}" if error is not None and error > 0 else ""
