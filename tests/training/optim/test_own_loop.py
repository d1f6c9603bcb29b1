"""SAM in a training loop that is not ours, against a plain SAM in float64: passes, accumulation, clipping, scalers."""

import math
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from landscape.training.optim import SAM

RHO, LR = 0.3, 0.1


def network(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1)).to(dtype)


def data(dtype=torch.float64):
    x, y = (
        torch.randn(12, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).to(dtype).split([4, 1], 1)
    )
    return x, y


def mean_loss(model, x, y):
    return ((model(x) - y) ** 2).mean()


def vector(model):
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()


def plain_sam(steps, *, clip=math.inf, lr=lambda t: LR, frozen=()):
    """SAM written down anew: w ← w − lr g', g' the gradient at w + ρ g/‖g‖, shortened to the length ``clip``."""
    model, (x, y) = network(), data()
    weights = [p for name, p in model.named_parameters() if name not in frozen]
    for t in range(steps):
        g = torch.autograd.grad(mean_loss(model, x, y), weights)
        length = math.sqrt(sum(float((part**2).sum()) for part in g))
        starts = [w.detach().clone() for w in weights]
        for w, part in zip(weights, g, strict=True):
            w.data += RHO * part / length
        g2 = torch.autograd.grad(mean_loss(model, x, y), weights)
        length = math.sqrt(sum(float((part**2).sum()) for part in g2))
        for w, start, part in zip(weights, starts, g2, strict=True):
            w.data = start - lr(t) * min(1.0, clip / length) * part
    return vector(model)


def sgd(model, **options):
    return SAM(torch.optim.SGD(model.parameters(), lr=LR), rho=RHO, **options)


def two_passes(model, optimiser, batches=None, after=lambda: None):
    """One step, each pass over all micro-batches."""
    batches = batches or [data()]
    optimiser.zero_grad()
    for x, y in batches:
        (mean_loss(model, x, y) / len(batches)).backward()
    with optimiser.ascent():
        for x, y in batches:
            (mean_loss(model, x, y) / len(batches)).backward()
    after()
    optimiser.step()


def test_two_passes_are_the_formula_and_the_closure_to_the_bit():
    model, other = network(), network()
    optimiser, closures = sgd(model), sgd(other)

    def closure():
        closures.zero_grad()
        loss = mean_loss(other, *data())
        loss.backward()
        return loss

    for _ in range(5):
        two_passes(model, optimiser)
        closures.step(closure)
    torch.testing.assert_close(vector(model), plain_sam(5), rtol=1e-9, atol=1e-11)  # it has no floor
    assert torch.equal(vector(model), vector(other))
    ours, theirs = optimiser.take_averages(), closures.take_averages()
    assert math.isnan(ours.pop("loss_rise")) and theirs.pop("loss_rise") > 0
    assert ours == theirs


@pytest.mark.parametrize("variant", ["sam", "asam", "fisher", "looksam"])
def test_two_passes_now_and_then_are_the_closure_to_the_bit(variant):
    model, other = network(), network()
    optimiser, closures = sgd(model, variant=variant, every=3), sgd(other, variant=variant, every=3)

    def closure():
        closures.zero_grad()
        loss = mean_loss(other, *data())
        loss.backward()
        return loss

    for _ in range(7):
        optimiser.zero_grad()
        mean_loss(model, *data()).backward()
        if optimiser.ascends:
            with optimiser.ascent():
                mean_loss(model, *data()).backward()
        optimiser.step()
        closures.step(closure)
    assert torch.equal(vector(model), vector(other))


def test_within_the_ascent_the_parameters_are_those_of_the_quadratics_formula():
    weight = nn.Parameter(torch.tensor([3.0, 4.0], dtype=torch.float64))  # of L = ‖w‖²/2: g = w, ε = ρ w/5
    optimiser = SAM(torch.optim.SGD([weight], lr=LR), rho=0.5)
    (weight**2).sum().div(2).backward()
    with optimiser.ascent():
        assert weight.grad is None
        torch.testing.assert_close(weight.detach(), torch.tensor([3.3, 4.4], dtype=torch.float64))
        (weight**2).sum().div(2).backward()
    assert weight.tolist() == [3.0, 4.0]
    optimiser.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([3 - 0.33, 4 - 0.44], dtype=torch.float64))


def test_micro_batches_in_both_passes_are_one_batch():
    model = network()
    optimiser = sgd(model)
    x, y = data()
    for _ in range(4):
        two_passes(model, optimiser, [*zip(x.split(4), y.split(4), strict=True)])
    torch.testing.assert_close(vector(model), plain_sam(4), rtol=1e-9, atol=1e-11)


