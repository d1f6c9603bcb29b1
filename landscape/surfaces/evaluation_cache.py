"""Points of a plane that have been evaluated, kept on disk while a surface is in the making."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from landscape.results import Floats
from landscape.results.files import atomic

Point = tuple[float, float]


class Evaluations:
    """Values by point (α, β) of one plane, from which an interrupted surface continues exactly.

    ``surface`` fills it. With a path, everything is saved every few seconds and when ``surface`` ends, in whatever
    way; ``delete`` it when the result itself is stored. Points are matched by their exact coordinates, so the same
    store serves another number of points or another tolerance on the same plane.

    Args:
        path: An ``.npz`` file to continue from and to save to; None keeps the points in memory only. Metrics go to a
            file beside it, ``…-metrics.npz``.
        key: What else makes the values what they are, such as a hash of the data. ``surface`` adds the parameters,
            the directions and the names of what is evaluated by itself.
        seconds: How long to wait between two saves.
    """

    def __init__(self, path: str | Path | None = None, key: str = "", *, seconds: float = 5.0) -> None:
        self.path = Path(path) if path is not None else None
        self.key = key
        self.seconds = seconds
        self._values: dict[Point, tuple[float, ...]] = {}
        self._columns: tuple[str, ...] = ()
        self._fingerprint: str | None = None
        self._saved = (0, time.monotonic())  # how many points, and when

    @cached_property
    def metrics(self) -> Evaluations:
        """The store beside this one for what is evaluated at other points than the loss."""
        return Evaluations(self._beside, self.key, seconds=self.seconds)

    @property
    def _beside(self) -> Path | None:
        return self.path.with_stem(f"{self.path.stem}-metrics") if self.path is not None else None

    def bind(self, fingerprint: str, columns: Sequence[str]) -> None:
        """Take up the values of this very plane, in these columns, from the file if there is one.

        Raises:
            ValueError: The points found belong to something else, or the file is damaged.
        """
        fingerprint = f"{self.key}:{fingerprint}"
        if self._fingerprint is None and self.path is not None and self.path.exists():
            self._load(self.path)
        if self._fingerprint not in (None, fingerprint) or (self._columns and self._columns != tuple(columns)):
            where = self.path or "the store"
            raise ValueError(f"{where} holds points of another surface; delete it, or give another path")
        self._fingerprint, self._columns = fingerprint, tuple(columns)

    def _load(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as stored:
                points, values = stored["points"], stored["values"]
                self._columns = tuple(stored["columns"].tolist())
                self._fingerprint = str(stored["fingerprint"])
        except (KeyError, ValueError, EOFError, BadZipFile) as problem:
            raise ValueError(f"{path} is damaged or holds no points ({problem}); delete it to start anew") from None
        self._values = dict(zip(map(tuple, points.tolist()), map(tuple, values.tolist()), strict=True))
        self._saved = (len(self._values), time.monotonic())

    def add(self, point: Point, values: tuple[float, ...]) -> None:
        """Keep what was found at a point: a number for each column."""
        self._values[point] = values

    def __contains__(self, point: object) -> bool:
        return point in self._values

    def __len__(self) -> int:
        return len(self._values)

    def values(self, points: Floats) -> Floats:
        """All columns (K, C) at points (K, 2), all of which have been evaluated."""
        found = [self._values[a, b] for a, b in points.tolist()]
        return np.array(found, dtype=float).reshape(len(points), len(self._columns))

    @property
    def points(self) -> Floats:
        """All points (N, 2) in the order of their evaluation."""
        return np.array(list(self._values), dtype=float).reshape(-1, 2)

    def save(self, *, now: bool = True) -> None:
        """Write everything to the file, if there is one and something is new; not ``now``: only when it is time."""
        count, when = self._saved
        if self.path is None or len(self._values) == count or not (now or time.monotonic() - when > self.seconds):
            return
        with atomic(self.path) as file:
            np.savez(
                file,
                points=self.points,
                values=np.array(list(self._values.values()), dtype=float),
                columns=np.array(self._columns),
                fingerprint=np.array(self._fingerprint),
            )
        self._saved = (len(self._values), time.monotonic())

    def delete(self) -> None:
        """Remove the files, that of the metrics included; the points stay in memory."""
        for path in (self.path, self._beside):
            if path is not None:
                path.unlink(missing_ok=True)
