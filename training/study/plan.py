"""The runs that a study needs, each once, and the cells that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from landscape.training.config.methods import PRETRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.study.config import MethodRow, StudyConfig, Sweep
from landscape.training.study.tuning import Choice, Known, UnfinishedSearchError, choose

MAIN = "main"  # the cells of the tables: every method with its options as the file has them


@dataclass(frozen=True)
class CellKey:
    """A place in the report: a method on a data set, or with one value of a sweep's option."""

    method: str
    data: str
    sweep: str = MAIN
    value: Any = None


@dataclass(frozen=True)
class Run:
    """One training run with all that is measured of it; its name is that of its folder."""

    name: str
    data: str
    seed: int
    options: Mapping[str, Any]  # of ``landscape train``
    pretrained: Path | None = None  # the checkpoint to fine-tune
    pretrain_run: str | None = None  # or the run whose pre-training is shared
    tuning: bool = False  # ranks validation items only, and nothing else is measured
    pretraining_only: bool = False  # for others to fine-tune
    snapshots: int | None = None

    def config(self, pretrained_sha256: str | None = None) -> TrainingConfig:
        """Return the training's settings.

        Raises:
            ValueError: An option is out of range.
        """
        return TrainingConfig(**self.options, seed=self.seed, pretrained=pretrained_sha256)


@dataclass(frozen=True)
class Plan:
    """All runs, in the order in which they are computed, and which runs each cell is made of."""

    runs: dict[str, Run]
    cells: dict[CellKey, dict[int, str]]  # seed -> run
    chosen: dict[tuple[str, str], Choice] = field(default_factory=dict)  # by the searches of a row, on a data set
    waiting: dict[CellKey, tuple[str, int]] = field(default_factory=dict)  # why a cell has no runs yet; how many

    @property
    def still_to_plan(self) -> int:
        """How many runs, at most, are planned once the searches are finished."""
        return sum(count for _, count in self.waiting.values())


def plan(study: StudyConfig, known: Known = lambda name: None) -> Plan:
    """Return the runs of a study: first those that tune, then the tables', then the other sweeps', then snapshots.

    A row that is tuned has runs on a data set where the searches are finished; otherwise its cells are waiting.

    Args:
        study: The study.
        known: What is known of a run by its name, for the searches.

    Raises:
        ValueError: An option of a method is out of range; the message names the method.
    """
    planner = _Planner(study, known)
    planner.add_sweeps(tuning=True)
    for seed in study.seeds:  # one seed of everything before the next: an unfinished study has whole rows
        for data in study.data:
            for row in study.methods:
                planner.add(CellKey(row.name, data), seed, {})
    planner.add_sweeps(tuning=False)
    planner.add_snapshots()
    return planner.plan


class _Planner:
    """Makes a plan, cell by cell."""

    def __init__(self, study: StudyConfig, known: Known) -> None:
        self.study, self.known = study, known
        self.plan = Plan({}, {})

    def add(self, key: CellKey, seed: int, extra: Mapping[str, Any], *, tuning: bool = False) -> None:
        """Add a cell's run of a seed, or count it where the cell waits for a search."""
        row, runs = self.study.method(key.method), self.plan.runs
        try:
            options = {**self._tuned(row, key.data), **extra}
        except UnfinishedSearchError as problem:
            self.plan.waiting[key] = str(problem), self.plan.waiting.get(key, ("", 0))[1] + 1
            return
        run = _run(self.study, row, key.data, seed, options, tuning=tuning)
        if run.pretrain_run is not None and run.pretrain_run not in runs:
            runs[run.pretrain_run] = _pretraining(self.study, row, key.data, options, run.pretrain_run)
        there = runs.setdefault(run.name, run)
        if differences := _differences(there, run):
            raise ValueError(f"two runs would have one name, {run.name}, and differ in {differences}")
        if there.tuning and not tuning:
            runs[run.name] = replace(there, tuning=False)
        self.plan.cells.setdefault(key, {})[seed] = run.name

    def add_sweeps(self, *, tuning: bool) -> None:
        """Add the searches, or the other sweeps."""
        for sweep in self.study.sweeps:
            if sweep.tuning is not tuning:
                continue
            for data in sweep.data:
                for value in sweep.values:
                    for method in sweep.methods:
                        key = CellKey(method, data, sweep.key, value)
                        for seed in sweep.seeds:
                            self.add(key, seed, {**sweep.options, sweep.option: value}, tuning=tuning)

    def add_snapshots(self) -> None:
        """Ask for snapshots of the runs whose sharpness is measured along training; some may be in no table."""
        along = self.study.along
        for data in along.data:
            for method in along.methods:
                row = self.study.method(method)
                with suppress(UnfinishedSearchError):
                    for seed in along.seeds:
                        run = _run(self.study, row, data, seed, self._tuned(row, data))
                        self.plan.runs[run.name] = replace(self.plan.runs.get(run.name, run), snapshots=along.every)

    def _tuned(self, row: MethodRow, data: str) -> Mapping[str, Any]:
        """Return the options that searches have chosen for a row on a data set.

        Raises:
            UnfinishedSearchError: They have not chosen yet.
        """
        if not row.tuned_by:
            return {}
        chosen = self.plan.chosen
        if (row.name, data) not in chosen:
            chosen[row.name, data] = choose(self.study, row, data, self._searched, self.known)
        return chosen[row.name, data].options

    def _searched(self, search: Sweep, data: str, value: Any) -> dict[int, str]:
        return self.plan.cells[CellKey(search.methods[0], data, search.key, value)]