def test_clipping_before_the_step_shortens_the_second_gradient():
    model = network()
    optimiser = sgd(model)
    for _ in range(4):
        two_passes(model, optimiser, after=lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.2))
    torch.testing.assert_close(vector(model), plain_sam(4, clip=0.2), rtol=1e-5, atol=1e-8)  # torch adds 1e-6
    assert not torch.allclose(plain_sam(4, clip=0.2), plain_sam(4), rtol=1e-3)


def test_a_scheduler_acts_on_the_base_optimiser():
    model = network()
    optimiser = sgd(model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: 1 / (1 + t))
    for _ in range(4):
        two_passes(model, optimiser)
        schedule.step()
    torch.testing.assert_close(vector(model), plain_sam(4, lr=lambda t: LR / (1 + t)), rtol=1e-9, atol=1e-11)


def test_groups_have_rates_of_their_own_and_one_norm():
    model = network()
    groups = [{"params": model[0].parameters(), "lr": LR}, {"params": model[2].parameters(), "lr": 3 * LR}]
    optimiser = SAM(torch.optim.SGD(groups), rho=RHO)
    start = vector(model)
    two_passes(model, optimiser)
    whole = (plain_sam(1) - start) * torch.cat([torch.full((30,), 1.0), torch.full((7,), 3.0)])
    torch.testing.assert_close(vector(model) - start, whole, rtol=1e-9, atol=1e-11)


def test_a_group_added_later_has_the_base_optimisers_defaults():
    model = network()
    optimiser = SAM(torch.optim.SGD(model[0].parameters(), lr=LR), rho=RHO)
    optimiser.add_param_group({"params": model[2].parameters()})
    for _ in range(3):
        two_passes(model, optimiser)
    torch.testing.assert_close(vector(model), plain_sam(3), rtol=1e-9, atol=1e-11)


def test_frozen_parameters_take_no_part():
    model = network()
    model[0].weight.requires_grad_(False)
    optimiser = sgd(model)
    for _ in range(3):
        two_passes(model, optimiser)
    torch.testing.assert_close(vector(model), plain_sam(3, frozen=("0.weight",)), rtol=1e-9, atol=1e-11)


def test_the_state_is_the_base_optimisers_also_after_loading():
    model = network()
    optimiser = SAM(torch.optim.Adam(model.parameters(), lr=LR), rho=RHO)
    two_passes(model, optimiser)
    assert optimiser.state is optimiser.base.state
    again = SAM(torch.optim.Adam(model.parameters(), lr=1.0))
    again.load_state_dict(optimiser.state_dict())
    assert again.state is again.base.state
    assert again.param_groups is again.base.param_groups
    assert again.state[model[0].weight]["step"] == 1


