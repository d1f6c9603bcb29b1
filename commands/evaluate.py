"""``landscape evaluate``: the ranking of one checkpoint, or of two side by side."""

from __future__ import annotations

from typing import Any

import click

from landscape.commands.shared import compute_device, print_json
from landscape.launch import launch
from landscape.training.config.shared_options import target_options


@click.command()
@click.argument("checkpoints", nargs=-1, required=True, metavar="CKPT [CKPT]", type=click.Path())
@click.option("--split", default="test", help="The held-out items to rank: test or valid.")
@click.option("--seed", default=0, help="Seed of the bootstrap.")
@click.option(
    "--allow-repeats",
    is_flag=True,
    help="Rank items that a user has had, too: for data where people buy again. By default they are left out.",
)
@target_options
def evaluate(checkpoints: tuple[str, ...], split: str, seed: int, allow_repeats: bool, **given: Any) -> None:
    """Rank every user's held-out item among all items; with two checkpoints, compare them user by user.

    Several processes that torchrun has started share out the users.

    \b
    Example:  landscape evaluate runs/sasrec-Beauty-seed0/checkpoint.pt runs/samrec-Beauty-seed0/checkpoint.pt
    """
    from landscape.training.evaluation.evaluate import differences, evaluate, table
    from landscape.training.targets.checkpoint_target import CheckpointTarget

    if len(checkpoints) > 2:
        raise click.UsageError(f"one or two checkpoints, got {len(checkpoints)}")
    where = compute_device(given["device"], given["threads"])
    targets = [CheckpointTarget.open(path, given["data"], data_dir=given["data_dir"]) for path in checkpoints]
    evaluations = [
        evaluate(
            target.checkpoint,
            target.dataset,
            split,
            allow_repeats=allow_repeats,
            device=where,
            process_group=launch().group(),
        )
        for target in targets
    ]
    gains = differences(*evaluations, seed=seed) if len(evaluations) == 2 else {}
    if not given["as_json"]:
        click.echo(table(evaluations, gains))
        return
    models = [evaluation.values() for evaluation in evaluations]
    print_json({"models": models, "differences": gains} if gains else models[0])
