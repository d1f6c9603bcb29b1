"""The frames of an animation: training runs on a surface, its map and their curves, moment by moment.

What stands still is drawn once; each frame adds the markers, paths and texts of its moment to a copy of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]
from numpy.typing import NDArray

from landscape.figures.plotdata.extents import require_plane
from landscape.figures.plotdata.scales import Heights, plot_heights
from landscape.figures.plotdata.surfaces.course import Course, Run
from landscape.figures.plotdata.surfaces.marks import BETWEEN, heights_at, path_line, snapshot_names
from landscape.figures.static.axes import plain_grid, scale_axis
from landscape.figures.static.canvas import QUIET, TEXT, settings
from landscape.figures.static.scenes import extent, place
from landscape.figures.static.surfaces.maps import draw_map
from landscape.figures.static.surfaces.surface import fill, framed
from landscape.figures.static.text import fitted
from landscape.figures.style import number, percent
from landscape.results import Floats, Surface

PIXELS = 100  # an inch: letters of 8 points are then 11 pixels high
HEIGHT = 0.52  # of a frame, in units of its width
PIN = 0.05  # height of a marker above the surface, as a share of the drawn range

Pixels = NDArray[np.uint8]


def animation_frames(
    surface: Surface, course: Course, times: Sequence[float] | Floats, *, width: int, log: bool = False
) -> Iterator[Pixels]:
    """Draw a frame for each moment.

    Yields:
        (H, W, 3) with even H and W.
    """
    require_plane(surface)
    with settings():
        stage = _Stage(surface, course, width - width % 2, log)
        for time in times:
            yield stage.frame(float(time))


class _Stage:
    """A figure of which all that stands still is drawn, and the artists that move."""

    def __init__(self, surface: Surface, course: Course, width: int, log: bool) -> None:
        self.course = course
        wide, high = width / PIXELS, 2 * round(HEIGHT * width / 2) / PIXELS
        self.heights = plot_heights(surface, log=log)
        # Without the centre's mark and the points where the loss was evaluated, which would look like snapshots.
        nothing: dict[str, Any] = {"nodes": np.empty((0, 2)), "node_loss": np.empty(0), "node_metrics": {}}
        empty = replace(surface, trajectory=None, other_trajectories=(), marks=(), error=None, **nothing)
        self.figure = Figure(figsize=(wide, high), dpi=PIXELS)
        canvas: Any = FigureCanvasAgg(self.figure)  # whose methods have no types
        self.canvas = canvas
        scene = self._scene(empty, wide, high)
        panels = self._panels(empty, wide, high)
        self.runs = [_Runner(run, surface, self.heights, scene, *panels) for run in course.runs]
        self.texts = self._table(wide, high)
        canvas.draw()
        self.still = canvas.copy_from_bbox(self.figure.bbox)

    def _scene(self, surface: Surface, wide: float, high: float) -> Axes3D:
        room = 0.52 * wide
        scene = framed(self.figure, surface, self.heights, room)
        around = extent([scene], room)
        share = min(1.0, 0.74 * high / around.height(room))
        place(scene[0], around, 0.05 + (1 - share) * room / 2, 0.24 * high, share * room)
        fill(scene[0], surface, self.heights)
        return scene[0]

    def _panels(self, surface: Surface, wide: float, high: float) -> tuple[Axes, Axes, Axes | None]:
        def axes(left: float, bottom: float, width: float, height: float) -> Axes:
            return self.figure.add_axes((left, bottom, width, height))

        above = axes(0.605, 0.54, 0.30, 0.41)
        draw_map(above, surface, log=self.heights.log, width=4.0, labels=False)
        above.set_xlabel("")
        above.set_ylabel("")
        has_metric = bool(self.course.metric_name)
        curves = [axes(0.605, 0.13, 0.155 if has_metric else 0.37, 0.25)]
        curves += [axes(0.82, 0.13, 0.155, 0.25)] if has_metric else []
        values = [[run.loss for run in self.course.runs], [run.metric for run in self.course.runs]]
        for panel, every, title in zip(curves, values, ("loss", self.course.metric_name), strict=False):
            known = np.concatenate(every)
            known = known[np.isfinite(known)] if np.isfinite(known).any() else np.zeros(1)
            margin = 0.08 * float(np.ptp(known)) or 0.5
            scale_axis(panel, "x", float(self.course.times[0]), float(self.course.times[-1]), self.course.unit)
            scale_axis(panel, "y", float(known.min()) - margin, float(known.max()) + margin, "")
            panel.set_title(title, fontsize=8, loc="left", color=TEXT, pad=4)
            plain_grid(panel)
        return above, curves[0], curves[1] if has_metric else None

    def _table(self, wide: float, high: float) -> list[list[Any]]:
        """Texts below the scene: the time, and a row for each run."""
        line, left, size = 0.17 / high, 0.03, 8.5
        top = 0.215
        heads = ["", "loss", "off the plane", self.course.metric_name]
        columns = [left, left + 0.19, left + 0.27, left + 0.40]
        for column, head in zip(columns, heads, strict=True):
            self.figure.text(column, top - line, head, fontsize=7.5, color=QUIET)
        moving = [[self.figure.text(left, top, "", fontsize=11, weight="bold", color=TEXT, animated=True)]]
        for row, run in enumerate(self.course.runs[:4], 2):
            name = fitted(run.name, (0.18 if len(self.course.runs) == 1 else 0.095) * wide, size)
            self.figure.text(left, top - row * line, name, fontsize=size, color=run.colour, weight="bold")
            texts = [
                self.figure.text(column, top - row * line, "", fontsize=size, color=TEXT, animated=True)
                for column in (left + 0.1, *columns[1:])
            ]
            texts[0].set(fontsize=7.5, color=QUIET)
            moving.append(texts)
        return moving

    def frame(self, time: float) -> Pixels:
        """Draw one moment, (H, W, 3)."""
        self.canvas.restore_region(self.still)
        moved: list[Artist] = [artist for runner in self.runs for artist in runner.move(time)]
        reached = self.course.times[np.searchsorted(self.course.times, time, side="right") - 1]
        self.texts[0][0].set_text(f"{self.course.unit} {number(float(reached))}")
        for runner, texts in zip(self.runs, self.texts[1:], strict=False):
            for text, value in zip(texts, runner.numbers(time, self.course), strict=True):
                text.set_text(value)
        for artist in moved:
            assert artist.axes is not None
            artist.axes.draw_artist(artist)
        for text in (text for row in self.texts for text in row):
            self.figure.draw_artist(text)
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()


class _Runner:
    """The artists of one run: on the surface, on the map, and on the curves."""

    def __init__(
        self, run: Run, surface: Surface, heights: Heights, scene: Axes3D, above: Axes, loss: Axes, metric: Axes | None
    ) -> None:
        self.run = run
        path = path_line(run.trajectory.points)
        z = heights_at(surface, heights.values, path)
        self.path = np.column_stack([path, z])
        self.pin = PIN * (heights.high - heights.low)
        faint: dict[str, Any] = {"color": "white", "alpha": 0.65, "linewidth": 1.0, "animated": True}
        strong: dict[str, Any] = {"color": run.colour, "linewidth": 2.2, "animated": True}
        casing: dict[str, Any] = {"color": "white", "alpha": 0.85, "linewidth": 3.6, "animated": True}
        marker: dict[str, Any] = {"color": run.colour, "mec": "white", "mew": 1.3, "animated": True}
        self.scene = [
            *scene.plot([], [], [], **faint),
            *scene.plot([], [], [], **casing),
            *scene.plot([], [], [], **strong),
            *scene.plot([], [], [], **{**strong, "linewidth": 1.4}),
            *scene.plot([], [], [], "o", markersize=8, **marker),
        ]
        self.above = [
            *above.plot([], [], **{**faint, "linestyle": ":"}),
            *above.plot([], [], **casing),
            *above.plot([], [], **strong),
            *above.plot([], [], "o", markersize=8, **marker),
        ]
        self.ring = Circle((0, 0), 0, fill=False, edgecolor="white", linewidth=1.0, linestyle=":", animated=True)
        above.add_patch(self.ring)
        self.curves = []
        for axes, values in ((loss, run.loss), (metric, run.metric)):
            if axes is None:
                continue
            axes.plot(run.times, values, color=run.colour, linewidth=1.0, alpha=0.35)
            walked = axes.plot([], [], color=run.colour, linewidth=1.8, animated=True)
            here = axes.plot([], [], "o", markersize=6, clip_on=False, **marker)
            self.curves.append((values, [*walked, *here]))

    def move(self, time: float) -> list[Artist]:
        """Put the artists where the run stands, and return them in the order in which they are drawn."""
        position = self.run.position(time)
        here = _at(self.path, position * BETWEEN)
        walked = np.vstack([self.path[: int(position * BETWEEN) + 1], here])
        ahead = np.vstack([here, self.path[int(position * BETWEEN) + 1 :]])
        top = here + np.array([0, 0, self.pin])
        faint, casing, strong, stem, marker = self.scene
        for line, points in (
            (faint, ahead),
            (casing, walked),
            (strong, walked),
            (stem, np.stack([here, top])),
            (marker, top[None]),
        ):
            line.set_data_3d(*points.T)
        for line, points in zip(self.above, (ahead, walked, walked, here[None]), strict=True):
            line.set_data(*points[:, :2].T)
        self.ring.set(center=here[:2], radius=_at(self.run.trajectory.off_plane[:, None], position)[0])
        artists: list[Artist] = [*self.scene, self.ring, *self.above]
        for values, (line, marker) in self.curves:
            pairs = np.column_stack([self.run.times, values])
            at = _at(pairs, position)
            points = np.vstack([pairs[: int(position) + 1], at])
            line.set_data(*points.T)
            marker.set_data(*at[None].T)
            artists += [line, marker]
        return artists

    def numbers(self, time: float, course: Course) -> list[str]:
        """Return whether it has ended, and loss, distance off the plane and metric at the last snapshot reached."""
        index = int(self.run.position(time))
        off = float(self.run.trajectory.off_plane[index])
        metric, loss = float(self.run.metric[index]), float(self.run.loss[index])
        ended = time > self.run.times[-1]
        share = f" ({percent(off / course.reach)})" if course.reach > 0 else ""
        return [
            f"ended, {snapshot_names(self.run.trajectory)[-1]}" if ended else "",
            number(loss) if np.isfinite(loss) else "",
            f"{number(off, 2)}{share}",
            number(metric) if np.isfinite(metric) else "",
        ]


def _at(points: Floats, place: float) -> Floats:
    """The point at a fractional place of a line (N, d)."""
    below = min(int(place), len(points) - 1)
    above = min(below + 1, len(points) - 1)
    share = place - below
    return np.asarray(points[below] * (1 - share) + points[above] * share if share else points[below])
