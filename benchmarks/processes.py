"""``python -m benchmarks.processes``: what several processes on one machine gain in training; do they equal one?"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import torch
import torch.distributed as dist

from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load
from landscape.training.loop.trainer import train

COLUMNS = ("method", "processes", "seconds", "of one", "CPU seconds", "of one", "losses differ by", "weights differ by")


def run(count: int, rank: int, folder: str, data: str, data_dir: str | None, settings: dict[str, Any]) -> None:
    """Train as one of ``count`` processes with one thread each; store losses, weights and the times of each epoch."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count)
    dataset = load(data, data_dir=data_dir)
    ends = [(time.perf_counter(), time.process_time())]

    def note(done: float, total: int, text: str = "") -> None:
        if done == int(done) and text:
            ends.append((time.perf_counter(), time.process_time()))

    train(dataset, TrainingConfig(**settings), f"{folder}/run", process_group=dist.group.WORLD, progress=note)
    epochs = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(ends[1:])]  # the first warms up
    if settings["method"] == "s3rec":
        del epochs[1:]  # those of fine-tuning are SASRec's
    state = torch.load(f"{folder}/run/last.pt", weights_only=True)
    losses = [row["train_loss"] for row in state["history"]]
    torch.save({"epochs": epochs, "losses": losses, "weights": state["weights"]}, f"{folder}/{rank}.pt")
    dist.barrier()


def measured(count: int, *arguments: Any) -> list[dict[str, Any]]:
    """Return what each of ``count`` processes has stored."""
    with tempfile.TemporaryDirectory() as folder:
        workers = []
        for rank in range(count):
            call = f"from benchmarks.processes import run; run({count}, {rank}, {folder!r}, *{arguments!r})"
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            workers.append(subprocess.Popen([sys.executable, "-c", call], env=environment))
        codes = [worker.wait() for worker in workers]
        if any(codes):
            raise click.ClickException("a process has failed; see above")
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(count)]


def difference(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    """Return the largest ‖a − b‖ / ‖b‖ of a parameter; the keys' biases have no gradient but rounding's."""
    names = [name for name in expected if not name.endswith("key.bias")]
    return max(float((found[name] - expected[name]).norm() / expected[name].norm()) for name in names)


@click.command()
@click.option("--data", default="Beauty", show_default=True)
@click.option("--data-dir", type=click.Path())
@click.option("--methods", default="sasrec,samrec,cl4srec,s3rec", show_default=True)
@click.option("--counts", default="1,2,4", show_default=True, help="Numbers of processes; the first is compared with.")
@click.option("--epochs", default=3, show_default=True)
@click.option("--train-fraction", default=1.0, show_default=True)
@click.option("--loss", help="Of the next item.")
def main(
    data: str, data_dir: str | None, methods: str, counts: str, epochs: int, train_fraction: float, loss: str | None
) -> None:
    """Print the table in Markdown; seconds are those of an epoch with its validation on 1,000 users.

    An epoch of s3rec is one of its pre-training.
    """
    click.echo(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for method in methods.split(","):
        settings: dict[str, Any] = {"method": method, "epochs": epochs, "valid_users": 1000}
        settings |= {"train_fraction": train_fraction} | ({"loss": loss} if loss else {})
        settings |= {"pretrain_epochs": 2} if method == "s3rec" else {}
        first: dict[str, Any] = {}
        for count in map(int, counts.split(",")):
            found = measured(count, data, data_dir, settings)
            wall = statistics.median(seconds for seconds, _ in found[0]["epochs"])
            by_epoch = zip(*(each["epochs"] for each in found), strict=True)
            busiest = statistics.median(max(cpu for _, cpu in epoch) for epoch in by_epoch)
            first = first or found[0] | {"wall": wall, "busiest": busiest}
            losses = max(abs(a - b) / abs(b) for a, b in zip(found[0]["losses"], first["losses"], strict=True))
            weights = difference(found[0]["weights"], first["weights"])
            cells = [method, count, f"{wall:.2f}", f"{wall / first['wall']:.2f}", f"{busiest:.2f}"]
            cells += [f"{busiest / first['busiest']:.2f}", f"{losses:.0e}", f"{weights:.0e}"]
            click.echo(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
