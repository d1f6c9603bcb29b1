"""The commands: each parses its options, calls the library once, and prints.

Progress goes to standard error, results to standard output. The exit status is 2 for wrong usage, and 1 with one line
for an error that the user can correct. Heavy imports are inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from landscape.command_group import CommandGroup
from landscape.figures.click_options import Drawing, animation_options, drawing_options
from landscape.launch import launch
from landscape.training.config.click_options import ConfigOption, SectionedCommand, config_options, from_options
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.shared_options import (
    attributes_option,
    compute_options,
    data_dir_option,
    json_option,
    out_option,
    problem_options,
    target_options,
)
from landscape.training.config.surface import SurfaceConfig
from landscape.training.config.training import PRETRAINING, TrainingConfig

if TYPE_CHECKING:
    from landscape.results.kinds import ResultKind
    from landscape.training.analysis.inputs import Analysis, Input

CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}
SECTIONS_OF_ALL = ("density", "trace", "sharpness", "by_block")  # what curvature --all computes


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from landscape.version import __version__

        click.echo(f"landscape {__version__}")
        ctx.exit()


@click.group(cls=CommandGroup, context_settings=CONTEXT)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train sequential recommenders and analyse the landscape of their loss."""


@main.command(cls=SectionedCommand)
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
    from landscape.results.files import errors_about
    from landscape.training.checkpoints.checkpoint import load_checkpoint
    from landscape.training.data.dataset import load
    from landscape.training.evaluation.validation import validation_text
    from landscape.training.loop.trainer import starting_weights, train

    where = _compute(device, threads)
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
        _print_json({"checkpoint": folder / "checkpoint.pt", "epoch": best.epoch, **best.metrics})
        return
    metrics = validation_text(best.metrics, ("NDCG@20", "HR@10"), dataset.n_users)
    click.echo(f"{best.title}: best at epoch {best.epoch}, validation {metrics}")
    click.echo(folder / "checkpoint.pt")


@main.command()
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
    from landscape.training.analysis.checkpoint_target import CheckpointTarget
    from landscape.training.evaluation.evaluate import differences, evaluate, table

    if len(checkpoints) > 2:
        raise click.UsageError(f"one or two checkpoints, got {len(checkpoints)}")
    where = _compute(given["device"], given["threads"])
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
    _print_json({"models": models, "differences": gains} if gains else models[0])


@main.command(cls=SectionedCommand)
@click.argument("inputs", nargs=-1, required=True, metavar="CKPT|RESULT|FILE.py...", type=click.Path())
@out_option
@problem_options
@target_options
@drawing_options("3d", "map", "line", "band", "curve")
@animation_options
@config_options(SurfaceConfig)
@config_options(ObjectiveConfig)
def surface(inputs: tuple[str, ...], **given: Any) -> None:
    """Draw the loss on a plane or a line through each model, as an interactive 3D page.

    FILE.py or FILE.py:FUNCTION is a model of your own: `landscape new` writes one to start from. The page also shows
    the curvature, if one of the same model and loss lies beside the surface.

    \b
    Examples:
      landscape surface runs/samrec-Beauty-seed0/checkpoint.pt --out samrec.html
      landscape surface checkpoint.pt --eigen 1,2
      landscape surface checkpoint.pt --toward other.pt
      landscape surface checkpoint.pt --toward other.pt --curve
      landscape surface checkpoint.pt --metric valid --metric NDCG@10
      landscape surface checkpoint.pt --repeats 10
      landscape surface checkpoint.pt --trajectory runs/sasrec-Beauty-seed0 --animate training.gif
      landscape surface problem.py --weights model.safetensors --set width=64
    """
    from landscape.results.kinds import SURFACE
    from landscape.training.analysis.surface import surface_of

    configs: dict[str, Any] = {
        "objective_config": from_options(ObjectiveConfig, given),
        "surface_config": from_options(SurfaceConfig, given),
    }
    plane = configs["surface_config"]
    computed = not all(SURFACE.matches(one) for one in inputs)
    if given["animate"] and computed and (plane.kind != "trajectory" or plane.is_line):
        raise click.UsageError("--animate plays training runs in a plane: add --trajectory RUN, without --line")
    _analyse(inputs, given, SURFACE, partial(surface_of, **configs))


@main.command(cls=SectionedCommand)
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
    from landscape.results.kinds import CURVATURE
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
    _analyse(inputs, given, CURVATURE, partial(curvature_of, **configs))


