"""The examples in docstrings give what they show, in all modules of the package."""

import doctest
import importlib
import pkgutil

import landscape

WITH_EXAMPLES = {  # closed forms that a reader can check
    "landscape.linalg.lanczos",
    "landscape.linalg.spectral_density",
    "landscape.linalg.trace",
    "landscape.linalg.vectors",
    "landscape.objectives.blocks",
    "landscape.objectives.composite_loss",
    "landscape.objectives.directions",
    "landscape.objectives.jackknife",
    "landscape.objectives.objective",
    "landscape.parameters.parameter_space",
    "landscape.operators.base",
    "landscape.operators.fisher",
    "landscape.operators.gauss_newton",
    "landscape.operators.hessian",
}


def test_examples_give_what_they_show() -> None:
    names = [module.name for module in pkgutil.walk_packages(landscape.__path__, "landscape.")]
    assert {"landscape.training.loop.trainer", "landscape.figures.style", "landscape.models.sasrec"} <= {*names}
    modules = [importlib.import_module(name) for name in names if name != "landscape.__main__"]  # that one is a program
    outcomes = {module.__name__: doctest.testmod(module) for module in modules}
    assert {name: outcome.failed for name, outcome in outcomes.items() if outcome.failed} == {}
    assert {name for name, outcome in outcomes.items() if outcome.attempted} >= WITH_EXAMPLES
