"""Text from files, made safe to show: a terminal obeys control characters."""

from __future__ import annotations


def printable(text: object, limit: int = 500) -> str:
    r"""Return ``text`` in one line without control characters, cut after ``limit`` characters.

    >>> print(printable("plain text, é"), printable("\x1b[31mred\n"))
    plain text, é \x1b[31mred\n
    """
    text = str(text)
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in cut)
