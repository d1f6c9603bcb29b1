"""Text tables without a header line that are well known, recognised by their first line."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WHOLE = r"\d+"
_STARS = r"[0-5](\.\d)?"
_SECONDS = r"\d{9,10}"
_DEGREES = r"-?\d+(\.\d+)?"
_ASIN = r"[0-9A-Z]{10}"
_REVIEWER = r"A[0-9A-Z]{11,20}"
_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_CTIME = r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d [+-]\d{4} \d{4}"
_ANY = r".*"


@dataclass(frozen=True)
class Layout:
    """What the columns of a file without a header are."""

    name: str
    separator: str
    columns: tuple[str, ...]  # user, item, time once each at most; anything else is not read
    fields: tuple[str, ...] = ()  # regular expressions that the fields of the first line match

    @property
    def width(self) -> int:
        """How many fields a line has."""
        return len(self.columns)


LAYOUTS = (
    Layout("MovieLens' u.data", "\t", ("user", "item", "rating", "time"), (_WHOLE, _WHOLE, _STARS, _SECONDS)),
    Layout("MovieLens' ratings.dat", "::", ("user", "item", "rating", "time"), (_WHOLE, _WHOLE, _STARS, _WHOLE)),
    Layout("SASRec's lines of a user and an item", " ", ("user", "item"), (_WHOLE, _WHOLE)),
    Layout("check-ins as Gowalla's", "\t", ("user", "time", "latitude", "longitude", "item"),
           (_WHOLE, _ISO, _DEGREES, _DEGREES, r"\S+")),
    Layout("check-ins as Foursquare's of one city", "\t",
           ("user", "item", "category", "name", "latitude", "longitude", "offset", "time"),
           (_WHOLE, r"\S+", _ANY, _ANY, _DEGREES, _DEGREES, r"-?\d+", _CTIME)),
    Layout("check-ins as Foursquare's of the world", "\t", ("user", "item", "time", "offset"),
           (_WHOLE, r"\S+", _CTIME, r"-?\d+")),
    Layout("Amazon's ratings of 2014", ",", ("user", "item", "rating", "time"), (_REVIEWER, _ASIN, _STARS, _SECONDS)),
    Layout("Amazon's ratings of 2018", ",", ("item", "user", "rating", "time"), (_ASIN, _REVIEWER, _STARS, _SECONDS)),
)  # fmt: skip

_VALUE = re.compile(r"\s*(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|\d{4}-\d\d-\d\d.*)\s*")  # a number or a date


def recognise(separator: str, fields: list[str]) -> Layout | None:
    """Return the layout that a first line has; None if it has none of them."""
    for layout in LAYOUTS:
        pairs = zip(layout.fields, fields, strict=False)
        if (separator, len(fields)) == (layout.separator, layout.width) and all(
            re.fullmatch(pattern, field, re.ASCII) for pattern, field in pairs
        ):
            return layout
    return None


def is_value(field: str) -> bool:
    """Return whether a field of a first line is a number or a date, which names no column."""
    return _VALUE.fullmatch(field) is not None
