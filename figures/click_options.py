"""Options of commands for pages and pictures, and checks of the files that they name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from landscape.figures.entries import ModelEntry
    from landscape.results.along import AlongTraining
    from landscape.results.curve import BarrierMatrix

PICTURES = {  # suffix: help
    "png": "Also write a static picture, for slides.",
    "pdf": "The same for papers.",
    "svg": "The same, to edit.",
}
ANIMATED = ("frames", "width", "colours")  # options of an animation, after animate_


def animation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for an animation of training runs."""
    for option in reversed(
        (
            click.option(
                "--animate",
                type=click.Path(dir_okay=False),
                metavar="FILE",
                help="Also write the training runs of --trajectory in motion, as .gif, or by ffmpeg as .mp4 or .webm.",
            ),
            click.option("--animate-frames", default=60, help="Number of frames of the animation."),
            click.option("--animate-width", default=900, metavar="PIXELS", help="Width of the animation."),
            click.option("--animate-colours", default=192, help="Number of colours of a GIF."),
        )
    ):
        command = option(command)
    return command


def drawing_options(*kinds: str) -> Callable[..., Any]:
    """Return a decorator that adds the options for static pictures; with ``kinds`` also those for what they show."""
    options = [
        *(click.option(f"--{suffix}", type=click.Path(dir_okay=False), help=text) for suffix, text in PICTURES.items()),
        click.option(
            "--picture-width",
            callback=_width,
            metavar="WIDTH",
            help="Width of the picture: column (3.5 inches), page (7), or inches.  [default: depends on its kind]",
        ),
    ]
    if kinds:
        options += [
            click.option(
                "--picture",
                type=click.Choice(kinds),
                help="What the picture shows; by default the first for which there is a result.",
            ),
            click.option(
                "--picture-scale",
                type=click.Choice(["linear", "log", "rise"]),
                default="linear",
                help="Scale of the loss in the picture; rise: above the lowest loss shown.",
            ),
            click.option(
                "--rho",
                type=float,
                callback=_radius,
                help="Radius of a ball around the model to draw, also on the page.",
            ),
        ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True)
class Drawing:
    """The page and pictures that a command writes."""

    page: str | None  # None: beside the result
    pictures: Mapping[str, str]  # by suffix
    options: Mapping[str, Any]  # arguments of ``write_picture``
    inputs: Sequence[str] = ()  # files that are read
    animation: str | None = None
    animation_options: Mapping[str, Any] = field(default_factory=dict)  # arguments of ``AnimationOptions``

    @classmethod
    def of(cls, given: Mapping[str, Any], inputs: Sequence[str]) -> Drawing:
        """Take the values of a command's options that are about drawing; ``inputs`` are its arguments."""
        options = {"kind": given.get("picture"), "rho": given.get("rho"), "width": given["picture_width"]}
        if "picture_scale" in given:
            options["scale"] = given["picture_scale"]
        pictures = {suffix: given[suffix] for suffix in PICTURES if given[suffix] is not None}
        data = () if given["data"] is None else (given["data"],)
        animated = {name: given[f"animate_{name}"] for name in ANIMATED} if given.get("animate") else {}
        read = (*inputs, *given.get("toward", ()), *data)
        return cls(given["out"], pictures, options, read, given.get("animate"), animated)

    def check(self) -> None:
        """Check that all files can be written, and that none replaces an input or what no command drew.

        Raises:
            ValueError: The suffix of a name does not fit, or a file is one of the inputs.
            FileExistsError: A file holds something else than a page or a picture of these commands.
            OSError: The folder does not exist or cannot be written to.
        """
        from landscape.results.storage.files import check_writable

        outputs = {"html": self.page, **self.pictures}
        for kind, output in ((kind, output) for kind, output in outputs.items() if output is not None):
            if Path(output).suffix.lower() != f".{kind}":
                option = "out" if kind == "html" else kind
                raise ValueError(f"--{option} must be a file that ends in .{kind}, got {output!r}")
            check_writable(output)
        if self.animation is not None:
            from landscape.figures.static.animation import AnimationOptions, check_animation

            check_animation(self.animation)
            AnimationOptions(**self.animation_options)
            check_writable(self.animation)
        every = (*outputs.values(), self.animation)
        self._check_replaced(Path(output) for output in every if output is not None)

    def _check_replaced(self, outputs: Iterable[Path]) -> None:
        from landscape.results.storage.outputs import is_drawn, refuse_foreign, refuse_inputs

        outputs = list(outputs)
        refuse_inputs(outputs, self.inputs)
        refuse_foreign(outputs, is_drawn, "a page or picture")

    def check_single(self, inputs: Sequence[str]) -> None:
        """Check that no name is given for the pages or pictures of several results.

        Raises:
            UsageError: There is a name, and more than one input.
        """
        for output in (self.page, *self.pictures.values(), self.animation):
            if output is not None and len(inputs) > 1:
                raise click.UsageError(
                    f"{output} can hold one result; leave it out to write beside each of the {len(inputs)} inputs"
                )

    def draw(self, models: Sequence[ModelEntry], page: Path) -> list[Path]:
        """Write the page and the pictures, and return their paths."""
        from landscape.figures.export import write_film, write_page, write_picture

        pictures = [Path(picture) for picture in self.pictures.values()]
        self._check_replaced([page, *pictures])  # the page's name may be known only now
        for picture in pictures:
            write_picture(models, picture, **self.options)
        if self.animation is not None:
            pictures.append(Path(self.animation))
            write_film(models[0], self.animation, scale=self.options["scale"], **self.animation_options)
        write_page(models, page, rho=self.options["rho"])
        return [page, *pictures]

    def draw_along(self, along: AlongTraining, page: Path, title: str) -> list[Path]:
        """Write the page and the pictures of a training run, and return their paths."""
        from landscape.figures.export import write_along

        pictures = [Path(picture) for picture in self.pictures.values()]
        self._check_replaced([page, *pictures])
        write_along(along, page, pictures, title=title, width=self.options["width"])
        return [page, *pictures]

    def draw_barriers(self, matrix: BarrierMatrix, page: Path, title: str) -> list[Path]:
        """Write the page and the pictures of barriers, and return their paths."""
        from landscape.figures.export import write_barriers

        pictures = [Path(picture) for picture in self.pictures.values()]
        self._check_replaced([page, *pictures])
        write_barriers(matrix, page, pictures, title=title, width=self.options["width"])
        return [page, *pictures]


def _radius(context: click.Context, parameter: click.Parameter, rho: float | None) -> float | None:
    if rho is not None and not 0 < rho < math.inf:
        raise click.BadParameter(f"{rho} is not a finite number above 0")
    return rho


def _width(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    from landscape.figures.static.canvas import width_of

    try:
        return width_of(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from None
