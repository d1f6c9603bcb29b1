"""SAM's family against its formulas in float64, and against pytorch-optimizer's."""

import io
import math

import pytest
import pytorch_optimizer
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from landscape.training.optim.perturbations import VARIANTS
from landscape.training.optim.sam import SAM

ALPHA, ETA = 0.6, 3.0  # not the defaults, so that a constant in their place shows


def problem(seed=0, width=6, dtype=torch.float64):
    """A small network, its data, and a closure maker."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1)).to(dtype)
    x, y = torch.randn(2, 20, 4, dtype=dtype), torch.randn(2, 20, 1, dtype=dtype)

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


def run(optimiser, closure_for, steps):
    for step in steps:
        optimiser.step(closure_for(optimiser, step))


class Reference:
    """The formulas, on one flat vector of all parameters."""

    def __init__(self, variant, rho, every=1):
        self.model, _, (self.x, self.y) = problem()
        self.theta = vector(self.model)
        self.is_matrix = torch.cat([torch.full((p.numel(),), p.dim() > 1) for p in self.model.parameters()])
        self.variant, self.rho, self.every = variant, rho, every
        self.moments = torch.zeros_like(self.theta), torch.zeros_like(self.theta)

    def loss(self, point, t):
        views, start = {}, 0
        for name, p in self.model.named_parameters():
            views[name] = point[start : start + p.numel()].view(p.shape)
            start += p.numel()
        return ((torch.func.functional_call(self.model, views, (self.x[t % 2],)) - self.y[t % 2]) ** 2).mean()

    def gradient(self, point, t):
        point = point.clone().requires_grad_()
        return torch.autograd.grad(self.loss(point, t), point)[0]

    def ascent(self, g):
        if self.variant == "asam":
            T = torch.where(self.is_matrix, self.theta.abs() + 0.01, 1.0)
            return self.rho * T**2 * g / (T * g).norm()
        if self.variant == "fisher":
            inverse = 1 / (1 + ETA * g**2)
            return self.rho * inverse * g / (g * inverse * g).sum().sqrt()
        return self.rho * g / g.norm()

    def direction(self, t):
        """What the base optimiser takes for the gradient at step t."""
        g = self.gradient(self.theta, t)
        if t % self.every == 0:
            g2 = self.gradient(self.theta + self.ascent(g), t)
            cosine = (g * g2).sum() / (g.norm() * g2.norm())
            self.across = g2 - g2.norm() * cosine * g / g.norm()
            return g2
        if self.variant == "looksam":
            return g + ALPHA * g.norm() / self.across.norm() * self.across
        return g

    def sgd(self, t):
        self.theta = self.theta - 0.1 * self.direction(t)

    def adam(self, t):
        d = self.direction(t)
        m, v = self.moments
        self.moments = m, v = 0.9 * m + 0.1 * d, 0.999 * v + 0.001 * d**2
        self.theta = self.theta - 0.02 * (m / (1 - 0.9 ** (t + 1))) / ((v / (1 - 0.999 ** (t + 1))).sqrt() + 1e-8)


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.02)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rho", [0.0, 0.05, 2.0])
def test_a_step_is_the_formula(variant, rho):
    model, closure_for, _ = problem()
    reference = Reference(variant, rho)
    run(SAM(sgd(model), variant=variant, rho=rho, eta=ETA), closure_for, range(1))
    reference.sgd(0)
    torch.testing.assert_close(vector(model), reference.theta, rtol=1e-9, atol=1e-11)  # it has no floor


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("base", "move"), [(sgd, Reference.sgd), (adam, Reference.adam)])
@pytest.mark.parametrize("every", [1, 2, 5])
def test_many_steps_are_the_formula(variant, base, move, every):
    model, closure_for, _ = problem()
    reference = Reference(variant, 0.4, every)
    run(SAM(base(model), variant=variant, rho=0.4, every=every, alpha=ALPHA, eta=ETA), closure_for, range(23))
    for t in range(23):
        move(reference, t)
    torch.testing.assert_close(vector(model), reference.theta, rtol=1e-8, atol=1e-10)


def test_sam_is_this_arithmetic_to_the_bit():
    model, closure_for, _ = problem(dtype=torch.float32)
    ours, our_closure_for, _ = problem(dtype=torch.float32)
    base = adam(model)
    for step in range(20):
        closure = closure_for(base, step)
        closure()
        norm = torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in model.parameters()]))
        scale = 0.3 / (norm + 1e-12)
        before = [p.detach().clone() for p in model.parameters()]
        for p in model.parameters():
            p.data += p.grad * scale
        closure()
        for p, saved in zip(model.parameters(), before, strict=True):
            p.data.copy_(saved)
        base.step()
    run(SAM(adam(ours), rho=0.3), our_closure_for, range(20))
    assert torch.equal(vector(ours), vector(model))


def test_the_radius_may_change_from_step_to_step():
    model, closure_for, _ = problem()
    reference = Reference("sam", 0.0)
    optimiser = SAM(sgd(model))
    for t, rho in enumerate([0.5, 0.1, 1.0]):
        optimiser.rho = reference.rho = rho
        run(optimiser, closure_for, [t])
        reference.sgd(t)
    torch.testing.assert_close(vector(model), reference.theta, rtol=1e-10, atol=1e-12)


def moved(model_of, variant, **options):
    """Where three steps lead, from equal starts."""
    torch.manual_seed(0)
    weights = model_of()
    optimiser = SAM(torch.optim.SGD(weights, lr=0.1), variant=variant, rho=0.5, **options)
    for _ in range(3):
        optimiser.step(lambda: loss_of(optimiser, weights))
    return torch.cat([w.detach().flatten() for w in weights])


def loss_of(optimiser, weights):
    optimiser.zero_grad()
    loss = sum((w**4).sum() + (w**2).sum() * (1 + i) for i, w in enumerate(weights))
    loss.backward()
    return loss


def vectors():
    return [nn.Parameter(torch.randn(5)), nn.Parameter(torch.randn(3))]


def matrices():
    return [nn.Parameter(torch.randn(5, 2)), nn.Parameter(torch.randn(3))]


def test_fisher_without_the_fisher_is_sam():
    assert torch.equal(moved(matrices, "fisher", eta=0.0), moved(matrices, "sam"))
    assert not torch.allclose(moved(matrices, "fisher", eta=1.0), moved(matrices, "sam"))


def test_asam_of_parameters_of_one_dimension_is_sam():
    assert torch.equal(moved(vectors, "asam"), moved(vectors, "sam"))
    assert not torch.allclose(moved(matrices, "asam"), moved(matrices, "sam"))


def test_looksam_that_always_ascends_is_sam():
    assert torch.equal(moved(matrices, "looksam", every=1), moved(matrices, "sam"))


def test_looksam_with_no_weight_on_the_kept_part_is_periodic_sam():
    assert torch.equal(moved(matrices, "looksam", every=2, alpha=0.0), moved(matrices, "sam", every=2))
    assert not torch.allclose(moved(matrices, "looksam", every=2), moved(matrices, "sam", every=2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_looksam_adds_nothing_where_both_gradients_are_parallel(dtype, rho):
    start = torch.randn(10_000, dtype=dtype, generator=torch.Generator().manual_seed(0))
    weights = {variant: nn.Parameter(start.clone()) for variant in ("looksam", "sam")}
    for variant, weight in weights.items():
        optimiser = SAM(torch.optim.SGD([weight], lr=0.1), variant=variant, rho=rho, every=2)

        def closure(optimiser=optimiser, weight=weight):
            optimiser.zero_grad()
            loss = (weight**2).sum() / 2
            loss.backward()
            return loss

        for _ in range(4):
            optimiser.step(closure)
    assert torch.equal(weights["looksam"], weights["sam"])


def test_looksam_of_a_single_tensor_equals_pytorch_optimizers():
    # Theirs takes one norm a tensor.
    def closure_of(optimiser, weight):
        def closure():
            optimiser.zero_grad()
            loss = (torch.arange(1, 7, dtype=torch.float64) * weight**4).sum() + (weight.sum() - 1) ** 2
            loss.backward()
            return loss

        return closure

    start = torch.linspace(-1, 1, 6, dtype=torch.float64)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    a = SAM(torch.optim.SGD([ours], lr=0.01), variant="looksam", rho=0.3, every=4, alpha=ALPHA)
    b = pytorch_optimizer.LookSAM([theirs], torch.optim.SGD, rho=0.3, k=4, alpha=ALPHA, lr=0.01)
    for _ in range(14):
        a.step(closure_of(a, ours))
        closure = closure_of(b, theirs)
        closure()
        b.step(closure)
    torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-5, atol=1e-7)


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


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("stop", [1, 4, 6])  # ascents are at 0, 3, 6 and 9
def test_a_resumed_run_takes_the_same_steps_to_the_bit(variant, stop):
    options = {"rho": 0.3, "every": 3, "alpha": ALPHA, "eta": ETA}
    model, closure_for, _ = problem()
    optimiser = SAM(adam(model), variant=variant, **options)
    run(optimiser, closure_for, range(stop))
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict()}, file)
    run(optimiser, closure_for, range(stop, 11))

    other, other_closure_for, _ = problem()
    again = SAM(adam(other))
    file.seek(0)
    state = torch.load(file, weights_only=True)
    other.load_state_dict(state["model"])
    again.load_state_dict(state["optimiser"])
    run(again, other_closure_for, range(stop, 11))
    assert torch.equal(vector(other), vector(model))


def test_a_state_is_not_changed_by_later_steps():
    model, closure_for, _ = problem()
    optimiser = SAM(sgd(model), variant="looksam", every=2)
    run(optimiser, closure_for, range(1))
    kept = optimiser.state_dict()["across"]
    copies = [tensor.clone() for tensor in kept]
    run(optimiser, closure_for, range(1, 4))
    assert all(torch.equal(a, b) for a, b in zip(kept, copies, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(optimiser.state_dict()["across"], copies, strict=True))


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


@pytest.mark.parametrize("variant", VARIANTS)
def test_idle_parameters_change_nothing_for_the_others(variant):
    ends = []
    for idle in (False, True):
        model, closure_for, _ = problem()
        parameters = [*model.parameters()]
        if idle:
            parameters.insert(1, nn.Parameter(torch.full((3, 3), 7.0, dtype=torch.float64)))
        optimiser = SAM(torch.optim.SGD(parameters, lr=0.1), variant=variant, every=2)
        run(optimiser, closure_for, range(5))
        if idle:
            assert (parameters[1] == 7.0).all()
            assert (optimiser.state_dict()["across"][1]) is None
        ends.append(vector(model))
    assert torch.equal(*ends)


def test_looksam_turns_only_what_has_a_gradient_now_and_had_one_in_both_passes_then():
    names = ("always", "first", "second", "later")  # in which passes a parameter has a gradient
    parts = {0: ("always", "first", "later"), 1: ("always", "second", "later"), 2: ("always", "first", "second")}
    starts = torch.tensor([[1.0, 2.0], [0.5, -1.0], [2.0, 1.0], [-1.0, 0.3]], dtype=torch.float64)
    model = nn.ParameterDict(dict(zip(names, starts.clone(), strict=True)))
    optimiser = SAM(torch.optim.SGD(model.parameters(), lr=0.1), variant="looksam", rho=0.5, every=2, alpha=ALPHA)
    passes = []

    def closure():
        optimiser.zero_grad()
        loss = sum((model[name] ** 4).sum() for name in parts[len(passes)])
        passes.append(1)
        loss.backward()
        return loss

    optimiser.step(closure)
    at = {name: weight.detach().clone() for name, weight in model.items()}
    optimiser.step(closure)

    theta = dict(zip(names, starts, strict=True))
    g = {name: 4 * theta[name] ** 3 for name in parts[0]}
    norm = torch.cat([*g.values()]).norm()
    g2 = {name: 4 * (theta[name] + (0.5 * g[name] / norm if name in g else 0)) ** 3 for name in parts[1]}
    a, b = (torch.cat([x["always"], x["later"]]) for x in (g, g2))
    kept = (b - (a @ b) / (a @ a) * a)[:2]  # of "always"; "later" is idle in the third pass
    now = {name: 4 * at[name] ** 3 for name in parts[2]}
    now["always"] = now["always"] + ALPHA * torch.cat([*now.values()]).norm() / kept.norm() * kept
    expected = {name: at[name] - 0.1 * now[name] if name in now else at[name] for name in names}
    torch.testing.assert_close({name: weight.detach() for name, weight in model.items()}, expected)


def test_a_closure_may_clear_gradients_with_zeros():
    ends = []
    for to_none in (True, False):
        torch.manual_seed(0)
        weights = matrices()
        optimiser = SAM(torch.optim.SGD(weights, lr=0.1), variant="looksam", every=2)

        def closure(optimiser=optimiser, weights=weights, to_none=to_none):
            optimiser.zero_grad(set_to_none=to_none)
            loss = sum((w**4).sum() for w in weights)
            loss.backward()
            return loss

        for _ in range(4):
            optimiser.step(closure)
        ends.append(torch.cat([w.detach().flatten() for w in weights]))
    assert torch.equal(*ends)


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


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("bad_pass", [0, 1, 2])  # both of an ascent, and that of the plain step after it
@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_pass_that_is_not_finite_changes_nothing(variant, bad_pass, what, value):
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimiser = SAM(torch.optim.Adam([weight], lr=0.1), variant=variant, every=2)
    passes = []

    def closure():
        optimiser.zero_grad()
        loss = (weight**4).sum()
        loss.backward()
        if len(passes) == bad_pass:
            if what == "loss":
                loss = loss * value
            else:
                weight.grad[0] = value
        passes.append(1)
        return loss

    if bad_pass == 2:
        optimiser.step(closure)
    before, state = weight.detach().clone(), optimiser.state_dict()
    moments = {name: moment.clone() for name, moment in optimiser.base.state[weight].items()}
    optimiser.step(closure)
    after = optimiser.state_dict()
    assert torch.equal(weight.detach(), before)
    torch.testing.assert_close(dict(optimiser.base.state[weight]), moments, rtol=0, atol=0)
    assert after["across"][0] is state["across"][0]
    assert (after["steps"], after["skipped"]) == (state["steps"] + 1, 1)
    optimiser.step(closure)
    assert optimiser.skipped == 1
    assert not torch.equal(weight.detach(), before)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_waits_for_the_device_once(variant):
    class Waits(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += func is torch.ops.aten._local_scalar_dense.default
            return func(*args, **(kwargs or {}))

    model, closure_for, _ = problem()
    optimiser = SAM(sgd(model), variant=variant, every=2)
    for step in range(4):
        with Waits() as waits:
            run(optimiser, closure_for, [step])
        assert waits.count == 1


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


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("every", [1, 3])
def test_averages_are_those_of_the_ascents(variant, every):
    model, closure_for, _ = problem()
    reference = Reference(variant, 0.4, every)
    optimiser = SAM(sgd(model), variant=variant, rho=0.4, every=every, alpha=ALPHA, eta=ETA)
    rows = []
    for t in range(7):
        if t % every == 0:
            g = reference.gradient(reference.theta, t)
            ascent = reference.ascent(g)
            rise = reference.loss(reference.theta + ascent, t) - reference.loss(reference.theta, t)
            distance = (ascent - 0.4 * g / g.norm()).norm() / 0.4
            rows.append([g.norm(), ascent.norm(), rise, distance])
        reference.sgd(t)
    run(optimiser, closure_for, range(7))
    names = ["gradient_norm", "ascent_norm", "loss_rise", "ascent_from_sam"]
    expected = dict(zip(names, torch.tensor(rows).double().mean(0).tolist(), strict=True))
    if variant in ("sam", "looksam"):
        assert expected.pop("ascent_from_sam") < 1e-12
    averages = optimiser.take_averages()
    assert averages == pytest.approx(expected, rel=1e-6)
    empty = optimiser.take_averages()
    assert empty.keys() == averages.keys()
    assert all(math.isnan(value) for value in empty.values())


def test_skipped_steps_and_plain_steps_are_not_in_the_averages():
    weight = nn.Parameter(torch.tensor([3.0, 4.0]))
    optimiser = SAM(torch.optim.SGD([weight], lr=0.1), rho=0.5, every=2)

    def step(factor):
        def closure():
            optimiser.zero_grad()
            loss = (weight**2).sum() / 2
            loss.backward()
            return loss * factor

        optimiser.step(closure)

    step(1.0)
    step(1.0)
    step(math.nan)
    # From θ = (3, 4) with g = θ to θ·(1 + 0.5/5): the loss rises from 25/2 to 25/2·1.21
    expected = {"gradient_norm": 5.0, "ascent_norm": 0.5, "loss_rise": 12.5 * 0.21}
    assert optimiser.take_averages() == pytest.approx(expected)
    step(1.0)
    step(math.nan)
    assert optimiser.skipped == 2
    assert all(math.isnan(value) for value in optimiser.take_averages().values())


def test_the_distance_from_sam_at_radius_zero_is_zero():
    model, closure_for, _ = problem()
    optimiser = SAM(sgd(model), variant="asam", rho=0.0)
    run(optimiser, closure_for, range(2))
    assert optimiser.take_averages()["ascent_from_sam"] == 0.0


@pytest.mark.parametrize("name", ["rho", "alpha", "eta"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_a_number_out_of_range_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .* got {value}"):
        SAM(sgd(nn.Linear(1, 1)), **{name: value})


def test_ascents_less_than_a_step_apart_are_refused():
    with pytest.raises(ValueError, match="every must be at least 1, got 0; 1 ascends at each step"):
        SAM(sgd(nn.Linear(1, 1)), every=0)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="the variant of SAM must be one of sam, asam, fisher, looksam, got 'gsam'"):
        SAM(sgd(nn.Linear(1, 1)), variant="gsam")
