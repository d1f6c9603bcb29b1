"""Types of the values in results."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Metadata = dict[str, Any]


def give_or_take(error: float | None) -> str:
    """Return a standard error to put after a number; nothing where it is zero or unknown."""
    return f" ± {error:.1g}" if error is not None and error > 0 else ""
