"""Claims and the verdicts on them, as text and as dots with intervals beside the claimed effects."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from landscape.figures.study.strips import Scale, Strip, scale_of, strip_of, values_of
from landscape.figures.style import number, percent
from landscape.results.study.records import Claim, ClaimVerdict, Estimate, StudyReport

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
    tested: str  # on how many data sets, where it is not all
    rows: tuple[VerdictRow, ...]  # of the data sets that have runs to compare
    waiting: str  # the other data sets
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


def difference_text(claim: Claim, row: ClaimVerdict) -> str:
    """Return a difference with its interval and the number of pairs; one that is unknown is said to be."""
    return f"{with_interval(claim, row.difference)}{_factor(claim, row.difference.mean)} · {pairs_text(row)}"


def _factor(claim: Claim, value: float) -> str:
    """Return the factor that a logarithm stands for."""
    logarithm = claim.unit.startswith(LOGARITHM) and abs(value) < LARGEST_POWER
    return f", a factor of {number(10**value, 3)}" if logarithm else ""


def pairs_text(row: ClaimVerdict) -> str:
    """Return of how many pairs of runs a difference is, and of how many it will be."""
    count, planned = row.difference.count, max(row.planned, row.difference.count)
    if count < planned:
        return f"{count} of {planned} {'pair' if planned == 1 else 'pairs'}"
    return f"{count} {'pair' if count == 1 else 'pairs'}"


def tested_text(claim: Claim) -> str:
    """Return on how many data sets a claim is tested; empty where it is on all or on none."""
    tested = sum(row.verdict != NOT_TESTED for row in claim.by_data)
    return f"on {tested} of {len(claim.by_data)} data sets" if 0 < tested < len(claim.by_data) else ""


def waiting_text(claim: Claim) -> str:
    """Return the data sets on which there is nothing to compare yet, and what is claimed of them."""
    rows = [row for row in claim.by_data if not row.difference.count]
    if not rows:
        return ""
    names = ", ".join(f"{row.data} ({text})" if (text := claimed_text(claim, row)) else row.data for row in rows)
    return f"No runs to compare yet: {names}"


def with_interval(claim: Claim, difference: Estimate) -> str:
    """Return a difference with its interval; what is not finite comes from runs that failed."""
    if not math.isfinite(difference.mean):
        return "unknown: a run failed, or lacks the value"
    text = in_unit(claim, difference.mean)
    if math.isfinite(difference.low) and math.isfinite(difference.high):
        return f"{text} [{in_unit(claim, difference.low)}, {in_unit(claim, difference.high)}]"
    return f"{text}, no interval"


def _card(claim: Claim) -> ClaimCard:
    scale = claim_scale(claim)
    ticks = () if scale is None else tuple((scale.place(tick), in_unit(claim, tick)) for tick in scale.ticks())
    rows = tuple(_row(claim, row, scale) for row in claim.by_data if row.difference.count)
    return ClaimCard(claim, symbol_of(claim.verdict), tested_text(claim), rows, waiting_text(claim), ticks)


def _row(claim: Claim, row: ClaimVerdict, scale: Scale | None) -> VerdictRow:
    difference, claimed = difference_text(claim, row), claimed_text(claim, row)
    strip = strip_of(
        scale,
        row.difference,
        mark=None if claim.margin else row.effect,
        margin=row.effect if claim.margin else None,
        zero=True,
    )
    over_users = "" if row.over_users is None else f"over seeds and users: {with_interval(claim, row.over_users)}"
    description = f"{row.data}: {difference}" + (f"; {claimed}" if claimed else "")
    return VerdictRow(
        row.data,
        row.verdict,
        symbol_of(row.verdict),
        difference,
        claimed,
        p_values_text(row),
        over_users,
        strip,
        description,
    )


def claimed_text(claim: Claim, row: ClaimVerdict) -> str:
    """Return what is claimed of a data set; empty where it is only a direction."""
    if row.effect is None:
        return ""
    text = in_unit(claim, row.effect)
    return f"margin ± {text}" if claim.margin else f"claimed {text}{_factor(claim, row.effect)}"


def p_values_text(row: ClaimVerdict) -> str:
    """Return the p-values of the tests for a claim and against it; empty where there are none."""
    if any(map(math.isnan, row.p_values)):
        return ""
    for_it, against = (number(value, 2) for value in row.p_values)
    return f"p = {for_it} for, {against} against"
