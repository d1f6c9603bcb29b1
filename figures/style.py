"""What all figures share: colours, the colour scale, numbers and labels.

This file and ``plotdata`` use neither plotly nor matplotlib; ``interactive`` and ``static`` translate.
"""

from __future__ import annotations

import math

from landscape.results.display.display_names import display_name

# Okabe & Ito (2008), "Color Universal Design": eight colours that colour-blind readers can distinguish. Black and
# yellow are left out: black vanishes on a dark page, yellow on a light one.
PALETTE = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
}
MARK = PALETTE["vermillion"]  # of what is pointed out in a figure of one model, such as the best snapshot
BARRIER_COLOUR = PALETTE["green"]  # of a barrier, and of the straight path that has it
SMALLEST_COLOUR = PALETTE["sky"]  # of the smallest eigenvalues, beside the largest in blue
SPOT, SPOT_EDGE = "#FFFFFF", "#15191E"  # of the centre and named points: neutral, as colours mean losses and models
PATH_COLOURS = ("#FFFFFF", "#F3C3A3", "#B34700")  # of a training run, from its first snapshot to its last
BALL_COLOUR = PALETTE["purple"]
QUADRATIC_COLOUR = PALETTE["orange"]

# Viridis (Smith & van der Walt 2015, CC0): perceptually uniform and safe for colour-blind readers. Sampled from 6 % to
# 94 %, so that both ends stand out from a dark and from a light page.
COLOUR_SCALE = (
    "#481769", "#46307E", "#3E4989", "#355F8D", "#2C738E", "#24868E",
    "#1F9A8A", "#26AD81", "#44BF70", "#6ECE58", "#A2DA37", "#D8E219",
)  # fmt: skip

GREEK_ALPHA, GREEK_BETA, GREEK_LAMBDA, GREEK_RHO = "α", "β", "λ", "ρ"
LAMBDA_MAX, LAMBDA_MIN = "λₘₐₓ", "λₘᵢₙ"

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def colour(index: int) -> str:
    """Return the colour of the model with this index; after the last colour they repeat."""
    colours = list(PALETTE.values())
    return colours[index % len(colours)]


def shade(fraction: float) -> str:
    """Return the colour at ``fraction`` of the colour scale, 0 (lowest) to 1 (highest), as #rrggbb."""
    place = min(max(fraction, 0.0), 1.0) * (len(COLOUR_SCALE) - 1)
    below = min(int(place), len(COLOUR_SCALE) - 2)
    return blended(COLOUR_SCALE[below], COLOUR_SCALE[below + 1], place - below)


def blended(one: str, other: str, share: float) -> str:
    """Return the colour #rrggbb between two, with ``share`` of the other.

    >>> blended("#000000", "#FF8000", 0.5)
    '#804000'
    """
    start, end = ([int(code[at : at + 2], 16) for at in (1, 3, 5)] for code in (one, other))
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in zip(start, end, strict=True))


def number(value: float, digits: int = 4) -> str:
    """Format a number: ``digits`` significant digits, a true minus sign, a power of ten if it is very large or small.

    >>> number(0.25), number(-2601), number(8.04e-4), number(1.5e-7), number(float("nan"))
    ('0.25', '−2,601', '0.000804', '1.5×10⁻⁷', 'not a number')
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 <= power < 6:
        return _trimmed(f"{float(f'{mantissa}e{power}'):,.{max(digits - 1 - power, 0)}f}").replace("-", "−")
    mantissa = _trimmed(mantissa).replace("-", "−")
    tens = f"10{str(power).translate(_SUPERSCRIPTS)}"
    return tens if mantissa == "1" else f"{mantissa}×{tens}"


def percent(fraction: float) -> str:
    """Format a fraction in per cent with two significant digits."""
    return f"{number(100 * fraction, 2)} %"


def give_or_take(value: float, error: float, digits: int = 4) -> str:
    """Format a number, followed by ± its error unless that is zero or unknown."""
    return number(value, digits) + ("" if math.isnan(error) or error == 0 else f" ± {number(error, 2)}")


def shortened(name: str, length: int = 28) -> str:
    """Return the name; one longer than ``length`` is shortened in the middle."""
    return name if len(name) <= length else f"{name[: length * 2 // 3]}…{name[-(length - length * 2 // 3 - 1) :]}"


def eigenvalue_label(operator: str) -> str:
    """Return the title of an axis of eigenvalues of ``operator``."""
    return f"eigenvalue of the {display_name(operator)}"


def _trimmed(decimal: str) -> str:
    return decimal.rstrip("0").rstrip(".") if "." in decimal else decimal


def eigenvalue_name(rank: int) -> str:
    """Return the name of an eigenvalue: λ₁ for rank 1, the largest."""
    return GREEK_LAMBDA + str(rank).translate(_SUBSCRIPTS)
