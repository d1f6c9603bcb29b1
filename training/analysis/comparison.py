"""Several checkpoints and results side by side: what belongs to one model is put together, what is missing computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape.progress import Progress, silent
from landscape.results import Curvature, Surface
from landscape.results.storage import curvature_values, load_curvature, load_surface, surface_values
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.related_results import history_of
from landscape.training.analysis.surface import surface_of
from landscape.training.analysis.target import AnalysisTarget
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig


@dataclass(frozen=True)
class Entry:
    """One model of a comparison, as far as something is known of it."""

    title: str
    key: str  # the checkpoint's SHA-256; where that is not told, the title, and where there is none, the file's path
    surface: Surface | None = None
    curvature: Curvature | None = None
    history: list[dict[str, Any]] = field(default_factory=list)

    def values(self) -> dict[str, Any]:
        """What there is as plain values, under the names that result files have."""
        return {
            "surface": surface_values(self.surface) if self.surface else None,
            "curvature": curvature_values(self.curvature) if self.curvature else None,
        }

    def __str__(self) -> str:
        return "; ".join(repr(each) for each in (self.surface, self.curvature) if each is not None)


def stored(path: str) -> Entry:
    """A result file as an entry.

    Raises:
        ValueError: It is no result, or damaged.
        OSError: It is not there.
    """
    if path.endswith(".npz"):
        surface = load_surface(path)
        return Entry(*_named(surface.metadata, path), surface=surface)
    curvature = load_curvature(path)
    return Entry(*_named(curvature.metadata, path), curvature=curvature)


def computed(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    chosen: SurfaceConfig,
    curvature_config: CurvatureConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Entry:
    """A checkpoint as an entry; results that are there already are read. Errors as of both analyses."""
    surface, _ = surface_of(target, objective_config, chosen, device=device, progress=progress)
    curvature, _ = curvature_of(target, objective_config, curvature_config, device=device, progress=progress)
    title = target.checkpoint.title + objective_config.title
    return Entry(title, target.sha256, surface, curvature, history_of(target.path.parent))


def joined(entries: Sequence[Entry]) -> list[Entry]:
    """One entry for each model and loss, in the order of their first.

    Titles tell the loss: what a method minimised and the common loss are not put together, though of one checkpoint. Of
    results that have the same values the last is kept; others of one kind and one checkpoint, such as surfaces with
    other users or along other directions, are entries of their own. What is of another kind goes to the first.
    """
    found: list[Entry] = []
    for entry in entries:
        for index, before in enumerate(found):
            if (before.key, before.title) == (entry.key, entry.title) and _same(before, entry):
                found[index] = replace(
                    before,
                    surface=entry.surface or before.surface,
                    curvature=entry.curvature or before.curvature,
                    history=entry.history or before.history,
                )
                break
        else:
            found.append(entry)
    return found


def _same(one: Entry, other: Entry) -> bool:
    """Whether nothing that both have differs."""
    pairs = [
        (getattr(a, name), getattr(b, name))
        for a, b, names in (
            (one.surface, other.surface, ("alphas", "betas", "loss")),
            (one.curvature and one.curvature.pairs, other.curvature and other.curvature.pairs, ("values",)),
        )
        if a is not None and b is not None
        for name in names
    ]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def short_names(titles: Sequence[str]) -> list[str]:
    """Titles without data and seed, where these are the same for all: ``SASRec on Beauty, seed 0`` as SASRec."""
    ends = {title[title.rfind(" on ") :] for title in titles if " on " in title}
    if len(titles) > 1 and len(ends) == 1 and all(" on " in title for title in titles):
        shortened = [title[: title.rfind(" on ")] for title in titles]
        if len(set(shortened)) == len(titles):
            return shortened
    return list(titles)


def title_of(metadata: Mapping[str, Any], path: str | Path) -> str:
    """A result's title as text that can be printed, whatever its file holds; the file's name where it has none."""
    return str(metadata.get("title") or Path(path).stem).encode(errors="replace").decode()


def _named(metadata: Mapping[str, Any], path: str) -> tuple[str, str]:
    """Title and key."""
    sha256 = metadata.get("checkpoint", {}).get("sha256")
    return title_of(metadata, path), str(sha256 or metadata.get("title") or Path(path).with_suffix(""))
