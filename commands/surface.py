"""``landscape surface``: the loss on a plane or a line."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from landscape.commands.analyse import analyse_each
from landscape.figures.click_options import animation_options, drawing_options
from landscape.training.config.click_options import SectionedCommand, config_options, from_options
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.shared_options import out_option, problem_options, target_options
from landscape.training.config.surface import SurfaceConfig


@click.command(cls=SectionedCommand)
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
    from landscape.results.storage.kinds import SURFACE
    from landscape.training.analysis.surface import surface_of

    configs: dict[str, Any] = {
        "objective_config": from_options(ObjectiveConfig, given),
        "surface_config": from_options(SurfaceConfig, given),
    }
    plane = configs["surface_config"]
    computed = not all(SURFACE.matches(one) for one in inputs)
    if given["animate"] and computed and (plane.kind != "trajectory" or plane.is_line):
        raise click.UsageError("--animate plays training runs in a plane: add --trajectory RUN, without --line")
    analyse_each(inputs, given, SURFACE, partial(surface_of, **configs))
