"""What the commands share: models by their arguments, the device, options without effect, JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from landscape.launch import launch

if TYPE_CHECKING:
    from landscape.training.targets.inputs import Input

SECTIONS_OF_ALL = ("density", "trace", "sharpness", "by_block")  # what curvature --all computes


def named_models(texts: tuple[str, ...], given: dict[str, Any]) -> list[Input]:
    """Return what a command's arguments name; options that affect none of them are refused."""
    from landscape.problems.problem import ProblemFile
    from landscape.training.targets.inputs import named_inputs
    from landscape.training.targets.problem_target import unused_options

    named, context = named_inputs(texts, given["weights"], given["settings"]), click.get_current_context()
    if all(isinstance(one, ProblemFile) for one in named):
        for parameter in context.command.params:
            unused = parameter.name in (*unused_options(given.get("users")), "data", "data_dir")
            if unused and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"{parameter.opts[0]} has no effect on {named[0]}; give such things by --set")
    return named


def compute_device(device: str, threads: int | None) -> Any:
    """Set the number of threads, and return the device."""
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    from landscape.devices import resolve

    if threads is not None:
        torch.set_num_threads(threads)
    return launch().device(resolve(device))


def refuse_options(ctx: click.Context, unused: Collection[str], beside: str) -> None:
    """Refuse options that do nothing beside another one."""
    for parameter in ctx.command.params:
        if parameter.name in unused and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} has no effect with {beside}; leave it out")


def print_json(values: Any) -> None:
    """Print values as JSON; what is not finite is null or a word, as ``to_plain`` has it."""
    from landscape.results.storage.serialization import to_plain

    click.echo(json.dumps(to_plain(values), indent=2, allow_nan=False))
