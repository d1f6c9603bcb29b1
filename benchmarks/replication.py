"""Tables of ``docs/results.md``: rankings of trained systems, over all seeds with a run.

    python -m benchmarks.replication runs --data Beauty --out docs/results/Beauty.json

expects the runs that the commands in ``docs/results.md`` leave in ``runs/``, in folders SYSTEM-DATA-seedN, and prints
Markdown. The other systems are compared with the first, seed by seed.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch

from benchmarks.support.markdown import markdown_table
from benchmarks.support.systems import SYSTEMS, label, opened
from landscape.results.storage.files import write_json
from landscape.training.evaluation.evaluate import BASELINES, Evaluation, evaluate
from landscape.training.evaluation.metrics import (
    CUTOFFS,
    Difference,
    by_user,
    paired_difference,
    standard_errors,
    summarise,
)

PAPER = {  # HR@10 and, where it is given, NDCG@10, as Lai et al. (RecSys 2023, Tables 1 and 2) report them
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
        system: {seed: evaluate(target.checkpoint, target.dataset, "test") for seed, target in by_seed.items()}
        for system, by_seed in targets.items()
    }
    labels = {system: label(system, by_seed) for system, by_seed in targets.items()}
    click.echo(ranking_table(rankings, labels, PAPER.get(data, {})))
    if out:
        content = {
            "rankings": {
                system: {seed: evaluation.values() for seed, evaluation in by_seed.items()}
                for system, by_seed in rankings.items()
            },
            "epochs": {
                system: {seed: target.checkpoint.epoch for seed, target in by_seed.items()}
                for system, by_seed in targets.items()
            },
        }
        write_json(out, content)


def ranking_table(
    rankings: dict[str, dict[int, Evaluation]], labels: dict[str, str], paper: dict[str, tuple[float, ...]]
) -> str:
    """Means over seeds with their standard deviation, baselines, and paired differences from the first system."""
    rows: list[list[str]] = []
    for system, by_seed in rankings.items():
        cells = []
        for name in SHOWN:
            values = [summarise(evaluation.ranks)[name] for evaluation in by_seed.values()]
            spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.4f}{spread}")
        rows.append([f"**{labels[system]}**", str(len(by_seed)), *cells])
        if system in paper:
            published = [f"{value:.4f}" for value in paper[system]] + [""] * (len(SHOWN) - len(paper[system]))
            rows.append(["– in the paper", "10", *published])
    first = next(iter(rankings))
    evaluation = next(iter(rankings[first].values()))
    for name in BASELINES:
        baseline = summarise(evaluation.baselines[name])
        rows.append([f"counting: {name}", "", *(f"{baseline[metric]:.4f}" for metric in SHOWN)])
    errors = standard_errors(evaluation.ranks)
    rows.append(["standard error over users", "", *(f"{errors[name]:.4f}" for name in SHOWN)])
    differences = [
        row
        for system in rankings
        if system != first
        for row in _differences(rankings[first], rankings[system], labels[system])
    ]
    lines = [
        *markdown_table(["", "seeds", *SHOWN], rows),
        "",
        *markdown_table([f"minus {labels[first]}", "seeds", *SHOWN], differences),
    ]
    return "\n".join(lines) + "\n"


def _differences(first: dict[int, Evaluation], other: dict[int, Evaluation], title: str) -> list[list[str]]:
    """A row for each seed that both have, and one for the mean over them if there are several."""
    shared = [seed for seed in first if seed in other]
    rows = []
    for seed in shared:
        generator = np.random.default_rng(0)
        gains = [paired_difference(first[seed].ranks, other[seed].ranks, n, generator=generator) for n in SHOWN]
        rows.append([title, str(seed), *map(str, gains)])
    if len(shared) > 1:
        pairs = [(first[seed], other[seed]) for seed in shared]
        rows.append([f"**{title}**", f"**mean of {len(shared)}**", *map(str, _pooled(pairs))])
    return rows


def _pooled(pairs: list[tuple[Evaluation, Evaluation]]) -> list[Difference]:
    """The difference of the means over seeds; the gains of a user are averaged over seeds before the bootstrap."""
    generator, differences = np.random.default_rng(0), []
    for name in SHOWN:
        gains = np.mean([by_user(b.ranks, name) - by_user(a.ranks, name) for a, b in pairs], axis=0)
        draws = [gains[generator.integers(0, len(gains), len(gains))].mean() for _ in range(DRAWS)]
        low, high = np.quantile(draws, [0.025, 0.975])
        differences.append(Difference(float(gains.mean()), float(low), float(high)))
    return differences


if __name__ == "__main__":
    main()
