"""Numbers that were computed in two ways, in words."""

from __future__ import annotations

from landscape.figures.captions.facts import counted
from landscape.figures.style import number
from landscape.results import CheckReport

DIGITS = 7


def check_rows(checks: CheckReport) -> list[dict[str, str]]:
    """Return rows of a table: what, expected, result with the allowed difference, and the verdict."""
    return [
        {
            "what": check.what,
            "expected": number(check.expected, DIGITS),
            "result": f"{number(check.found, DIGITS)} ± {number(check.allowed, 2)}",
            "verdict": check.verdict,
        }
        for check in checks.checks
    ]


def check_warnings(checks: CheckReport | None) -> list[str]:
    """Return a warning that names the checks that failed."""
    failed = checks.named("differs") if checks is not None else []
    if checks is None or not failed:
        return []
    total = counted(len(checks.checks), "check")
    return [f"{len(failed)} of {total} failed: {', '.join(failed)}. Do not trust the numbers until the cause is known."]
