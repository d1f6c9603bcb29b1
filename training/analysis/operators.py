"""Curvature matrices by the names of ``--operator``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.objectives.objective import Objective
from landscape.operators.base import CurvatureOperator
from landscape.operators.fisher import FisherOperator
from landscape.operators.gauss_newton import GaussNewtonOperator
from landscape.operators.hessian import HessianOperator

OPERATORS: dict[str, Callable[[Objective[Any]], CurvatureOperator]] = {
    "hessian": HessianOperator,
    "gauss-newton": GaussNewtonOperator,
    # By user where the loss knows them, otherwise by example.
    "fisher": lambda objective: FisherOperator(objective, getattr(objective.loss, "by_user", None)),
}
