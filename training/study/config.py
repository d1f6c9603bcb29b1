"""What a study consists of: methods, data, seeds, sweeps, tables, and the claims that are judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from landscape.choices import check_known, one_of

KINDS = ("gain", "equal", "ratio", "smallest", "drop")  # of claims; see ``training.study.claims``
SIZED = ("gain", "equal", "ratio")  # those that state a size, or a margin
OWN_KEYS = ("geometry", "along")  # of what every report has


@dataclass(frozen=True)
class Geometry:
    """What is measured of every run: the same users, negatives, directions and probes for all."""

    users: int = 2000
    seed: int = 0
    planes: int = 5  # random planes for the rise of the loss
    points: int = 25  # grid points along each axis of the first plane
    trace_products: int = 60
    draws: int = 10  # random directions for the average sharpness
    ascent_steps: int = 10
    max_products: int = 120  # of Lanczos

    def __post_init__(self) -> None:
        least = {"users": 1, "seed": 0, "planes": 1, "points": 3, "trace_products": 3, "draws": 2}
        for declared in fields(self):
            check_whole(getattr(self, declared.name), declared.name, least.get(declared.name, 1), "geometry")


@dataclass(frozen=True)
class MethodRow:
    """One row of the tables: how a model is trained."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)  # of ``landscape train``, method among them
    by_data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what differs on a data set
    pretrained: Mapping[str, str] = field(default_factory=dict)  # data -> checkpoint to fine-tune
    pretrain_seed: int | None = None  # where none is given: pre-train once with this seed, for all seeds
    tuned_by: tuple[str, ...] = ()  # searches whose best settings it takes, on each data set its own


@dataclass(frozen=True)
class Sweep:
    """Values of one option, for some methods: Figures 2 and 3, or a search on the validation items."""

    key: str
    title: str
    option: str
    values: tuple[Any, ...]
    methods: tuple[str, ...]
    data: tuple[str, ...]
    seeds: tuple[int, ...]
    tuning: bool = False  # a search: never measured on the test items, and no part of any other result
    log: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)  # of all its runs


@dataclass(frozen=True)
class TableSpec:
    """A table: some methods' metrics on the test items."""

    key: str
    title: str
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    published: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)  # method -> data -> metrics

    def __post_init__(self) -> None:
        for method, by_data in self.published.items():
            check_known(method, self.methods, "published: method")
            for data, values in by_data.items():
                if len(values) != len(self.metrics):
                    raise ValueError(
                        f"published.{method}.{data} has {len(values)} values, and the table {len(self.metrics)} metrics"
                    )


@dataclass(frozen=True)
class ClaimSpec:
    """A claim about two methods, judged on each data set by a rule that stands here before the runs."""

    text: str
    kind: str  # of KINDS
    first: str
    second: tuple[str, ...]
    measure: str = "NDCG@10"
    source: str = ""
    effect: Mapping[str, float] = field(default_factory=dict)  # data -> claimed; the margin for ``equal``
    data: tuple[str, ...] = ()  # of claims without a size; by default all
    option: str = ""  # of a sweep, whose runs are compared
    values: tuple[Any, ...] = ()  # of the option: one for ``drop``, else the first's and the second's

    def __post_init__(self) -> None:
        one_of(self.kind, KINDS, "the kind of a claim")
        if (self.kind in SIZED) != bool(self.effect):
            needed = "needs an effect for each data set" if self.kind in SIZED else "has no effect; name its data"
            raise ValueError(f"the kind {self.kind} {needed}")
        count = 1 if self.kind == "drop" else 2
        if (
            bool(self.option) != bool(self.values)
            or len(self.values) not in (0, count)
            or not (self.values or self.kind != "drop")
        ):
            raise ValueError(f"the kind {self.kind} compares {count} of the values of an option")
        for name, effect in self.effect.items():
            if not (type(effect) in (int, float) and 0 < effect < math.inf):
                raise ValueError(f"the effect on {name} must be a positive number, got {effect!r}")


@dataclass(frozen=True)
class Along:
    """Which runs keep snapshots, whose sharpness is measured along training."""

    methods: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    every: int = 5
    users: int = 1000


