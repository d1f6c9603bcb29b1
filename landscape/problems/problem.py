"""A problem: an objective that a function in a user's Python file returns."""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from landscape.launch import launch
from landscape.objectives.loss_terms import describe_value
from landscape.objectives.objective import Objective
from landscape.problems.fingerprint import fingerprint
from landscape.problems.settings import in_effect, settings_of
from landscape.problems.state import load_state
from landscape.problems.user_code import UserCode
from landscape.processes import refuse_slices
from landscape.results.display.printable import printable
from landscape.results.storage.files import errors_about

FUNCTION = "objective"  # by default
DEVICE = "device"  # a parameter of this name gets the device
REFERENCE = re.compile(r"(.+\.py)(?::(.*))?", re.DOTALL)
Metrics = Mapping[str, "Objective[Any] | Callable[[Tensor], float]"]


@dataclass(frozen=True)
class ProblemFile:
    """A function in a Python file, with its settings and the weights to put into the model that it makes."""

    path: Path
    function: str = FUNCTION
    settings: tuple[str, ...] = ()  # name=value
    weights: Path | None = None

    @staticmethod
    def matches(text: str | Path) -> bool:
        """Whether a text names a Python file, or a function in one: ``problem.py``, ``problem.py:small``."""
        return REFERENCE.fullmatch(str(text)) is not None

    @classmethod
    def parse(cls, text: str, settings: tuple[str, ...] = (), weights: str | Path | None = None) -> ProblemFile:
        """Return what ``FILE.py`` or ``FILE.py:FUNCTION`` names.

        >>> ProblemFile.parse("problem.py:small").function
        'small'

        Raises:
            ValueError: The text is of another form.
        """
        found = REFERENCE.fullmatch(text)
        if found is None or not (found[2] is None or found[2].isidentifier()):
            raise ValueError(f"{printable(text)} names no function of a Python file: write FILE.py or FILE.py:FUNCTION")
        return cls(Path(found[1]), found[2] or FUNCTION, settings, Path(weights) if weights is not None else None)

    def __str__(self) -> str:
        return str(self.path) if self.function == FUNCTION else f"{self.path}:{self.function}"


@dataclass(frozen=True)
class Problem:
    """What a problem's function returned, with what affects it."""

    file: ProblemFile
    code: UserCode
    objective: Objective[Any]
    metrics: Metrics = field(default_factory=dict)  # losses of the same model, and functions of the parameters (n,)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Weights, file, function and settings, for people: ``a.pt on digits (width=8)``."""
        function = f":{self.file.function}" if self.file.function != FUNCTION else ""
        given = f" ({', '.join(self.file.settings)})" if self.file.settings else ""
        weights = f"{Path(*self.file.weights.parts[-2:])} on " if self.file.weights is not None else ""
        return printable(f"{weights}{self.file.path.stem}{function}{given}", 200)

    def weights_sha256(self) -> str:
        """Return a hash of all that the model holds: θ₀, which of it is active, and what is fixed."""
        objective = self.objective
        active = objective.space.mask if objective.space.mask is not None else objective.space.active
        return fingerprint(objective.space.names, objective.params, active, sorted(objective.fixed.items()))

    def batches_sha256(self) -> str:
        """Return a hash of the batches."""
        return fingerprint(self.objective.batches)


