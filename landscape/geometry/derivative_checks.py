"""Self-checks of an analysis: is the loss repeatable, and do its derivatives agree with differences of its values?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from landscape.geometry.finite_differences import central_difference
from landscape.geometry.noise import SIGMAS
from landscape.objectives.function_check import REPEATABLE
from landscape.objectives.objective import Objective
from landscape.progress import Progress, silent
from landscape.results import Check, CheckReport, Floats, Metadata


def check_derivatives(
    objective: Objective[Any], directions: Mapping[str, Tensor | Floats], *, progress: Progress = silent
) -> CheckReport:
    """Check that the loss is repeatable, and its derivatives along directions; see ``central_difference``.

    Args:
        objective: The loss.
        directions: (n,) by the name in the report, such as ``gradient`` or ``first eigenvector``.
        progress: Called with (checks done, checks in all, text).

    Raises:
        ValueError: A direction is zero or has another size.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(2, 1, bias=False).double()
        >>> objective = Objective(model, lambda model, batch: (model.weight.exp().sum(), 1), [None])
        >>> check_derivatives(objective, {"ones": torch.ones(2)})
        CheckReport(4 of 4 agree)
    """
    total = 1 + len(directions)
    progress(0, total, "checks")
    loss = objective.value()
    checks = [
        Check("loss, evaluated twice", loss, objective.value(), REPEATABLE * abs(loss)),
        Check("loss, as differentiated", loss, objective.value(differentiable=True), REPEATABLE * abs(loss)),
    ]
    metadata: Metadata = {"sigmas": SIGMAS}
    progress(1, total, "checks")
    for done, (name, direction) in enumerate(directions.items(), start=2):
        difference = central_difference(objective, direction)
        for kind, check in (("slope", difference.slope), ("curvature", difference.curvature)):
            checks.append(Check(f"{kind} along {name}", check.expected, check.found, check.allowed))
        metadata[name] = {
            "slope_step": difference.slope_step,
            "curvature_step": difference.curvature_step,
            "noise": difference.noise,
            "evaluations": difference.evaluations,
        }
        progress(done, total, "checks")
    return CheckReport(tuple(checks), metadata)
