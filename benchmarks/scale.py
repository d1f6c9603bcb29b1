"""What grows with the data and the network: reading, packing, an epoch, validation, surfaces, curvature.

``python -m benchmarks.scale --users U --items I --interactions N`` makes data of any size and prints a table. Several
sizes, separated by commas, are measured in turn, each in a process of its own, and give the exponent of the growth.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks.epochs import TrainingSteps
from benchmarks.support.markdown import markdown_table
from benchmarks.support.measure import matrix_product, peak_memory, seconds
from landscape import HessianOperator, Objective, top_eigenpairs
from landscape.models.sasrec import SASRec
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.config.fields import integers
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset, load
from landscape.training.evaluation.validation import validation_ranking
from landscape.training.loop.stages import RecommendationStage
from landscape.training.targets.objective import objective_of

LEAST = 5  # interactions of every user, before those with an item that the user has had are dropped
REPEATS = 3  # of what takes less than an epoch
HEAD = 10  # most popular items, which are about equally so
ANALYSES = ("surface point", "Hessian product", "largest eigenvalue")
TASKS = ("reading", "preparing", "packing", "epoch", "validation", *ANALYSES)
SIZE = ("users", "items", "interactions")
NETWORK = ("length", "width")


def write_data(path: Path, users: int, items: int, interactions: int, *, seed: int = 0) -> None:
    """Write a data set in the published format, in which popularity and activity follow power laws.

    The probability of the item of rank r is proportional to 1 / (r + 10), and a user's share of the interactions is
    Pareto distributed. A user has an item once: later interactions with it are dropped, so that there are fewer than
    ``interactions``. Items do not depend on those before: there is nothing to learn.

    Raises:
        ValueError: There are fewer than 5 interactions for each user.
    """
    if interactions < LEAST * users:
        raise ValueError(f"{users:,} users need at least {LEAST * users:,} interactions, got {interactions:,}")
    generator = np.random.default_rng(seed)
    shares = generator.pareto(1.5, users) + 1
    lengths = LEAST + generator.multinomial(interactions - LEAST * users, shares / shares.sum())  # (U,)
    names = generator.permutation(items) + 1  # by rank
    popularity = np.cumsum(1 / (np.arange(items) + HEAD))
    drawn = names[np.searchsorted(popularity, generator.random(interactions) * popularity[-1]).clip(max=items - 1)]
    owners = np.repeat(np.arange(users), lengths)
    first = np.sort(np.unique(owners * (items + 1) + drawn, return_index=True)[1])  # of each pair of user and item
    borders = np.searchsorted(owners[first], np.arange(users + 1))
    words = list(map(str, drawn[first].tolist()))
    with path.open("w") as file:
        for user in range(users):
            file.write(f"{user + 1} {' '.join(words[borders[user] : borders[user + 1]])}\n")


def measured(path: Path, settings: TrainingConfig, steps: int, analysed: int, threads: int = 1) -> dict[str, Any]:
    """Measure every task on one data set, with the machine's matrix product right before and after each.

    - reading: the file, parsed and checked; preparing: the inputs and what rejects negatives, once a run;
    - packing: the batches of an epoch with their negatives, not used; epoch: all its steps, batches included, scaled
      from the median of ``steps`` later ones, and what remains of it at its end (``RowAdam.catch_up``);
    - validation: the ranking of ``settings.valid_users``, with what is otherwise made once a run;
    - surface point: the loss on ``analysed`` users; Hessian product: one on them, after the first, which builds graphs;
      largest eigenvalue: of the Hessian on them, by ``top_eigenpairs`` to its default tolerance.

    All but the epoch and the eigenvalue are done three times; the median counts.

    Returns:
        The sizes as they are in the file, ``peak_mb`` before the analyses and ``peak_mb_analysis`` after them, the
        eigenvalue's ``products``, and for each task its ``seconds`` and the mean ``gflops`` around it.
    """
    torch.set_num_threads(threads)
    result: dict[str, Any] = {"length": settings.max_length, "width": settings.width}

    def timed(task: str, function: Callable[[], Any], repeats: int = REPEATS) -> Any:
        before, _ = matrix_product(repeats=3)
        values: deque[Any] = deque(maxlen=1)
        taken = seconds(lambda: values.append(function()), repeats=repeats, warm_up=False)
        after, _ = matrix_product(repeats=3)
        result[task] = {"seconds": taken["seconds"], "gflops": (before + after) / 2}
        return values.pop()

    dataset = timed("reading", lambda: load(path))
    result |= {"users": dataset.n_users, "items": dataset.n_items, "interactions": len(dataset.items)}
    stage = timed("preparing", lambda: RecommendationStage(dataset, settings))
    timed("packing", lambda: sum(1 for _ in stage.batches(0)))
    running = TrainingSteps(dataset, settings)
    started = time.perf_counter()
    next(running.batches)  # before which single negatives are drawn for the whole epoch
    drawn = time.perf_counter() - started
    running.pass_first_steps()
    times = timed("epoch", lambda: running.times(steps), repeats=1)
    result["epoch"]["seconds"] = drawn + running.stage.steps * statistics.median(times) + running.end_epoch()

    def validate() -> int:
        ranking = validation_ranking(dataset, settings.max_length, count=settings.valid_users, seed=settings.seed)
        return len(ranking.ranks(running.model))

    result["ranked"] = timed("validation", validate)
    result["peak_mb"] = peak_memory()
    objective = _objective(running.model, dataset, settings, analysed)
    H, v = HessianOperator(objective), objective.space.project(torch.ones_like(objective.params))
    timed("surface point", objective.value)
    H @ v
    timed("Hessian product", lambda: H @ v)
    result["products"] = timed("largest eigenvalue", lambda: top_eigenpairs(H), repeats=1).products
    return result | {"analysed": min(analysed, dataset.n_users), "peak_mb_analysis": peak_memory()}


def _objective(model: SASRec, dataset: Dataset, settings: TrainingConfig, users: int) -> Objective[Any]:
    checkpoint = Checkpoint(
        method=settings.method,
        model={"n_items": dataset.n_items, **settings.network},
        weights=model.state_dict(),
        data=dataset.metadata(),
        settings=settings.settings_in_use(),
        seed=settings.seed,
        epoch=1,
        metrics={},
    )
    return objective_of(checkpoint, dataset, ObjectiveConfig(users=min(users, dataset.n_users)))[0]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return p of the least-squares fit of cost = c · sizeᵖ on logarithmic axes; NaN for fewer than two sizes.

    Example:
        >>> round(exponent([10, 20, 40], [3, 12, 48]), 9)
        2.0
    """
    if len(set(sizes)) < 2:
        return float("nan")
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def table(results: Sequence[dict[str, Any]], varied: str) -> str:
    """Return the results as a table in Markdown, with the exponent in the quantity that is ``varied``.

    The exponent of a time is that of the matrix products that fit into it: the machine's speed may differ between
    sizes.
    """
    sizes = [one[varied] for one in results]
    shown = [*SIZE, *(name for name in NETWORK if name == varied)]
    header = ["", *(", ".join(f"{one[name]:,} {name}" for name in shown) for one in results), f"exponent in {varied}"]
    users = dict.fromkeys(ANALYSES, results[-1]["analysed"]) | {"validation": results[-1]["ranked"]}
    rows = []
    for task in TASKS:
        title = f"{task} on {users[task]:,} users" if task in users else task
        if task == "largest eigenvalue":
            title += f", {' or '.join(str(n) for n in dict.fromkeys(one['products'] for one in results))} products"
        cells = [f"{one[task]['seconds']:.3g} s ({one[task]['gflops']:.0f} GFLOP/s)" for one in results]
        rows.append([title, *cells, _exponent(sizes, [one[task]["seconds"] * one[task]["gflops"] for one in results])])
    for name, title in (("peak_mb", "peak memory"), ("peak_mb_analysis", "the same with surface and curvature")):
        if all(one[name] for one in results):
            cells = [f"{one[name]:.0f} MB" for one in results]
            rows.append([title, *cells, _exponent(sizes, [one[name] for one in results])])
    return "\n".join(markdown_table(header, rows))