def test_a_model_moved_to_double_precision_in_between_is_restored_in_it():
    model = network(torch.float32)
    optimiser = sgd(model)
    two_passes(model, optimiser, [data(dtype=torch.float32)])
    model.double()
    with torch.no_grad():
        model[0].bias.fill_(1 / 3)
    mean_loss(model, *data()).backward()
    with optimiser.ascent():
        pass
    assert (model[0].bias == torch.tensor(1 / 3, dtype=torch.float64)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_norm_of_half_precision_gradients_does_not_overflow(dtype):
    weight = nn.Parameter(torch.ones(64, dtype=dtype))
    optimiser = SAM(torch.optim.SGD([weight], lr=1e-6), rho=2.0)
    weight.grad = torch.full_like(weight, 20_000.0)  # of norm 160,000, above float16's range; ε is 2/8 of each
    with optimiser.ascent():
        assert (weight == 1.25).all()
        weight.grad = torch.ones_like(weight)
    optimiser.step()
    assert optimiser.skipped == 0


def autocast_loss(model, x, y, dtype):
    with torch.autocast("cpu", dtype=dtype):
        scores = model(x)
    return ((scores.float() - y) ** 2).mean()


def test_bfloat16_autocast_is_near_the_formula():
    model, batch = network(torch.float32), data(dtype=torch.float32)
    optimiser = sgd(model)
    for _ in range(3):
        optimiser.zero_grad()
        autocast_loss(model, *batch, torch.bfloat16).backward()
        with optimiser.ascent():
            autocast_loss(model, *batch, torch.bfloat16).backward()
        optimiser.step()
    moved, expected = (end - vector(network()) for end in (vector(model).double(), plain_sam(3)))
    assert (moved - expected).norm() < 0.02 * expected.norm()


def scaled_step(model, optimiser, scaler, spoil=lambda pass_number: 1.0, unscale_first=False):
    batch = data(dtype=torch.float32)
    optimiser.zero_grad()
    scaler.scale(spoil(0) * mean_loss(model, *batch)).backward()
    if unscale_first:
        scaler.unscale_(optimiser)
        scaler.update()
    with optimiser.ascent():
        scaler.scale(spoil(1) * mean_loss(model, *batch)).backward()
    scaler.unscale_(optimiser)
    scaler.step(optimiser)
    scaler.update()


@pytest.mark.parametrize("unscale_first", [False, True])
def test_a_gradient_scaler_changes_nothing(unscale_first):
    model = network(torch.float32)
    optimiser = sgd(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for _ in range(4):
        scaled_step(model, optimiser, scaler, unscale_first=unscale_first)
    torch.testing.assert_close(vector(model).double(), plain_sam(4), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad_pass", [0, 1])
def test_a_pass_that_overflows_is_skipped_by_the_scaler_at_theta(bad_pass):
    model = network(torch.float32)
    optimiser = SAM(torch.optim.Adam(model.parameters(), lr=LR), rho=RHO)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaled_step(model, optimiser, scaler)
    before, moments = vector(model), {p: s["exp_avg"].clone() for p, s in optimiser.state.items()}
    scaled_step(model, optimiser, scaler, spoil=lambda number: math.inf if number == bad_pass else 1.0)
    assert torch.equal(vector(model), before)
    assert all(torch.equal(optimiser.state[p]["exp_avg"], moment) for p, moment in moments.items())
    assert scaler.get_scale() == 512.0  # lowered once
    scaled_step(model, optimiser, scaler)
    assert not torch.equal(vector(model), before)


@pytest.mark.parametrize("bad_pass", [0, 1])
def test_a_closure_with_a_scaler_skips_what_overflows(bad_pass):
    model, batch = network(torch.float32), data(dtype=torch.float32)
    optimiser = sgd(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    passes = []

    def closure():
        optimiser.zero_grad()
        loss = mean_loss(model, *batch)
        scaler.scale(loss * (math.inf if len(passes) == bad_pass else 1.0)).backward()
        scaler.unscale_(optimiser)
        scaler.update()
        passes.append(1)
        return loss

    optimiser.step(closure)
    assert torch.equal(vector(model), vector(network(torch.float32)))
    assert optimiser.skipped == 1
    for _ in range(4):
        optimiser.step(closure)
    torch.testing.assert_close(vector(model).double(), plain_sam(4), rtol=1e-5, atol=1e-6)


def test_an_exception_within_the_ascent_leaves_the_parameters_where_they_were():
    model = network()
    optimiser = sgd(model)
    mean_loss(model, *data()).backward()
    with pytest.raises(KeyboardInterrupt), optimiser.ascent():
        raise KeyboardInterrupt
    assert torch.equal(vector(model), vector(network()))
    with pytest.raises(RuntimeError, match="this step needs a second pass"):
        optimiser.step()


@pytest.mark.parametrize("where", ["without an ascent", "within it", "a second time"])
def test_a_step_without_its_second_pass_is_refused(where):
    model = network()
    optimiser = sgd(model)
    mean_loss(model, *data()).backward()
    if where == "a second time":
        two_passes(model, optimiser)
    before = vector(model)
    place = optimiser.ascent() if where == "within it" else nullcontext()
    with pytest.raises(RuntimeError, match="give step a closure, or compute gradients in `with optimiser.asc"), place:
        optimiser.step()
    assert torch.equal(vector(model), before)


def test_an_ascent_that_is_not_due_is_refused():
    model = network()
    optimiser = sgd(model, every=2)
    two_passes(model, optimiser)
    with pytest.raises(RuntimeError, match="step 1 does not ascend with every=2; ask `ascends`"), optimiser.ascent():
        pass


def test_equal_dropout_in_both_passes_needs_a_closure():
    model = network()
    optimiser = sgd(model, same_dropout=True)
    mean_loss(model, *data()).backward()
    with pytest.raises(RuntimeError, match="same_dropout needs a closure"), optimiser.ascent():
        pass


def test_no_gradient_and_a_sparse_one_are_refused():
    table = nn.Embedding(5, 3, sparse=True)
    optimiser = SAM(torch.optim.SGD(table.parameters(), lr=LR), variant="looksam")
    with pytest.raises(RuntimeError, match="no parameter of the optimiser has a gradient"), optimiser.ascent():
        pass
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="looksam needs dense gradients"), optimiser.ascent():
        pass
    optimiser = SAM(torch.optim.SGD(table.parameters(), lr=LR))
    table.weight.grad = torch.eye(5, 3).to_sparse()
    with pytest.raises(RuntimeError, match="sam needs dense gradients or whole rows"), optimiser.ascent():
        pass
