"""The geometry of a loss: surfaces through parameter space, eigenvalues, spectra and sharpness.

For any PyTorch model, loss function and data::

    objective = landscape.Objective(model, loss, batches)  # loss(model, batch) -> (sum of terms, number of terms)
    x, y = (landscape.random_direction(objective.space, objective.params, seed=seed) for seed in (0, 1))
    surface = landscape.surface(objective, x, y)
    pairs = landscape.top_eigenpairs(landscape.HessianOperator(objective), k=5)
"""

import lazy_loader

from landscape.version import __version__ as __version__

# The public names and their modules stand in __init__.pyi alone; each is imported at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