@main.command(cls=SectionedCommand)
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
    from landscape.results.kinds import check_page
    from landscape.results.transactions import together
    from landscape.training.analysis.comparison import compare
    from landscape.training.analysis.inputs import files_of
    from landscape.training.analysis.related_results import along_beside

    if barriers:
        _barriers(ctx, inputs, given)
        return
    given["out"] = given["out"] or "comparison.html"
    where, named = _compute(given["device"], given["threads"]), _inputs(inputs, given)
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
        _print_json({"models": dict(zip(names, values, strict=True)), "files": files})
        return
    for name, entry in zip(names, entries, strict=True):
        click.echo(f"{name}: {entry}")
    click.echo("\n".join(files))


def _barriers(ctx: click.Context, inputs: tuple[str, ...], given: dict[str, Any]) -> None:
    """Compute the barriers between models, draw them, and print them."""
    from landscape.progress import progress_bar
    from landscape.results.curve import BarrierMatrix
    from landscape.results.kinds import check_place, kind_of
    from landscape.results.transactions import together
    from landscape.training.analysis.barriers import barrier_targets, barriers_of, weights_of
    from landscape.training.analysis.inputs import files_of, metadata_of

    unused = {"top", "everything", "picture", "picture_scale", "rho", *(field.name for field in fields(SurfaceConfig))}
    _refuse_options(ctx, unused, "--barriers")
    given["out"] = given["out"] or "barriers.html"
    where, named = _compute(given["device"], given["threads"]), _inputs(inputs, given)
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
        _print_json({**kind.values(result), "files": written})
        return
    click.echo(result)
    click.echo("\n".join(written))


def _refuse_options(ctx: click.Context, unused: Collection[str], beside: str) -> None:
    """Refuse options that do nothing beside another one."""
    for parameter in ctx.command.params:
        if parameter.name in unused and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} has no effect with {beside}; leave it out")


def _curvature_along(ctx: click.Context, inputs: tuple[str, ...], given: dict[str, Any]) -> None:
    """Compute the curvature at each snapshot of a run, draw it, and print it."""
    from landscape.progress import progress_bar
    from landscape.results.along import AlongTraining
    from landscape.results.files import errors_about
    from landscape.results.kinds import check_place, kind_of
    from landscape.results.outputs import made_folder
    from landscape.results.transactions import together
    from landscape.training.analysis.along import USED, along_path, curvature_along, snapshot_hashes
    from landscape.training.analysis.inputs import title_of

    if len(inputs) != 1:
        raise click.UsageError(f"--along takes the folder of one run, got {len(inputs)} inputs")
    if given["weights"] or given["settings"]:
        raise click.UsageError("--along takes a run of `landscape train`; give each file of weights by --weights alone")
    unused = {"everything", *(field.name for field in fields(CurvatureConfig))} - {*USED, "trace"}
    _refuse_options(ctx, unused, "--along")
    where = _compute(given["device"], given["threads"])
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
        _print_json({**kind.values(result), "files": files})
        return
    click.echo(f"{title}: {result}")
    click.echo("\n".join(files))


def _analyse(inputs: tuple[str, ...], given: dict[str, Any], kind: ResultKind[Any], analysis: Analysis) -> None:
    """Read or compute a result of one kind for each input, draw it, and print it."""
    from landscape.figures.entries import ModelEntry
    from landscape.progress import progress_bar
    from landscape.results.kinds import check_place, copy_result
    from landscape.results.transactions import together
    from landscape.training.analysis.inputs import analyse, files_of, metadata_of, open_inputs, title_of
    from landscape.training.analysis.related_results import along_beside, surface_and_curvature

    where, named = _compute(given["device"], given["threads"]), _inputs(inputs, given)
    drawing = Drawing.of(given, files_of(named))
    drawing.check_single([str(one) for one in named])
    drawing.check()
    opened = open_inputs(named, kind, data=given["data"], data_dir=given["data_dir"], device=where)
    if drawing.page is not None:  # then there is one input
        check_place(Path(drawing.page), kind, metadata_of(opened[0]), Path(str(named[0])))
    printed = []
    for path, model_or_result in zip(named, opened, strict=True):
        with progress_bar(kind.title) as progress:
            result, stored, history = analyse(path, model_or_result, analysis, device=where, progress=progress)
        if not launch().first:
            continue
        page = Path(drawing.page) if drawing.page is not None else stored.with_suffix(".html")
        title = title_of(result.metadata, page)
        surface, curvature = surface_and_curvature(result, stored)
        with together():
            entry = ModelEntry(title, surface, curvature, history, along_beside(surface, stored))
            page, *pictures = drawing.draw([entry], page)
            files = [str(file) for file in (page, copy_result(stored, page), *pictures)]
        printed.append({**kind.values(result), "files": files})
        if not given["as_json"]:
            click.echo(f"{title}: {result}")
            click.echo("\n".join(files))
    if given["as_json"] and launch().first:
        _print_json(printed[0] if len(printed) == 1 else printed)


