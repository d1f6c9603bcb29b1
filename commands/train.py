"""``landscape train``: a run of one method on one data set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from landscape.commands.shared import compute_device, print_json
from landscape.launch import launch
from landscape.training.config.click_options import ConfigOption, SectionedCommand, config_options
from landscape.training.config.shared_options import attributes_option, compute_options, data_dir_option, json_option
from landscape.training.config.training import PRETRAINING, TrainingConfig


@click.command(cls=SectionedCommand)
@click.argument("method", default="samrec")
@click.option("--data", default="synthetic", help="Name or file of the data; `synthetic` is built in.")
@data_dir_option
@attributes_option
@click.option("--out", type=click.Path(file_okay=False), help="Folder of the run.  [default: runs/METHOD-DATA-seedN]")
@click.option(
    "--resume",
    is_flag=True,
    help="Continue the run in the folder, exactly; start it if there is none. More --epochs extend it.",
)
@compute_options
@click.option(
    "--snapshots",
    type=int,
    metavar="K",
    help="Keep the weights every K epochs, for surface --trajectory and curvature --along.",
)
@json_option
@config_options(TrainingConfig)
@click.option(
    "--pretrained",
    type=click.Path(),
    metavar="CKPT",
    cls=ConfigOption,
    section=PRETRAINING,
    help="Fine-tune this checkpoint in place of pre-training.",
)
@click.pass_context
def train(
    ctx: click.Context,
    /,
    method: str,
    data: str,
    data_dir: str | None,
    attributes: str | None,
    out: str | None,
    resume: bool,
    snapshots: int | None,
    pretrained: str | None,
    device: str,
    threads: int | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train METHOD (sasrec, s3rec, cl4srec or samrec) until its validation NDCG@20 stops rising.

    s3rec is pre-trained on item attributes first. SAM goes with any method. Started by torchrun, several processes take
    the steps of one.

    \b
    Examples:
      landscape train cl4srec --sam sam --data Beauty --seed 0
      torchrun --nproc-per-node 4 -m landscape train samrec --data Beauty --resume
    """
    from landscape.progress import progress_bar
    from landscape.provenance import file_sha256
    from landscape.results.storage.files import errors_about
    from landscape.training.checkpoints.checkpoint import load_checkpoint
    from landscape.training.data.dataset import load
    from landscape.training.evaluation.validation import validation_text
    from landscape.training.loop.trainer import starting_weights, train

    where = compute_device(device, threads)
    config = TrainingConfig(method=method, pretrained=pretrained, **settings)
    options = [*settings, "pretrained"]
    _reject_unused_options(
        config, [name for name in options if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    )
    start = None
    if pretrained:
        start, config = load_checkpoint(pretrained), replace(config, pretrained=file_sha256(pretrained))
    dataset = load(data, data_dir=data_dir, attributes=attributes)
    if start is not None:
        with errors_about(str(pretrained)):
            starting_weights(start, dataset, config)
    folder = Path(out) if out else Path("runs") / f"{config.method}-{dataset.name}-seed{config.seed}"
    with progress_bar(config.kind.title) as progress:
        best = train(
            dataset,
            config,
            folder,
            pretrained=start,
            resume=resume,
            snapshots=snapshots,
            device=where,
            process_group=launch().group(),
            progress=progress,
        )
    if as_json:
        print_json({"checkpoint": folder / "checkpoint.pt", "epoch": best.epoch, **best.metrics})
        return
    metrics = validation_text(best.metrics, ("NDCG@20", "HR@10"), dataset.n_users)
    click.echo(f"{best.title}: best at epoch {best.epoch}, validation {metrics}")
    click.echo(folder / "checkpoint.pt")


def _reject_unused_options(settings: TrainingConfig, given: Iterable[str]) -> None:
    for name, section in settings.unused_options(given).items():
        raise click.UsageError(f"--{name.replace('_', '-')} has no effect here; it is an option of: {section}")
