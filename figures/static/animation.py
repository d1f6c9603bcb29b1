"""Training runs in motion, as a GIF or a film."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landscape.figures.plotdata.surfaces.course import surface_course
from landscape.figures.static.films import write_film, write_gif
from landscape.figures.static.frames import animation_frames
from landscape.results import Surface

GIF, FILMS = ".gif", {".mp4": ("libx264", "mp4"), ".webm": ("libvpx-vp9", "webm")}  # suffix: codec and format
SUFFIXES = (GIF, *FILMS)
NARROWEST, WIDEST = 480, 2400  # pixels


@dataclass(frozen=True)
class AnimationOptions:
    """The size of an animation: the defaults keep a GIF below 2 MB."""

    frames: int = 60
    width: int = 900  # pixels
    colours: int = 192  # of a GIF

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("frames", self.frames, 2, 2000),
            ("width", self.width, NARROWEST, WIDEST),
            ("colours", self.colours, 16, 256),
        ):
            if not least <= value <= most:
                raise ValueError(f"an animation has {least} to {most} {name}, got {value}")


def check_animation(path: str | Path) -> None:
    """Check that an animation could be written to this file, before anything is computed.

    Raises:
        ValueError: The suffix is none of ``SUFFIXES``, or it needs ffmpeg and there is none.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"--animate must be a file that ends in {', '.join(SUFFIXES)}, got {str(path)!r}")
    if suffix in FILMS and shutil.which("ffmpeg") is None:
        raise ValueError(f"{path} needs ffmpeg, which is not installed: install it, or give a file that ends in {GIF}")


def require_runs(surface: Surface | None) -> Surface:
    """Return the surface.

    Raises:
        ValueError: It is no plane, or there is no training run of two snapshots in it.
    """
    if surface is None or surface_course(surface) is None:
        raise ValueError("there is no training run in a plane to animate; compute one with --trajectory RUN")
    return surface


def write_animation(surface: Surface, path: str | Path, options: AnimationOptions, *, log: bool = False) -> None:
    """Write the training runs in a plane as an animation: the surface, its map, loss and metric, epoch by epoch.

    The same surface gives the same file, by the same version of Pillow or ffmpeg.

    Args:
        surface: A plane with one training run or several.
        path: Its suffix is one of ``SUFFIXES``.
        options: Number of frames, width, colours.
        log: Whether the scale of the loss is logarithmic.

    Raises:
        ValueError: As of ``check_animation`` and ``require_runs``, or ffmpeg failed.
        OSError: The file cannot be written.
    """
    check_animation(path)
    course = surface_course(require_runs(surface))
    assert course is not None
    times = np.linspace(course.times[0], course.times[-1], options.frames)
    frames = animation_frames(surface, course, times, width=options.width, log=log)
    suffix = Path(path).suffix.lower()
    if suffix == GIF:
        write_gif(list(frames), path, options.colours)
    else:
        write_film(frames, path, *FILMS[suffix])
