"""What all figures share: colours, the colour scale, numbers and labels.

Nothing here and in ``drawn`` knows plotly or matplotlib; ``interactive`` and ``static`` translate.
"""

from __future__ import annotations

import math

# Okabe & Ito (2008), "Color Universal Design": eight colours that colour-blind readers tell apart. Black and yellow
# are left out: one vanishes on a dark page, the other on a light one.
PALETTE = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
}
MARK = PALETTE["vermillion"]  # whatever points out one place: the centre, the crosshair
PATH_COLOURS = ("#FFFFFF", "#F3C3A3", "#B34700")  # of a training run, from its beginning to its end
BALL_COLOUR = PALETTE["purple"]
QUADRATIC_COLOUR = PALETTE["orange"]

# Viridis (Smith & van der Walt 2015, CC0): perceptually uniform and safe for colour-blind readers. Sampled from 6 % to
# 94 %, so that neither end melts into a dark or a light page.
COLOUR_SCALE = (
    "#481769", "#46307E", "#3E4989", "#355F8D", "#2C738E", "#24868E",
    "#1F9A8A", "#26AD81", "#44BF70", "#6ECE58", "#A2DA37", "#D8E219",
)  # fmt: skip

GREEK_ALPHA, GREEK_BETA, GREEK_LAMBDA, GREEK_RHO = "α", "β", "λ", "ρ"
LAMBDA_MAX, LAMBDA_MIN = "λₘₐₓ", "λₘᵢₙ"
MATRICES = {"hessian": "Hessian", "gauss-newton": "Gauss-Newton matrix", "fisher": "Fisher matrix"}

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def colour(index: int) -> str:
    """The colour of the model with this index; they repeat after the last."""
    colours = list(PALETTE.values())
    return colours[index % len(colours)]


def shade(fraction: float) -> str:
    """The colour scale's colour at 0 (lowest) to 1 (highest), as #rrggbb."""
    place = min(max(fraction, 0.0), 1.0) * (len(COLOUR_SCALE) - 1)
    below = min(int(place), len(COLOUR_SCALE) - 2)
    low, high = ([int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in COLOUR_SCALE[below : below + 2])
    return "#" + "".join(f"{round(a + (place - below) * (b - a)):02x}" for a, b in zip(low, high, strict=True))


def number(value: float, digits: int = 4) -> str:
    """A number for people: ``digits`` significant digits, a true minus, powers of ten where zeros would pile up.

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
    """A fraction as per cents with two significant digits, or as a power of ten where it is tiny."""
    return f"{number(100 * fraction, 2)} %"


def give_or_take(value: float, error: float, digits: int = 4) -> str:
    """A number with its error behind it, where there is one."""
    return number(value, digits) + ("" if math.isnan(error) or error == 0 else f" ± {number(error, 2)}")


def shortened(name: str, length: int = 28) -> str:
    """The name, or its beginning and its end where it is longer than ``length``."""
    return name if len(name) <= length else f"{name[: length * 2 // 3]}…{name[-(length - length * 2 // 3 - 1) :]}"


def eigenvalue_label(operator: str) -> str:
    """Of an axis of eigenvalues."""
    return f"eigenvalue of the {MATRICES.get(operator, operator)}"


def _trimmed(decimal: str) -> str:
    return decimal.rstrip("0").rstrip(".") if "." in decimal else decimal


def eigenvalue_name(rank: int) -> str:
    """λ₁ for rank 1: the largest eigenvalue, counting from one."""
    return GREEK_LAMBDA + str(rank).translate(_SUBSCRIPTS)
