"""What two passes over the same batch may share: random numbers, and the running statistics of the first alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


def remember_random_numbers(device: torch.device) -> Callable[[], None]:
    """Return a function that sets torch's random state, of the CPU and of ``device``, back to the present one."""
    state = torch.get_rng_state()
    state_cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def draw_again() -> None:
        torch.set_rng_state(state)
        if state_cuda is not None:
            torch.cuda.set_rng_state(state_cuda, device)

    return draw_again


@contextmanager
def frozen_buffers(model: nn.Module) -> Iterator[None]:
    """Give the model's buffers their present values back at the end, also after an exception.

    For the second pass of SAM: the running statistics of batch normalisation, and whatever else a forward pass in
    training mode updates, then follow the passes at θ alone. Within it the model computes as ever, batch normalisation
    with the statistics of the batch.

    Example:
        >>> norm = nn.BatchNorm1d(1)
        >>> with frozen_buffers(norm):
        ...     _ = norm(torch.tensor([[1.0], [3.0]]))
        >>> norm.running_mean, norm.num_batches_tracked
        (tensor([0.]), tensor(0))
    """
    saved = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                if name in saved:
                    buffer.copy_(saved[name])
