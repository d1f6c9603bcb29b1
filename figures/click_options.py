"""Pages and pictures as options of commands, and what must hold of the files that they name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from landscape.figures.entries import ModelEntry

PICTURES = {"png": "A static picture as well, for slides.", "pdf": "The same for papers.", "svg": "The same, to edit."}


def drawing_options(*kinds: str) -> Callable[..., Any]:
    """Options for static pictures; where there are kinds of them to choose from, also for what they show."""
    several = [
        *(click.option(f"--{suffix}", type=click.Path(dir_okay=False), help=told) for suffix, told in PICTURES.items()),
        click.option(
            "--picture-width",
            callback=_width,
            metavar="WIDTH",
            help="Of the picture: column (3.5 inches), page (7), or inches.  [default: as its kind needs]",
        ),
    ]
    if kinds:
        several += [
            click.option(
                "--picture",
                type=click.Choice(kinds),
                help="What the picture shows; by default the first that there is something for.",
            ),
            click.option(
                "--picture-scale",
                type=click.Choice(["linear", "log", "rise"]),
                default="linear",
                help="Of the loss in the picture; rise is above the lowest shown.",
            ),
            click.option(
                "--rho",
                type=float,
                callback=_radius,
                help="Radius of a ball to draw around the model, also on the page.",
            ),
        ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(several):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True)
class Drawing:
    """What a command was told to draw, and where to."""

    page: str | None  # None: beside the result
    pictures: Mapping[str, str]  # by suffix
    look: Mapping[str, Any]  # arguments of ``write_picture``

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Drawing:
        """The part of a command's options that is about drawing."""
        look = {"kind": given.get("picture"), "rho": given.get("rho"), "width": given["picture_width"]}
        if "picture_scale" in given:
            look["scale"] = given["picture_scale"]
        return cls(given["out"], {suffix: given[suffix] for suffix in PICTURES if given[suffix] is not None}, look)

    def check(self) -> None:
        """Refuse what cannot be written, or could take the place of a checkpoint or a result.

        Raises:
            ValueError: A name has another suffix than what it is to hold.
            OSError: The folder is not there or cannot be written to.
        """
        from landscape.results.files import check_writable

        outputs = {"html": self.page, **self.pictures}
        for kind, output in ((kind, output) for kind, output in outputs.items() if output is not None):
            if Path(output).suffix.lower() != f".{kind}":
                option = "out" if kind == "html" else kind
                raise ValueError(f"--{option} must be a file that ends in .{kind}, got {output!r}")
            check_writable(output)

    def check_single(self, inputs: Sequence[str]) -> None:
        """Refuse one name for the pages or pictures of several results.

        Raises:
            UsageError: There is a name, and more than one input.
        """
        for output in (self.page, *self.pictures.values()):
            if output is not None and len(inputs) > 1:
                raise click.UsageError(
                    f"{output} can hold one result; leave it out to write beside each of the {len(inputs)} inputs"
                )

    def draw(self, models: Sequence[ModelEntry], page: Path) -> list[Path]:
        """Write the page and the pictures; returns their paths."""
        from landscape.figures.export import write_page, write_picture

        write_page(models, page, rho=self.look["rho"])
        pictures = [Path(picture) for picture in self.pictures.values()]
        for picture in pictures:
            write_picture(models, picture, **self.look)
        return [page, *pictures]


def _radius(context: click.Context, parameter: click.Parameter, rho: float | None) -> float | None:
    if rho is not None and not 0 < rho < math.inf:
        raise click.BadParameter(f"{rho} is no finite number above 0")
    return rho


def _width(context: click.Context, parameter: click.Parameter, told: str | None) -> float | None:
    if told is None:
        return None
    from landscape.figures.static.canvas import width_of

    try:
        return width_of(told)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from None
