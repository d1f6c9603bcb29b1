"""Values at evaluated points of a plane, saved to a file so that an interrupted surface can be resumed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from landscape.results import Floats
from landscape.results.storage.files import atomic
from landscape.results.storage.format import reading
from landscape.results.storage.npz import ArrayFile

Point = tuple[float, float]


class EvaluationCache:
    """Values by point (α, β) of one plane, with which an interrupted ``surface`` continues exactly.

    ``surface`` fills it. With a path, all values are saved every few seconds and when ``surface`` ends, also when it
    fails or is interrupted; call ``delete`` when the result itself is stored. Points are matched by their exact
    coordinates, so the same cache serves other numbers of points and other tolerances on the same plane.

    Args:
        path: An ``.npz`` file to read and to write; None keeps the values in memory only. Metrics go to a file beside
            it, ``…-metrics.npz``.
        key: What else determines the values, such as a hash of the data. ``surface`` adds the parameters, the
            directions and the names of the quantities.
        seconds: The least time between two saves.

    Example:
        >>> cache = EvaluationCache()
        >>> cache.bind("plane", ["loss"])
        >>> cache.add((0.0, 0.5), (2.0,))
        >>> (0.0, 0.5) in cache, len(cache)
        (True, 1)
        >>> cache.values(np.array([[0.0, 0.5]]))
        array([[2.]])
    """

    def __init__(self, path: str | Path | None = None, key: str = "", *, seconds: float = 5.0) -> None:
        self.path = Path(path) if path is not None else None
        self.key = key
        self.seconds = seconds
        self._values: dict[Point, tuple[float, ...]] = {}
        self._columns: tuple[str, ...] = ()
        self._fingerprint: str | None = None
        self._saved = (0, time.monotonic())  # the number of points at the last save, and its time

    @cached_property
    def metrics(self) -> EvaluationCache:
        """The cache of the metrics, which are evaluated at other points than the loss."""
        return EvaluationCache(self._metrics_path, self.key, seconds=self.seconds)

    @property
    def _metrics_path(self) -> Path | None:
        return self.path.with_stem(f"{self.path.stem}-metrics") if self.path is not None else None

    def bind(self, fingerprint: str, columns: Sequence[str]) -> None:
        """Use the cache for one plane and these quantities; read the file if there is one.

        Raises:
            ValueError: The cache holds values of another plane or of other quantities, or the file is damaged.
        """
        fingerprint = f"{self.key}:{fingerprint}"
        if self._fingerprint is None and self.path is not None and self.path.exists():
            self._load(self.path)
        if self._fingerprint not in (None, fingerprint) or (self._columns and self._columns != tuple(columns)):
            where = self.path or "the cache"
            raise ValueError(f"{where} holds points of another surface; delete it, or give another path")
        self._fingerprint, self._columns = fingerprint, tuple(columns)

    def _load(self, path: Path) -> None:
        with reading(path, "partial surface", "delete it to start anew") as file:
            stored = ArrayFile(file)
            columns = stored.read("columns", "U").tolist()
            count, *_ = stored.header("points")[0] or (0,)
            points = stored.read("points", "f", (count, 2))
            values = stored.read("values", "f", (count, len(columns)))  # NaN where a quantity is not a number
            if not np.isfinite(points).all():
                raise ValueError("points holds a number that is not finite")
            found = dict(zip(map(tuple, points.tolist()), map(tuple, values.tolist()), strict=True))
            if len(found) < count:
                raise ValueError("points holds a point twice")
            self._columns, self._fingerprint, self._values = tuple(columns), stored.text("fingerprint"), found
        self._saved = (len(self._values), time.monotonic())

    def add(self, point: Point, values: tuple[float, ...]) -> None:
        """Store the values at a point, one for each column."""
        self._values[point] = values

    def __contains__(self, point: object) -> bool:
        return point in self._values

    def __len__(self) -> int:
        return len(self._values)

    def values(self, points: Floats) -> Floats:
        """Return the values (K, C) at points (K, 2), all of which have been evaluated."""
        rows = [self._values[a, b] for a, b in points.tolist()]
        return np.array(rows, dtype=float).reshape(len(points), len(self._columns))

    @property
    def points(self) -> Floats:
        """All points (N, 2) in the order of their evaluation."""
        return np.array(list(self._values), dtype=float).reshape(-1, 2)

    def save(self, *, now: bool = True) -> None:
        """Write all values to the file, if there is one and there are new values.

        Args:
            now: False to do so only if the last save was more than ``seconds`` ago.
        """
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
        """Remove the files, including that of the metrics; the values stay in memory."""
        for path in (self.path, self._metrics_path):
            if path is not None:
                path.unlink(missing_ok=True)