@main.command()
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


@main.command()
@click.argument("file", type=click.Path(dir_okay=False), metavar="FILE.py")
@click.option("--like", default="vision", help="What to start from: huggingface, vision or recommender.")
def new(file: str, like: str) -> None:
    """Write a small Python file that describes a model, its loss and its data, to be changed into your own.

    It runs as it is: surface, curvature and compare take it in place of a checkpoint.

    \b
    Example:  landscape new problem.py --like huggingface
    """
    from landscape.problems.start import write_start

    path = write_start(file, like)
    click.echo(path)
    click.echo(f"landscape surface {shlex.quote(str(path))}")


@main.group("import")
def importing() -> None:
    """Turn published weights into checkpoints."""


@importing.command("s3rec")
@click.argument("weights", type=click.Path())
@click.option("--data", required=True, help="Name or file of the data they were trained on.")
@data_dir_option
@attributes_option
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="The checkpoint, FILE.pt.")
@click.option("--heads", default=2, help="Number of attention heads, which the weights do not show.")
def import_weights(weights: str, data: str, data_dir: str | None, attributes: str | None, out: str, heads: int) -> None:
    """Read a state dict in the form that S3Rec's authors publish, pre-trained or fine-tuned.

    \b
    Example:  landscape import s3rec Beauty-epochs-150.pt --data Beauty --out s3rec.pt
    """
    from landscape.training.checkpoints.checkpoint import save_checkpoint
    from landscape.training.checkpoints.import_s3rec import check_place, import_s3rec
    from landscape.training.data.dataset import load

    dataset = load(data, data_dir=data_dir, attributes=attributes)
    check_place(out, weights, dataset)
    checkpoint = import_s3rec(weights, dataset, heads=heads)
    save_checkpoint(checkpoint, out)
    click.echo(f"{checkpoint.title}, stage {checkpoint.stage}")
    click.echo(out)


@main.command()
@click.argument("file", type=click.Path())
@json_option
def info(file: str, as_json: bool) -> None:
    """Show what is in a checkpoint or a result file.

    \b
    Example:  landscape info runs/samrec-synthetic-seed0/checkpoint.pt
    """
    from landscape.results.serialization import to_plain
    from landscape.training.checkpoints.info import describe_file

    description = describe_file(file)
    if as_json:
        _print_json(description)
        return
    for name, value in description.items():
        click.echo(f"{name}: {json.dumps(to_plain(value)) if isinstance(value, (dict, list)) else value}")


@main.command()
@click.argument("result", type=click.Path())
@click.option("--to", required=True, type=click.Choice(["csv", "json", "vtp", "stl"]), help="The format.")
@click.option(
    "--out", type=click.Path(dir_okay=False),
    help="The file; by default beside RESULT, under its name. Further tables of a CSV get theirs behind it.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@click.option("--quantity", default="loss", help="The heights in vtp and stl: loss, or a metric of the surface.")
@click.option(
    "--scale", type=click.Choice(["linear", "log", "rise"]), default="linear",
    help="Their scale, as on the page; rise: above the lowest.",
)  # fmt: skip
@click.option("--size", default=100.0, help="The longer side of the solid, in mm.")
@click.option(
    "--height", type=float,
    help="From the lowest to the highest point of the solid, in mm.  [default: in the proportions of the page]",
)  # fmt: skip
@click.option("--base", default=3.0, help="What is below the lowest point of the solid, in mm.")
@json_option
@click.pass_context
def export(
    ctx: click.Context, /, result: str, to: str, out: str | None, overwrite: bool, as_json: bool, **options: Any
) -> None:
    """Write a result for other programs: tables (csv), all numbers (json), a mesh (vtp), a solid to print (stl).

    RESULT is a file that surface (.npz), curvature or compare --barriers (.json) wrote. vtp opens in ParaView, with all
    quantities at its points. stl is closed, with a flat bottom.

    \b
    Examples:
      landscape export samrec.npz --to csv
      landscape export samrec.npz --to stl --scale log --size 120
    """
    from landscape.figures.exchange.formats import FORMATS, ExportOptions
    from landscape.figures.exchange.writing import export_file

    for name in options.keys() - {*FORMATS[to].options}:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} has no effect with --to {to}; leave it out")
    done = export_file(result, to, out, options=ExportOptions(**options), overwrite=overwrite)
    if as_json:
        _print_json({"title": done.title, "note": done.note, "files": done.files})
        return
    click.echo(f"{done.title}: {done.note}")
    click.echo("\n".join(map(str, done.files)))


