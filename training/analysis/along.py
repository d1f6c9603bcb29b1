"""Sharpness along training: the curvature at each snapshot of a run, beside the run's validation metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape.progress import Progress, silent
from landscape.provenance import file_sha256
from landscape.results import Curvature
from landscape.results.along import AlongTraining
from landscape.results.storage.cache import ResultCache
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.sample_size import curvature_sample
from landscape.training.checkpoints.checkpoint import data_of, load_checkpoint
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.loop.history import METRIC
from landscape.training.loop.run_folder import snapshots
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.inputs import titled
from landscape.training.targets.related_results import history_of

USED = ("operator", "tolerance", "max_products", "memory", "trace_method", "trace_products")  # of CurvatureConfig


def curvature_along(
    run: str | Path,
    objective_config: ObjectiveConfig,
    curvature_config: CurvatureConfig,
    *,
    metric: str = METRIC,
    data: str | None = None,
    data_dir: str | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> AlongTraining:
    """Return λmax, trace, loss and gradient norm at each snapshot of a run, with its validation metric of that epoch.

    Each snapshot's curvature is stored as ``curvature_of`` stores it, in ``results/`` beside the snapshots: repeated,
    nothing is computed twice, and an interrupted call goes on where it stopped.

    Args:
        run: The folder of a run that was trained with ``snapshots=``, or a checkpoint in it.
        objective_config: The loss, the same at all snapshots: with ``users="auto"``, of as many users as the snapshot
            needs that needs most.
        curvature_config: How accurate; of its fields, those in ``USED``.
        metric: A column of the run's history.
        data: Name or file of the data; by default what the run was trained on.
        data_dir: The folder that data names are looked up in.
        device: Where to compute.
        progress: Called with (done, total, text) of each section of each snapshot.

    Raises:
        FileNotFoundError: The run has no snapshots.
        ValueError: A snapshot is damaged or of another run; or as ``curvature_of`` raises it.
        OSError: The folder for results cannot be written to.
    """
    folder = run_folder(run)
    targets = _targets(folder, data, data_dir)
    config = along_config(curvature_config)
    found, chosen = [], {}
    reports = [
        titled(progress, f"epoch {target.checkpoint.epoch}, snapshot {place} of {len(targets)}")
        for place, target in enumerate(targets, 1)
    ]
    if objective_config.is_auto:
        pairs = zip(targets, reports, strict=True)
        samples = [curvature_sample(one, objective_config, config, device=device, progress=r) for one, r in pairs]
        most = max(samples, key=lambda sample: sample.size)
        objective_config, chosen = objective_config.with_first(most.size, most.total), {"sample": most.metadata()}
    for target, report in zip(targets, reports, strict=True):
        found.append(curvature_of(target, objective_config, config, device=device, progress=report)[0])
    metadata = {name: value for name, value in targets[0].provenance(objective_config).items() if name != "checkpoint"}
    metadata |= {**chosen, "measures": asdict(config), "snapshots": [target.sha256 for target in targets]}
    metadata["seconds"] = round(sum(curvature.metadata.get("seconds", 0.0) for curvature in found), 3)
    return _collected(targets, found, _validated(folder, metric), metric, metadata)


def run_folder(run: str | Path) -> Path:
    """Return the folder of a run that is given as such, or by a checkpoint in it."""
    path = Path(run)
    return path.parent if path.is_file() else path


def along_config(curvature_config: CurvatureConfig) -> CurvatureConfig:
    """Return what is computed at each snapshot: λmax and the trace, as accurately as ``curvature_config`` says."""
    used = {name: getattr(curvature_config, name) for name in USED}
    return CurvatureConfig(top=1, bottom=0, checks=False, trace=True, **used)


def along_path(run: str | Path, objective_config: ObjectiveConfig, curvature_config: CurvatureConfig) -> Path:
    """Return where a run's result is stored by default: in ``results/`` of its folder, which may be missing.

    Raises:
        FileNotFoundError: The run has no snapshots.
    """
    folder = run_folder(run)
    key = {"snapshots": snapshot_hashes(run), **objective_config.described()}
    cache = ResultCache(folder / "results", key, name=folder.resolve().name)
    return cache.path(AlongTraining, **asdict(along_config(curvature_config)))


def snapshot_hashes(run: str | Path) -> list[str]:
    """Return the SHA-256 of each snapshot's file, as a run's result names them; errors as of ``along_path``."""
    return [file_sha256(path) for path in snapshots(run_folder(run))]


def _targets(folder: Path, data: str | None, data_dir: str | None) -> list[CheckpointTarget]:
    paths = snapshots(folder)
    checkpoints = [load_checkpoint(path) for path in paths]
    first = checkpoints[0]
    for path, checkpoint in zip(paths, checkpoints, strict=True):
        if (checkpoint.data["sha256"], checkpoint.seed) != (first.data["sha256"], first.seed):
            raise ValueError(f"{path} is a snapshot of another run than {paths[0]}; remove it")
    dataset = data_of(first, data, data_dir=data_dir)
    targets = [
        CheckpointTarget(path, file_sha256(path), checkpoint, dataset)
        for path, checkpoint in zip(paths, checkpoints, strict=True)
    ]
    return sorted(targets, key=lambda target: target.checkpoint.epoch)


def _validated(folder: Path, metric: str) -> dict[int, float]:
    """The metric by epoch, from the run's history; pre-training has none."""
    rows = history_of(folder)
    return {int(row["epoch"]): row[metric] for row in rows if isinstance(row.get(metric), float)}


def _collected(
    targets: Sequence[CheckpointTarget],
    found: Sequence[Curvature],
    validated: dict[int, float],
    metric: str,
    metadata: dict[str, Any],
) -> AlongTraining:
    epochs = [target.checkpoint.epoch for target in targets]
    traces = [curvature.trace for curvature in found if curvature.trace is not None]
    return AlongTraining(
        epochs=np.array(epochs, dtype=np.int64),
        top=np.array([curvature.pairs.values[0] for curvature in found], dtype=np.float64),
        top_residual=np.array([curvature.pairs.residuals[0] for curvature in found], dtype=np.float64),
        trace=np.array([trace.mean for trace in traces]),
        trace_stderr=np.array([trace.stderr for trace in traces]),
        loss=np.array([curvature.loss for curvature in found]),
        loss_stderr=np.array([curvature.loss_stderr for curvature in found]),
        gradient_norm=np.array([curvature.gradient_norm for curvature in found]),
        metric=np.array([validated.get(epoch, np.nan) for epoch in epochs]),
        metric_name=metric,
        operator=found[0].operator,
        metadata=metadata,
    )
