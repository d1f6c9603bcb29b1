"""Which plane through a checkpoint: random, of eigenvectors, through other checkpoints, or of its training run."""

from __future__ import annotations

from dataclasses import dataclass

from landscape.choices import NORMALIZE, VECTORS
from landscape.training.config.fields import Config, counts, integers, option

GRID = "Grid"
DIRECTIONS = "Directions"
METRICS = "Metrics and checks"


@dataclass(frozen=True)
class SurfaceConfig(Config):
    """A plane or a line through a checkpoint, how finely it is seen, and what is computed on it.

    Raises:
        ValueError: A value is out of range, unknown, or at odds with another.
    """

    normalize: str = option(
        DIRECTIONS, "filter", "Scale of random directions: filter, layer or none.", choices=NORMALIZE
    )
    vectors: str = option(DIRECTIONS, "zero", "Biases and norms in random directions: zero or keep.", choices=VECTORS)
    orthogonal: bool = option(DIRECTIONS, False, "Make the second random direction orthogonal to the first.")
    eigen: tuple[int, ...] = option(
        DIRECTIONS,
        (),
        "Along two eigenvectors of the Hessian by number, 1 the largest eigenvalue's, -1 the most negative's.",
        parse=integers,
        metavar="I,J",
    )
    toward: tuple[str, ...] = option(
        DIRECTIONS,
        (),
        "The straight path to another checkpoint, with its barrier; twice: the plane through all three.",
        metavar="CKPT",
    )
    trajectory: str | None = option(
        DIRECTIONS,
        None,
        "The plane that holds most of a run's path, from what `train --snapshots` kept in its folder.",
        metavar="RUN",
    )
    line: bool = option(DIRECTIONS, False, "One direction only, the first.")
    repeats: int = option(
        DIRECTIONS,
        1,
        "Random planes, each with users, negatives and directions of its own: the loss against the distance, with "
        "a 95 % interval.",
        least=1,
    )

    points: int | tuple[int, int] = option(
        GRID, 51, "Of the grid, along each axis: N, or AxB.", parse=counts, metavar="N|AxB"
    )
    extent: float | None = option(
        GRID,
        None,
        "The plane reaches this far: in units of the checkpoint's filters' norms, of length for eigenvectors.",
        above=0,
        default_told="1; as far as the others lie, and half as far beyond",
    )
    tolerance: float = option(
        GRID, 1e-3, "Largest error of the interpolation, as a share of the surface's range.", above=0
    )
    grid: bool = option(GRID, False, "Evaluate every point; nothing is interpolated.")

    metric: tuple[str, ...] = option(
        METRICS,
        (),
        "Also on the plane, and again for more: train, valid or test (the loss on these targets), parts (of the "
        "loss), another --objective, HR@k or NDCG@k (of the validation items, or those of --split test).",
        metavar="NAME",
    )
    metric_points: int | tuple[int, int] = option(
        METRICS, 11, "Of the grid for HR and NDCG, along each axis.", parse=counts, metavar="N|AxB"
    )
    check: bool = option(
        METRICS,
        False,
        "Hold the derivatives along both directions against differences of the loss, and find how far the quadratic "
        "model reaches; always for eigenvectors.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        kinds = [name for name in ("eigen", "toward", "trajectory") if getattr(self, name)]
        if len(kinds) > 1:
            raise ValueError(f"--{' and --'.join(kinds)} are different planes; choose one")
        if kinds and self.repeats > 1:
            raise ValueError(f"--repeats draws random directions; leave it out with --{kinds[0]}")
        if len(self.eigen) > 2 or len(set(self.eigen)) < len(self.eigen) or 0 in self.eigen:
            raise ValueError(
                f"--eigen takes one or two different numbers from 1 or from -1 on, got {','.join(map(str, self.eigen))}"
            )
        if len(self.toward) > 2:
            raise ValueError(f"--toward goes to one other checkpoint or through two, got {len(self.toward)}")
        if self.is_line and isinstance(self.points, tuple) and self.points[1] != 1:
            raise ValueError(f"a line has one number of --points, got {self.points[0]}x{self.points[1]}")

    @property
    def kind(self) -> str:
        """random, eigen, toward or trajectory."""
        return next((name for name in ("eigen", "toward", "trajectory") if getattr(self, name)), "random")

    @property
    def is_line(self) -> bool:
        """Whether there is one direction only."""
        return self.line or len(self.eigen) == 1 or len(self.toward) == 1

    @property
    def eigenpairs(self) -> tuple[int, int]:
        """How many eigenvectors it needs from the top and from the bottom; one at the top is always found."""
        return max(1, *self.eigen), max(0, *(-number for number in self.eigen))
