"""Training: epochs of packed batches, validation after each, the best epoch kept, and exact resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.progress import Report, silent
from landscape.provenance import versions
from models.sasrec import SASRec
from training.checkpoint import METHODS, Checkpoint, load_checkpoint
from training.datasets import Dataset, training_users
from training.losses import recommendation
from training.metrics import summarise
from training.packing import NegativeSampler, batch, groups, pieces
from training.ranking import model_ranks
from training.runs import Run
from training.sam import SAM

METRIC = "NDCG@20"  # validation decides by it
SAM_VARIANTS = ("sam",)
LOGGED = ("HR@10", "NDCG@10", METRIC)
SHUFFLE, NEGATIVES = range(2)  # streams of random numbers, one a purpose


@dataclass(frozen=True)
class Settings:
    """All that shapes a run besides its data. The defaults are the reference's (``docs/methods.md``)."""

    method: str = "samrec"
    seed: int = 0
    epochs: int = 200
    patience: int = 10
    lr: float = 1e-3
    batch_size: int = 256  # users a step
    dropout: float = 0.5
    max_length: int = 50
    width: int = 64
    layers: int = 2
    heads: int = 2
    sam: str | None = None  # None: plain steps
    rho: float = 0.5
    same_dropout: bool = False
    train_fraction: float = 1.0
    padded: bool = False  # the reference that packing is checked against

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", one_of(self.method, METHODS, "the method"))
        if self.sam is not None:
            object.__setattr__(self, "sam", one_of(self.sam, SAM_VARIANTS, "sam"))
        for name in ("epochs", "patience", "batch_size", "max_length", "width", "layers", "heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be a finite number above 0, got {self.lr}")
        if not 0 <= self.rho < math.inf:
            raise ValueError(f"rho must be a finite number of at least 0, got {self.rho}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if not 0 < self.train_fraction <= 1:
            raise ValueError(f"train_fraction must be above 0 and at most 1, got {self.train_fraction}")

    @property
    def model(self) -> dict[str, Any]:
        """The network's arguments, but for the number of items."""
        return {name: getattr(self, name) for name in ("max_length", "width", "layers", "heads", "dropout")}


def train(
    dataset: Dataset,
    settings: Settings,
    folder: str | Path,
    *,
    resume: bool = False,
    device: torch.device | str = "cpu",
    report: Report = silent,
) -> Checkpoint:
    """Train in ``folder`` until the validation metric stops rising, and return the best epoch's checkpoint.

    Equal settings, data, machine and number of threads give equal bits, also when the run was killed and resumed.
    torch's global random state is used (dropout draws from it) and given back as it was.

    Raises:
        ValueError: The folder holds a run already, another process uses it, it was started with other settings, or
            the loss is no longer a number.
        OSError: The folder cannot be written to.
    """
    run = Run(folder)
    with run.locked(), torch.random.fork_rng():
        training = _Training(dataset, settings, torch.device(device))
        state = run.open({**asdict(settings), "data": dataset.name, "data_sha256": dataset.sha256}, resume=resume)
        if state is not None:
            training.restore(state)
            run.write_history(training.history)
        while not training.finished:
            improved = training.epoch(report)
            run.save(training.state(), training.checkpoint() if improved else None)
        return load_checkpoint(run.checkpoint)


class _Training:
    """A model on its way: what changes from epoch to epoch, and how."""

    def __init__(self, dataset: Dataset, settings: Settings, device: torch.device) -> None:
        self.dataset = dataset
        self.settings = settings
        self.device = device
        self.read = pieces(dataset, settings.max_length, until=3)
        users = training_users(dataset, settings.train_fraction, settings.seed)
        self.users = users[self.read.lengths[users] > 0]
        if len(self.users) == 0:
            raise ValueError(
                f"no user of {dataset.name} has the 4 items that make a training pair; nothing can be learnt"
            )
        self.sampler = NegativeSampler(dataset)
        torch.manual_seed(settings.seed)
        self.model: SASRec = METHODS[settings.method].network(dataset.n_items, **settings.model).to(device)
        base = torch.optim.Adam(self.model.parameters(), lr=settings.lr, fused=True)
        self.optimiser: torch.optim.Optimizer = (
            SAM(base, rho=settings.rho, same_dropout=settings.same_dropout) if settings.sam else base
        )
        self.done = 0
        self.best = -math.inf
        self.best_epoch = 0
        self.history: list[dict[str, Any]] = []

    @property
    def finished(self) -> bool:
        """Whether the last epoch is reached, or the metric has not risen for ``patience`` epochs."""
        return self.done >= self.settings.epochs or self.done - self.best_epoch >= self.settings.patience

    def epoch(self, report: Report) -> bool:
        """Train one epoch and validate; whether the metric is the best so far."""
        started = time.perf_counter()
        loss = self._steps(report)
        trained = time.perf_counter()
        metrics = summarise(model_ranks(self.model, self.dataset, "valid"))
        self.done += 1
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss of epoch {self.done} is {loss}; lower --lr (it is {self.settings.lr:g}) or --rho"
            )
        improved = metrics[METRIC] > self.best
        if improved:
            self.best, self.best_epoch = metrics[METRIC], self.done
        row = {"epoch": self.done, "stage": "train", "train_loss": loss, "train_seconds": round(trained - started, 3)}
        row |= {f"valid_{name.lower()}": metrics[name] for name in LOGGED}
        if isinstance(self.optimiser, SAM):
            row["skipped_steps"] = self.optimiser.skipped
        self.history.append(row)
        self.metrics = metrics
        report(self.done, self.settings.epochs, self._told(loss, metrics))
        return improved

    def _steps(self, report: Report) -> float:
        def stream(purpose: int) -> np.random.Generator:
            return np.random.default_rng([self.settings.seed, self.done, purpose])

        negatives = self.sampler.draw(stream(NEGATIVES))
        total = torch.zeros((), dtype=torch.float64, device=self.device)  # on the device: no step waits for it
        terms = 0
        self.model.train()
        for users in groups(self.users, self.settings.batch_size, stream(SHUFFLE)):
            rows = batch(
                self.dataset,
                self.read,
                users,
                self.settings.max_length,
                targets="each",
                negatives=negatives,
                padded=self.settings.padded,
            ).to(self.device)
            closure = self._closure(rows)
            loss = self.optimiser.step(closure) if isinstance(self.optimiser, SAM) else self._plain_step(closure)
            count = int(self.read.lengths[users].sum())
            total += loss.detach().double() * count
            terms += count
        return total.item() / terms

    def _closure(self, rows: Any) -> Callable[[], Tensor]:
        def closure() -> Tensor:
            self.optimiser.zero_grad()
            total, count = recommendation(self.model, rows)
            loss = total / count
            loss.backward()
            return loss

        return closure

    def _plain_step(self, closure: Callable[[], Tensor]) -> Tensor:
        loss = closure()
        self.optimiser.step()
        return loss

    def _told(self, loss: float, metrics: dict[str, float]) -> str:
        return f"loss {loss:.4f}, {METRIC} {metrics[METRIC]:.4f}, best {self.best:.4f} at epoch {self.best_epoch}"

    def checkpoint(self) -> Checkpoint:
        """The model as it is now."""
        return Checkpoint(
            method=self.settings.method,
            model={"n_items": self.dataset.n_items, **self.settings.model},
            weights={name: tensor.detach().cpu() for name, tensor in self.model.state_dict().items()},
            data={
                "name": self.dataset.name,
                "source": self.dataset.source,
                "sha256": self.dataset.sha256,
                "users": self.dataset.n_users,
                "items": self.dataset.n_items,
            },
            settings=asdict(self.settings),
            seed=self.settings.seed,
            epoch=self.done,
            metrics=self.metrics,
            versions=versions(),
        )

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
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
        self.history = state["history"]
