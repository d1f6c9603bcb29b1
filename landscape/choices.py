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


def check_known(name: str, known: Iterable[str], what: str) -> None:
    """Refuse a name that is none of ``known``, and say which is nearest; for many names, which no line could list.

    Raises:
        ValueError: It is none of them.
    """
    names = [*map(str, known)]
    if name not in names:
        close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
        raise ValueError(f"{what} {name!r} is unknown" + (f"; did you mean {close[0]!r}?" if close else ""))
