"""Times of any source in one representation: whole nanoseconds since 1970 (UTC), or numbers that are only an order.

Numbers since 1970 have a unit, which follows from their size: those of 1973 to 2128 lie between 1e8 and 5e9 in
seconds, and a thousand times higher with each smaller unit. Numbers below 1e8 are an order (days, years, positions).
All sources of one data set are of one kind. Everything is computed in whole numbers, never in floats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from landscape.results.display.printable import printable

Place = Callable[[int], str]  # row, from 0 -> "FILE, line 7"

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # nanoseconds
ORDER = "order"
TIME_UNITS = (*UNITS, ORDER)
_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_SMALL = 10**8  # numbers below are an order
_BANDS = {unit: (_SMALL * 10**9 // scale, 5 * 10**18 // scale) for unit, scale in UNITS.items()}
_REMEDY = f"say what the numbers are with --time-unit {'|'.join(TIME_UNITS)}"
_INT64 = 2**63 - 1
_DIGITS = 18  # decimal digits that always fit into int64
_MAX_EXPONENT = 40  # of ten: numbers beyond are no times

_WHOLE = r"^[+-]?[0-9]{1,18}$"
_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_PLAIN = r"^([+-]?)([0-9]*)\.?([0-9]*)$"  # of what is a number: without an exponent
_ISO = (
    r"^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r" *(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?$"
)
_CTIME = (  # Tue Apr 03 18:00:09 +0000 2012, as in Foursquare's and Twitter's data
    r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([0-9]{2}) "
    r"([0-9]{2}:[0-9]{2}:[0-9]{2}) ([+-][0-9]{4}) ([0-9]{4})$"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_DAY_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?")

Whole = NDArray[Any]  # (N,) int64, or Python's integers where they do not fit


@dataclass(frozen=True)
class Times:
    """The times of one source."""

    path: Path
    values: Whole  # nanoseconds since 1970; of an order, the numbers times 10**digits
    dates: bool  # False: only an order
    digits: int = 0
    unit: str | None = None  # that numbers since 1970 had in the source


def read_times(column: pl.Series, path: Path, place: Place, *, unit: str | None = None, negative: bool = True) -> Times:
    """Read a column of times: dates, text, or numbers.

    Args:
        column: As the source has it; text without white space around it.
        path: The file that it is from.
        place: Names a row in messages.
        unit: One of ``TIME_UNITS``, what numbers are; None decides by their size.
        negative: Whether small negative numbers may be an order.

    Raises:
        ValueError: A time is missing or malformed, or what the numbers are is ambiguous.
    """
    kind = column.dtype
    if kind.is_temporal():
        return _temporal(column, path, place)
    if kind in (pl.Categorical, pl.Enum, pl.Null):
        column = column.cast(pl.String)
    elif not (kind == pl.String or kind.is_numeric()):
        raise ValueError(f"{printable(path)}: the times are of type {printable(kind)}; expected numbers or dates")
    _refuse(column.is_null(), column, place, "the time is missing")
    if kind.is_float():
        _refuse(~column.is_finite(), column, place, "the time {} is not a finite number")
        whole = (column == column.floor()).all() and bool((column.abs() < 2**53).all())
        column = column.cast(pl.Int64 if whole else pl.String)  # the shortest text of a float is what was meant
    elif kind.is_integer() and len(column) and int(column.max()) <= _INT64 and int(column.min()) >= -_INT64:  # type: ignore[arg-type]
        column = column.cast(pl.Int64)
    elif kind.is_numeric():
        column = column.cast(pl.String)
    if column.dtype == pl.Int64:
        return _numbers(column.to_numpy(), 0, path, place, unit, negative)
    return _text(column, path, place, unit, negative)


def merge(sources: Sequence[Times]) -> tuple[NDArray[np.int64], str]:
    """Bring the times of all sources together.

    Returns:
        (N,) nanoseconds since 1970, or numbers whose order is that of the sources; and what the summary says of them.

    Raises:
        ValueError: Some sources have dates, others numbers that are only an order.
    """
    sources = [times for times in sources if len(times.values)]
    ordered = next((times for times in sources if not times.dates), None)
    dated = next((times for times in sources if times.dates), None)
    if ordered is not None and dated is not None:
        number = Decimal(int(ordered.values[0])).scaleb(-ordered.digits)
        raise ValueError(
            f"the times of {printable(ordered.path)} are numbers such as {number:f} without a known unit, "
            f"those of {printable(dated.path)} are dates; {_REMEDY}, or prepare the files apart"
        )
    if dated is not None or not sources:
        return np.concatenate([np.empty(0, np.int64), *(times.values for times in sources)]), _units(sources)
    digits = max(times.digits for times in sources)
    values = np.concatenate([_scaled(times.values, 10 ** (digits - times.digits)) for times in sources])
    if digits or values.dtype == object:  # numbers that int64 cannot hold: their ranks have the same order
        values = np.unique(values, return_inverse=True)[1]
    return values.astype(np.int64), ""


def _units(sources: Sequence[Times]) -> str:
    by_unit: dict[str, list[str]] = {}
    for times in sources:
        if times.unit is not None:
            by_unit.setdefault(times.unit, []).append(printable(times.path, 80))
    if len(by_unit) == 1 and sum(map(len, by_unit.values())) == len(sources):
        return f"times are {_WORDS[next(iter(by_unit))]} since 1970"
    return "; ".join(
        f"times are {_WORDS[unit]} since 1970 in {', '.join(paths[:3])}" + (", …" if len(paths) > 3 else "")
        for unit, paths in by_unit.items()
    )


def _temporal(column: pl.Series, path: Path, place: Place) -> Times:
    _refuse(column.is_null(), column, place, "the time is missing")
    if isinstance(column.dtype, pl.Datetime):
        scale = UNITS[column.dtype.time_unit]  # with a zone, polars stores UTC
    elif column.dtype == pl.Date:
        scale = 86400 * UNITS["s"]
    else:
        what = "times of day without a date" if column.dtype == pl.Time else "durations"
        raise ValueError(f"{printable(path)}: the times are {what}, not dates or numbers (--time names the column)")
    values = column.to_physical().cast(pl.Int64)
    outside = (values > _INT64 // scale) | (values < -(_INT64 // scale))
    _refuse(outside, column, place, "the time is not between the years 1678 and 2262")
    return Times(path, values.to_numpy() * scale, dates=True)


def _text(column: pl.Series, path: Path, place: Place, unit: str | None, negative: bool) -> Times:
    if column.str.contains(_WHOLE).all():
        return _numbers(column.cast(pl.Int64).to_numpy(), 0, path, place, unit, negative)
    is_number = column.str.contains(_NUMBER)
    is_date = column.str.contains(_ISO) | column.str.contains(_CTIME)
    _refuse(column == "", column, place, "the time is empty")
    malformed = ~(is_number | is_date)
    if malformed.any():
        row = int(malformed.arg_max())  # type: ignore[arg-type]
        what = "is no number and no date like 2019-12-31 23:59:59"
        if _DAY_TIME.fullmatch(column[row]):
            what = "is a time of day without a date (--time names the column)"
        raise ValueError(f"{place(row)}: the time {printable(repr(column[row][:40]))} {what}")
    if is_number.all():
        return _numbers(*_decimals(column, place), path, place, unit, negative)
    if is_number.any():
        number, date = int(is_number.arg_max()), int(is_date.arg_max())  # type: ignore[arg-type]
        raise ValueError(
            f"{place(max(number, date))}: numbers and dates are mixed in one column, "
            f"{column[number][:40]!r} and {column[date][:40]!r}; write all times in one form"
        )
    return Times(path, _dates(column, place), dates=True)


def _numbers(values: Whole, digits: int, path: Path, place: Place, unit: str | None, negative: bool) -> Times:
    """Times from the numbers ``values / 10**digits``."""
    if not len(values):
        return Times(path, values, dates=unit not in (None, ORDER))

    def number(row: int) -> str:
        return f"{Decimal(int(values[row])).scaleb(-digits):f}"

    low, high = int(values.argmin()), int(values.argmax())
    asked = unit
    if values[low] < 0 and unit != ORDER:
        small = max(-int(values[low]), int(values[high])) < _SMALL * 10**digits
        if unit is not None or not negative or not small:
            raise ValueError(
                f"{place(low)}: the time {number(low)} is negative; numbers since 1970 are not "
                f"(--time-unit {ORDER} takes them as an order)"
            )
    if unit is None:
        lowest, highest = _band(int(values[low]), digits), _band(int(values[high]), digits)
        if lowest is None or lowest != highest:
            row, other = (low, high) if lowest is None or (highest is not None and low > high) else (high, low)
            beside = "" if lowest is highest is None else f" beside {number(other)}"
            raise ValueError(f"{place(row)}: the time {number(row)}{beside} has no certain unit; {_REMEDY}")
        unit = lowest
    if unit == ORDER:
        return Times(path, values, dates=False, digits=digits)
    scaled = _scaled(values, UNITS[unit])
    if digits:
        scaled, fraction = scaled // 10**digits, scaled % 10**digits  # np.divmod knows no objects
        if fraction.any():
            row = int((fraction != 0).argmax())
            problem = f"the time {number(row)} is finer than a nanosecond; --time-unit {ORDER} reads it"
            raise ValueError(f"{place(row)}: {problem}")
    if scaled.max() > _INT64:
        raise ValueError(
            f"{place(high)}: the time {number(high)} in {_WORDS[unit]} is after the year 2262; "
            f"{'choose another --time-unit' if asked else _REMEDY}"
        )
    return Times(path, scaled.astype(np.int64), dates=True, unit=unit)


def _band(value: int, digits: int) -> str | None:
    """Return what a number is by its size; None between the units."""
    if abs(value) < _SMALL * 10**digits:
        return ORDER
    return next((unit for unit, (a, b) in _BANDS.items() if a * 10**digits <= value < b * 10**digits), None)


def _scaled(values: Whole, factor: int) -> Whole:
    """Return ``values * factor``, in Python's integers where int64 would overflow."""
    largest = max((abs(int(values.min())), abs(int(values.max()))) if len(values) else (0,))
    return values * factor if largest * factor <= _INT64 else values.astype(object) * factor


