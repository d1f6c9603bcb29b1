"""``landscape curvature``: eigenvalues, traces, sharpness; of one model or along a training run."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import click

from landscape.commands.analyse import analyse_each
from landscape.commands.shared import SECTIONS_OF_ALL, compute_device, print_json, refuse_options
from landscape.figures.click_options import Drawing, drawing_options
from landscape.launch import launch
from landscape.training.config.click_options import SectionedCommand, config_options, from_options
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.shared_options import out_option, problem_options, target_options


@click.command(cls=SectionedCommand)
@click.argument("inputs", nargs=-1, required=True, metavar="CKPT|RESULT|FILE.py...", type=click.Path())
@click.option("--all", "everything", is_flag=True, help="The same as --density --trace --sharpness --by-block.")
@click.option(
    "--along",
    is_flag=True,
    help="The largest eigenvalue, trace, loss and validation NDCG@20 at each snapshot of a run, whose folder is given.",
)
@out_option
@problem_options
@target_options
@drawing_options()
@config_options(CurvatureConfig)
@config_options(ObjectiveConfig)
@click.pass_context
def curvature(ctx: click.Context, /, inputs: tuple[str, ...], everything: bool, along: bool, **given: Any) -> None:
    """Compute the largest Hessian eigenvalues of each model, the smallest, and where its loss is sharp.

    FILE.py or FILE.py:FUNCTION is a model of your own: `landscape new` writes one to start from.

    \b
    Examples:
      landscape curvature runs/samrec-Beauty-seed0/checkpoint.pt --top 3
      landscape curvature checkpoint.pt --all --users 2000
      landscape curvature checkpoint.pt --operator gauss-newton --blocks 'items.*'
      landscape curvature runs/samrec-Beauty-seed0 --along --users 2000
      landscape curvature problem.py --weights model.pt --operator fisher
    """
    from landscape.results.storage.kinds import CURVATURE
    from landscape.training.analysis.curvature import curvature_of

    if along:
        _curvature_along(ctx, inputs, given)
        return
    if everything:
        given |= dict.fromkeys(SECTIONS_OF_ALL, True)
    configs: dict[str, Any] = {
        "objective_config": from_options(ObjectiveConfig, given),
        "curvature_config": from_options(CurvatureConfig, given),
    }
    analyse_each(inputs, given, CURVATURE, partial(curvature_of, **configs))


def _curvature_along(ctx: click.Context, inputs: tuple[str, ...], given: dict[str, Any]) -> None:
    """Compute the curvature at each snapshot of a run, draw it, and print it."""
    from landscape.progress import progress_bar
    from landscape.results.along import AlongTraining
    from landscape.results.storage.files import errors_about
    from landscape.results.storage.kinds import check_place, kind_of
    from landscape.results.storage.outputs import made_folder
    from landscape.results.storage.transactions import together
    from landscape.training.analysis.along import USED, along_path, curvature_along, snapshot_hashes
    from landscape.training.targets.inputs import title_of

    if len(inputs) != 1:
        raise click.UsageError(f"--along takes the folder of one run, got {len(inputs)} inputs")
    if given["weights"] or given["settings"]:
        raise click.UsageError("--along takes a run of `landscape train`; give each file of weights by --weights alone")
    unused = {"everything", *(field.name for field in fields(CurvatureConfig))} - {*USED, "trace"}
    refuse_options(ctx, unused, "--along")
    where = compute_device(given["device"], given["threads"])
    drawing, kind, run = Drawing.of(given, inputs), kind_of(AlongTraining), inputs[0]
    configs = from_options(ObjectiveConfig, given), from_options(CurvatureConfig, given)
    drawing.check()
    page = Path(drawing.page) if drawing.page is not None else along_path(run, *configs).with_suffix(".html")
    check_place(page, kind, {"snapshots": snapshot_hashes(run)})
    with progress_bar("Along training") as progress, errors_about(run):
        result = curvature_along(
            run, *configs, data=given["data"], data_dir=given["data_dir"], device=where, progress=progress
        )
    if not launch().first:
        return
    stored, title = page.with_suffix(kind.suffix), title_of(result.metadata, page)
    with made_folder(page.parent), together():
        kind.save(result, stored)
        page, *pictures = drawing.draw_along(result, page, title)
    files = [str(file) for file in (page, stored, *pictures)]
    if given["as_json"]:
        print_json({**kind.values(result), "files": files})
        return
    click.echo(f"{title}: {result}")
    click.echo("\n".join(files))