@dataclass(frozen=True)
class StudyConfig:
    """A whole study."""

    title: str
    data: tuple[str, ...]
    seeds: tuple[int, ...]
    methods: tuple[MethodRow, ...]
    options: Mapping[str, Any] = field(default_factory=dict)  # of all runs
    geometry: Geometry = field(default_factory=Geometry)
    sweeps: tuple[Sweep, ...] = ()
    tables: tuple[TableSpec, ...] = ()
    claims: tuple[ClaimSpec, ...] = ()
    along: Along = field(default_factory=Along)
    content: Mapping[str, Any] = field(default_factory=dict, compare=False)  # the file, as it was read
    folder: Path = Path()  # that paths in the file start from

    def __post_init__(self) -> None:
        if not self.methods or not self.data or not self.seeds:
            raise ValueError("a study needs at least one method, one data set and one seed")
        for seeds, owner in [(self.seeds, "the study"), *((sweep.seeds, sweep.key) for sweep in self.sweeps)]:
            for seed in seeds:
                check_whole(seed, "a seed", 0, owner)
            _check_once(seeds, f"{owner} names a seed twice")
        _check_once(self.data, "the study names a data set twice")
        for sweep in self.sweeps:
            _check_once(sweep.values, f"{sweep.key} names a value twice")
        keys = [*(sweep.key for sweep in self.sweeps), *(table.key for table in self.tables), *OWN_KEYS]
        _check_once(keys, "two sweeps or tables have one key, by which their files are called")
        names = [method.name for method in self.methods]
        users = [
            *((sweep.key, sweep.methods, sweep.data) for sweep in self.sweeps),
            *((table.key, table.methods, ()) for table in self.tables),
            *((claim.text, (claim.first, *claim.second), (*claim.effect, *claim.data)) for claim in self.claims),
            ("along", self.along.methods, self.along.data),
        ]
        for where, methods, data in users:
            for name in methods:
                check_known(name, names, f"{where}: method")
            for name in data:
                check_known(name, self.data, f"{where}: data set")
        for row in self.methods:
            self._check_tuned(row)
        for claim in self.claims:
            for value in claim.values:
                if self.sweep_of(claim.option, value) is None:
                    raise ValueError(f"claim {claim.text!r}: no sweep that is no search has {claim.option} = {value}")

    def _check_tuned(self, row: MethodRow) -> None:
        """Refuse searches of a row that cannot choose its options on each data set."""
        _check_once(row.tuned_by, f"method {row.name} names a search twice")
        for key in row.tuned_by:
            check_known(key, [sweep.key for sweep in self.sweeps if sweep.tuning], f"method {row.name}: search")
            search, where = self.sweep(key), f"method {row.name} is tuned by {key}"
            if len(search.methods) != 1 or self.method(search.methods[0]).tuned_by:
                raise ValueError(f"{where}, which has to search with one method that is not tuned itself")
            if missing := [data for data in self.data if data not in search.data]:
                raise ValueError(f"{where}, which does not search on {', '.join(missing)}")
            searched = {search.option, *search.options}
            for name in searched & {*row.options, *(name for given in row.by_data.values() for name in given)}:
                raise ValueError(f"{where} and sets {name} itself; leave one out")

    def sweep(self, key: str) -> Sweep:
        """Return the sweep of a key."""
        return next(sweep for sweep in self.sweeps if sweep.key == key)

    def method(self, name: str) -> MethodRow:
        """Return the row of a name."""
        return next(row for row in self.methods if row.name == name)

    def sweep_of(self, option: str, value: Any) -> Sweep | None:
        """Return the first sweep with a value of an option that is no search: only its runs have test metrics."""
        found = (sweep for sweep in self.sweeps if not sweep.tuning and sweep.option == option)
        return next((sweep for sweep in found if value in sweep.values), None)


def _check_once(values: Sequence[Any], problem: str) -> None:
    """Refuse a list that has a value twice."""
    repeated = [str(value) for place, value in enumerate(values) if value in values[:place]]
    if repeated:
        raise ValueError(f"{problem}: {', '.join(repeated)}")


def check_whole(value: Any, name: str, least: int, where: str) -> None:
    """Refuse what is not a whole number of at least ``least``."""
    if not (type(value) is int and value >= least):
        raise ValueError(f"{where}: {name} must be a whole number of at least {least}, got {value!r}")
