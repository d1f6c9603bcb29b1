"""The command line: the commands of ``landscape.commands`` as one group.

Progress goes to standard error, results to standard output. The exit status is 2 for wrong usage, and 1 with one line
for an error that the user can correct.
"""

from __future__ import annotations

import sys

import click

from landscape.command_group import CommandGroup
from landscape.commands.compare import compare
from landscape.commands.curvature import curvature
from landscape.commands.data import data
from landscape.commands.evaluate import evaluate
from landscape.commands.export import export
from landscape.commands.importing import importing
from landscape.commands.info import info
from landscape.commands.new import new
from landscape.commands.study import study
from landscape.commands.surface import surface
from landscape.commands.train import train

CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


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


for command in (train, evaluate, surface, curvature, compare, study, new, importing, info, export, data):
    main.add_command(command)


if __name__ == "__main__":
    sys.exit(main())
