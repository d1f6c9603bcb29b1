"""What is measured of the loss around a trained model, the same for every run of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from landscape.objectives.objective import check_loss
from landscape.progress import Progress
from landscape.provenance import file_sha256
from landscape.results import Curvature, Surface
from landscape.results.study.records import SurfaceGrid
from landscape.training.analysis.along import curvature_along
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.surface import surface_of
from landscape.training.checkpoints.checkpoint import load_checkpoint
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.data.dataset import Dataset
from landscape.training.study.config import Geometry, StudyConfig
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.objective import objective_of

RHOS = (0.05, 0.5)  # of the sharpness
MEASURES = {  # key -> title, in the order of the report
    "top_eigenvalue": "λmax",
    "second_eigenvalue": "λ₂",
    "lowest_eigenvalue": "λmin",
    "scaled_eigenvalue": "λmax‖θ‖²",
    "trace": "trace (Hutch++)",
    "trace_hutchinson": "trace (Hutchinson)",
    "gauss_newton_eigenvalue": "λmax of the Gauss-Newton matrix",
    "fisher_eigenvalue": "λmax of the Fisher matrix",
    **{f"ascent_{rho}": f"ascent sharpness, ρ = {rho}" for rho in RHOS},
    **{f"average_{rho}": f"average sharpness, ρ = {rho}" for rho in RHOS},
    **{f"adaptive_{rho}": f"adaptive sharpness, ρ = {rho}" for rho in RHOS},
    "rise": "rise in random planes, at r = 1",
    "gradient_norm": "gradient norm",
    "loss": "training loss",
    "gap": "generalisation gap (validation loss − training loss)",
}


def geometry_of(
    folder: Path, dataset: Dataset, geometry: Geometry, device: torch.device | str, progress: Progress
) -> dict[str, Any]:
    """Return ``geometry``, ``stderr`` and ``surface`` of a run."""
    target = _target(folder / "checkpoint.pt", dataset)
    users = min(geometry.users, dataset.n_users)
    training = ObjectiveConfig(users=users, seed=geometry.seed)

    def curvature(**settings: Any) -> Curvature:
        config = CurvatureConfig(
            checks=False,
            trace_products=geometry.trace_products,
            rhos=RHOS,
            draws=geometry.draws,
            ascent_steps=geometry.ascent_steps,
            max_products=geometry.max_products,
            **settings,
        )
        return curvature_of(target, training, config, device=device, progress=progress)[0]

    hessian = curvature(top=2, bottom=1, trace=True, sharpness=True)
    hutchinson = curvature(top=2, bottom=1, trace=True, trace_method="hutchinson").trace
    gauss_newton, fisher = (curvature(top=1, bottom=0, operator=name) for name in ("gauss-newton", "fisher"))
    plane = SurfaceConfig(points=geometry.points, repeats=geometry.planes)
    surface: Surface = surface_of(target, training, plane, device=device, progress=progress)[0]
    held_out, _ = objective_of(
        target.checkpoint, dataset, ObjectiveConfig(split="valid", users=users, seed=geometry.seed), device=device
    )
    pairs, sharpness, trace, profile = hessian.pairs, hessian.sharpness, hessian.trace, surface.radial_profile
    assert pairs.bottom is not None and sharpness is not None and trace is not None and hutchinson is not None
    values = {
        "top_eigenvalue": float(pairs.values[0]),
        "second_eigenvalue": float(pairs.values[1]),
        "lowest_eigenvalue": float(pairs.bottom.values[0]),
        "scaled_eigenvalue": float(pairs.values[0]) * hessian.params_norm**2,
        "trace": trace.mean,
        "trace_hutchinson": hutchinson.mean,
        "gauss_newton_eigenvalue": float(gauss_newton.pairs.values[0]),
        "fisher_eigenvalue": float(fisher.pairs.values[0]),
        "gradient_norm": hessian.gradient_norm,
        "loss": hessian.loss,
        "gap": check_loss(held_out.value(), name="the loss of the validation items") - hessian.loss,
    }
    stderr = {"trace": trace.stderr, "trace_hutchinson": hutchinson.stderr, "loss": hessian.loss_stderr}
    stderr |= {"top_eigenvalue": float(pairs.residuals[0]), "second_eigenvalue": float(pairs.residuals[1])}
    for place, rho in enumerate(RHOS):
        kinds = {"ascent": "ascent", "average": "average", "adaptive": "adaptive-ascent"}
        for name, kind in kinds.items():
            values[f"{name}_{rho}"] = float(sharpness.column(kind)[place])
        stderr[f"average_{rho}"] = float(sharpness.stderr[place, sharpness.kinds.index("average")])
    if profile is not None:
        values["rise"] = float(profile.rises.mean(0)[-1])
        stderr["rise"] = float(profile.rises[:, -1].std(ddof=1) / len(profile.rises) ** 0.5)
    return {"geometry": values, "stderr": stderr, "surface": SurfaceGrid.of(surface)}


def along_training(
    folder: Path, data: str, study: StudyConfig, data_dir: str | None, device: torch.device | str, progress: Progress
) -> tuple[dict[str, float], ...]:
    """Return a row for each snapshot: its epoch, its validation NDCG@10 (NaN before the first), and its sharpness."""
    objective = ObjectiveConfig(users=study.along.users, seed=study.geometry.seed)
    config = CurvatureConfig(
        trace_products=study.geometry.trace_products // 2 + 2, max_products=study.geometry.max_products
    )
    along = curvature_along(
        folder, objective, config, metric="valid_ndcg@10", data=data, data_dir=data_dir, device=device,
        progress=progress,
    )  # fmt: skip
    columns = {"epoch": along.epochs, "top_eigenvalue": along.top, "trace": along.trace, "loss": along.loss}
    columns["NDCG@10"] = along.metric
    return tuple({name: float(values[place]) for name, values in columns.items()} for place in range(len(along.epochs)))


def _target(path: Path, dataset: Dataset) -> CheckpointTarget:
    return CheckpointTarget(path, file_sha256(path), load_checkpoint(path), dataset)
