"""Training: the stages of a run, the best epoch stored, and exact resuming."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from landscape.processes import Processes
from landscape.progress import Progress, silent
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.config.methods import PRETRAINED, TRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset
from landscape.training.loop.run_folder import RunFolder, damaged
from landscape.training.loop.shares import shared
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
    process_group: ProcessGroup | None = None,
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
        process_group: Processes of torch.distributed that share out every batch and the users of the validation. All
            call the same with the same arguments and data; the first one writes the folder, which is used in no other.
            Results are one process's to rounding, and a run may be resumed by another number of processes.
        progress: Called after each epoch, and within long ones.

    Raises:
        ValueError: The folder holds a run already, another process uses it, it was started with other settings, the
            data lacks what the method needs, or the loss is not finite. Or processes differ in settings or data.
        OSError: The folder cannot be written to.
        ConnectionError: Another process has ended.
    """
    if snapshots is not None and snapshots < 1:
        raise ValueError(f"snapshots are kept every so many epochs, at least 1, got {snapshots}")
    if (pretrained is not None) != (settings.pretrained is not None):
        raise ValueError("a pre-trained checkpoint and its SHA-256 in the settings go together")
    processes = Processes(process_group)
    planned = [shared(stage, processes) for stage in stages(dataset, settings)]  # errors before the folder is touched
    weights = None
    if pretrained is not None:
        weights = starting_weights(pretrained, dataset, settings)
    run = RunFolder(folder)
    with ExitStack() as held, torch.random.fork_rng():
        config = {**settings.settings_in_use(), "data": dataset.name, "data_sha256": dataset.sha256}
        if planned[0].name == PRETRAINED and dataset.attributes is not None:
            config["attributes_sha256"] = dataset.attributes.sha256
        if exhausted := max(stage.exhausted for stage in planned):
            config["users_without_negatives"] = exhausted
        processes.require_same({**config, "snapshots": snapshots, "resume": resume})

        def opened() -> dict[str, Any] | None:
            held.enter_context(run.locked())
            return run.open(config, resume=resume)

        state = processes.from_first(opened)
        if state is not None and state["stage"] not in [stage.name for stage in planned]:
            with damaged(run.last):
                raise ValueError(f"the stage {state['stage']} is none of this run's")
        history: list[dict[str, Any]] = [] if state is None else state["history"]
        for stage in planned:
            if state is not None and state["stage"] == TRAINED and stage.name == PRETRAINED:
                continue  # finished before the run was resumed
            trainer = StageTrainer(stage, dataset, settings, torch.device(device), weights, history, processes)
            if state is not None and state["stage"] == stage.name:
                with damaged(run.last):
                    trainer.restore(state)
                processes.from_first(partial(run.write_history, history))
            _run_stage(trainer, run, snapshots if stage.name == TRAINED else None, progress)
            weights = trainer.model.state_dict()
        return processes.from_first(partial(_best, run, trainer))


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

    def save(improved: bool) -> None:
        if snapshots and trainer.done % snapshots == 0:
            run.keep_snapshot(trainer.checkpoint())
        if trainer.done > 0:
            run.save(trainer.state(), trainer.checkpoint() if improved else None)

    if trainer.done == 0:
        trainer.processes.from_first(partial(save, False))
    while not trainer.finished:
        trainer.processes.from_first(partial(save, trainer.epoch(progress)))


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
