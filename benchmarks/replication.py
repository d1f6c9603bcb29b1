"""Tables of ``docs/results.md``: rankings, curvatures and surfaces of trained systems, over the seeds that there are.

    python -m benchmarks.replication runs --data Beauty --out docs/results-Beauty.json

expects the runs that the commands in ``docs/results.md`` leave in ``runs/``, in folders SYSTEM-DATA-seedN, and prints
Markdown. The first system is what the others are held against, seed by seed.
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
from training.metrics import CUTOFFS, by_user, paired_difference, standard_errors, summarise
from training.objective import Subset

SYSTEMS = {  # folders of runs, and what to tell of them besides method and radius
    "sasrec": "",
    "s3rec": "20 epochs of pre-training",
    "s3rec-published": "published pre-training",
    "cl4srec": "",
    "samrec": "",
    "samrec-rho0.1": "",
    "samrec-rho1.0": "",
    "s3rec+sam": "20 epochs of pre-training",
    "cl4srec+sam": "",
}
PAPER = {  # HR@10 and, where it is told, NDCG@10, as Lai et al. (RecSys 2023, Tables 1 and 2) report them
    "Beauty": {
        "sasrec": (0.0563, 0.0288),
        "s3rec": (0.0574, 0.0314),
        "cl4srec": (0.0630, 0.0323),
        "samrec": (0.0638, 0.0320),
        "s3rec+sam": (0.0605,),
        "cl4srec+sam": (0.0645,),
    },
    "Toys_and_Games": {
        "sasrec": (0.0692, 0.0293),
        "s3rec": (0.0713, 0.0304),
        "cl4srec": (0.0765, 0.0326),
        "samrec": (0.0772, 0.0330),
        "s3rec+sam": (0.0756,),
        "cl4srec+sam": (0.0791,),
    },
}
SHOWN = ("HR@10", "NDCG@10", f"HR@{CUTOFFS[-1]}", f"NDCG@{CUTOFFS[-1]}", "MRR")
DRAWS = 1000


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--data", default="Beauty", show_default=True, help="Name of the data, as the runs' folders have it.")
@click.option("--systems", default=",".join(SYSTEMS), show_default=True, help="Those that have no run are left out.")
@click.option("--seeds", default="0,1,2", show_default=True)
@click.option("--geometry", default="0", show_default=True, help="Seeds whose surfaces and curvatures are measured.")
@click.option("--users", type=int, help="Of these, drawn by seed 0, the common loss is made; all by default.")
@click.option("--top", default=3, show_default=True, help="Eigenvalues to find.")
@click.option("--data-dir", type=click.Path(file_okay=False))
@click.option("--threads", type=int)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The same numbers as JSON.")
def main(
    folder: Path,
    data: str,
    systems: str,
    seeds: str,
    geometry: str,
    users: int | None,
    top: int,
    data_dir: str | None,
    threads: int | None,
    out: Path | None,
) -> None:
    """Evaluate, measure and tabulate the runs in FOLDER."""
    if threads:
        torch.set_num_threads(threads)
    subjects: dict[str, dict[int, Subject]] = {}
    for system in systems.split(","):
        for seed in map(int, seeds.split(",")):
            path = folder / f"{system}-{data}-seed{seed}" / "checkpoint.pt"
            if path.exists():
                subjects.setdefault(system, {})[seed] = Subject.open(path, data_dir=data_dir)
    rankings = {
        system: {seed: evaluate(one.checkpoint, one.dataset, "test") for seed, one in several.items()}
        for system, several in subjects.items()
    }
    labels = {system: label(system, several) for system, several in subjects.items()}
    click.echo(ranking_table(rankings, labels, PAPER.get(data, {})))
    measured_seeds = [int(seed) for seed in geometry.split(",") if seed]
    geometries = {
        f"{labels[system]}, seed {seed}": measured(several[seed], Subset(users=users), top)
        for system, several in subjects.items()
        for seed in measured_seeds
        if seed in several
    }
    click.echo(geometry_table(geometries))
    if out:
        found = {
            "rankings": {
                system: {seed: one.values() for seed, one in several.items()} for system, several in rankings.items()
            },
            "epochs": {
                system: {seed: one.checkpoint.epoch for seed, one in several.items()}
                for system, several in subjects.items()
            },
            "geometry": geometries,
        }
        write_json(out, jsonable(found))


def label(system: str, several: dict[int, Subject]) -> str:
    """What a system is called, with what it was trained with besides the defaults."""
    one = next(iter(several.values())).checkpoint
    told = [one.title.split(" on ")[0], SYSTEMS.get(system, "")]
    if one.settings.get("sam"):
        told.append(f"ρ {one.settings['rho']:g}")
    return ", ".join(filter(None, told))


def ranking_table(
    rankings: dict[str, dict[int, Evaluation]], labels: dict[str, str], paper: dict[str, tuple[float, ...]]
) -> str:
    """Means over seeds with their standard deviation, paired differences from the first system, and baselines."""
    lines = [f"| | seeds | {' | '.join(SHOWN)} |", f"|---|---|{'---|' * len(SHOWN)}"]
    for system, several in rankings.items():
        cells = []
        for name in SHOWN:
            values = [summarise(one.ranks)[name] for one in several.values()]
            spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.4f}{spread}")
        lines.append(f"| **{labels[system]}** | {len(several)} | {' | '.join(cells)} |")
        if system in paper:
            told = [f"{value:.4f}" for value in paper[system]] + [""] * (len(SHOWN) - len(paper[system]))
            lines.append(f"| – in the paper | 10 | {' | '.join(told)} |")
    first = next(iter(rankings))
    one = next(iter(rankings[first].values()))
    for name in BASELINES:
        values_of = summarise(one.baselines[name])
        lines.append(f"| counting: {name} | | {' | '.join(f'{values_of[metric]:.4f}' for metric in SHOWN)} |")
    errors = standard_errors(one.ranks)
    lines.append(f"| standard error over users | | {' | '.join(f'{errors[name]:.4f}' for name in SHOWN)} |")
    lines += ["", f"| minus {labels[first]} | seeds | {' | '.join(SHOWN)} |", f"|---|---|{'---|' * len(SHOWN)}"]
    for system in rankings:
        if system != first:
            lines += _differences(rankings[first], rankings[system], labels[system])
    return "\n".join(lines) + "\n"


def _differences(first: dict[int, Evaluation], other: dict[int, Evaluation], title: str) -> list[str]:
    """A line for each seed that both have, and one for the mean over them if there are several."""
    shared = [seed for seed in first if seed in other]
    lines = []
    for seed in shared:
        generator = np.random.default_rng(0)
        gains = [paired_difference(first[seed].ranks, other[seed].ranks, n, generator=generator) for n in SHOWN]
        lines.append(f"| {title} | {seed} | {' | '.join(map(str, gains))} |")
    if len(shared) > 1:
        pairs = [(first[seed], other[seed]) for seed in shared]
        lines.append(f"| **{title}** | **mean of {len(shared)}** | {' | '.join(_pooled(pairs))} |")
    return lines


def _pooled(pairs: list[tuple[Evaluation, Evaluation]]) -> list[str]:
    """The difference of the means over seeds, each user's gain averaged over seeds before users are resampled."""
    generator, cells = np.random.default_rng(0), []
    for name in SHOWN:
        gains = np.mean([by_user(b.ranks, name) - by_user(a.ranks, name) for a, b in pairs], axis=0)
        draws = [gains[generator.integers(0, len(gains), len(gains))].mean() for _ in range(DRAWS)]
        low, high = np.quantile(draws, [0.025, 0.975])
        cells.append(f"{gains.mean():+.4f} [{low:+.4f}, {high:+.4f}]")
    return cells


def measured(subject: Subject, subset: Subset, top: int) -> dict[str, Any]:
    """Curvature and surface of one checkpoint on the common loss."""
    with progress(f"Curvature of {subject.checkpoint.title}") as report:
        curvature, _ = curvature_of(subject, subset, top, report=report)
    with progress(f"Surface of {subject.checkpoint.title}") as report:
        surface, _ = surface_of(subject, subset, Plane(), report=report)
    corners = surface.loss[[0, 0, -1, -1], [0, -1, 0, -1]]
    error = surface.error
    return {
        "title": subject.checkpoint.title,
        "epoch": subject.checkpoint.epoch,
        "loss": curvature.loss,
        "loss_stderr": curvature.loss_stderr,
        "users": subset.users,
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


def geometry_table(geometry: dict[str, dict[str, Any]]) -> str:
    """One row a checkpoint."""
    head = ("", "epoch", "loss", "‖∇L‖", "λmax", "λ₂", "λmin", "λmax‖θ‖²", "products", "corners of ±1", "surface error")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for title, one in geometry.items():
        error = one["surface_error"]
        cells = [
            title,
            str(one["epoch"]),
            f"{one['loss']:.4f}" + (f" ± {one['loss_stderr']:.4f}" if one["users"] else ""),
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
