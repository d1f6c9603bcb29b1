"""Tables of ``docs/results.md``: the geometry of the minima of trained systems, on one common loss.

    python -m benchmarks.geometry runs --data Beauty --users 2000 --out docs/results/geometry-Beauty.json

expects the runs that the commands in ``docs/results.md`` leave in ``runs/``, in folders SYSTEM-DATA-seedN, computes
what is missing, and prints Markdown. The other systems are compared with the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch

from benchmarks.support.markdown import markdown_table
from benchmarks.support.systems import SYSTEMS, label, opened
from landscape.progress import progress_bar
from landscape.results import Curvature, RadialProfile, Surface
from landscape.results.storage.files import write_json
from landscape.results.storage.values import curvature_values, surface_values
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.surface import surface_of
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.checkpoint_target import CheckpointTarget

ALL = CurvatureConfig(density=True, trace=True, sharpness=True, by_block=True)
FIRST = {name: CurvatureConfig(operator=name, top=1, checks=False) for name in ("gauss-newton", "fisher")}
DISTANCES = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Geometry:
    """All results for one checkpoint."""

    system: str
    seed: int
    hessian: Curvature
    gauss_newton: Curvature
    fisher: Curvature
    surface: Surface  # with a radial profile

    @property
    def radial_profile(self) -> RadialProfile:
        """The loss against the distance, in several planes."""
        assert self.surface.radial_profile is not None
        return self.surface.radial_profile


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--data", default="Beauty", show_default=True, help="Name of the data, as the runs' folders have it.")
@click.option("--systems", default=",".join(SYSTEMS), show_default=True, help="Those that have no run are left out.")
@click.option("--seeds", default="0", show_default=True)
@click.option("--users", type=int, help="Users of the common loss, drawn with seed 0; all by default.")
@click.option("--repeats", default=5, show_default=True, help="Random planes.")
@click.option("--data-dir", type=click.Path(file_okay=False))
@click.option("--threads", type=int)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The same numbers as JSON.")
def main(
    folder: Path,
    data: str,
    systems: str,
    seeds: str,
    users: int | None,
    repeats: int,
    data_dir: str | None,
    threads: int | None,
    out: Path | None,
) -> None:
    """Measure and tabulate the runs in FOLDER."""
    if threads:
        torch.set_num_threads(threads)
    targets = opened(folder, data, systems.split(","), [int(seed) for seed in seeds.split(",")], data_dir)
    results = {
        f"{label(system, by_seed)}, seed {seed}": measured(system, seed, target, ObjectiveConfig(users=users), repeats)
        for system, by_seed in targets.items()
        for seed, target in by_seed.items()
    }
    for title, table in TABLES.items():
        click.echo(f"#### {title}\n\n{table(results)}\n")
    if out:
        write_json(
            out,
            {
                name: {
                    "hessian": curvature_values(geometry.hessian),
                    "gauss-newton": curvature_values(geometry.gauss_newton),
                    "fisher": curvature_values(geometry.fisher),
                    "surface": surface_values(geometry.surface),
                }
                for name, geometry in results.items()
            },
        )


def measured(
    system: str, seed: int, target: CheckpointTarget, objective_config: ObjectiveConfig, repeats: int
) -> Geometry:
    """Compute all results for one checkpoint, or read those that are on disk."""
    title = target.checkpoint.title
    with progress_bar(f"Curvature of {title}") as progress:
        hessian, _ = curvature_of(target, objective_config, ALL, progress=progress)
        others = {
            name: curvature_of(target, objective_config, curvature_config, progress=progress)[0]
            for name, curvature_config in FIRST.items()
        }
    with progress_bar(f"Surfaces of {title}") as progress:
        surface, _ = surface_of(target, objective_config, SurfaceConfig(repeats=repeats), progress=progress)
    return Geometry(system, seed, hessian, others["gauss-newton"], others["fisher"], surface)


Geometries = dict[str, Geometry]  # by label


def eigenvalues(geometries: Geometries) -> str:
    """Loss and gradient, and both ends and the middle of the spectrum."""
    head = ("loss", "‖∇L‖", "λmax", "λmin", "Gauss-Newton λmax", "Fisher λmax", "trace", "negative share", "λmax‖θ‖²")

    def cells(geometry: Geometry) -> list[str]:
        curvature, spectrum, trace = geometry.hessian, geometry.hessian.spectrum, geometry.hessian.trace
        assert curvature.pairs.bottom is not None and spectrum is not None and trace is not None
        low, high = spectrum.share_bounds()
        return [
            f"{curvature.loss:.4f} ± {curvature.loss_stderr:.4f}",
            f"{curvature.gradient_norm:.3f}",
            f"{curvature.pairs.values[0]:.4f} ± {curvature.pairs.residuals[0]:.0e}",
            f"{curvature.pairs.bottom.values[0]:.4f} ± {curvature.pairs.bottom.residuals[0]:.0e}",
            f"{geometry.gauss_newton.pairs.values[0]:.4f} ± {geometry.gauss_newton.pairs.residuals[0]:.0e}",
            f"{geometry.fisher.pairs.values[0]:.4f} ± {geometry.fisher.pairs.residuals[0]:.0e}",
            f"{trace.mean:.1f} ± {trace.stderr:.1f}",
            f"{low:.0%} to {high:.0%}",
            f"{curvature.pairs.values[0] * curvature.params_norm**2:.0f}",
        ]

    return _table(geometries, head, cells)


def sharpnesses(geometries: Geometries) -> str:
    """The rise of the loss by kind and distance."""
    first = next(iter(geometries.values())).hessian.sharpness
    assert first is not None
    head = [f"{kind}, ρ = {rho:g}" for kind in first.kinds for rho in first.rhos]

    def cells(geometry: Geometry) -> list[str]:
        table = geometry.hessian.sharpness
        assert table is not None
        return [
            f"{row['value']:.3g}" + ("" if np.isnan(row["stderr"]) else f" ± {row['stderr']:.1g}")
            for row in table.rows()
        ]

    return _table(geometries, head, cells)


def blocks(geometries: Geometries) -> str:
    """λmax by block."""
    first = next(iter(geometries.values())).hessian.blocks
    assert first is not None

    def cells(geometry: Geometry) -> list[str]:
        assert geometry.hessian.blocks is not None
        return [f"{value:.3f}" for value in geometry.hessian.blocks.values]

    return _table(geometries, first.names, cells)


def localization(number: int) -> Callable[[Geometries], str]:
    """The share of the first eigenvector by one kind of group, with that of a random vector."""

    def table(geometries: Geometries) -> str:
        first = next(iter(geometries.values())).hessian.localization[number]
        lines = _table(
            geometries, first.groups, lambda geometry: _percent(geometry.hessian.localization[number].values[0])
        )
        for name, values in first.baselines.items():
            lines += f"\n| *{name}* | {' | '.join(_percent(values))} |"
        return lines

    return table


def radial_profiles(geometries: Geometries) -> str:
    """How much higher the loss is at a distance, and how much more than for the first system, plane by plane."""
    head = [f"r = {r:g}" for r in DISTANCES] + [f"– minus the first, r = {r:g}" for r in DISTANCES]
    first = next(iter(geometries.values())).radial_profile

    def cells(geometry: Geometry) -> list[str]:
        profile = geometry.radial_profile
        at = [int(np.abs(profile.radii - r).argmin()) for r in DISTANCES]
        rises, gains = profile.rises, profile.rises - first.rises
        return [
            *_give_or_take(rises.mean(0)[at], profile.half_width(rises)[at]),
            *(
                ["" for _ in at]
                if profile is first
                else _give_or_take(gains.mean(0)[at], profile.half_width(gains)[at], "+")
            ),
        ]

    return _table(geometries, head, cells)


TABLES: dict[str, Callable[[Geometries], str]] = {
    "Eigenvalues": eigenvalues,
    "Sharpness: the rise of the loss": sharpnesses,
    "λmax by block": blocks,
    "The first eigenvector's share by block, in %": localization(0),
    "The first eigenvector's share by item popularity, in %": localization(1),
    "The rise of the loss with the distance r in random planes, with 95 % intervals over planes": radial_profiles,
}


def _table(geometries: Geometries, head: Iterable[str], cells: Callable[[Geometry], Sequence[str]]) -> str:
    rows = ([title, *cells(geometry)] for title, geometry in geometries.items())
    return "\n".join(markdown_table(["", *head], rows))


def _percent(values: np.ndarray) -> list[str]:
    return [f"{100 * value:.1f}" for value in values.tolist()]


def _give_or_take(means: np.ndarray, halves: np.ndarray, sign: str = "") -> list[str]:
    return [f"{mean:{sign}.3f} ± {half:.3f}" for mean, half in zip(means.tolist(), halves.tolist(), strict=True)]


if __name__ == "__main__":
    main()
