"""Claims about two methods: what is compared run by run, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.results.study.records import Claim, ClaimVerdict, Estimate, RunRecord, unpack_ranks
from landscape.training.evaluation.metrics import METRICS, by_user
from landscape.training.study.config import ClaimSpec, StudyConfig
from landscape.training.study.geometry import MEASURES
from landscape.training.study.plan import CellKey, Plan
from landscape.training.study.statistics import Floats, hierarchical_bootstrap
from landscape.training.study.verdicts import (
    Finding,
    Verdict,
    overall,
    verdicts_on_effects,
    verdicts_on_equivalence,
    verdicts_on_signs,
)

SEED = 0  # of the bootstrap over seeds and users
UNITS = {
    "gain": "relative to the second's mean",
    "equal": "relative to the second's mean",
    "ratio": "log₁₀ of the ratio",
    "smallest": "log₁₀ of the ratio to the smallest of the others",
    "drop": "difference of relative losses",
}
RULES = {
    "gain": "supported: above 0 and reaching half the claimed effect; contradicted: below half of it",
    "equal": "supported: within ± the margin; contradicted: outside",
    "ratio": "supported: above 0 and reaching half the claimed effect; contradicted: below half of it",
    "smallest": "supported: above 0; contradicted: below 0",
    "drop": "supported: above 0; contradicted: below 0",
}


def value_of(record: RunRecord, measure: str) -> float:
    """Return a metric on the test items, or a measure of geometry; NaN where the run has failed or lacks it."""
    source = record.geometry if measure in MEASURES else record.test
    return source.get(measure, math.nan)


def judged(study: StudyConfig, plan: Plan, records: Mapping[str, RunRecord]) -> tuple[Claim, ...]:
    """Return all claims of a study with their verdicts."""
    return tuple(_judged(spec, study, plan, records) for spec in study.claims)


def summary(claims: Sequence[Claim], finished: int, failed: int, left: int) -> str:
    """Return what a study says so far in a sentence.

    >>> summary((), finished=3, failed=1, left=2)
    '3 of 6 runs are finished and 1 has failed: means may change.'
    """
    runs = f"{finished} of {finished + failed + left} runs {_are(finished)} finished"
    if failed:
        runs += f" and {failed} {'has' if failed == 1 else 'have'} failed"
    if left:
        runs += f": {'verdicts and ' if claims else ''}means may change"
    if not claims:
        return f"{runs}."
    number = "1 claim" if len(claims) == 1 else f"{len(claims)} claims"
    counts = {verdict.value: sum(claim.verdict == verdict for claim in claims) for verdict in Verdict}
    if counts[Verdict.NOT_TESTED] == len(claims):
        return f"None of {number} is tested{' yet' if left else ''}; {runs}."
    parts = [f"{count} {_are(count)} {verdict}" for verdict, count in counts.items() if count]
    found = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    return f"Of {number}, {found}; {runs}."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _judged(spec: ClaimSpec, study: StudyConfig, plan: Plan, records: Mapping[str, RunRecord]) -> Claim:
    sets = tuple(spec.effect) or spec.data or study.data
    differences = {data: _differences(spec, data, study, plan, records) for data in sets}
    findings = _findings(spec, differences)
    by_data = tuple(
        ClaimVerdict(
            data,
            finding.verdict.value,
            finding.difference,
            spec.effect.get(data),
            (finding.p_above_zero, finding.p_below_half),
            over_users=_over_users(spec, data, plan, records),
            planned=len(set.intersection(*({*plan.cells.get(key, {})} for key in _cells(spec, data, study)))),
        )
        for data, finding in findings.items()
    )
    verdict = overall(findings).value
    return Claim(
        spec.text, spec.source, UNITS[spec.kind], RULES[spec.kind], verdict, by_data, margin=spec.kind == "equal"
    )


def _findings(spec: ClaimSpec, differences: Mapping[str, Floats]) -> dict[str, Finding]:
    if spec.kind == "equal":
        return verdicts_on_equivalence(differences, spec.effect)
    if spec.kind in ("gain", "ratio"):
        return verdicts_on_effects(differences, spec.effect)
    return verdicts_on_signs(differences)


def _differences(
    spec: ClaimSpec, data: str, study: StudyConfig, plan: Plan, records: Mapping[str, RunRecord]
) -> Floats:
    """Return (n,) one difference for each seed for which all the runs are there."""

    def values(method: str, value: Any = None) -> dict[int, float]:
        runs = plan.cells.get(_cell(spec, data, study, method, value), {})
        return {seed: value_of(records[name], spec.measure) for seed, name in runs.items() if name in records}

    if spec.kind == "drop":  # how much less the first loses than the second, from all data to a part
        drops = [_drop(values(method), values(method, spec.values[0])) for method in (spec.first, *spec.second)]
        return _paired(drops, lambda first, *others: min(others) - first)
    if spec.values:  # one method, two values of an option
        first, *second = [values(spec.first, value) for value in spec.values]
    else:
        first, second = values(spec.first), [values(method) for method in spec.second]
    if spec.kind == "ratio":
        return _paired([first, *second], lambda one, *others: _log_ratio(one, max(others)))
    if spec.kind == "smallest":
        return _paired([first, *second], lambda one, *others: _log_ratio(min(others), one))
    paired = _paired([first, *second], lambda one, *others: one - max(others))
    mean = np.mean(list(second[0].values())) if second and second[0] else math.nan
    return paired / mean


def _cells(spec: ClaimSpec, data: str, study: StudyConfig) -> list[CellKey]:
    """Return the cells whose runs a claim compares seed by seed."""
    methods = (spec.first, *spec.second)
    if spec.kind == "drop":
        compared = [(method, value) for method in methods for value in (None, *spec.values)]
    elif spec.values:
        compared = [(spec.first, value) for value in spec.values]
    else:
        compared = [(method, None) for method in methods]
    return [_cell(spec, data, study, method, value) for method, value in compared]


def _cell(spec: ClaimSpec, data: str, study: StudyConfig, method: str, value: Any) -> CellKey:
    sweep = study.sweep_of(spec.option, value)
    return CellKey(method, data) if sweep is None else CellKey(method, data, sweep.key, value)


def _over_users(spec: ClaimSpec, data: str, plan: Plan, records: Mapping[str, RunRecord]) -> Estimate | None:
    """Return the relative difference of a ranking metric between two methods, with an interval over seeds and users."""
    if spec.measure not in METRICS or spec.kind not in ("gain", "equal") or spec.values or len(spec.second) > 1:
        return None
    first, second = (plan.cells.get(CellKey(method, data), {}) for method in (spec.first, *spec.second))
    both = [(records.get(first[seed]), records.get(second[seed])) for seed in sorted({*first} & {*second})]
    pairs = [(one, other) for one, other in both if one and other and one.ranks and other.ranks]
    if not pairs:
        return None
    values = [[by_user(unpack_ranks(run.ranks), spec.measure) for run in pair] for pair in pairs]
    mean = float(np.mean([other.mean() for _, other in values]))
    differences = [(one - other) / mean for one, other in values] if mean > 0 else []
    return hierarchical_bootstrap(differences, generator=np.random.default_rng(SEED)) if differences else None


def _log_ratio(upper: float, lower: float) -> float:
    return math.log10(upper / lower) if upper > 0 and lower > 0 else math.nan


def _drop(whole: Mapping[int, float], part: Mapping[int, float]) -> dict[int, float]:
    return {seed: 1 - part[seed] / whole[seed] for seed in whole if seed in part and whole[seed] > 0}


def _paired(by_seed: Sequence[Mapping[int, float]], difference: Any) -> Floats:
    seeds = sorted(set.intersection(*({*values} for values in by_seed))) if by_seed else []
    return np.array([difference(*(values[seed] for values in by_seed)) for seed in seeds], dtype=np.float64)
