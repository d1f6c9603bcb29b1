"""Tables of ``docs/results.md``: rankings, curvatures and surfaces of methods over seeds.

    python -m benchmarks.replication runs --data Beauty --seeds 0,1,2 --out docs/results-Beauty.json

expects the runs that ``landscape train METHOD --data Beauty --seed N`` leaves in ``runs/`` and prints Markdown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from landscape.files import jsonable, write_json
from landscape.progress import progress
from training.analysis import Plane, Subject, curvature_of, surface_of
from training.evaluate import BASELINES, Evaluation, evaluate
from training.methods import METHODS
from training.metrics import CUTOFFS, by_user, paired_difference, standard_errors, summarise
from training.objective import Subset

PAPER = {  # HR@10, NDCG@10 as Lai et al. (RecSys 2023, Table 1) report them
    "Beauty": {"sasrec": (0.0563, 0.0288), "samrec": (0.0638, 0.0320)},
    "Toys_and_Games": {"sasrec": (0.0692, 0.0293), "samrec": (0.0772, 0.0330)},
}
SHOWN = ("HR@10", "NDCG@10", f"HR@{CUTOFFS[-1]}", f"NDCG@{CUTOFFS[-1]}", "MRR")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--data", default="Beauty", show_default=True, help="Name of the data, as the runs' folders have it.")
@click.option("--methods", default="sasrec,samrec", show_default=True, help="The others are held against the first.")
@click.option("--seeds", default="0,1,2", show_default=True)
@click.option("--top", default=3, show_default=True, help="Eigenvalues to find.")
@click.option("--data-dir", type=click.Path(file_okay=False))
@click.option("--threads", type=int)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The same numbers as JSON.")
def main(
    folder: Path,
    data: str,
    methods: str,
    seeds: str,
    top: int,
    data_dir: str | None,
    threads: int | None,
    out: Path | None,
) -> None:
    """Evaluate, measure and tabulate the runs in FOLDER."""
    if threads:
        torch.set_num_threads(threads)
    subjects = {
        method: [
            Subject.open(folder / f"{method}-{data}-seed{seed}" / "checkpoint.pt", data_dir=data_dir)
            for seed in seeds.split(",")
        ]
        for method in methods.split(",")
    }
    rankings = {
        method: [evaluate(one.checkpoint, one.dataset, "test") for one in several]
        for method, several in subjects.items()
    }
    click.echo(ranking_table(rankings, data))
    geometry = {method: [measured(one, top) for one in several] for method, several in subjects.items()}
    click.echo(geometry_table(geometry))
    if out:
        found = {
            "rankings": {method: [one.values() for one in several] for method, several in rankings.items()},
            "epochs": {method: [one.checkpoint.epoch for one in several] for method, several in subjects.items()},
            "geometry": geometry,
        }
        write_json(out, jsonable(found))


def ranking_table(rankings: dict[str, list[Evaluation]], data: str) -> str:
    """Means over seeds with their standard deviation, paired differences from the first method, and baselines."""
    lines = [f"| | {' | '.join(SHOWN)} |", f"|---|{'---|' * len(SHOWN)}"]
    for method, several in rankings.items():
        values = {name: [summarise(one.ranks)[name] for one in several] for name in SHOWN}
        cells = [f"{np.mean(values[name]):.4f} ± {np.std(values[name], ddof=1):.4f}" for name in SHOWN]
        lines.append(f"| {METHODS[method].title}, {len(several)} seeds, mean ± s.d. | {' | '.join(cells)} |")
        if method in PAPER.get(data, {}):
            lines.append(f"| – in the paper (10 seeds) | {' | '.join(f'{v:.4f}' for v in PAPER[data][method])} | | | |")
    first, *others = rankings
    for method in others:
        for one, other in zip(rankings[first], rankings[method], strict=True):
            generator = np.random.default_rng(0)
            gains = [paired_difference(one.ranks, other.ranks, name, generator=generator) for name in SHOWN]
            lines.append(f"| {other.title.split(' on ')[0]} − {one.title}, 95 % | {' | '.join(map(str, gains))} |")
        lines.append(_pooled(rankings[first], rankings[method], METHODS[method].title, METHODS[first].title))
    for name in BASELINES:
        ranks = rankings[first][0].baselines[name]
        lines.append(f"| counting: {name} | {' | '.join(f'{summarise(ranks)[metric]:.4f}' for metric in SHOWN)} |")
    errors = standard_errors(rankings[first][0].ranks)
    lines.append(f"| standard error over users | {' | '.join(f'{errors[name]:.4f}' for name in SHOWN)} |")
    return "\n".join(lines) + "\n"


def _pooled(first: list[Evaluation], other: list[Evaluation], title: str, than: str) -> str:
    """The difference of the means over seeds, each user's gain averaged over seeds before users are resampled."""
    generator, cells = np.random.default_rng(0), []
    for name in SHOWN:
        pairs = zip(first, other, strict=True)
        gains = np.mean([by_user(b.ranks, name) - by_user(a.ranks, name) for a, b in pairs], axis=0)
        draws = [gains[generator.integers(0, len(gains), len(gains))].mean() for _ in range(1000)]
        low, high = np.quantile(draws, [0.025, 0.975])
        cells.append(f"{gains.mean():+.4f} [{low:+.4f}, {high:+.4f}]")
    return f"| **{title} − {than}, mean of seeds, 95 %** | {' | '.join(cells)} |"