@main.group()
def data() -> None:
    """List, download and prepare data."""


@data.command("list")
@data_dir_option
@json_option
def data_list(data_dir: str | None, as_json: bool) -> None:
    """List the named data sets, and whether they are on this machine.

    \b
    Example:  landscape data list
    """
    from landscape.training.data.catalogue import listing

    rows = listing(data_dir)
    if as_json:
        _print_json(rows)
        return
    click.echo(f"{'':<22}{'users':>13}{'items':>13}{'interactions':>13}")
    for row in rows:
        sizes = "".join(f"{'' if row[size] is None else row[size]:>13}" for size in ("users", "items", "interactions"))
        click.echo(f"{row['name']:<22}{sizes}  {row['where']}")


@data.command()
@click.argument("name")
@data_dir_option
def fetch(name: str, data_dir: str | None) -> None:
    """Download a public data set: Beauty, Sports, Toys or Yelp.

    \b
    Example:  landscape data fetch Beauty
    """
    from landscape.training.data.catalogue import data_folder
    from landscape.training.data.download import fetch

    click.echo(fetch(name, data_folder(data_dir)))


@data.command()
@click.argument("raw", nargs=-1, required=True, type=click.Path())
@click.option("--name", help="Name of the prepared set; by default the first file's.")
@click.option("--out", default=".", type=click.Path(file_okay=False), help="Folder for the prepared files.")
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace NAME.txt, NAME_ids.json and NAME_item2attributes.json, if they are there.",
)
@click.option("--user", help="The column of users in CSV, TSV and Parquet; a usual name by default.")
@click.option("--item", help="The column of items.")
@click.option("--time", help="The column of times.")
@click.option("--columns", help="Of text without a header line, its columns in order: user,item,rating,time.")
@click.option(
    "--time-unit",
    type=click.Choice(["s", "ms", "us", "ns", "order"]),
    help="What times that are numbers are: seconds … nanoseconds since 1970, or an order; by their size by default.",
)
@click.option("--keep-order", is_flag=True, help="The rows are in the order of time; times are not read.")
@click.option(
    "--core", default=5, help="Keep users and items with at least this many interactions, repeatedly; 1 keeps all."
)
@click.option("--year", default=2019, help="Year of Yelp's reviews; 0 reads all years.")
def prepare(
    raw: tuple[str, ...],
    name: str | None,
    out: str,
    overwrite: bool,
    user: str | None,
    item: str | None,
    time: str | None,
    columns: str | None,
    time_unit: str | None,
    keep_order: bool,
    core: int,
    year: int,
) -> None:
    """Turn raw interactions (tables, reviews, ratings, check-ins) into a data set.

    \b
    Example:  landscape data prepare reviews_Beauty.json.gz meta_Beauty.json.gz --name Beauty
    """
    from landscape.training.data.raw.prepare import prepare_files
    from landscape.training.data.raw.tables import Columns

    summary = prepare_files(
        raw, out, name, core=core, overwrite=overwrite,
        columns=Columns(user, item, time), layout=[name.strip() for name in columns.split(",")] if columns else None,
        time_unit=time_unit, keep_order=keep_order, year=year or None,
    )  # fmt: skip
    click.echo(summary)


def _inputs(texts: tuple[str, ...], given: dict[str, Any]) -> list[Input]:
    """Return what a command's arguments name; options that affect none of them are refused."""
    from landscape.problems.problem import ProblemFile
    from landscape.training.analysis.inputs import named_inputs
    from landscape.training.analysis.problem_target import unused_options

    named, context = named_inputs(texts, given["weights"], given["settings"]), click.get_current_context()
    if all(isinstance(one, ProblemFile) for one in named):
        for parameter in context.command.params:
            unused = parameter.name in (*unused_options(given.get("users")), "data", "data_dir")
            if unused and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"{parameter.opts[0]} has no effect on {named[0]}; give such things by --set")
    return named


def _compute(device: str, threads: int | None) -> Any:
    """Set the number of threads, and return the device."""
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    from landscape.devices import resolve

    if threads is not None:
        torch.set_num_threads(threads)
    return launch().device(resolve(device))


def _reject_unused_options(settings: TrainingConfig, given: Iterable[str]) -> None:
    for name, section in settings.unused_options(given).items():
        raise click.UsageError(f"--{name.replace('_', '-')} has no effect here; it is an option of: {section}")


def _print_json(values: Any) -> None:
    from landscape.results.serialization import to_plain

    click.echo(json.dumps(to_plain(values), indent=2, allow_nan=False))


if __name__ == "__main__":
    sys.exit(main())
