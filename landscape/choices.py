"""Names to choose from; errors about unknown names suggest the nearest one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

NORMALIZE = ("filter", "layer", "none")  # how random directions are scaled
VECTORS = ("zero", "keep")  # biases and norms in them


def one_of(value: str, known: Iterable[str], what: str) -> str:
    """Return ``value`` as it is spelt among ``known``; case does not matter.

    Raises:
        ValueError: It is none of them; the message lists them, and suggests the nearest.
    """
    spellings = {name.lower(): name for name in known}
    if value.lower() in spellings:
        return spellings[value.lower()]
    close = difflib.get_close_matches(value.lower(), spellings, n=1)
    guess = f"; did you mean {spellings[close[0]]}?" if close else ""
    raise ValueError(f"{what} must be one of {', '.join(spellings.values())}, got {value!r}{guess}")
