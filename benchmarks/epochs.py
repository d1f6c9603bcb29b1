"""Training epochs of all methods: packed, and padded as the public implementations are.

An epoch is all of its steps, batches included, without the validation after it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from itertools import chain, count, islice
from typing import Any

import torch
from torch import Tensor

from benchmarks.support.measure import arithmetic, summary
from benchmarks.support.setting import QUICK, Setting
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset
from landscape.training.loop.stage_trainer import optimiser_of
from landscape.training.loop.stages import Stage, stages
from landscape.training.optim.row_adam import DENSE, RowAdam
from landscape.training.optim.sam import SAM

WARM_UP = 5  # steps
PADDED_STEPS = 12  # of an epoch that would take minutes
PRETRAINING_STEPS = 400
PERIOD = 5  # steps, of which looksam ascends at one
ROUNDS = 12  # of a period of each method in turn
COMPARED = {  # with SASRec, or with the method without SAM
    "cl4srec": ("sasrec", TrainingConfig(method="cl4srec")),
    "samrec": ("sasrec", TrainingConfig(method="samrec")),
    "cl4srec + SAM": ("cl4srec", TrainingConfig(method="cl4srec", sam="sam")),
    "looksam": ("sasrec", TrainingConfig(method="sasrec", sam="looksam")),
    "SAM at every 5th step": ("sasrec", TrainingConfig(method="sasrec", sam="sam", sam_every=5)),
}


class TrainingSteps:
    """The training steps of a method, epoch after epoch."""

    def __init__(self, dataset: Dataset, settings: TrainingConfig, stage: int = -1) -> None:
        self.stage: Stage = stages(dataset, settings)[stage]
        torch.manual_seed(0)
        self.model = self.stage.network().train()
        self.optimiser = optimiser_of(self.model, settings, self.stage.name)
        self.batches: Iterator[Any] = chain.from_iterable(self.stage.batches(epoch) for epoch in count())

    def step(self) -> None:
        """Make a batch and take a step."""
        rows = next(self.batches)

        def closure() -> Tensor:
            self.optimiser.zero_grad()
            loss = self.stage.minimised(self.stage.loss(self.model, rows))
            loss.backward()
            return loss

        if isinstance(self.optimiser, SAM):
            self.optimiser.step(closure)
        else:
            closure()
            self.optimiser.step()

    def pass_first_steps(self) -> None:
        """Take a step, and have the optimiser count as many as it takes of all rows of a large table (``RowAdam``)."""
        if isinstance(self.base, RowAdam):
            self.step()
            state = self.base.state_dict()
            for moments in state["state"].values():
                moments["step"].fill_(DENSE)
            self.base.load_state_dict(state)

    def end_epoch(self) -> float:
        """Do what is left to do at the end of an epoch; return its seconds."""
        started = time.perf_counter()
        if isinstance(self.base, RowAdam):
            self.base.catch_up()
        return time.perf_counter() - started

    @property
    def base(self) -> torch.optim.Optimizer:
        """The optimiser, or that inside SAM."""
        return self.optimiser.base if isinstance(self.optimiser, SAM) else self.optimiser

    def times(self, steps: int) -> list[float]:
        """Return the seconds of each step, after some that are not counted."""
        times = []
        for index in range(WARM_UP + steps):
            started = time.perf_counter()
            self.step()
            times.append(time.perf_counter() - started)
            if index + 1 == WARM_UP:
                times.clear()
        return times

    def arithmetic(self) -> float:
        """Count the floating-point operations of an epoch's matrix products, on some of its batches."""
        sample = list(islice(self.stage.batches(0), 20))

        def forward() -> None:
            for rows in sample:
                self.stage.loss(self.model, rows)

        passes = 1 + isinstance(self.optimiser, SAM)
        return 3 * passes * arithmetic(forward) * self.stage.steps / len(sample)  # a backward pass is two forward ones


def epoch(setting: Setting, settings: TrainingConfig, *, steps: int | None = None, stage: int = -1) -> dict[str, Any]:
    """Measure the seconds of an epoch: of three whole ones, or scaled from the mean of some steps."""
    running = TrainingSteps(setting.dataset, settings, stage)
    whole = running.stage.steps
    if setting.quick:
        steps = min(3, whole)
    if steps is None:
        times = running.times(3 * whole)
        measured = summary([sum(times[i * whole : (i + 1) * whole]) for i in range(3)])
    else:
        times = running.times(steps)
        half = len(times) // 2
        measured = summary([statistics.mean(part) * whole for part in (times[:half] or times, times[half:])])
        measured |= {"share_of_terms": steps / whole, "seconds_measured": measured["seconds"]}
    return measured | {"steps": whole, "flops": running.arithmetic}


def _method(setting: Setting, method: str, **changes: Any) -> TrainingConfig:
    return TrainingConfig(method=method, train_fraction=QUICK if setting.quick else 1.0, **changes)


def sasrec(setting: Setting) -> dict[str, Any]:
    """SASRec."""
    return epoch(setting, _method(setting, "sasrec"))


def sasrec_padded(setting: Setting) -> dict[str, Any]:
    """The same with one sequence a row."""
    return epoch(setting, _method(setting, "sasrec", padded=True), steps=PADDED_STEPS)


def samrec(setting: Setting) -> dict[str, Any]:
    """SAMRec: two passes a step."""
    return epoch(setting, _method(setting, "samrec"))


def cl4srec(setting: Setting) -> dict[str, Any]:
    """CL4SRec: each user, and two views."""
    return epoch(setting, _method(setting, "cl4srec"))


def cl4srec_padded(setting: Setting) -> dict[str, Any]:
    """The same with one sequence a row."""
    return epoch(setting, _method(setting, "cl4srec", padded=True), steps=PADDED_STEPS)


def s3rec(setting: Setting) -> dict[str, Any]:
    """S3Rec's pre-training: all prefixes of all sequences, four times."""
    return epoch(setting, _method(setting, "s3rec"), steps=PRETRAINING_STEPS, stage=0)


def s3rec_padded(setting: Setting) -> dict[str, Any]:
    """The same with one prefix a row."""
    return epoch(setting, _method(setting, "s3rec", padded=True), steps=PADDED_STEPS, stage=0)


def ratios(setting: Setting) -> dict[str, Any]:
    """The time of a step of each method, relative to the method that it is compared with.

    The methods take some steps in turn, many times: whatever slows the machine slows them all.
    """
    fraction = QUICK if setting.quick else 1.0
    settings = {"sasrec": TrainingConfig(method="sasrec")} | {name: way for name, (_, way) in COMPARED.items()}
    running = {
        name: TrainingSteps(setting.dataset, TrainingConfig(**{**way.settings_in_use(), "train_fraction": fraction}))
        for name, way in settings.items()
    }
    totals: dict[str, list[float]] = {name: [] for name in running}
    for round_ in range(1 + (2 if setting.quick else ROUNDS)):
        for name, steps in running.items():
            started = time.perf_counter()
            for _ in range(PERIOD):
                steps.step()
            if round_:  # the first one warms up
                totals[name].append((time.perf_counter() - started) / PERIOD)
    medians = {name: statistics.median(times) for name, times in totals.items()}
    return {
        "seconds": medians["sasrec"],
        "ratios": {f"{name} / {base}": medians[name] / medians[base] for name, (base, _) in COMPARED.items()},
    }
