"""The commands: each parses its options, calls the library once, and prints.

Progress goes to standard error, results to standard output. Exit 2 for wrong usage, 1 with one line for what the user
can mend. Heavy imports happen inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from landscape.figures.click_options import Drawing, drawing_options
from landscape.training.config.click_options import Sectioned, Setting, made, settings_options
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.config.training import PRETRAINING, TrainingConfig

if TYPE_CHECKING:
    from landscape.figures.entries import ModelEntry
    from landscape.progress import Progress
    from landscape.training.analysis.target import AnalysisTarget

CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}
SECTIONS_OF_ALL = ("density", "trace", "sharpness", "by_block")  # what curvature --all computes
INTERRUPTED = 130  # the shell's code for Ctrl-C


class Commands(click.Group):
    """Turns errors that the user can mend into one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the module's text for exit codes."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever read the output has left, which click takes quietly
        except (ValueError, OSError, MemoryError) as problem:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(_told(problem)) from None
        except (KeyboardInterrupt, click.Abort):
            click.echo(
                "Stopped. What was finished is saved; the same command continues (train: with --resume).", err=True
            )
            ctx.exit(INTERRUPTED)


def _told(problem: BaseException) -> str:
    """What is wrong, in one line."""
    if isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        return f"{problem.filename}: {problem.strerror}"
    return " ".join(str(problem).split()) or type(problem).__name__