def _exponent(sizes: Sequence[float], costs: Sequence[float]) -> str:
    fitted = exponent(sizes, costs)
    return "" if np.isnan(fitted) else f"{fitted:.2f}"


def _in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, which has a peak memory of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _sizes(ctx: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        numbers = integers(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from None
    if min(numbers) < 2:
        raise click.BadParameter(f"sizes are at least 2, got {min(numbers)}")
    return numbers


@click.command()
@click.option("--users", default="2000", show_default=True, callback=_sizes, help="Number of users, or several.")
@click.option("--items", default="1000", show_default=True, callback=_sizes, help="Number of items, or several.")
@click.option("--interactions", default="20000", show_default=True, callback=_sizes, help="Of all users together.")
@click.option("--max-length", "length", default="50", show_default=True, callback=_sizes, help="Of inputs, or several.")
@click.option("--width", default="64", show_default=True, callback=_sizes, help="Of hidden vectors, or several.")
@click.option("--steps", type=click.IntRange(min=1), default=5, show_default=True, help="Training steps to time.")
@click.option("--valid-users", type=click.IntRange(min=2), help="As for `landscape train`; all by default.")
@click.option("--analysed", type=click.IntRange(min=1), default=500, show_default=True, help="Users of the surface.")
@click.option("--method", default="sasrec", show_default=True, help="As for `landscape train`.")
@click.option("--loss", default="bce", show_default=True, help="As for `landscape train`.")
@click.option("--negatives", type=int, help="As for `landscape train`.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads to compute with.")
def main(steps: int, analysed: int, threads: int, **options: Any) -> None:
    """Time training, ranking, a surface's point and Hessian eigenvalues on made data, one or several sizes."""
    given = {name: options.pop(name) for name in (*SIZE, *NETWORK)}
    count = max(map(len, given.values()))
    if any(len(numbers) not in (1, count) for numbers in given.values()):
        names = ", ".join(f"--{name}" for name in SIZE)
        raise click.UsageError(f"give one number or {count} for each of {names}, --max-length and --width")
    sizes = list(zip(*(numbers * (count // len(numbers)) for numbers in given.values()), strict=True))
    for users, _, interactions, *_ in sizes:
        if interactions < LEAST * users:
            raise click.UsageError(f"{users:,} users need at least {LEAST * users:,} --interactions")
    try:
        settings = [TrainingConfig(max_length=length, width=width, **options) for *_, length, width in sizes]
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.txt"
        for size, config in zip(sizes, settings, strict=True):
            click.echo(f"{', '.join(f'{n:,} {name}' for n, name in zip(size, given, strict=True))} …", err=True)
            _in_a_process(write_data, path, *size[: len(SIZE)])
            results.append(_in_a_process(measured, path, config, steps, analysed, threads))
    varied = [name for name, numbers in given.items() if len(set(numbers)) > 1]
    growing = [name for name in SIZE if name in varied]
    click.echo(table(results, [*SIZE[-1:], *varied, *growing][-1]))


if __name__ == "__main__":
    main()
