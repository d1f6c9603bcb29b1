"""Schedules: the factor on a learning rate or on SAM's radius ρ, as a function of how much of the training is done."""

from __future__ import annotations

import math
from collections.abc import Callable

from landscape.choices import one_of


def constant(progress: float) -> float:
    """1, always."""
    return 1.0


def linear(progress: float) -> float:
    """1 − p: a straight line from 1 to 0."""
    return 1 - progress


def cosine(progress: float) -> float:
    """(1 + cos πp)/2: half a wave from 1 to 0, flat at both ends (Loshchilov and Hutter 2017, Eq. 5, one period)."""
    return (1 + math.cos(math.pi * progress)) / 2


SCHEDULES: dict[str, Callable[[float], float]] = {"constant": constant, "linear": linear, "cosine": cosine}
RHO_SCHEDULES = (*SCHEDULES, "lr")


def factor_at(schedule: str, progress: float) -> float:
    """The factor in [0, 1] that ``schedule``, one of ``SCHEDULES``, gives after the share ``progress`` of the training.

    Raises:
        ValueError: The schedule is unknown, or ``progress`` is outside [0, 1].
    """
    schedule = one_of(schedule, SCHEDULES, "the schedule")
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must be from 0 to 1, got {progress}; pass the steps done over all steps planned")
    return SCHEDULES[schedule](progress)


def rho_at(schedule: str, rho: float, progress: float, lr_factor: float) -> float:
    """SAM's radius after the share ``progress`` of the training.

    Args:
        schedule: One of ``RHO_SCHEDULES``; ``lr`` keeps the radius proportional to the learning rate.
        rho: The radius at factor 1.
        progress: Steps done over all steps planned, in [0, 1].
        lr_factor: The learning rate now over the learning rate at its start; only ``lr`` looks at it.

    Raises:
        ValueError: The schedule is unknown, or ``progress`` is outside [0, 1].
    """
    schedule = one_of(schedule, RHO_SCHEDULES, "the schedule of rho")
    own = factor_at("constant" if schedule == "lr" else schedule, progress)
    return rho * (lr_factor if schedule == "lr" else own)