def _run(
    study: StudyConfig, row: MethodRow, data: str, seed: int, extra: Mapping[str, Any], *, tuning: bool = False
) -> Run:
    options = _options(study, row, data, extra)
    try:
        config = TrainingConfig(**options, seed=seed)
    except (ValueError, TypeError) as problem:
        raise ValueError(f"method {row.name}: {problem}") from None
    name = _name(options, data, seed)
    if PRETRAINED not in config.kind.stages:
        return Run(name, data, seed, options, tuning=tuning)
    if data in row.pretrained:
        options.pop("pretrain_epochs", None)
        path = study.folder / row.pretrained[data]
        return Run(_name(options, data, seed, "finetuned"), data, seed, options, pretrained=path, tuning=tuning)
    if row.pretrain_seed is None:
        return Run(name, data, seed, options, tuning=tuning)
    shared = _pretraining_options(options)
    options.pop("pretrain_epochs", None)
    return Run(
        _name(options, data, seed, "finetuned"),
        data,
        seed,
        options,
        pretrain_run=_name(shared, data, row.pretrain_seed, "pretraining"),
        tuning=tuning,
    )


def _differences(one: Run, other: Run) -> str:
    """Say in what two runs differ that is trained; empty where it is the same run."""
    both = [
        {**asdict(run.config()), "data": run.data, "pretrained": run.pretrained, "pretrain_run": run.pretrain_run}
        for run in (one, other)
    ]
    pairs = {name: (both[0][name], both[1][name]) for name in both[0]}
    return "; ".join(f"{name}: {first} and {second}" for name, (first, second) in pairs.items() if first != second)


def _options(study: StudyConfig, row: MethodRow, data: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's options: the study's where they apply to the method, then the method's, then ``extra``.

    Raises:
        ValueError: There is no method, or an option of the row has no effect.
    """
    own = {**row.options, **row.by_data.get(data, {}), **extra}
    if "method" not in own:
        raise ValueError(f'method {row.name} names none of those of `landscape train`: method = "sasrec"')
    try:
        config = TrainingConfig(**own)
    except (ValueError, TypeError) as problem:
        raise ValueError(f"method {row.name}: {problem}") from None
    for name, section in config.unused_options(own).items():
        raise ValueError(f"method {row.name}: {name} has no effect; it is an option of: {section}")
    unused = config.unused_options(study.options)
    return {**{name: value for name, value in study.options.items() if name not in unused}, **own}


def _pretraining_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a run that only pre-trains: one epoch of fine-tuning follows, which nothing uses."""
    sharpness = ("sam", "rho", "rho_schedule", "sam_every", "same_dropout", "look_alpha", "fisher_eta")
    return {**{name: value for name, value in options.items() if name not in sharpness}, "epochs": 1}


def _pretraining(study: StudyConfig, row: MethodRow, data: str, extra: Mapping[str, Any], name: str) -> Run:
    options = _pretraining_options(_options(study, row, data, extra))
    seed = row.pretrain_seed
    assert seed is not None
    return Run(name, data, seed, options, pretraining_only=True)


def _name(options: Mapping[str, Any], data: str, seed: int, suffix: str = "") -> str:
    """Return a folder's name, which tells all that is not a default: ``samrec-Beauty-seed0-rho0.1``."""
    method = options["method"]
    defaults = {declared.name: declared.default for declared in fields(TrainingConfig)}
    changed = [
        f"{name}{value}".replace("_", "").replace("/", "")
        for name, value in sorted(options.items())
        if name != "method" and value != defaults[name]
    ]
    return "-".join([method, Path(data).stem, f"seed{seed}", *changed, *([suffix] if suffix else [])])