def load_problem(
    file: ProblemFile, state: Mapping[str, Tensor] | None = None, *, device: torch.device | str | None = None
) -> Problem:
    """Run a problem's file, and call its function with random numbers that are the same each time.

    Args:
        file: The file, its function and settings.
        state: Weights for the model; by default it keeps its own.
        device: Where to compute; by default where the function put the model.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file or the function fails, there is no such function, it returns something else, or settings
            or weights do not fit.
    """
    code = UserCode.run(file.path)
    function = _function(file, code)
    ours = () if isinstance(function, Objective) else (DEVICE,)
    settings: dict[str, Any] = {}
    if isinstance(function, Objective):
        if file.settings:
            raise ValueError(f"{file}: {file.function} is an Objective, not a function: there is nothing to --set")
        returned: Any = function
    else:
        try:
            values = settings_of(function, file.settings, ours=ours)
        except ValueError as problem:
            raise ValueError(f"{file}: {problem}") from None
        settings = in_effect(function, values, ours=ours)
        if DEVICE in inspect.signature(function).parameters:
            values[DEVICE] = torch.device(device or "cpu")
        with code.running(), _seeded():
            returned = function(**values)
    objective, metrics = _checked(file, returned)
    where = torch.device(device) if device is not None else objective.device
    if state is not None or where.type != objective.device.type:
        with code.running():
            if state is not None:
                with errors_about(printable(file.weights or "the weights")):
                    load_state(objective.model, state)
            objective.model.to(where)
            losses = {name: again(one, device=where) for name, one in metrics.items() if isinstance(one, Objective)}
            objective, metrics = again(objective, device=where), {**metrics, **losses}
    return Problem(file, code, objective, metrics, settings)


def again(
    objective: Objective[Any],
    *,
    batches: Sequence[Any] | None = None,
    device: torch.device | str | None = None,
    training_mode_seed: int | None = None,
    process_group: ProcessGroup | None = None,
) -> Objective[Any]:
    """Return an objective of the same model, loss and batches around the model's parameters as they are now.

    Args:
        objective: The objective.
        batches: By default those of ``objective``.
        device: Where to compute; by default where ``objective`` does.
        training_mode_seed: By default that of ``objective``.
        process_group: By default that of ``objective``.
    """
    return Objective(
        objective.model,
        objective.loss,
        objective.batches if batches is None else batches,
        space=objective.space,
        weights=objective.weights,
        device=device if device is not None else objective.device,
        training_mode_seed=objective.training_mode_seed if training_mode_seed is None else training_mode_seed,
        vmap=None if objective.falls_back else objective.vmap,
        process_group=objective.processes.group if process_group is None else process_group,
    )


def shared_out(objective: Objective[Any]) -> Objective[Any]:
    """Return the objective with this process's share of its batches, where torchrun has started several processes."""
    processes = launch()
    if processes.count == 1 or objective.processes.group is not None:
        return objective
    return again(objective, batches=processes.share(objective.batches), process_group=processes.group())


def _function(file: ProblemFile, code: UserCode) -> Any:
    found = getattr(code.module, file.function, None)
    if isinstance(found, Objective) or (callable(found) and not isinstance(found, type)):
        return found
    own = [
        name
        for name, value in vars(code.module).items()
        if inspect.isfunction(value) and value.__module__ == code.module.__name__ and not name.startswith("_")
    ]
    there = f"; it has {', '.join(own)}: write {file.path}:{own[0]}" if own else ""
    raise ValueError(f"{printable(file.path)} has no function {printable(file.function)!r}{there}")


def _checked(file: ProblemFile, returned: Any) -> tuple[Objective[Any], Metrics]:
    objective, metrics = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, {})
    if not isinstance(objective, Objective) or not isinstance(metrics, Mapping):
        raise ValueError(
            f"{file}: the function {file.function!r} returned {describe_value(returned)}; it has to return a "
            "landscape.Objective, or a pair of one and a dict of metrics"
        )
    refuse_slices(objective.processes, f"{file}: a command")
    for name, metric in metrics.items():
        if not isinstance(name, str) or (not callable(metric) and not isinstance(metric, Objective)):
            raise ValueError(
                f"{file}: the metric {name!r} is {describe_value(metric)}; it has to be a function of the parameters "
                "(n,) that returns a number, or a landscape.Objective of the same model"
            )
    return objective, metrics


@contextmanager
def _seeded() -> Iterator[None]:
    """Seed Python's, NumPy's and torch's random numbers; they go on as before afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (users' code may draw from it)
    with torch.random.fork_rng():
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        torch.manual_seed(0)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
