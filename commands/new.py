"""``landscape new``: a file that describes a model of one's own, to start from."""

from __future__ import annotations

import shlex

import click


@click.command()
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
