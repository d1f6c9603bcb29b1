"""Several models side by side: results of one model are put together, missing ones are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape.progress import Progress, silent
from landscape.results import Curvature, Surface
from landscape.results.display.display_names import short_names
from landscape.results.sample import SampleSize
from landscape.results.storage.files import errors_about
from landscape.results.storage.values import curvature_values, surface_values
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.sample_size import curvature_sample, surface_sample
from landscape.training.analysis.surface import surface_of
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.inputs import Input, Result, open_inputs, title_of, titled
from landscape.training.targets.target import AnalysisTarget

OBJECTIVE, SURFACE, CURVATURE = ObjectiveConfig(), SurfaceConfig(), CurvatureConfig(top=3, checks=False)  # by default


@dataclass(frozen=True)
class ComparisonEntry:
    """One model of a comparison; what is not known of it is None or empty."""

    title: str
    key: str  # the checkpoint's SHA-256; where it is unknown, the title, and where there is none, the file's path
    surface: Surface | None = None
    curvature: Curvature | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    name: str = ""  # the title, without what all models of the comparison share

    def values(self) -> dict[str, Any]:
        """Return the results as plain values, under the names that result files have."""
        return {
            "surface": surface_values(self.surface) if self.surface else None,
            "curvature": curvature_values(self.curvature) if self.curvature else None,
        }

    def __str__(self) -> str:
        return "; ".join(repr(result) for result in (self.surface, self.curvature) if result is not None)


@dataclass(frozen=True)
class CommonLoss:
    """The loss of a model in a comparison, and what is recorded of how many users it is of."""

    config: ObjectiveConfig
    surface: SampleSize | None = None
    curvature: SampleSize | None = None

    def recorded(self, entry: ComparisonEntry) -> ComparisonEntry:
        """Return the entry, its results with what their numbers of users were chosen by."""
        if self.surface is None or self.curvature is None or entry.surface is None or entry.curvature is None:
            return entry
        size = self.config.users if isinstance(self.config.users, int) else self.surface.total
        surface, curvature = (
            {**result.metadata, "sample": sample.metadata(size)}
            for result, sample in ((entry.surface, self.surface), (entry.curvature, self.curvature))
        )
        return replace(
            entry,
            surface=replace(entry.surface, metadata=surface),
            curvature=replace(entry.curvature, metadata=curvature),
        )


def compare(
    inputs: Sequence[Input],
    *,
    objective_config: ObjectiveConfig = OBJECTIVE,
    surface_config: SurfaceConfig = SURFACE,
    curvature_config: CurvatureConfig = CURVATURE,
    data: str | None = None,
    data_dir: str | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> list[ComparisonEntry]:
    """Return one entry for each model: surface, curvature and training history, ready to be drawn side by side.

    Args:
        inputs: Checkpoints and problems, whose surface and curvature are computed or read from ``results/`` beside
            them; and files of results, which are taken as they are. All are opened before anything is computed.
        objective_config: The loss, the same for all checkpoints: with ``users="auto"``, of as many users as the model
            needs that needs most.
        surface_config: The plane through each model.
        curvature_config: What to compute of each model's curvature.
        data: Name or file of the checkpoints' data; by default what each was trained on.
        data_dir: The folder that data names are looked up in.
        device: Where to compute.
        progress: Called with (done, total, text) of each analysis.

    Raises:
        ValueError: A file is damaged or not there, or an analysis failed; the message names the file.
    """
    everything = open_inputs(inputs, data=data, data_dir=data_dir, device=device)
    entries, configs = [], (surface_config, curvature_config)
    targets = [opened for opened in everything if isinstance(opened, AnalysisTarget)]
    losses = iter(common_losses(targets, objective_config, *configs, device=device, progress=progress))
    for path, opened in zip(inputs, everything, strict=True):
        if isinstance(opened, AnalysisTarget):
            with opened.errors():
                report = titled(progress, opened.title)
                loss = next(losses)
                entry = target_entry(opened, loss.config, *configs, device=device, progress=report)
                entries.append(loss.recorded(entry))
        else:
            with errors_about(str(path)):
                entries.append(result_entry(opened, str(path)))
    entries = joined(entries)
    names = short_names([entry.title for entry in entries])
    return [replace(entry, name=name) for entry, name in zip(entries, names, strict=True)]


def result_entry(result: Result, path: str | Path) -> ComparisonEntry:
    """Return an entry that has one result, which was read from ``path``."""
    title, checkpoint = result.metadata.get("title"), result.metadata.get("checkpoint", {})
    key = str(checkpoint.get("sha256") or title or Path(path).with_suffix(""))
    if isinstance(result, Surface):
        return ComparisonEntry(title_of(result.metadata, path), key, surface=result)
    return ComparisonEntry(title_of(result.metadata, path), key, curvature=result)


def common_losses(
    targets: Sequence[AnalysisTarget],
    objective_config: ObjectiveConfig,
    surface_config: SurfaceConfig,
    curvature_config: CurvatureConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> list[CommonLoss]:
    """Return the loss of each model; those of the same data are on the same users, whatever number is chosen."""
    if not objective_config.is_auto:
        return [CommonLoss(objective_config)] * len(targets)
    pairs = []
    for target in targets:
        with target.errors():
            options: dict[str, Any] = {"device": device, "progress": titled(progress, target.title)}
            pairs.append(
                (
                    surface_sample(target, objective_config, surface_config, **options),
                    curvature_sample(target, objective_config, curvature_config, **options),
                )
            )
    losses = []
    for target, pair in zip(targets, pairs, strict=True):
        alike = [
            sample
            for other, samples in zip(targets, pairs, strict=True)
            if other.data_sha256 == target.data_sha256
            for sample in samples
        ]
        total = pair[0].total
        size = min(max(sample.size for sample in alike), total)
        losses.append(CommonLoss(objective_config.with_first(size, total), *pair))
    return losses


def target_entry(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    surface_config: SurfaceConfig,
    curvature_config: CurvatureConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> ComparisonEntry:
    """Return a model's entry; results that exist are read. Errors as of ``surface_of`` and ``curvature_of``."""
    surface, _ = surface_of(target, objective_config, surface_config, device=device, progress=progress)
    curvature, _ = curvature_of(target, objective_config, curvature_config, device=device, progress=progress)
    title = target.provenance(objective_config)["title"]
    return ComparisonEntry(title, target.sha256, surface, curvature, target.history())


