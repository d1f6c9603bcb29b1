"""Claims and the verdicts on them, as text and as dots with intervals beside the claimed effects."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from landscape.figures.study.strips import Scale, Strip, scale_of, strip_of, values_of
from landscape.figures.style import number, percent
from landscape.results.study import Claim, ClaimVerdict, Estimate, StudyReport

SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED = VERDICTS = ("supported", "contradicted", "undecided", "not tested")
SYMBOLS = {SUPPORTED: "✓", CONTRADICTED: "✗", UNDECIDED: "?", NOT_TESTED: "–"}
LARGEST_POWER = 300  # of ten, as a float
RELATIVE, LOGARITHM = "relative", "log"  # beginnings of a claim's unit


@dataclass(frozen=True)
class VerdictRow:
    """A claim on one data set."""

    data: str
    verdict: str
    symbol: str
    difference: str
    claimed: str
    p_values: str
    over_users: str
    strip: Strip | None
    description: str  # of the strip


@dataclass(frozen=True)
class ClaimCard:
    """A claim with everything that is shown of it."""

    claim: Claim
    symbol: str
    rows: tuple[VerdictRow, ...]
    ticks: tuple[tuple[float, str], ...]  # of the strips: place in per cent, and label


def claim_cards(report: StudyReport) -> list[ClaimCard]:
    """Return the claims of a report as they are shown."""
    return [_card(claim) for claim in report.claims]


def verdict_counts(report: StudyReport) -> list[tuple[str, str, int]]:
    """Return verdict, symbol and number of claims, for each verdict that occurs."""
    counts = Counter(claim.verdict for claim in report.claims)
    order = dict.fromkeys([*VERDICTS, *counts])
    return [(verdict, symbol_of(verdict), counts[verdict]) for verdict in order if verdict in counts]


def symbol_of(verdict: str) -> str:
    """Return the sign of a verdict, so that its colour is not alone."""
    return SYMBOLS.get(verdict, SYMBOLS[NOT_TESTED])


def claim_scale(claim: Claim) -> Scale | None:
    """Return the scale of all differences of a claim: zero, intervals, and what is claimed."""
    values = [value for row in claim.by_data for value in values_of(row.difference)]
    if not any(map(math.isfinite, values)):
        return None
    claimed = [row.effect for row in claim.by_data if row.effect is not None]
    return scale_of([0.0, *values, *claimed, *([-effect for effect in claimed] if claim.margin else [])])


def in_unit(claim: Claim, value: float) -> str:
    """Return a difference as text: relative ones in per cent, logarithms with the factor."""
    if not math.isfinite(value):
        return "unknown"
    if claim.unit.startswith(RELATIVE):
        return percent(value)
    return number(value, 3)


def difference_text(claim: Claim, difference: Estimate) -> str:
    """Return a difference with its interval and the number of pairs; one that is unknown is said to be."""
    if not math.isfinite(difference.mean):
        return "no difference: no pairs of runs" if difference.count == 0 else "no finite difference"
    text = _with_interval(claim, difference)
    if claim.unit.startswith(LOGARITHM) and abs(difference.mean) < LARGEST_POWER:
        text += f", a factor of {number(10**difference.mean, 3)}"
    return f"{text} · {difference.count} {'pair' if difference.count == 1 else 'pairs'}"


def _with_interval(claim: Claim, difference: Estimate) -> str:
    text = in_unit(claim, difference.mean)
    if math.isfinite(difference.low) and math.isfinite(difference.high):
        return f"{text} [{in_unit(claim, difference.low)}, {in_unit(claim, difference.high)}]"
    return f"{text}, no interval"


def _card(claim: Claim) -> ClaimCard:
    scale = claim_scale(claim)
    ticks = () if scale is None else tuple((scale.place(tick), in_unit(claim, tick)) for tick in scale.ticks())
    return ClaimCard(claim, symbol_of(claim.verdict), tuple(_row(claim, row, scale) for row in claim.by_data), ticks)


def _row(claim: Claim, row: ClaimVerdict, scale: Scale | None) -> VerdictRow:
    difference = difference_text(claim, row.difference)
    claimed = _claimed(claim, row.effect)
    strip = strip_of(
        scale,
        row.difference,
        mark=None if claim.margin else row.effect,
        margin=row.effect if claim.margin else None,
        zero=True,
    )
    over_users = "" if row.over_users is None else f"over seeds and users: {_with_interval(claim, row.over_users)}"
    description = f"{row.data}: {difference}" + (f"; {claimed}" if claimed else "")
    return VerdictRow(
        row.data,
        row.verdict,
        symbol_of(row.verdict),
        difference,
        claimed,
        _p_values(row),
        over_users,
        strip,
        description,
    )


def _claimed(claim: Claim, effect: float | None) -> str:
    if effect is None:
        return ""
    return f"margin ± {in_unit(claim, effect)}" if claim.margin else f"claimed {in_unit(claim, effect)}"


def _p_values(row: ClaimVerdict) -> str:
    if any(map(math.isnan, row.p_values)):
        return ""
    for_it, against = (number(value, 2) for value in row.p_values)
    return f"p = {for_it} for, {against} against"
