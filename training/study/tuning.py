"""What a search has chosen: the options of the setting with the best validation metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.results.study.records import RunRecord
from landscape.training.study.config import MethodRow, StudyConfig, Sweep

CRITERION = "NDCG@20"  # on the validation items; the epoch of a run is chosen by it, too
Known = Callable[[str], RunRecord | None]  # what is known of a run, by its name
SearchRuns = Callable[[Sweep, str, Any], Mapping[int, str]]  # a search's runs by seed, on a data set, with a value


class UnfinishedSearchError(Exception):
    """What a row is tuned by has not been found yet; the message says what is missing."""


@dataclass(frozen=True)
class Choice:
    """Options that searches have chosen for a row on a data set."""

    options: Mapping[str, Any]
    scores: tuple[float, ...]  # the mean validation metric of the setting chosen, for each option searched for
    settings: int  # that were compared

    def __str__(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in self.options.items())
        scores = " and ".join(f"{score:.4f}" for score in self.scores)
        return f"{named} (validation {CRITERION} {scores}, the best of {self.settings} settings)"


def choose(study: StudyConfig, row: MethodRow, data: str, runs: SearchRuns, known: Known) -> Choice:
    """Return the options that the searches of a row have chosen on a data set.

    Searches of the same option are alternatives, of which the best setting is taken; of different options each adds
    its own. A setting's score is the mean over the seeds of its search; one of which a run failed is not chosen, and of
    equal ones the first is.

    Args:
        study: The study.
        row: A row with ``tuned_by``.
        data: The data set.
        runs: The names of the runs of a search.
        known: What is known of a run.

    Raises:
        UnfinishedSearchError: Runs are not finished, or all settings of a search failed.
    """
    searches: dict[str, list[Sweep]] = {}
    for key in row.tuned_by:
        search = study.sweep(key)
        searches.setdefault(search.option, []).append(search)
    options: dict[str, Any] = {}
    scores, settings = [], 0
    for option, alternatives in searches.items():
        best = -math.inf
        for search in alternatives:
            for value in search.values:
                score = _score(search, [known(name) for name in runs(search, data, value).values()])
                settings += 1
                if score > best:
                    best, chosen = score, {**search.options, option: value}
        if best == -math.inf:
            raise UnfinishedSearchError(f"all settings of {' and '.join(each.key for each in alternatives)} failed")
        options |= chosen
        scores.append(best)
    return Choice(options, tuple(scores), settings)


def _score(search: Sweep, records: list[RunRecord | None]) -> float:
    """Return the mean validation metric of a setting; -inf where a run failed, or has none.

    Raises:
        UnfinishedSearchError: A run is not finished.
    """
    finished = [record for record in records if record is not None]
    if len(finished) < len(records):
        raise UnfinishedSearchError(f"waits for the search {search.key}")
    score = float(np.mean([record.validation.get(CRITERION, math.nan) for record in finished]))  # a failed run has none
    return score if math.isfinite(score) else -math.inf
