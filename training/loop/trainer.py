"""Training: epochs of packed batches, validation after each, the best epoch kept, and exact resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from landscape.models.s3rec import encoder_weights
from landscape.progress import Progress, silent
from landscape.provenance import versions
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.config.methods import PRETRAINED, TRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset
from landscape.training.evaluation.metrics import summarise
from landscape.training.evaluation.ranking import model_ranks
from landscape.training.loop.run_folder import Run
from landscape.training.loop.stages import Task, stages
from landscape.training.optim.sam import SAM
from landscape.training.optim.schedules import factor_at, rho_at

METRIC = "NDCG@20"  # validation decides by it
LOGGED = ("HR@10", "NDCG@10", METRIC)
STEPS_A_REPORT = 100  # an epoch of pre-training has more
STAGE_NAMES = {PRETRAINED: "pretrain", TRAINED: "train"}  # in the history


def train(
    dataset: Dataset,
    settings: TrainingConfig,
    folder: str | Path,
    *,
    pretrained: Checkpoint | None = None,
    resume: bool = False,
    snapshots: int | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Checkpoint:
    """Train in ``folder`` until the validation metric stops rising, and return the best epoch's checkpoint.

    Equal settings, data, machine and number of threads give equal bits, also when the run was killed and resumed.
    A stage begins with random numbers of its own: fine-tuning what another run has pre-trained gives the bits of one
    run that does both. torch's global random state is used (dropout draws from it) and given back as it was.

    Args:
        dataset: What to train on.
        settings: How.
        folder: Where the run is written.
        pretrained: What to fine-tune, in place of pre-training; ``settings.pretrained`` is its SHA-256.
        resume: Whether a run in the folder is continued.
        snapshots: Keep a checkpoint before the first epoch and after every so many; none where it is None.
        device: Where to compute.
        progress: Told of each epoch.

    Raises:
        ValueError: The folder holds a run already, another process uses it, it was started with other settings, the
            data lacks what the method needs, or the loss is no longer a number.
        OSError: The folder cannot be written to.
    """
    if snapshots is not None and snapshots < 1:
        raise ValueError(f"snapshots are kept every so many epochs, at least 1, got {snapshots}")
    if (pretrained is not None) != (settings.pretrained is not None):
        raise ValueError("a pre-trained checkpoint and its SHA-256 in the settings go together")
    tasks = stages(dataset, settings)  # errors before the folder is touched
    weights = None
    if pretrained is not None:
        weights = starting_weights(pretrained, dataset, settings)
    run = Run(folder)
    with run.locked(), torch.random.fork_rng():
        config = {**settings.described(), "data": dataset.name, "data_sha256": dataset.sha256}
        if tasks[0].stage == PRETRAINED and dataset.attributes is not None:
            config["attributes_sha256"] = dataset.attributes.sha256
        state = run.open(config, resume=resume)
        history: list[dict[str, Any]] = [] if state is None else state["history"]
        if history:
            run.write_history(history)
        for task in tasks:
            if state is not None and state["stage"] == TRAINED and task.stage == PRETRAINED:
                continue  # it is over
            stage = _Stage(task, dataset, settings, torch.device(device), weights, history)
            if state is not None and state["stage"] == task.stage:
                stage.restore(state)
            keeps = snapshots if task.stage == TRAINED else None
            if keeps and stage.done == 0:
                run.keep_snapshot(stage.checkpoint())
            while not stage.finished:
                improved = stage.epoch(progress)
                if keeps and stage.done % keeps == 0:
                    run.keep_snapshot(stage.checkpoint())
                run.save(stage.state(), stage.checkpoint() if improved else None)
            weights = stage.model.state_dict()
        return load_checkpoint(run.checkpoint)


def starting_weights(pretrained: Checkpoint, dataset: Dataset, settings: TrainingConfig) -> dict[str, Tensor]:
    """The weights of a checkpoint that is to be fine-tuned.

    Raises:
        ValueError: It is of other data or of other sizes, or not pre-trained.
    """
    if pretrained.stage != PRETRAINED:
        raise ValueError(
            f"{pretrained.title} is not a pre-trained checkpoint; `landscape train s3rec` keeps one as pretrained.pt"
        )
    if pretrained.data["sha256"] != dataset.sha256:
        raise ValueError(f"the checkpoint was pre-trained on {pretrained.data['name']}, not on {dataset.source}")
    sizes = {name: value for name, value in settings.network.items() if name != "dropout"}
    differing = [
        f"{name} is {pretrained.model[name]} there and {value} here"
        for name, value in sizes.items()
        if pretrained.model[name] != value
    ]
    if differing:
        raise ValueError(f"the pre-trained checkpoint has another network: {'; '.join(differing)}")
    return pretrained.weights


def optimiser_of(model: nn.Module, settings: TrainingConfig, stage: str = TRAINED) -> torch.optim.Optimizer:
    """Adam, and SAM around it where the settings ask for it; pre-training goes without."""
    base = torch.optim.Adam(model.parameters(), lr=settings.lr, fused=True)
    if not settings.sam or stage == PRETRAINED:
        return base
    return SAM(
        base,
        variant=settings.sam,
        rho=settings.rho,
        every=settings.sam_every or 1,
        alpha=settings.look_alpha,
        eta=settings.fisher_eta,
        same_dropout=settings.same_dropout,
    )


class _Stage:
    """A model on its way through a stage: what changes from epoch to epoch, and how."""

    def __init__(
        self,
        task: Task,
        dataset: Dataset,
        settings: TrainingConfig,
        device: torch.device,
        weights: dict[str, Tensor] | None,
        history: list[dict[str, Any]],
    ) -> None:
        self.task = task
        self.dataset = dataset
        self.settings = settings
        self.device = device
        torch.manual_seed(settings.seed)
        self.model = task.network()
        if weights is not None:
            self.model.load_state_dict(encoder_weights(weights))
        self.model.to(device)
        self.optimiser = optimiser_of(self.model, settings, task.stage)
        self.done = 0
        self.best = -math.inf
        self.best_epoch = 0
        self.history = history
        self.metrics: dict[str, float] = {}

    @property
    def finished(self) -> bool:
        """Whether the last epoch is reached, or the metric has not risen for ``patience`` epochs."""
        patient = self.task.stage == PRETRAINED or self.done - self.best_epoch < self.settings.patience
        return self.done >= self.task.epochs or not patient

    def epoch(self, progress: Progress) -> bool:
        """Train one epoch and validate; whether these are the weights to keep."""
        started = time.perf_counter()
        parts = self._steps(progress)
        took = time.perf_counter() - started
        loss = sum(self.task.weights[name] * mean for name, mean in parts.items())
        self.done += 1
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss of epoch {self.done} is {loss}; lower --lr (it is {self.settings.lr:g}) or --rho"
            )
        row = {"epoch": self.done, "stage": STAGE_NAMES[self.task.stage], "train_loss": loss}
        row |= parts if len(parts) > 1 else {}
        row["train_seconds"] = round(took, 3)
        if isinstance(self.optimiser, SAM):
            row |= {**self.optimiser.take_averages(), "skipped_steps": self.optimiser.skipped}
        told = f"loss {loss:.4f}"
        improved = True  # pre-training keeps its last epoch
        if self.task.stage == TRAINED:
            self.metrics = summarise(model_ranks(self.model, self.dataset, "valid"))
            improved = self.metrics[METRIC] > self.best
            if improved:
                self.best, self.best_epoch = self.metrics[METRIC], self.done
            row |= {f"valid_{name.lower()}": self.metrics[name] for name in LOGGED}
            told += f", {METRIC} {self.metrics[METRIC]:.4f}, best {self.best:.4f} at epoch {self.best_epoch}"
        else:
            told = f"pre-training, {told}"
        self.history.append(row)
        progress(self.done, self.task.epochs, told)
        return improved

    def _steps(self, progress: Progress) -> dict[str, float]:
        """Go through the batches of an epoch; the mean of each part of the loss."""
        totals: dict[str, Tensor] = {}  # (2,) each, sum and number of terms; on the device: no step waits for it
        self.model.train()
        for step, rows in enumerate(self.task.batches(self.done)):
            self._schedule((self.done + step / self.task.steps) / self.task.epochs)
            seen: list[Tensor] = []
            closure = self._closure(rows.to(self.device), seen)
            if isinstance(self.optimiser, SAM):
                self.optimiser.step(closure)
            else:
                closure()
                self.optimiser.step()
            names = list(self.task.weights)
            for name, found in zip(names, seen[0].unbind(), strict=True):  # of the pass at θ
                totals[name] = totals[name] + found if name in totals else found
            if (step + 1) % STEPS_A_REPORT == 0:
                progress(self.done + (step + 1) / self.task.steps, self.task.epochs, STAGE_NAMES[self.task.stage])
        sums = {name: total.tolist() for name, total in totals.items()}
        return {name: total / count for name, (total, count) in sums.items()}

    def _closure(self, rows: Any, seen: list[Tensor]) -> Callable[[], Tensor]:
        def closure() -> Tensor:
            self.optimiser.zero_grad()
            parts = self.task.loss(self.model, rows)
            loss = self.task.minimised(parts)
            loss.backward()
            pairs = [torch.stack([parts[name][0].detach().double(), parts[name][1]]) for name in self.task.weights]
            seen.append(torch.stack(pairs))
            return loss

        return closure

    def _schedule(self, progress: float) -> None:
        """Set the learning rate and the radius for a step."""
        factor = factor_at(self.settings.lr_schedule, progress)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.lr * factor
        if isinstance(self.optimiser, SAM):
            self.optimiser.rho = rho_at(self.settings.rho_schedule, self.settings.rho, progress, factor)

    def checkpoint(self) -> Checkpoint:
        """The model as it is now."""
        sizes = {"n_items": self.dataset.n_items}
        if self.task.stage == PRETRAINED and self.dataset.attributes is not None:
            sizes["n_attributes"] = self.dataset.attributes.n_attributes
        return Checkpoint(
            method=self.settings.method,
            model={**sizes, **self.settings.network},
            weights={name: tensor.detach().cpu() for name, tensor in self.model.state_dict().items()},
            data=self.dataset.described(),
            settings=self.settings.described(),
            seed=self.settings.seed,
            epoch=self.done,
            metrics=self.metrics,
            stage=self.task.stage,
            versions=versions(),
        )

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "stage": self.task.stage,
            "weights": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "done": self.done,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "history": self.history,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        self.model.load_state_dict(state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda" and state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"], self.device)
        self.done, self.best, self.best_epoch = state["done"], state["best"], state["best_epoch"]
