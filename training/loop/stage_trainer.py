"""One stage of training: its epochs, the validation after each, and the state from which it can be resumed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from landscape.models.s3rec import encoder_weights
from landscape.models.sasrec import SASRec
from landscape.objectives.batches import to_device
from landscape.processes import Processes
from landscape.progress import Progress
from landscape.provenance import versions
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.checkpoints.weights import check_finite, check_shapes
from landscape.training.config.methods import CONTRASTIVE, PRETRAINED, TRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset
from landscape.training.evaluation.ranking import FullRanking
from landscape.training.evaluation.validation import validation_metrics, validation_ranking
from landscape.training.loop.history import HISTORY_NAMES, check_epochs
from landscape.training.loop.stages import Stage
from landscape.training.loop.state import check_optimiser
from landscape.training.optim.row_adam import RowAdam
from landscape.training.optim.sam import SAM
from landscape.training.optim.schedules import factor_at, rho_at

METRIC = "NDCG@20"  # the validation metric that selects the best epoch
LOGGED = ("HR@10", "NDCG@10", METRIC)
LEAST_ROWS = 30_000  # of an item table for steps by rows, which are the quicker ones with
ROWS_PER_ID = 4  # as many rows for each id of a batch
STEPS_A_REPORT = 100  # progress is reported this often within an epoch: one of pre-training has more steps


def optimiser_of(model: SASRec, settings: TrainingConfig, stage: str = TRAINED) -> torch.optim.Optimizer:
    """Return Adam, inside SAM where the settings ask for it; pre-training never uses SAM.

    For a table of many more items than a batch has, it is Adam by rows, on a CPU.
    """
    base = (
        RowAdam(model.parameters(), settings.lr, tables=[model.items])
        if stage == TRAINED and _has_few_rows(model.items.weight, settings)
        else torch.optim.Adam(model.parameters(), lr=settings.lr, fused=True)
    )
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


def _has_few_rows(table: Tensor, settings: TrainingConfig) -> bool:
    """Whether steps by rows are quicker, since batches have few rows of the table, and possible."""
    views = 2 if CONTRASTIVE in settings.kind.stages else 0
    ids = settings.batch_size * settings.max_length * (1 + (settings.negatives or 0) + views)  # of a batch, at most
    dense = settings.loss == "ce" or settings.sam == "looksam"
    return not dense and table.device.type == "cpu" and len(table) >= max(LEAST_ROWS, ROWS_PER_ID * ids)


class DivergedError(ValueError):
    """A number is no longer finite: the same settings end the same way whenever they are tried."""


class StageTrainer:
    """A model in training: everything that changes from epoch to epoch of a stage, and how.

    Args:
        stage: What is trained.
        dataset: The data; validation ranks the items of all its users, or of ``settings.valid_users``.
        settings: The run's settings.
        device: Where to compute.
        weights: The encoder's weights to start from; new ones where it is None.
        history: The rows of the epochs so far, of all stages; each epoch appends its own.
        processes: Those that train together; the stage's batches are this one's shares (``shares.py``).
    """

    def __init__(
        self,
        stage: Stage,
        dataset: Dataset,
        settings: TrainingConfig,
        device: torch.device,
        weights: dict[str, Tensor] | None,
        history: list[dict[str, Any]],
        processes: Processes | None = None,
    ) -> None:
        self.stage = stage
        self.dataset = dataset
        self.settings = settings
        self.device = device
        self.processes = processes if processes is not None else Processes()
        torch.manual_seed(settings.seed)
        self.model = stage.network()
        if weights is not None:
            self.model.load_state_dict(encoder_weights(weights))
        self.model.to(device)
        self.optimiser = optimiser_of(self.model, settings, stage.name)
        self.done = 0  # epochs
        self.best = -math.inf
        self.best_epoch = 0
        self.history = history
        self.metrics: dict[str, float] = {}

    @property
    def finished(self) -> bool:
        """Whether the last epoch is reached, or the metric has not risen for ``patience`` epochs."""
        patient = self.stage.name == PRETRAINED or self.done - self.best_epoch < self.settings.patience
        return self.done >= self.stage.epochs or not patient

    @cached_property
    def ranking(self) -> FullRanking:
        """What validation needs whatever the weights, made before the first of them."""
        settings = self.settings
        return validation_ranking(self.dataset, settings.max_length, count=settings.valid_users, seed=settings.seed)

    def epoch(self, progress: Progress) -> bool:
        """Train one epoch and validate.

        Returns:
            Whether these weights are to be stored: the best so far, or those of pre-training, which keeps its last.

        Raises:
            ValueError: The loss, a weight or the validation metric is not finite, or no step could be taken.
        """
        started = time.perf_counter()
        skipped_before = self._skipped
        parts = self._steps(progress)
        seconds = time.perf_counter() - started
        loss = sum(self.stage.weights[name] * mean for name, mean in parts.items())
        self.done += 1
        self._require_finite("the loss", loss)
        if self._skipped - skipped_before == self.stage.steps:
            raise DivergedError(
                f"each step of epoch {self.done} was skipped, because the loss or a gradient was not finite; lower "
                f"--rho (it is {self.settings.rho:g}) or --lr"
            )
        # The last step of an epoch may spoil the weights, and pre-training is not validated. A checkpoint with a norm
        # that overflows is not read again.
        norms = torch.stack([parameter.detach().norm() for parameter in self.model.parameters()])
        self._require_finite("the largest norm of a weight", float(norms.max()))
        remedy = "their machines round differently: train on machines of one kind, with the same versions"
        self.processes.require_equal(norms, f"the weights after epoch {self.done}", remedy)
        row = {"epoch": self.done, "stage": HISTORY_NAMES[self.stage.name], "train_loss": loss}
        row |= parts if len(parts) > 1 else {}
        row["train_seconds"] = round(seconds, 3)
        if isinstance(self.optimiser, SAM):
            row |= {**self.optimiser.take_averages(), "skipped_steps": self._skipped}
        improved, report = True, f"pre-training, loss {loss:.4f}"
        if self.stage.name == TRAINED:
            improved = self._validate()
            row |= {f"valid_{name.lower()}": self.metrics[name] for name in LOGGED}
            report = (
                f"loss {loss:.4f}, {METRIC} {self.metrics[METRIC]:.4f}, best {self.best:.4f} at epoch {self.best_epoch}"
            )
        if self._skipped:
            report += f", {self._skipped} skipped {'step' if self._skipped == 1 else 'steps'}"
        self.history.append(row)
        progress(self.done, self.stage.epochs, report)
        return improved

    @property
    def _skipped(self) -> int:
        """Steps of SAM that were not taken, because a loss or a gradient was not finite."""
        return self.optimiser.skipped if isinstance(self.optimiser, SAM) else 0

    def _require_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise DivergedError(
                f"{what} of epoch {self.done} is {value}; lower --lr (it is {self.settings.lr:g}) or --rho"
            )

    def _validate(self) -> bool:
        """Rank the validation items; whether the metric is the best so far."""
        sampled = self.settings.valid_users is not None
        self.metrics = validation_metrics(self.ranking.ranks(self.model, self.processes), sampled=sampled)
        self._require_finite(f"the validation {METRIC}", self.metrics[METRIC])  # NaN is never better, and not worse
        improved = self.metrics[METRIC] > self.best
        if improved:
            self.best, self.best_epoch = self.metrics[METRIC], self.done
        return improved

    def _steps(self, progress: Progress) -> dict[str, float]:
        """Take the steps of an epoch; return the mean of each part of the loss."""
        totals: dict[str, Tensor] = {}  # each (2,), sum and number of terms; on the device: no step waits
        self.model.train()
        for step, batch in enumerate(self.stage.batches(self.done)):
            self._schedule((self.done + step / self.stage.steps) / self.stage.epochs)
            passes: list[Tensor] = []
            closure = self._closure(to_device(batch, self.device, non_blocking=True), passes)
            if isinstance(self.optimiser, SAM):
                skipped = self._skipped
                self.optimiser.step(closure)
                if self._skipped > skipped:  # rows that this process alone has looked up would be rounded otherwise
                    self._catch_up()
            else:
                closure()
                self.optimiser.step()
            for name, terms in zip(self.stage.weights, passes[0].unbind(), strict=True):  # of the pass at θ
                totals[name] = totals[name] + terms if name in totals else terms
            if (step + 1) % STEPS_A_REPORT == 0:
                done = self.done + (step + 1) / self.stage.steps
                progress(done, self.stage.epochs, HISTORY_NAMES[self.stage.name])
        self._catch_up()
        sums = {name: total.tolist() for name, total in totals.items()}
        return {name: total / count for name, (total, count) in sums.items()}

    def _catch_up(self) -> None:
        """Take the steps of all rows that an optimiser by rows has left alone."""
        base = self.optimiser.base if isinstance(self.optimiser, SAM) else self.optimiser
        if isinstance(base, RowAdam):
            base.catch_up()

    def _closure(self, batch: Any, passes: list[Tensor]) -> Callable[[], Tensor]:
        """Return what computes a loss and its gradient; each call appends (parts, 2), sums and numbers of terms.

        Both are those of all processes, and so are the sums and the numbers.
        """

        def closure() -> Tensor:
            self.optimiser.zero_grad()
            parts = self.stage.loss(self.model, batch)
            pairs = [torch.stack([parts[name][0].detach().double(), parts[name][1]]) for name in self.stage.weights]
            sums = self.processes.summed(torch.stack(pairs))
            passes.append(sums)
            whole = {
                name: (total.to(parts[name][0].dtype), number.to(parts[name][1].dtype))
                for name, (total, number) in zip(self.stage.weights, sums, strict=True)
            }
            self.stage.minimised({name: (parts[name][0], whole[name][1]) for name in whole}).backward()
            self.processes.sum_gradients(self.model.parameters())
            return self.stage.minimised(whole)

        return closure

    def _schedule(self, progress: float) -> None:
        """Set the learning rate and the radius for a step."""
        factor = factor_at(self.settings.lr_schedule, progress)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.lr * factor
        if isinstance(self.optimiser, SAM):
            self.optimiser.rho = rho_at(self.settings.rho_schedule, self.settings.rho, progress, factor)

    def checkpoint(self) -> Checkpoint:
        """Return the model as it is now."""
        sizes = {"n_items": self.dataset.n_items}
        if self.stage.name == PRETRAINED and self.dataset.attributes is not None:
            sizes["n_attributes"] = self.dataset.attributes.n_attributes
        return Checkpoint(
            method=self.settings.method,
            model={**sizes, **self.settings.network},
            weights={name: tensor.detach().cpu() for name, tensor in self.model.state_dict().items()},
            data=self.dataset.metadata(),
            settings=self.settings.settings_in_use(),
            seed=self.settings.seed,
            epoch=self.done,
            metrics=self.metrics,
            stage=self.stage.name,
            versions=versions(),
        )

    def state(self) -> dict[str, Any]:
        """Return everything that the next epoch depends on."""
        return {
            "stage": self.stage.name,
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
        """Continue from what ``state`` returned, and ``state.STATE`` has checked.

        Raises:
            ValueError: It is not the state of such a run; nothing has changed.
        """
        check_shapes(state["weights"], {name: tuple(own.shape) for name, own in self.model.state_dict().items()})
        check_finite(state["weights"], "the model")
        check_optimiser(state["optimiser"], self.optimiser)
        self._check_progress(state)
        random = torch.get_rng_state()
        try:
            torch.set_rng_state(state["random"])
            if self.device.type == "cuda" and state["random_cuda"] is not None:
                torch.cuda.set_rng_state(state["random_cuda"], self.device)
        except (RuntimeError, TypeError):
            torch.set_rng_state(random)
            raise ValueError("random is not the state of a random generator") from None
        self.model.load_state_dict(state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.done, self.best, self.best_epoch = state["done"], state["best"], state["best_epoch"]

    def _check_progress(self, state: dict[str, Any]) -> None:
        """Check that the epochs of a state are those of its history, and the best epoch one of them."""
        check_epochs(state["history"])
        rows = [row for row in state["history"] if row.get("stage") == HISTORY_NAMES[self.stage.name]]
        if len(rows) != state["done"]:
            raise ValueError(f"done is {state['done']}, and history has {len(rows)} epochs of this stage")
        if state["done"] > self.stage.epochs:
            raise ValueError(f"done is {state['done']}, and the stage has {self.stage.epochs} epochs")
        known = {0: -math.inf} | {row["epoch"]: row.get(f"valid_{METRIC.lower()}") for row in rows}
        if state["best_epoch"] not in known or known[state["best_epoch"]] not in (state["best"], None):
            raise ValueError(f"best is {state['best']}, which is not {METRIC} of the epoch {state['best_epoch']}")
