"""``landscape info``: what is in a file."""

from __future__ import annotations

import json

import click

from landscape.commands.shared import print_json
from landscape.training.config.shared_options import json_option


@click.command()
@click.argument("file", type=click.Path())
@json_option
def info(file: str, as_json: bool) -> None:
    """Show what is in a checkpoint or a result file.

    \b
    Example:  landscape info runs/samrec-synthetic-seed0/checkpoint.pt
    """
    from landscape.results.storage.serialization import to_plain
    from landscape.training.checkpoints.info import describe_file

    description = describe_file(file)
    if as_json:
        print_json(description)
        return
    for name, value in description.items():
        click.echo(f"{name}: {json.dumps(to_plain(value)) if isinstance(value, (dict, list)) else value}")
