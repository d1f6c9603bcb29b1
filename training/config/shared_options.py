"""Options that several commands share, as decorators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def options(*several: Callable[..., Any]) -> Callable[..., Any]:
    """Return one decorator that adds several options in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(several):
            function = option(function)
        return function

    return decorate


compute_options = options(
    click.option("--device", default="auto", help="auto, cpu or cuda; auto uses a GPU if there is one."),
    click.option("--threads", type=click.IntRange(min=1), help="Threads to compute with; torch's choice by default."),
)
data_dir_option = click.option(
    "--data-dir", type=click.Path(file_okay=False), help="Folder in which data names are looked up."
)
attributes_option = click.option(
    "--attributes",
    type=click.Path(),
    help="Attributes of the items; NAME_item2attributes.json beside the data by default.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
out_option = click.option(
    "--out", type=click.Path(dir_okay=False), help="The page, FILE.html; by default in results/ beside the input."
)
problem_options = options(
    click.option(
        "--weights",
        multiple=True,
        type=click.Path(),
        metavar="FILE",
        help="Weights for a problem's model: a state dict in FILE.pt or FILE.safetensors (may be repeated).",
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Value of a parameter of a problem's function (may be repeated).",
    ),
)
target_options = options(
    click.option("--data", help="Name or file of the data; by default what the checkpoint was trained on."),
    data_dir_option,
    compute_options,
    json_option,
)
