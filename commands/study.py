"""``landscape study``: methods by data by seeds, with tables, figures and verdicts."""

from __future__ import annotations

import click

from landscape.training.config.shared_options import data_dir_option


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE.toml|paper")
@click.option("--out", type=click.Path(file_okay=False), help="Folder of the study.  [default: studies/FILE]")
@click.option(
    "--jobs", type=click.IntRange(1),
    help="Processes side by side.  [default: one for each physical core, as far as memory holds them]",
)  # fmt: skip
@click.option("--shard", metavar="I/N", help="Compute the I-th of N parts of the runs only, as a batch system's job.")
@click.option(
    "--only", multiple=True, metavar="TEXT",
    help="Compute only runs with these parts in their names, such as Toys-seed1; with *, ? or [012], a pattern of "
    "whole names (repeatable).",
)  # fmt: skip
@click.option("--list", "listing", is_flag=True, help="Show what is done and what is left, and compute nothing.")
@click.option("--quick", is_flag=True, help="Put the built-in data and little of everything in the study's place.")
@click.option("--report", is_flag=True, help="Draw the report from study.json, and compute nothing.")
@click.option(
    "--pretrained", multiple=True, metavar="DATA=CKPT",
    help="Fine-tune these weights on a data set, instead of pre-training for it: Beauty=published.pt (repeatable).",
)  # fmt: skip
@data_dir_option
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 …")
def study(
    file: str,
    out: str | None,
    jobs: int | None,
    shard: str | None,
    only: tuple[str, ...],
    listing: bool,
    quick: bool,
    report: bool,
    pretrained: tuple[str, ...],
    data_dir: str | None,
    device: str,
) -> None:
    """Compute a whole study: methods by data by seeds, with tables, figures, and a verdict on each claim.

    FILE.toml says what is trained and claimed; `paper` is the built-in one: Lai et al., RecSys 2023. Any number of
    processes may work in one folder, started by --jobs, by torchrun, or one by one; a process that is killed loses at
    most an epoch.

    \b
    Examples:
      landscape study paper --quick
      landscape study paper --list
      landscape study mine.toml --jobs 4
    """
    from landscape.figures.study import is_current, write_report
    from landscape.training.study.command import run_study

    result = run_study(
        file, out, jobs=jobs, shard=shard, only=only, listing=listing, quick=quick, report=report,
        pretrained=pretrained, data_dir=data_dir, device=device, echo=click.echo,
    )  # fmt: skip
    if result is not None and (report or not is_current(result[1])):
        page, *others = write_report(*result)
        click.echo(f"{page}, and {len(others)} files beside it")
