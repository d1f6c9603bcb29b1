"""The plane of a surface: random, of eigenvectors, through other checkpoints, or of a training run."""

from __future__ import annotations

from dataclasses import dataclass

from landscape.choices import NORMALIZE, VECTORS
from landscape.training.config.fields import Config, counts, integers, option

GRID = "Grid"
DIRECTIONS = "Directions"
METRICS = "Metrics and checks"


@dataclass(frozen=True)
class SurfaceConfig(Config):
    """A plane or a line through a checkpoint, its grid, and the quantities computed on it.

    Raises:
        ValueError: A value is out of range, unknown, or contradicts another.
    """

    normalize: str = option(
        DIRECTIONS,
        "filter",
        "Scale of random directions: like the norm of each filter, of each layer, or none.",
        choices=NORMALIZE,
    )
    vectors: str = option(
        DIRECTIONS,
        "zero",
        "Biases and norm weights in random directions: zero (do not vary them) or keep (vary them too).",
        choices=VECTORS,
    )
    orthogonal: bool = option(DIRECTIONS, False, "Make the second random direction orthogonal to the first.")
    eigen: tuple[int, ...] = option(
        DIRECTIONS,
        (),
        "Use one or two eigenvectors of the Hessian by number: 1 for the largest eigenvalue, -1 for the lowest.",
        parse=integers,
        metavar="I,J",
    )
    toward: tuple[str, ...] = option(
        DIRECTIONS,
        (),
        "Follow the straight line to another checkpoint, or other weights of your own model, with its barrier; given "
        "twice, the plane through all three.",
        metavar="CKPT",
    )
    trajectory: tuple[str, ...] = option(
        DIRECTIONS,
        (),
        "Use the plane that contains most of a run's trajectory, from what `train --snapshots` stored in its folder; "
        "for a model of your own, a folder with files of weights. Given for several runs, all of them share the plane.",
        metavar="RUN",
    )
    curve: bool = option(
        DIRECTIONS,
        False,
        "With --toward: train a curve of low loss to the other checkpoint, and use the plane through it; its barrier "
        "beside that of the straight line.",
    )
    curve_steps: int = option(DIRECTIONS, 500, "Steps of that training, each on one batch.", least=1)
    line: bool = option(DIRECTIONS, False, "Use the first direction only.")
    repeats: int = option(
        DIRECTIONS,
        1,
        "Number of random planes, each with new users, negatives and directions: the loss against the distance, "
        "with a 95 % interval.",
        least=1,
    )

    points: int | tuple[int, int] = option(
        GRID, 51, "Number of grid points along each axis: N, or AxB.", parse=counts, metavar="N|AxB"
    )
    extent: float | None = option(
        GRID,
        None,
        "Distance from the checkpoint to the edge of the plane: in units of the filters' norms for random directions, "
        "of length for eigenvectors.",
        above=0,
        default_help="1; with other checkpoints, half as far again as they are",
    )
    tolerance: float = option(
        GRID, 1e-3, "Largest allowed error of the interpolation, as a share of the surface's range.", above=0
    )
    grid: bool = option(GRID, False, "Evaluate the loss at every grid point instead of interpolating.")

    metric: tuple[str, ...] = option(
        METRICS,
        (),
        "Compute this on the plane as well (may be repeated): train, valid or test (the loss on these items), parts "
        "(of the loss), another --objective, HR@k or NDCG@k (of the validation items, or the test items with --split "
        "test); for a model of your own, the metrics that its function returns.",
        metavar="NAME",
    )
    metric_points: int | tuple[int, int] = option(
        METRICS, 11, "Number of grid points along each axis for HR and NDCG.", parse=counts, metavar="N|AxB"
    )
    check: bool = option(
        METRICS,
        False,
        "Compare the derivatives along both directions with differences of the loss, and compute the distance up to "
        "which the quadratic model is accurate; always on for eigenvectors.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        one: object = self.trajectory
        if one is None or isinstance(one, str):  # as it was when there could be one
            self._fill("trajectory", (one,) if one else ())
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
        if self.curve and (len(self.toward) != 1 or self.line):
            raise ValueError("--curve leads to one other checkpoint, in a plane: give --toward once, and not --line")
        if self.is_line and isinstance(self.points, tuple) and self.points[1] != 1:
            raise ValueError(f"a line has one number of --points, got {self.points[0]}x{self.points[1]}")

    @property
    def kind(self) -> str:
        """random, eigen, toward or trajectory."""
        return next((name for name in ("eigen", "toward", "trajectory") if getattr(self, name)), "random")

    @property
    def is_line(self) -> bool:
        """Whether there is one direction only."""
        return self.line or len(self.eigen) == 1 or (len(self.toward) == 1 and not self.curve)

    @property
    def eigenpairs(self) -> tuple[int, int]:
        """The numbers of eigenvectors needed from the top and from the bottom; one at the top is always computed."""
        return max(1, *self.eigen), max(0, *(-number for number in self.eigen))
