"""SAM against its formula in float64, and against pytorch-optimizer's."""

import math

import pytest
import pytorch_optimizer
import torch
from torch import nn

from training.sam import SAM


def problem(seed=0):
    """A small network, its data, and a closure maker."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1)).double()
    x, y = torch.randn(2, 20, 4, dtype=torch.float64), torch.randn(2, 20, 1, dtype=torch.float64)

    def closure_for(optimiser, step):
        def closure():
            optimiser.zero_grad()
            loss = ((model(x[step % 2]) - y[step % 2]) ** 2).mean()
            loss.backward()
            return loss

        return closure

    return model, closure_for, (x, y)


def vector(model):
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()


@pytest.mark.parametrize("rho", [0.0, 0.05, 2.0])
def test_a_step_is_the_formula(rho):
    model, closure_for, (x, y) = problem()
    optimiser = SAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=rho)
    theta = vector(model)

    def gradient(point):
        point = point.clone().requires_grad_()
        views, start = {}, 0
        for name, p in model.named_parameters():
            views[name] = point[start : start + p.numel()].view(p.shape)
            start += p.numel()
        loss = ((torch.func.functional_call(model, views, (x[0],)) - y[0]) ** 2).mean()
        return torch.autograd.grad(loss, point)[0]

    g = gradient(theta)
    expected = theta - 0.1 * gradient(theta + rho * g / (g.norm() + 1e-12))
    optimiser.step(closure_for(optimiser, 0))
    torch.testing.assert_close(vector(model), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("base", [torch.optim.Adam, torch.optim.SGD])
def test_many_steps_equal_pytorch_optimizers(base):
    ours, our_closure, _ = problem()
    theirs, their_closure, _ = problem()
    a = SAM(base(ours.parameters(), lr=0.01, weight_decay=0.1), rho=0.3)
    b = pytorch_optimizer.SAM(theirs.parameters(), base, rho=0.3, lr=0.01, weight_decay=0.1)
    for step in range(30):
        a.step(our_closure(a, step))
        closure = their_closure(b, step)
        closure()
        b.step(closure)
    # Theirs takes the norm in float32.
    torch.testing.assert_close(vector(ours), vector(theirs), rtol=1e-5, atol=1e-7)


def test_the_state_holds_the_base_optimisers_moments():
    model, closure_for, _ = problem()
    optimiser = SAM(torch.optim.Adam(model.parameters(), lr=0.01), rho=0.3)
    for step in range(5):
        optimiser.step(closure_for(optimiser, step))
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    state = optimiser.state_dict()
    moments = {k: {n: v.clone() for n, v in s.items()} for k, s in state["base"]["state"].items()}
    for step in range(5, 9):
        optimiser.step(closure_for(optimiser, step))
    expected = vector(model)

    model.load_state_dict(weights)
    again = SAM(torch.optim.Adam(model.parameters(), lr=0.5), rho=9.0)
    again.load_state_dict({**state, "base": {**state["base"], "state": moments}})
    assert again.rho == 0.3
    assert again.param_groups[0]["lr"] == 0.01
    for step in range(5, 9):
        again.step(closure_for(again, step))
    assert torch.equal(vector(model), expected)


def test_a_parameter_without_a_gradient_takes_no_part():
    model = nn.ParameterDict({"used": torch.tensor([3.0, 4.0]), "idle": torch.tensor([5.0])})
    optimiser = SAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=1.0)

    def closure():
        optimiser.zero_grad()
        loss = (model["used"] ** 2).sum() / 2
        loss.backward()
        return loss

    optimiser.step(closure)
    assert model["idle"].item() == 5.0
    # g = θ = (3, 4); at θ + g/5 the gradient is 1.2·θ
    torch.testing.assert_close(model["used"].detach(), torch.tensor([3.0, 4.0]) * (1 - 0.12))


def test_a_parameter_with_a_gradient_in_the_first_pass_only_is_back_in_its_place():
    model = nn.ParameterDict({"always": torch.tensor([1.0]), "once": torch.tensor([2.0])})
    optimiser = SAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=0.7)
    passes = []

    def closure():
        optimiser.zero_grad()
        loss = model["always"] ** 2 + (model["once"] ** 2 if not passes else 0)
        passes.append(1)
        loss.sum().backward()
        return loss.sum()

    optimiser.step(closure)
    assert model["once"].item() == 2.0


@pytest.mark.parametrize("bad_pass", [0, 1])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_pass_that_is_not_finite_changes_nothing(bad_pass, what):
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimiser = SAM(torch.optim.Adam([weight], lr=0.1), rho=0.5)
    passes = []

    def closure():
        optimiser.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        if len(passes) == bad_pass:
            if what == "loss":
                loss = loss * math.inf
            else:
                weight.grad[0] = math.nan
        passes.append(1)
        return loss

    optimiser.step(closure)
    assert torch.equal(weight.detach(), torch.tensor([1.0, 2.0]))
    assert optimiser.skipped == 1
    assert not optimiser.base.state


def test_an_interruption_of_the_second_pass_leaves_the_parameters_where_they_were():
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimiser = SAM(torch.optim.SGD([weight], lr=0.1), rho=0.5)
    passes = []

    def closure():
        if passes:
            raise KeyboardInterrupt
        passes.append(1)
        optimiser.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    with pytest.raises(KeyboardInterrupt):
        optimiser.step(closure)
    assert torch.equal(weight.detach(), torch.tensor([1.0, 2.0]))


@pytest.mark.parametrize("same", [True, False])
def test_both_passes_draw_the_same_random_numbers_when_asked(same):
    weight = nn.Parameter(torch.ones(1))
    optimiser = SAM(torch.optim.SGD([weight], lr=0.1), rho=0.5, same_dropout=same)
    drawn = []

    def closure():
        optimiser.zero_grad()
        drawn.append(torch.rand(()).item())
        loss = (weight**2).sum()
        loss.backward()
        return loss

    torch.manual_seed(0)
    optimiser.step(closure)
    assert (drawn[0] == drawn[1]) is same


def test_schedulers_reach_the_base_optimiser():
    weight = nn.Parameter(torch.ones(1))
    optimiser = SAM(torch.optim.SGD([weight], lr=1.0), rho=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=1, gamma=0.1)
    optimiser.step(lambda: (optimiser.zero_grad(), (weight**2).sum().backward(), torch.tensor(0.0))[2])
    schedule.step()
    assert optimiser.base.param_groups[0]["lr"] == pytest.approx(0.1)


@pytest.mark.parametrize("rho", [-0.1, math.nan, math.inf])
def test_a_radius_out_of_range_is_refused(rho):
    with pytest.raises(ValueError, match="rho must be"):
        SAM(torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1), rho=rho)