def joined(entries: Sequence[ComparisonEntry]) -> list[ComparisonEntry]:
    """Return one entry for each model and loss, in the order of their first.

    Titles name the loss: a checkpoint's own loss and the common loss make two entries. Of results with the same values
    the last is kept; others of one kind and one checkpoint, such as surfaces with other users or along other
    directions, are separate entries. A result of another kind joins the first of them.
    """
    result: list[ComparisonEntry] = []
    for entry in entries:
        for index, earlier in enumerate(result):
            if (earlier.key, earlier.title) == (entry.key, entry.title) and _compatible(earlier, entry):
                result[index] = replace(
                    earlier,
                    surface=entry.surface or earlier.surface,
                    curvature=entry.curvature or earlier.curvature,
                    history=entry.history or earlier.history,
                )
                break
        else:
            result.append(entry)
    return result


def _compatible(first: ComparisonEntry, second: ComparisonEntry) -> bool:
    """Whether results that both have are equal."""
    pairs = [
        (getattr(a, name), getattr(b, name))
        for a, b, names in (
            (first.surface, second.surface, ("alphas", "betas", "loss")),
            (first.curvature and first.curvature.pairs, second.curvature and second.curvature.pairs, ("values",)),
        )
        if a is not None and b is not None
        for name in names
    ]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
