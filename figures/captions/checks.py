"""Numbers found in two ways, in words."""

from __future__ import annotations

from landscape.figures.captions.facts import counted
from landscape.figures.style import number
from landscape.results import CheckReport

DIGITS = 7


def check_rows(checks: CheckReport) -> list[dict[str, str | bool]]:
    """For a table: what, expected, found with what is allowed, and whether the two agree."""
    return [
        {
            "what": check.what,
            "expected": number(check.expected, DIGITS),
            "found": f"{number(check.found, DIGITS)} ± {number(check.allowed, 2)}",
            "agrees": check.agrees,
        }
        for check in checks.checks
    ]


def check_warnings(checks: CheckReport | None) -> list[str]:
    """Which checks failed."""
    differing = [check.what for check in checks.checks if not check.agrees] if checks is not None else []
    if checks is None or not differing:
        return []
    total = counted(len(checks.checks), "check")
    return [
        f"{len(differing)} of {total} failed: {', '.join(differing)}. Do not trust the numbers before it is known why."
    ]