@contextmanager
def _about(path: str) -> Iterator[None]:
    """Say which of the inputs it is that something is wrong with."""
    try:
        yield
    except (ValueError, OSError, MemoryError) as problem:
        told = _told(problem)
        raise ValueError(told if path in told else f"{path}: {told}") from problem


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from landscape.version import __version__

        click.echo(f"landscape {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings=CONTEXT)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train sequential recommenders and look at the landscape of their loss."""


def options(*several: Callable[..., Any]) -> Callable[..., Any]:
    """Several options as one decorator, in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(several):
            function = option(function)
        return function

    return decorate


compute_options = options(
    click.option("--device", default="auto", help="auto, cpu or cuda; auto takes a GPU if there is one."),
    click.option("--threads", type=click.IntRange(min=1), help="Threads to compute with; torch's choice by default."),
)
data_options = options(
    click.option("--data-dir", type=click.Path(file_okay=False), help="Folder that data names are looked up in."),
)
attributes_option = click.option(
    "--attributes",
    type=click.Path(),
    help="Attributes of the items; NAME_item2attributes.json beside the data by default.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
out_option = click.option(
    "--out", type=click.Path(dir_okay=False), help="The page, FILE.html; by default in results/ beside the checkpoint."
)
subject_options = options(
    click.option("--data", help="Name or file of the data; by default what the checkpoint was trained on."),
    data_options,
    compute_options,
    json_option,
)


@main.command(cls=Sectioned)
@click.argument("method", default="samrec")
@click.option("--data", default="synthetic", help="Name or file of the data; `synthetic` is built in.")
@data_options
@attributes_option
@click.option("--out", type=click.Path(file_okay=False), help="Folder of the run.  [default: runs/METHOD-DATA-seedN]")
@click.option("--resume", is_flag=True, help="Continue the run in the folder, exactly; start it if there is none.")
@compute_options
@click.option("--snapshots", type=int, metavar="K", help="Keep the weights every K epochs, for surface --trajectory.")
@json_option
@settings_options(TrainingConfig)
@click.option(
    "--pretrained",
    type=click.Path(),
    metavar="CKPT",
    cls=Setting,
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

    s3rec is pre-trained on item attributes first. SAM goes with any method.

    \b
    Example:  landscape train cl4srec --sam sam --data Beauty --seed 0
    """
    from landscape.progress import progress_bar
    from landscape.provenance import file_sha256
    from landscape.training.checkpoints.checkpoint import load_checkpoint
    from landscape.training.data.dataset import load
    from landscape.training.loop.trainer import train

    where = _compute(device, threads)
    chosen = TrainingConfig(method=method, pretrained=pretrained, **settings)
    given = [*settings, "pretrained"]
    _reject_unused_options(
        chosen, [name for name in given if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    )
    start = None
    if pretrained:
        start, chosen = load_checkpoint(pretrained), replace(chosen, pretrained=file_sha256(pretrained))
    dataset = load(data, data_dir=data_dir, attributes=attributes)
    folder = Path(out) if out else Path("runs") / f"{chosen.method}-{dataset.name}-seed{chosen.seed}"
    with progress_bar(chosen.kind.title) as progress:
        best = train(
            dataset,
            chosen,
            folder,
            pretrained=start,
            resume=resume,
            snapshots=snapshots,
            device=where,
            progress=progress,
        )
    if as_json:
        _print_json({"checkpoint": folder / "checkpoint.pt", "epoch": best.epoch, **best.metrics})
        return
    click.echo(
        f"{best.title}: best at epoch {best.epoch}, "
        f"validation NDCG@20 {best.metrics['NDCG@20']:.4f}, HR@10 {best.metrics['HR@10']:.4f}"
    )
    click.echo(folder / "checkpoint.pt")


@main.command()
@click.argument("checkpoints", nargs=-1, required=True, metavar="CKPT [CKPT]", type=click.Path())
@click.option("--split", default="test", help="Whose held-out items are ranked: test or valid.")
@click.option("--seed", default=0, help="Of the bootstrap.")
@click.option("--data", help="Name or file of the data; by default what the checkpoint was trained on.")
@data_options
@compute_options
@json_option
def evaluate(
    checkpoints: tuple[str, ...],
    split: str,
    seed: int,
    data: str | None,
    data_dir: str | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Rank every user's held-out item among all items; with two checkpoints, compare them user by user.

    \b
    Example:  landscape evaluate runs/sasrec-Beauty-seed0/checkpoint.pt runs/samrec-Beauty-seed0/checkpoint.pt
    """
    from landscape.training.analysis.target import AnalysisTarget
    from landscape.training.evaluation.evaluate import differences, evaluate, table

    if len(checkpoints) > 2:
        raise click.UsageError(f"one or two checkpoints, got {len(checkpoints)}")
    where = _compute(device, threads)
    targets = [AnalysisTarget.open(path, data, data_dir=data_dir) for path in checkpoints]
    found = [evaluate(target.checkpoint, target.dataset, split, device=where) for target in targets]
    gains = differences(*found, seed=seed) if len(found) == 2 else {}
    if not as_json:
        click.echo(table(found, gains))
    elif gains:
        from dataclasses import asdict

        _print_json(
            {
                "models": [one.values() for one in found],
                "differences": {name: asdict(gain) for name, gain in gains.items()},
            }
        )
    else:
        _print_json(found[0].values())


@main.command(cls=Sectioned)
@click.argument("inputs", nargs=-1, required=True, metavar="CKPT|RESULT...", type=click.Path())
@out_option
@subject_options
@drawing_options("3d", "map", "line", "band")
@settings_options(SurfaceConfig)
@settings_options(ObjectiveConfig)
def surface(inputs: tuple[str, ...], **given: Any) -> None:
    """Draw the loss on a plane or a line through each checkpoint, as an interactive 3D page.

    The page also shows the curvature, if one of the same checkpoint and loss lies beside the surface.

    \b
    Examples:
      landscape surface runs/samrec-Beauty-seed0/checkpoint.pt --out samrec.html
      landscape surface checkpoint.pt --eigen 1,2
      landscape surface checkpoint.pt --toward other.pt
      landscape surface checkpoint.pt --metric valid --metric NDCG@10
      landscape surface checkpoint.pt --repeats 10
    """
    from landscape.figures.entries import ModelEntry
    from landscape.results.storage import load_surface, surface_values
    from landscape.training.analysis.related_results import curvature_beside
    from landscape.training.analysis.surface import surface_of

    objective_config, chosen = made(ObjectiveConfig, given), made(SurfaceConfig, given)

    def computed(target: AnalysisTarget, where: Any, progress: Progress) -> tuple[Any, Path]:
        return surface_of(target, objective_config, chosen, device=where, progress=progress)

    def model(name: str, found: Any, path: Path, history: Any) -> ModelEntry:
        return ModelEntry(name, found, curvature_beside(found, path), history)

    _analyse(inputs, given, "Surface", ".npz", load_surface, computed, surface_values, model)


@main.command(cls=Sectioned)
@click.argument("inputs", nargs=-1, required=True, metavar="CKPT|RESULT...", type=click.Path())
@click.option("--all", "everything", is_flag=True, help="The same as --density --trace --sharpness --by-block.")
@out_option
@subject_options
@drawing_options()
@settings_options(CurvatureConfig)
@settings_options(ObjectiveConfig)
def curvature(inputs: tuple[str, ...], everything: bool, **given: Any) -> None:
    """Find the largest Hessian eigenvalues of each checkpoint, the smallest, and where its loss is sharp.

    \b
    Examples:
      landscape curvature runs/samrec-Beauty-seed0/checkpoint.pt --top 3
      landscape curvature checkpoint.pt --all --users 2000
      landscape curvature checkpoint.pt --operator gauss-newton --blocks 'items.*'
    """
    from landscape.figures.entries import ModelEntry
    from landscape.results.storage import curvature_values, load_curvature
    from landscape.training.analysis.curvature import curvature_of

    if everything:
        given |= dict.fromkeys(SECTIONS_OF_ALL, True)
    objective_config, curvature_config = made(ObjectiveConfig, given), made(CurvatureConfig, given)

    def computed(target: AnalysisTarget, where: Any, progress: Progress) -> tuple[Any, Path]:
        return curvature_of(target, objective_config, curvature_config, device=where, progress=progress)

    def model(name: str, found: Any, path: Path, history: Any) -> ModelEntry:
        return ModelEntry(name, None, found, history)

    _analyse(inputs, given, "Curvature", ".json", load_curvature, computed, curvature_values, model)


@main.command(cls=Sectioned)
@click.argument("inputs", nargs=-1, required=True, metavar="CKPT|RESULT...", type=click.Path())
@click.option("--top", default=3, help="How many of the largest eigenvalues.")
@click.option("--all", "everything", is_flag=True, help="The whole curvature, as curvature --all has it.")
@click.option("--out", type=click.Path(dir_okay=False), default="comparison.html", help="The page.")
@subject_options
@drawing_options("3d", "line", "band", "spectrum")
@settings_options(SurfaceConfig)
@settings_options(ObjectiveConfig)
def compare(inputs: tuple[str, ...], top: int, everything: bool, **given: Any) -> None:
    """Put several models side by side in one page; what is not computed yet is computed first.

    A RESULT is what surface (.npz) or curvature (.json) wrote; results of one checkpoint make one model.

    \b
    Examples:
      landscape compare runs/*-Beauty-seed0/checkpoint.pt --users 2000 --out beauty.html
      landscape compare sasrec.npz sasrec-curvature.json samrec.npz samrec-curvature.json
    """
    from landscape.figures.entries import ModelEntry, looks
    from landscape.progress import progress_bar
    from landscape.training.analysis.comparison import Entry, computed, joined, short_names, stored
    from landscape.training.analysis.target import AnalysisTarget

    where = _compute(given["device"], given["threads"])
    objective_config, chosen = made(ObjectiveConfig, given), made(SurfaceConfig, given)
    curvature_config = made(
        CurvatureConfig, {"top": top, "checks": everything, **dict.fromkeys(SECTIONS_OF_ALL, everything)}
    )
    drawing = Drawing.of(given)
    drawing.check()
    opened: list[Entry | AnalysisTarget] = []
    for path in inputs:  # all of them, before hours go into the first
        with _about(path):
            is_result = path.endswith((".npz", ".json"))
            opened.append(
                stored(path) if is_result else AnalysisTarget.open(path, given["data"], data_dir=given["data_dir"])
            )
    entries = []
    for path, each in zip(inputs, opened, strict=True):
        if isinstance(each, AnalysisTarget):
            with _about(path), progress_bar(each.checkpoint.title) as progress:
                each = computed(each, objective_config, chosen, curvature_config, device=where, progress=progress)
        entries.append(each)
    found = joined(entries)
    short = short_names([entry.title for entry in found])
    models = [ModelEntry(n, each.surface, each.curvature, each.history) for n, each in zip(short, found, strict=True)]
    names = [look.name for look in looks(models)]
    files = [str(file) for file in drawing.draw(models, Path(given["out"]))]
    if given["as_json"]:
        told = [each.values() for each in found]
        _print_json({"models": dict(zip(names, told, strict=True)), "files": files})
        return
    for name, each in zip(names, found, strict=True):
        click.echo(f"{name}: {each}")
    click.echo("\n".join(files))


def _analyse(
    inputs: tuple[str, ...],
    given: dict[str, Any],
    what: str,
    suffix: str,
    load: Callable[[str], Any],
    computed: Callable[[AnalysisTarget, Any, Progress], tuple[Any, Path]],
    values: Callable[[Any], dict[str, Any]],
    model: Callable[[str, Any, Path, Any], ModelEntry],
) -> None:
    """Load or compute a result for each input, draw it, and tell it."""
    from landscape.progress import progress_bar
    from landscape.results.storage import check_place, copy_result
    from landscape.training.analysis.comparison import title_of
    from landscape.training.analysis.related_results import history_of
    from landscape.training.analysis.target import AnalysisTarget

    where = _compute(given["device"], given["threads"])
    drawing = Drawing.of(given)
    drawing.check_single(inputs)
    drawing.check()
    if drawing.page is not None:
        check_place(Path(drawing.page), suffix)
    opened = []
    for path in inputs:  # all of them, before hours go into the first
        with _about(path):
            is_result = path.endswith((".npz", ".json"))
            if is_result and not path.endswith(suffix):
                raise ValueError(f"no {what.lower()}, which is kept as FILE{suffix}; see `landscape info {path}`")
            opened.append(
                load(path) if is_result else AnalysisTarget.open(path, given["data"], data_dir=given["data_dir"])
            )
    told: list[dict[str, Any]] = []
    for path, found in zip(inputs, opened, strict=True):
        stored, history = Path(path), []
        if isinstance(found, AnalysisTarget):
            history = history_of(found.path.parent)
            with _about(path), progress_bar(f"{what} of {found.checkpoint.title}") as progress:
                found, stored = computed(found, where, progress)
        page = Path(drawing.page) if drawing.page is not None else stored.with_suffix(".html")
        title = title_of(found.metadata, page)
        page, *pictures = drawing.draw([model(title, found, stored, history)], page)
        files = [str(file) for file in (page, copy_result(stored, page), *pictures)]
        told.append({**values(found), "files": files})
        if not given["as_json"]:
            click.echo(f"{title}: {found}")
            click.echo("\n".join(files))
    if given["as_json"]:
        _print_json(told[0] if len(told) == 1 else told)


@main.group("import")
def importing() -> None:
    """Turn published weights into checkpoints."""


@importing.command("s3rec")
@click.argument("weights", type=click.Path())
@click.option("--data", required=True, help="Name or file of the data they were trained on.")
@data_options
@attributes_option
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="The checkpoint, FILE.pt.")
@click.option("--heads", default=2, help="Attention heads, which the weights do not tell.")
def import_weights(weights: str, data: str, data_dir: str | None, attributes: str | None, out: str, heads: int) -> None:
    """Read a state dict in the form that S3Rec's authors publish, pre-trained or fine-tuned.

    \b
    Example:  landscape import s3rec Beauty-epochs-150.pt --data Beauty --out s3rec.pt
    """
    from landscape.results.files import check_writable
    from landscape.training.checkpoints.checkpoint import save_checkpoint
    from landscape.training.checkpoints.import_s3rec import import_s3rec
    from landscape.training.data.dataset import load

    check_writable(out)
    found = import_s3rec(weights, load(data, data_dir=data_dir, attributes=attributes), heads=heads)
    save_checkpoint(found, out)
    click.echo(f"{found.title}, stage {found.stage}")
    click.echo(out)


@main.command()
@click.argument("file", type=click.Path())
@json_option
def info(file: str, as_json: bool) -> None:
    """Tell what is in a checkpoint or a result file.

    \b
    Example:  landscape info runs/samrec-synthetic-seed0/checkpoint.pt
    """
    from landscape.results.serialization import to_plain
    from landscape.training.checkpoints.info import describe_file

    described = describe_file(file)
    if as_json:
        _print_json(described)
        return
    for name, value in described.items():
        click.echo(f"{name}: {json.dumps(to_plain(value)) if isinstance(value, (dict, list)) else value}")


@main.group()
def data() -> None:
    """Find, download and prepare data."""


@data.command("list")
@data_options
@json_option
def data_list(data_dir: str | None, as_json: bool) -> None:
    """List the data sets that have names, and whether they are here.

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
@data_options
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
@click.option("--name", help="Of the prepared set; the first file's name by default.")
@click.option("--out", default=".", type=click.Path(file_okay=False), help="Folder for the prepared files.")
@click.option("--overwrite", is_flag=True, help="Replace a prepared set of that name.")
@click.option("--user", help="The column of users in CSV, TSV and Parquet; a usual name by default.")
@click.option("--item", help="The column of items.")
@click.option("--time", help="The column of times.")
@click.option(
    "--core", default=5, help="Keep users and items with at least so many interactions, repeatedly; 1 keeps all."
)
@click.option("--year", default=2019, help="Of Yelp's reviews; 0 reads all years.")
def prepare(
    raw: tuple[str, ...],
    name: str | None,
    out: str,
    overwrite: bool,
    user: str | None,
    item: str | None,
    time: str | None,
    core: int,
    year: int,
) -> None:
    """Turn raw interactions (CSV, TSV, Parquet, .inter, Amazon or Yelp reviews and metadata) into a data set.

    \b
    Example:  landscape data prepare reviews_Beauty.json.gz meta_Beauty.json.gz --name Beauty
    """
    from landscape.training.data.raw.prepare import prepare
    from landscape.training.data.raw.readers import Columns, read

    found = read(raw, columns=Columns(user, item, time), year=year or None)
    click.echo(prepare(found, out, name or Path(raw[0]).name.split(".")[0], core=core, overwrite=overwrite))


def _compute(device: str, threads: int | None) -> Any:
    """The device, after setting the number of threads."""
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    from landscape.devices import resolve

    if threads is not None:
        torch.set_num_threads(threads)
    return resolve(device)


def _reject_unused_options(settings: TrainingConfig, given: Iterable[str]) -> None:
    for name, section in settings.idle(given).items():
        raise click.UsageError(f"--{name.replace('_', '-')} has no effect here; it is an option of: {section}")


def _print_json(values: Any) -> None:
    from landscape.results.serialization import to_plain

    click.echo(json.dumps(to_plain(values), indent=2, allow_nan=False))


if __name__ == "__main__":
    sys.exit(main())
