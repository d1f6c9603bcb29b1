"""What lies beside a result: the history of the model's training, and results of another kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landscape.results import Curvature, Surface
from landscape.results.along import AlongTraining
from landscape.results.storage.kinds import CURVATURE, kind_of
from landscape.training.loop.history import read_history
from landscape.training.loop.run_folder import RunFolder

SAME = ("checkpoint", "data", "objective")  # in the metadata of results that belong together
SECTIONS = ("spectrum", "trace", "sharpness", "blocks", "checks")


def history_of(run: Path) -> list[dict[str, Any]]:
    """Return a run's history, numbers as numbers; an empty list if it has none. Errors as of ``read_history``."""
    return read_history(RunFolder(run).history)


def curvature_beside(surface: Surface, path: Path) -> Curvature | None:
    """Return the curvature of the same checkpoint and loss from the folder that a surface is in; None if there is none.

    Of several, one of the Hessian is preferred, then the one with the most sections, then the newest.
    """
    candidates = []
    files = path.parent.glob(f"*{CURVATURE.suffix}")
    for file in sorted(files, key=lambda file: file.stat().st_mtime, reverse=True):
        try:
            curvature = CURVATURE.load(file)
        except (ValueError, OSError):  # another JSON file
            continue
        one, other = _origin(surface.metadata), _origin(curvature.metadata)
        if all(one.get(key) and one[key] == other.get(key) for key in SAME):
            candidates.append(curvature)
    return max(candidates, key=_completeness, default=None)


def along_beside(surface: Surface | None, path: Path | None = None) -> tuple[AlongTraining | None, ...]:
    """Return for each training run in a surface's plane what was measured along it; None where that is not there.

    Looked for are results about the same snapshots, data and loss, in the folder of the surface and in those of the
    runs.

    Args:
        surface: With the runs.
        path: Its file; None where it has none.
    """
    if surface is None or not surface.trajectories:
        return ()
    plane, kind = surface.metadata.get("plane", {}), kind_of(AlongTraining)
    runs, hashes = plane.get("trajectory"), plane.get("snapshot_sha256", ())
    folders = [Path(run) for run in ([runs] if isinstance(runs, str) else runs or ())]
    places = [*([] if path is None else [path.parent]), *(place for run in folders for place in (run, run / "results"))]
    found: dict[tuple[str, ...], AlongTraining] = {}
    for file in (file for place in dict.fromkeys(places) for file in sorted(place.glob(f"*{kind.suffix}"))):
        try:
            along = kind.load(file)
        except (ValueError, OSError):  # another JSON file
            continue
        if all(surface.metadata.get(key) == along.metadata.get(key) for key in ("data", "objective")):
            found.setdefault(tuple(along.metadata.get("snapshots", ())), along)
    wanted = [tuple(run) for run in hashes] or [()] * len(surface.trajectories)
    return tuple(found.get(run) if run else None for run in wanted)


def _origin(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a result is of; where the number of users was chosen by the data, the precision in place of the number."""
    origin = {key: metadata.get(key) for key in SAME}
    if metadata.get("sample") and isinstance(origin["objective"], Mapping):
        rest = {key: value for key, value in origin["objective"].items() if key not in ("users", "skipped")}
        origin["objective"] = {**rest, "precision": metadata["sample"]["precision"]}
    return origin


def surface_and_curvature(result: Surface | Curvature, path: Path) -> tuple[Surface | None, Curvature | None]:
    """Return a result from ``path`` with the related one of the other kind, in the order surface, curvature."""
    if isinstance(result, Surface):
        return result, curvature_beside(result, path)
    return None, result


def _completeness(curvature: Curvature) -> tuple[bool, int]:
    return curvature.operator == "hessian", sum(getattr(curvature, name) is not None for name in SECTIONS)
