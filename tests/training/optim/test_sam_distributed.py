"""SAM under DistributedDataParallel in two processes, against the formula in one."""

from contextlib import nullcontext

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from landscape.training.optim import SAM
from tests.support.processes import together

RHO, LR, STEPS = 0.3, 0.1, 3
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="this torch has no gloo"),
]


def parts():
    """Inputs and targets of each process."""
    numbers = torch.randn(2, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return numbers[..., :4], numbers[..., 4:]


def network():
    torch.manual_seed(0)
    return nn.Linear(4, 1).double()


def loss_of(model, rank):
    x, y = parts()
    return ((model(x[rank]) - y[rank]) ** 2).mean()


def trained(rank, count, folder):
    """Return what one of the processes has at the end, by whether it ascends along its own gradient."""
    found = {}
    for local in (True, False):
        model = DistributedDataParallel(network())
        optimiser = SAM(torch.optim.SGD(model.parameters(), lr=LR), rho=RHO)
        for _ in range(STEPS):
            optimiser.zero_grad()
            with model.no_sync() if local else nullcontext():
                loss_of(model, rank).backward()
            with optimiser.ascent():
                loss_of(model, rank).backward()
            optimiser.step()
        found[local] = nn.utils.parameters_to_vector(model.parameters()).detach()
    return found


def expected(local):
    """Each process ascends along its own gradient, or both along the mean; the step takes the mean of both seconds."""
    model = network()
    weights = [*model.parameters()]
    for _ in range(STEPS):
        own = [torch.autograd.grad(loss_of(model, rank), weights) for rank in (0, 1)]
        mean = [(a + b) / 2 for a, b in zip(*own, strict=True)]
        starts, seconds = [w.detach().clone() for w in weights], []
        for rank in (0, 1):
            g = own[rank] if local else mean
            length = torch.cat([part.flatten() for part in g]).norm()
            for w, start, part in zip(weights, starts, g, strict=True):
                w.data = start + RHO * part / length
            seconds.append(torch.autograd.grad(loss_of(model, rank), weights))
        for w, start, a, b in zip(weights, starts, *seconds, strict=True):
            w.data = start - LR * (a + b) / 2
    return nn.utils.parameters_to_vector(weights).detach()


def test_without_synchronisation_the_ascents_are_each_processs_own_and_the_steps_are_equal():
    first, second = together(trained, 2)
    for local in (True, False):
        assert torch.equal(first[local], second[local])
        torch.testing.assert_close(first[local], expected(local), rtol=1e-9, atol=1e-11)
    assert not torch.allclose(expected(True), expected(False), rtol=1e-4)
