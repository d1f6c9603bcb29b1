"""``landscape export``: a result for other programs."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from landscape.commands.shared import print_json
from landscape.training.config.shared_options import json_option


@click.command()
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
        print_json({"title": done.title, "note": done.note, "files": done.files})
        return
    click.echo(f"{done.title}: {done.note}")
    click.echo("\n".join(map(str, done.files)))
