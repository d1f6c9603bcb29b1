"""``landscape compare``: several models in one page, or the barriers between them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from landscape.commands.shared import SECTIONS_OF_ALL, compute_device, named_models, print_json, refuse_options
from landscape.figures.click_options import Drawing, drawing_options
from landscape.launch import launch
from landscape.training.config.click_options import SectionedCommand, config_options, from_options
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.shared_options import problem_options, target_options
from landscape.training.config.surface import SurfaceConfig


@click.command(cls=SectionedCommand)
@click.argument("inputs", nargs=-1, required=True, metavar="CKPT|RESULT|FILE.py...", type=click.Path())
@click.option("--top", default=3, help="Number of largest eigenvalues.")
@click.option("--all", "everything", is_flag=True, help="The whole curvature, as curvature --all computes it.")
@click.option(
    "--barriers",
    is_flag=True,
    help="The barriers of the loss on the straight paths between all pairs of models, instead of surfaces.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    help="The page.  [default: comparison.html; with --barriers barriers.html]",
)
@problem_options
@target_options
@drawing_options("3d", "line", "band", "spectrum")
@config_options(SurfaceConfig)
@config_options(ObjectiveConfig)
@click.pass_context
def compare(
    ctx: click.Context, /, inputs: tuple[str, ...], top: int, everything: bool, barriers: bool, **given: Any
) -> None:
    """Show several models side by side in one page; missing results are computed first.

    A RESULT is a file that surface (.npz) or curvature (.json) wrote; results of one checkpoint make one model. FILE.py
    is a model of your own, once for each of --weights.

    \b
    Examples:
      landscape compare runs/*-Beauty-seed0/checkpoint.pt --users 2000 --out beauty.html
      landscape compare sasrec.npz sasrec-curvature.json samrec.npz samrec-curvature.json
      landscape compare problem.py --weights adam.pt --weights sam.pt
      landscape compare runs/sasrec-Beauty-seed?/checkpoint.pt --barriers --users 2000
    """
    from landscape.figures.entries import ModelEntry, model_styles
    from landscape.progress import progress_bar
    from landscape.results.storage.kinds import check_page
    from landscape.results.storage.transactions import together
    from landscape.training.analysis.comparison import compare
    from landscape.training.targets.inputs import files_of
    from landscape.training.targets.related_results import along_beside

    if barriers:
        _barriers(ctx, inputs, given)
        return
    given["out"] = given["out"] or "comparison.html"
    where, named = compute_device(given["device"], given["threads"]), named_models(inputs, given)
    sections = dict.fromkeys(SECTIONS_OF_ALL, everything)
    configs: dict[str, Any] = {
        "objective_config": from_options(ObjectiveConfig, given),
        "surface_config": from_options(SurfaceConfig, given),
        "curvature_config": from_options(CurvatureConfig, {"top": top, "checks": everything, **sections}),
    }
    drawing = Drawing.of(given, files_of(named))
    drawing.check()
    check_page(Path(given["out"]))
    with progress_bar("Comparison") as progress:
        entries = compare(
            named, **configs, data=given["data"], data_dir=given["data_dir"], device=where, progress=progress
        )
    if not launch().first:
        return
    models = [
        ModelEntry(entry.name, entry.surface, entry.curvature, entry.history, along_beside(entry.surface))
        for entry in entries
    ]
    names = [style.name for style in model_styles(models)]
    with together():
        files = [str(file) for file in drawing.draw(models, Path(given["out"]))]
    if given["as_json"]:
        values = [entry.values() for entry in entries]
        print_json({"models": dict(zip(names, values, strict=True)), "files": files})
        return
    for name, entry in zip(names, entries, strict=True):
        click.echo(f"{name}: {entry}")
    click.echo("\n".join(files))


def _barriers(ctx: click.Context, inputs: tuple[str, ...], given: dict[str, Any]) -> None:
    """Compute the barriers between models, draw them, and print them."""
    from landscape.progress import progress_bar
    from landscape.results.curve import BarrierMatrix
    from landscape.results.storage.kinds import check_place, kind_of
    from landscape.results.storage.transactions import together
    from landscape.training.analysis.barriers import barrier_targets, barriers_of, weights_of
    from landscape.training.targets.inputs import files_of, metadata_of

    unused = {"top", "everything", "picture", "picture_scale", "rho", *(field.name for field in fields(SurfaceConfig))}
    refuse_options(ctx, unused, "--barriers")
    given["out"] = given["out"] or "barriers.html"
    where, named = compute_device(given["device"], given["threads"]), named_models(inputs, given)
    drawing, kind, page = Drawing.of(given, files_of(named)), kind_of(BarrierMatrix), Path(given["out"])
    drawing.check()
    files = weights_of(named)
    targets = barrier_targets(named, data=given["data"], data_dir=given["data_dir"], device=where)
    check_place(page, kind, metadata_of(targets[0]))
    with progress_bar("Barriers") as progress:
        result, _ = barriers_of(targets, files, from_options(ObjectiveConfig, given), device=where, progress=progress)
    if not launch().first:
        return
    stored = page.with_suffix(kind.suffix)
    with together():
        kind.save(result, stored)
        page, *pictures = drawing.draw_barriers(result, page, f"Barriers between {len(targets)} models")
    written = [str(file) for file in (page, stored, *pictures)]
    if given["as_json"]:
        print_json({**kind.values(result), "files": written})
        return
    click.echo(result)
    click.echo("\n".join(written))
