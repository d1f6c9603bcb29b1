"""Adam by rows against torch's Adam on dense gradients, in both precisions, alone and inside SAM."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from landscape.training.optim.row_adam import DENSE, RowAdam
from landscape.training.optim.sam import SAM

ROWS, WIDTH = 300, 4
LR = 1e-3


class Table(nn.Module):
    """An embedding whose rows are pulled to targets, and a parameter with dense gradients."""

    def __init__(self, dtype, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.items = nn.Embedding(ROWS, WIDTH, padding_idx=0)
        self.shift = nn.Parameter(torch.zeros(WIDTH))
        with torch.no_grad():
            self.items.weight.copy_(0.02 * torch.randn(ROWS, WIDTH, generator=generator, dtype=torch.float64))
        self.targets = torch.randn(ROWS, WIDTH, generator=generator, dtype=torch.float64)
        self.targets[::3] *= 1e-4  # squares of gradients that fall below Adam's ε
        self.to(dtype)

    def loss(self, step, seed):
        """Of few rows, rarely the last ones, in gradients of seven sizes; one row is there twice."""
        generator = torch.Generator().manual_seed(1000 * seed + step)
        ids = (torch.rand(6, generator=generator) ** 3 * ROWS).long()
        ids = torch.cat([ids, ids[:1], torch.zeros(1, dtype=torch.int64)])
        outputs = torch.tanh(self.items(ids) + self.shift)
        return 10.0 ** (-3 - step % 7) * (outputs - self.targets[ids].to(outputs.dtype)).square().mean()


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=LR)


def row_adam(model):
    return RowAdam(model.parameters(), LR, tables=[model.items])


def run(model, optimiser, steps, *, seed=0, scheduled=False):
    for step in steps:
        for group in optimiser.param_groups:
            group["lr"] = LR * (1 + (step % 50) / 25 if scheduled else 1)

        def closure(step=step):
            optimiser.zero_grad()
            loss = model.loss(step, seed)
            loss.backward()
            return loss

        if isinstance(optimiser, SAM):
            optimiser.step(closure)
        else:
            closure()
            optimiser.step()
    base = getattr(optimiser, "base", optimiser)
    if isinstance(base, RowAdam):
        base.catch_up()


def numbers(model, optimiser):
    state = getattr(optimiser, "base", optimiser).state[model.items.weight]
    return [model.items.weight.detach(), state["exp_avg"], state["exp_avg_sq"], model.shift.detach(), state["step"]]


def pair(dtype, steps, wrap=lambda base: base, **options):
    results = []
    for make in (adam, row_adam):
        model = Table(dtype)
        optimiser = wrap(make(model))
        run(model, optimiser, range(steps), **options)
        results.append(numbers(model, optimiser))
    return zip(*results, strict=True)


@settings(deadline=None, max_examples=8)
@given(st.integers(DENSE - 3, DENSE + 300), st.booleans(), st.integers(0, 99))
def test_it_takes_adams_steps(steps, scheduled, seed):
    for dense, by_rows in pair(torch.float64, steps, scheduled=scheduled, seed=seed):
        torch.testing.assert_close(by_rows, dense, rtol=1e-6, atol=3e-8 * float(dense.abs().max()))


@pytest.mark.slow
def test_in_single_precision_it_is_as_exact_as_adam():
    exact = [by_rows for by_rows, _ in pair(torch.float64, 1000)]
    for true, (dense, by_rows) in zip(exact[:3], pair(torch.float32, 1000), strict=False):
        assert (by_rows - true).norm() <= 1.5 * (dense - true).norm()


@pytest.mark.parametrize("variant", ["sam", "asam", "fisher"])
@pytest.mark.parametrize("every", [1, 3])
def test_sam_perturbs_the_rows_alone_and_is_the_same(variant, every):
    def wrap(base):
        return SAM(base, variant=variant, rho=0.05, every=every, eta=1e6)

    for dense, by_rows in pair(torch.float64, DENSE + 60, wrap):
        torch.testing.assert_close(by_rows, dense, rtol=1e-6, atol=1e-8 * float(dense.abs().max()))


def test_averages_of_sam_are_the_same():
    averages = []
    for make in (adam, row_adam):
        model = Table(torch.float64)
        optimiser = SAM(make(model), variant="asam", rho=0.05)
        run(model, optimiser, range(20))
        averages.append(optimiser.take_averages())
    assert averages[1] == pytest.approx(averages[0], rel=1e-9)


def test_rows_without_a_gradient_stay_at_their_place_in_the_second_pass():
    model = Table(torch.float64)
    optimiser = SAM(row_adam(model), rho=0.5)
    model.loss(0, 0).backward()
    rows = model.items.weight.grad.coalesce().indices()[0]
    before = model.items.weight.detach().clone()
    with optimiser.ascent():
        moved = (model.items.weight.detach() != before).any(1).nonzero().flatten()
        assert moved.tolist() == rows.tolist()
        model.loss(0, 0).backward()
    assert torch.equal(model.items.weight.detach(), before)


def test_its_state_is_adams():
    """A run goes from one to the other and back."""
    model, reference = Table(torch.float64), Table(torch.float64)
    first = row_adam(model)
    run(model, first, range(DENSE + 50))
    second = adam(model)
    second.load_state_dict(first.state_dict())
    model.items.sparse = False
    run(model, second, range(DENSE + 50, DENSE + 90))
    third = row_adam(model)
    third.load_state_dict(second.state_dict())
    run(model, third, range(DENSE + 90, DENSE + 150))
    optimiser = adam(reference)
    run(reference, optimiser, range(DENSE + 150))
    for mine, other in zip(numbers(model, third), numbers(reference, optimiser), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-8 * float(other.abs().max()))


def test_a_state_that_is_loaded_again_gives_the_same_bits():
    model = Table(torch.float64)
    optimiser = row_adam(model)
    run(model, optimiser, range(DENSE + 30))
    state, weights = copy.deepcopy(optimiser.state_dict()), copy.deepcopy(model.state_dict())
    ends = []
    for _ in range(2):
        for step in range(DENSE + 30, DENSE + 50):
            optimiser.zero_grad()
            model.loss(step, 0).backward()
            optimiser.step()
        ends.append([tensor.clone() for tensor in numbers(model, optimiser)])  # some rows are behind
        model.load_state_dict(weights)
        optimiser.load_state_dict(copy.deepcopy(state))
    assert all(map(torch.equal, *ends))


def test_a_dense_gradient_in_between_moves_all_rows():
    results = []
    for make in (adam, row_adam):
        model = Table(torch.float64)
        optimiser = make(model)
        run(model, optimiser, range(DENSE + 40))
        optimiser.zero_grad()
        model.items.weight.square().sum().backward()
        optimiser.step()
        run(model, optimiser, range(DENSE + 40, DENSE + 80))
        results.append(numbers(model, optimiser))
    for dense, by_rows in zip(*results, strict=True):
        torch.testing.assert_close(by_rows, dense, rtol=1e-6, atol=1e-8 * float(dense.abs().max()))


def test_a_lookup_sees_the_present_weights():
    model, reference = Table(torch.float64), Table(torch.float64)
    optimiser, other = row_adam(model), adam(reference)
    for step in range(DENSE + 30):
        for network, own in ((model, optimiser), (reference, other)):
            own.zero_grad()
            network.loss(step, 0).backward()
            own.step()
    ids = torch.arange(ROWS)
    torch.testing.assert_close(model.items(ids), reference.items(ids), rtol=1e-6, atol=1e-9)


def test_step_takes_a_closure_and_returns_its_loss():
    model, reference = Table(torch.float64), Table(torch.float64)
    optimiser = row_adam(model)

    def closure():
        optimiser.zero_grad()
        loss = model.loss(0, 0)
        loss.backward()
        return loss

    assert torch.equal(optimiser.step(closure), reference.loss(0, 0))
