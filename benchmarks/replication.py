"""Tables of ``docs/results.md``: rankings of trained systems, over the seeds that there are.

    python -m benchmarks.replication runs --data Beauty --out docs/results-Beauty.json

expects the runs that the commands in ``docs/results.md`` leave in ``runs/``, in folders SYSTEM-DATA-seedN, and prints
Markdown. The first system is what the others are held against, seed by seed.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch

from benchmarks.systems import SYSTEMS, label, opened
from landscape.results.files import write_json
from landscape.training.evaluation.evaluate import BASELINES, Evaluation, evaluate
from landscape.training.evaluation.metrics import CUTOFFS, by_user, paired_difference, standard_errors, summarise

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
@click.option("--data-dir", type=click.Path(file_okay=False))
@click.option("--threads", type=int)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The same numbers as JSON.")
def main(
    folder: Path,
    data: str,
    systems: str,
    seeds: str,
    data_dir: str | None,
    threads: int | None,
    out: Path | None,
) -> None:
    """Evaluate and tabulate the runs in FOLDER."""
    if threads:
        torch.set_num_threads(threads)
    targets = opened(folder, data, systems.split(","), [int(seed) for seed in seeds.split(",")], data_dir)
    rankings = {
        system: {seed: evaluate(one.checkpoint, one.dataset, "test") for seed, one in several.items()}
        for system, several in targets.items()
    }
    labels = {system: label(system, several) for system, several in targets.items()}
    click.echo(ranking_table(rankings, labels, PAPER.get(data, {})))
    if out:
        found = {
            "rankings": {
                system: {seed: one.values() for seed, one in several.items()} for system, several in rankings.items()
            },
            "epochs": {
                system: {seed: one.checkpoint.epoch for seed, one in several.items()}
                for system, several in targets.items()
            },
        }
        write_json(out, found)


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


if __name__ == "__main__":
    main()