def measured(subject: Subject, top: int) -> dict[str, Any]:
    """Curvature and surface of one checkpoint on the whole training loss."""
    with progress(f"Curvature of {subject.checkpoint.title}") as report:
        curvature, _ = curvature_of(subject, Subset(), top, report=report)
    with progress(f"Surface of {subject.checkpoint.title}") as report:
        surface, _ = surface_of(subject, Subset(), Plane(), report=report)
    corners = surface.loss[[0, 0, -1, -1], [0, -1, 0, -1]]
    error = surface.error
    return {
        "title": subject.checkpoint.title,
        "epoch": subject.checkpoint.epoch,
        "loss": curvature.loss,
        "gradient_norm": curvature.gradient_norm,
        "params_norm": curvature.params_norm,
        "eigenvalues": curvature.pairs.values,
        "residuals": curvature.pairs.residuals,
        "converged": curvature.pairs.converged,
        "lowest": curvature.pairs.bottom.values[0] if curvature.pairs.bottom else None,
        "lowest_residual": curvature.pairs.bottom.residuals[0] if curvature.pairs.bottom else None,
        "products": curvature.pairs.products,
        "asymmetry": curvature.asymmetry,
        "surface_range": surface.range,
        "surface_corners": float(corners.mean()),
        "surface_evaluations": surface.evaluations,
        "surface_error": {"relative": error.relative, "near_centre": error.near_centre, "points": error.points}
        if error
        else None,
        "surface_seconds": surface.metadata["seconds"],
        "curvature_seconds": curvature.metadata["seconds"],
    }


def geometry_table(geometry: dict[str, list[dict[str, Any]]]) -> str:
    """One row a checkpoint."""
    head = ("", "epoch", "loss", "‖∇L‖", "λmax", "λ₂", "λmin", "λmax‖θ‖²", "products", "corners of ±1", "surface error")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for several in geometry.values():
        for one in several:
            error = one["surface_error"]
            cells = [
                one["title"],
                str(one["epoch"]),
                f"{one['loss']:.4f}",
                f"{one['gradient_norm']:.3f}",
                f"{one['eigenvalues'][0]:.4f} ± {one['residuals'][0]:.0e}",
                f"{one['eigenvalues'][1]:.4f} ± {one['residuals'][1]:.0e}" if len(one["eigenvalues"]) > 1 else "",
                f"{one['lowest']:.4f} ± {one['lowest_residual']:.0e}",
                f"{one['eigenvalues'][0] * one['params_norm'] ** 2:.0f}",
                str(one["products"]),
                f"{one['surface_corners']:.3f}",
                f"{error['relative']:.1e} of range, {one['surface_evaluations']} evaluations" if error else "grid",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