def _decimals(column: pl.Series, place: Place) -> tuple[Whole, int]:
    """Return numbers from their text as whole numbers and the power of ten that they are divided by."""
    parts = column.str.extract_groups(_PLAIN).struct.unnest()
    sign, whole, fraction = (parts[name] for name in parts.columns)
    if not whole.null_count():
        fraction = fraction.str.strip_chars_end("0")
        digits = int(fraction.str.len_bytes().max() or 0)  # type: ignore[arg-type]
        if int(whole.str.len_bytes().max() or 0) + digits <= _DIGITS:  # type: ignore[arg-type]
            return (sign + "0" + whole + fraction.str.pad_end(digits, "0")).cast(pl.Int64).to_numpy(), digits
    pairs = [_mantissa(text, row, place) for row, text in enumerate(column)]
    digits = max(0, *(-exponent for _, exponent in pairs))
    values = [mantissa * 10 ** (exponent + digits) for mantissa, exponent in pairs]
    fits = all(abs(value) <= _INT64 for value in values)
    return np.array(values, dtype=np.int64 if fits else object), digits


def _mantissa(text: str, row: int, place: Place) -> tuple[int, int]:
    """Return a number as ``(m, e)``, m times 10**e, with the largest e."""
    mantissa, _, power = text.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    exponent = int(power or 0) - len(fraction)
    digits = (whole + fraction).lstrip("+-").strip("0")
    exponent += len(whole + fraction) - len((whole + fraction).rstrip("0"))
    if not digits:
        return 0, 0
    if len(digits) + exponent > _MAX_EXPONENT or exponent < -_MAX_EXPONENT:
        raise ValueError(f"{place(row)}: the time {text[:40]!r} is too large or too fine for a time")
    return (-1 if text[0] == "-" else 1) * int(digits), exponent


