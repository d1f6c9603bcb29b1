"""Training: the stages of a run, the best epoch stored, and exact resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landscape.progress import Progress, silent
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.config.methods import PRETRAINED, TRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset
from landscape.training.loop.run_folder import RunFolder, damaged
from landscape.training.loop.stage_trainer import METRIC, StageTrainer
from landscape.training.loop.stages import stages


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
    Each stage seeds its random numbers anew: fine-tuning what another run has pre-trained gives the bits of one run
    that does both. torch's global random state is used (dropout draws from it) and restored at the end.

    Args:
        dataset: The data to train on.
        settings: The run's settings.
        folder: Where the run is written.
        pretrained: A checkpoint to fine-tune in place of pre-training; ``settings.pretrained`` is its SHA-256.
        resume: Whether to continue a run in the folder.
        snapshots: Store a checkpoint before the first epoch and after every so many; none where it is None.
        device: Where to compute.
        progress: Called after each epoch, and within long ones.

    Raises:
        ValueError: The folder holds a run already, another process uses it, it was started with other settings, the
            data lacks what the method needs, or the loss is not finite.
        OSError: The folder cannot be written to.
    """
    if snapshots is not None and snapshots < 1:
        raise ValueError(f"snapshots are kept every so many epochs, at least 1, got {snapshots}")
    if (pretrained is not None) != (settings.pretrained is not None):
        raise ValueError("a pre-trained checkpoint and its SHA-256 in the settings go together")
    planned = stages(dataset, settings)  # errors before the folder is touched
    weights = None
    if pretrained is not None:
        weights = starting_weights(pretrained, dataset, settings)
    run = RunFolder(folder)
    with run.locked(), torch.random.fork_rng():
        config = {**settings.settings_in_use(), "data": dataset.name, "data_sha256": dataset.sha256}
        if planned[0].name == PRETRAINED and dataset.attributes is not None:
            config["attributes_sha256"] = dataset.attributes.sha256
        if exhausted := max(stage.exhausted for stage in planned):
            config["users_without_negatives"] = exhausted
        state = run.open(config, resume=resume)
        if state is not None and state["stage"] not in [stage.name for stage in planned]:
            with damaged(run.last):
                raise ValueError(f"the stage {state['stage']} is none of this run's")
        history: list[dict[str, Any]] = [] if state is None else state["history"]
        for stage in planned:
            if state is not None and state["stage"] == TRAINED and stage.name == PRETRAINED:
                continue  # finished before the run was resumed
            trainer = StageTrainer(stage, dataset, settings, torch.device(device), weights, history)
            if state is not None and state["stage"] == stage.name:
                with damaged(run.last):
                    trainer.restore(state)
                run.write_history(history)
            _run_stage(trainer, run, snapshots if stage.name == TRAINED else None, progress)
            weights = trainer.model.state_dict()
        return _best(run, trainer)


def _best(run: RunFolder, trainer: StageTrainer) -> Checkpoint:
    """Return the checkpoint of a run's best epoch.

    Raises:
        ValueError: The file is damaged, or of another run.
    """
    best, own = load_checkpoint(run.checkpoint), trainer.checkpoint()
    wanted = (own.method, own.stage, own.seed, own.data["sha256"], trainer.best_epoch, trainer.best)
    if (best.method, best.stage, best.seed, best.data["sha256"], best.epoch, best.metrics.get(METRIC)) != wanted:
        with damaged(run.checkpoint):
            raise ValueError(f"it is not the checkpoint of this run's best epoch, {trainer.best_epoch}")
    return best


def _run_stage(trainer: StageTrainer, run: RunFolder, snapshots: int | None, progress: Progress) -> None:
    """Train to the end of a stage, writing the run's files after every epoch."""
    if snapshots and trainer.done == 0:
        run.keep_snapshot(trainer.checkpoint())
    while not trainer.finished:
        improved = trainer.epoch(progress)
        if snapshots and trainer.done % snapshots == 0:
            run.keep_snapshot(trainer.checkpoint())
        run.save(trainer.state(), trainer.checkpoint() if improved else None)


def starting_weights(pretrained: Checkpoint, dataset: Dataset, settings: TrainingConfig) -> dict[str, Tensor]:
    """Return the weights of a checkpoint that is to be fine-tuned.

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
        f"{name} is {pretrained.model.get(name)} there and {value} here"
        for name, value in {"n_items": dataset.n_items, **sizes}.items()
        if pretrained.model.get(name) != value
    ]
    if differing:
        raise ValueError(f"the pre-trained checkpoint has another network: {'; '.join(differing)}")
    return pretrained.weights
