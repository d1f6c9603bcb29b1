"""Optimisation: sharpness-aware minimisation around any torch optimiser, and schedules.

``from landscape.training.optim import SAM, frozen_buffers``; ``docs/guides/sam.md`` shows how.
"""

import lazy_loader

# The settings of the commands import the schedules, before a command runs: SAM, and torch with it, at its first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