def _dates(column: pl.Series, place: Place) -> NDArray[np.int64]:
    """Return nanoseconds since 1970 of dates in ISO 8601 or in C's form; UTC where they have no zone."""
    named = {f"-{name}-": f"-{number:02}-" for number, name in enumerate(_MONTHS, start=1)}
    column = column.str.replace(_CTIME, "${5}-${1}-${2} ${3}${4}").str.replace_many(named)
    parts = column.str.extract_groups(_ISO).struct.unnest()
    *numbers, fraction, zone = (parts[name] for name in parts.columns)
    year, month, day, hour, minute, second = (part.fill_null("0").cast(pl.Int64).to_numpy() for part in numbers)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    exists = (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59) & (second <= 59) & (day >= 1)
    exists &= day <= _MONTH_DAYS[np.where(exists, month, 1)] + (leap & (month == 2))
    offset = zone.fill_null("Z").replace({"Z": "+0000", "UTC": "+0000", "GMT": "+0000"}).str.replace(":", "")
    hours, minutes = offset.str.slice(1, 2).cast(pl.Int64), offset.str.slice(3).replace("", "0").cast(pl.Int64)
    exists &= ((hours <= 23) & (minutes <= 59)).to_numpy()
    _refuse(~pl.Series(exists), column, place, "the time {} does not exist")
    east = np.where((offset.str.slice(0, 1) == "-").to_numpy(), -1, 1) * (60 * hours + minutes).to_numpy()
    seconds = 86400 * _days(year, month, day) + 3600 * hour + 60 * (minute - east) + second
    _refuse(pl.Series(np.abs(seconds) >= _INT64 // 10**9), column, place, "the time {} is not between 1678 and 2262")
    nanoseconds = fraction.fill_null("").str.pad_end(9, "0").cast(pl.Int64).to_numpy()
    result: NDArray[np.int64] = seconds * 10**9 + nanoseconds
    return result


def _days(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return days since 1970 in the Gregorian calendar, whose years here begin in March: leap days come last."""
    year = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - 719468


def _refuse(wrong: pl.Series, column: pl.Series, place: Place, problem: str) -> None:
    if wrong.any():
        row = int(wrong.arg_max())  # type: ignore[arg-type]
        if "{}" in problem:  # not every value has a text: dates beyond the calendar
            problem = problem.format(printable(repr(str(column[row])[:40])))
        raise ValueError(f"{place(row)}: {problem}")
