import copy
import math
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from landscape import (
    HessianOperator,
    Objective,
    ParamSpace,
    block_eigenvalues,
    curvature,
    sharpness,
    spectral_density,
    surface,
    top_eigenpairs,
    trace,
)
from landscape.objectives.jackknife import jackknife_error
from landscape.objectives.objective import path_difference, repeat_difference
from tests.support.problems import (
    PROBLEMS,
    Problem,
    Transformer,
    convolutional,
    crossentropy,
    flat,
    linear_regression,
    next_item,
    transformer,
    two_parts,
)


@pytest.fixture(params=PROBLEMS)
def problem(request) -> Problem:
    return PROBLEMS[request.param]()


def test_value_is_the_ratio_of_sums(problem):
    objective = problem.objective()
    assert objective.value() == pytest.approx(float(problem.reference(flat(problem.model))), rel=1e-13)
    elsewhere = flat(problem.model) + 0.1
    assert objective.value(elsewhere) == pytest.approx(float(problem.reference(elsewhere)), rel=1e-13)


def test_value_is_no_mean_of_means():
    problem = transformer()
    means = [
        float(total.detach() / count)
        for total, count in (problem.loss(problem.model, batch) for batch in problem.batches)
    ]
    assert abs(problem.objective().value() - sum(means) / len(means)) > 1e-3


@pytest.mark.slow
def test_gradient_equals_central_differences_of_value(problem):
    objective = problem.objective()
    step = 1e-6
    theta = objective.params
    differences = torch.tensor(
        [
            (objective.value(theta + step * e) - objective.value(theta - step * e)) / (2 * step)
            for e in torch.eye(len(theta)).double()
        ]
    )
    value, gradient = objective.value_and_gradient()
    torch.testing.assert_close(gradient, objective.space.project(differences.double()), rtol=1e-6, atol=1e-8)
    assert value == pytest.approx(objective.value(), rel=1e-13)


def test_hvp_equals_second_differences_of_value(problem):
    objective = problem.objective()
    torch.manual_seed(5)
    theta, step = objective.params, 1e-4
    u, v = objective.space.project(torch.randn(2, len(theta)).double())

    def at(a, b):
        return objective.value(theta + step * (a * u + b * v))

    mixed = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * step**2)
    assert float(u @ objective.hvp(v)) == pytest.approx(mixed, rel=1e-5, abs=1e-6)


@pytest.mark.slow
def test_hvp_equals_the_dense_hessian(problem):
    objective = problem.objective()
    dense = problem.dense_hessian()
    if objective.space.mask is not None:
        dense = dense * objective.space.mask * objective.space.mask[:, None]
    torch.testing.assert_close(objective.hvp(torch.eye(len(dense)).double()), dense, rtol=1e-9, atol=1e-11)


def test_linear_regression_has_its_closed_form():
    problem = linear_regression()
    x = torch.cat([x for x, _ in problem.batches])
    y = torch.cat([y for _, y in problem.batches])[:, 0]
    objective = problem.objective()
    v = torch.randn(5).double()
    torch.testing.assert_close(objective.hvp(v), 2 * x.T @ (x @ v) / len(x))
    torch.testing.assert_close(objective.gradient(), 2 * x.T @ (x @ objective.params - y) / len(x))


def test_a_loss_linear_in_the_parameters_has_no_curvature():
    objective = Objective(
        nn.Linear(3, 1), lambda model, x: (model(x).sum(), len(x)), [torch.randn(4, 3), torch.randn(2, 3)]
    )
    assert not objective.hvp(torch.randn(4)).any()


def test_a_batch_that_touches_no_parameter_adds_nothing():
    def loss(model, x):
        return (model(x) ** 2).sum() if len(x) > 1 else x.sum(), len(x)

    x, single = torch.randn(4, 3).double(), torch.randn(1, 3).double()
    objective = Objective(nn.Linear(3, 1).double(), loss, [x, single])
    alone = Objective(objective.model, loss, [x])
    torch.testing.assert_close(objective.gradient(), alone.gradient() * 4 / 5)
    torch.testing.assert_close(objective.hvp(torch.ones(4).double()), alone.hvp(torch.ones(4).double()) * 4 / 5)


def test_idle_heads_and_padding_have_zero_derivatives():
    problem = transformer()
    objective = problem.objective()
    for vector in (objective.gradient(), objective.hvp(torch.randn(objective.space.size).double())):
        views = objective.space.views(vector)
        assert not views["idle.weight"].any() and not views["idle.bias"].any()
        assert not views["items.weight"][0].any() and views["items.weight"][1:].any()


def test_a_model_that_trains_on_does_not_move_an_objective():
    problem = convolutional()
    objective = problem.objective()
    value, v = objective.value(), torch.randn(objective.space.size).double()
    product = objective.hvp(v)
    problem.model.train()(problem.batches[0][0])  # batch norm's statistics
    with torch.no_grad():
        problem.model.out.weight.zero_()
    assert objective.value() == value and torch.equal(objective.hvp(v), product)


def test_a_masked_row_counts_as_fixed_even_if_the_loss_depends_on_it():
    objective = linear_regression().objective(space=ParamSpace(linear_regression().model, exclude_rows={"weight": [0]}))
    assert not objective.gradient().any() and not objective.hvp(torch.ones(5).double()).any()


def test_along_equals_value_at_each_point(problem):
    objective = problem.objective()
    torch.manual_seed(6)
    directions = torch.randn(2, objective.space.size).double()
    coefficients = np.array([[0.0, 0.0], [0.5, -1.0], [-0.25, 0.75]])
    expected = [objective.value(objective.params + a * directions[0] + b * directions[1]) for a, b in coefficients]
    np.testing.assert_allclose(objective.along(directions, coefficients), expected, rtol=1e-12)
    np.testing.assert_allclose(
        objective.along(directions[:1], coefficients[:, :1], objective.params + directions[1]),
        [objective.value(objective.params + a * directions[0] + directions[1]) for a, _ in coefficients],
        rtol=1e-12,
    )


def test_vmap_equals_the_loop(problem):
    loop, vmapped = problem.objective(vmap=False), problem.objective(vmap=True)
    vmapped.points_at_once = 3  # a last chunk of another size
    torch.manual_seed(7)
    directions, coefficients = torch.randn(2, loop.space.size).double(), np.random.default_rng(0).normal(size=(7, 2))
    np.testing.assert_allclose(
        vmapped.along(directions, coefficients), loop.along(directions, coefficients), rtol=1e-12
    )


def stubborn(model: nn.Module, x: Tensor) -> tuple[Tensor, int]:
    """A loss that vmap does not take."""
    loss = (model(x) ** 2).sum()
    return loss if loss.item() >= 0 else -loss, len(x)


def test_a_loss_that_vmap_does_not_take_is_evaluated_point_by_point():
    objective = Objective(nn.Linear(2, 1), stubborn, [torch.randn(3, 2)], vmap=True)
    directions, coefficients = torch.randn(1, 3), np.array([[0.0], [1.0]])
    with pytest.raises(RuntimeError):
        objective.along(directions, coefficients)
    automatic = Objective(objective.model, stubborn, objective.batches)
    automatic.vmap, automatic.points_at_once = True, 2  # as on a GPU, where it was chosen for, not by, the user
    with pytest.warns(UserWarning, match="one by one"):
        losses = automatic.along(directions, coefficients)
    np.testing.assert_allclose(
        losses, Objective(objective.model, stubborn, objective.batches).along(directions, coefficients)
    )


def test_along_gives_the_parts_from_the_same_passes(problem):
    torch.manual_seed(8)
    points = np.random.default_rng(1).normal(size=(4, 2))
    for vmap in (False, True):
        objective = problem.objective(vmap=vmap)
        directions = torch.randn(2, objective.space.size).double()
        loss, parts = objective.along_parts(directions, points)
        np.testing.assert_array_equal(loss, objective.along(directions, points))
        for index, point in enumerate(points):
            expected = objective.parts(objective.point(directions, point))
            assert {name: means[index] for name, means in parts.items()} == pytest.approx(expected, rel=1e-12)
        none, named = objective.along_parts(directions, points[:0], objective.params + 1)
        assert none.shape == (0,) and {name: means.shape for name, means in named.items()} == dict.fromkeys(parts, (0,))


@pytest.mark.parametrize("count", range(1, 12))
def test_the_loss_at_one_of_several_points_is_its_value_to_the_bit(count):
    """However many parts are added up, and however many points at once."""
    numbers = torch.randn(count, generator=torch.Generator().manual_seed(count)).double()
    model = nn.Linear(1, 1, bias=False).double()

    def loss(model, x):
        return {f"part {index}": ((model(x) * number).sin().sum(), 3) for index, number in enumerate(numbers)}

    objective = Objective(model, loss, [torch.randn(3, 1).double()])
    directions, points = torch.ones(1, 1).double(), np.linspace(0, 1, 5)[:, None]
    together = objective.along(directions, points)
    for point, found in zip(points, together, strict=True):
        theta = objective.point(directions, point)
        assert found == objective.value(theta) == objective.along(directions, point[None])[0]


class Tiny(Objective):
    """A device on which two points at once are too many."""

    def _vmapped(self, thetas):
        if len(thetas) > 2:
            raise torch.cuda.OutOfMemoryError("on purpose")
        return super()._vmapped(thetas)


def test_fewer_points_at_once_where_memory_is_short():
    problem = two_parts()
    tiny = Tiny(problem.model, problem.loss, problem.batches, weights=problem.weights, vmap=True)
    directions, points = torch.randn(2, tiny.space.size).double(), np.random.default_rng(0).normal(size=(9, 2))
    loss, parts = tiny.along_parts(directions, points)
    assert tiny.points_at_once == 2
    expected, expected_parts = problem.objective().along_parts(directions, points)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    for name in expected_parts:
        np.testing.assert_allclose(parts[name], expected_parts[name], rtol=1e-12)


def test_the_model_is_never_moved_and_keeps_its_modes():
    problem = convolutional()
    model = problem.model.train()
    model.dropout.eval()
    before, modes = copy.deepcopy(model.state_dict()), [module.training for module in model.modules()]
    for seed in (None, 3):
        objective = problem.objective(training_mode_seed=seed)
        v = torch.ones(objective.space.size).double()
        (
            objective.value(objective.params + 1),
            objective.gradient(),
            objective.hvp(v),
            objective.along(v[None], np.ones((2, 1))),
        )
        with pytest.raises(ValueError, match="shape"):
            objective.value(v[1:])
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_mode_is_restored_when_the_loss_fails():
    def loss(model, batch):
        raise RuntimeError("on purpose")

    model = nn.Dropout(0.5)
    model.weight = nn.Parameter(torch.ones(1))
    with pytest.raises(RuntimeError, match="on purpose"):
        Objective(model, loss, [0]).value()
    assert model.training


def test_frozen_dropout_is_one_function_of_the_parameters():
    problem = convolutional()
    training = problem.objective(training_mode_seed=11)
    state = torch.get_rng_state()
    assert training.value() == training.value() == problem.objective(training_mode_seed=11).value()
    assert training.value() not in (problem.objective().value(), problem.objective(training_mode_seed=12).value())
    assert torch.equal(torch.get_rng_state(), state)
    v = torch.randn(training.space.size).double()
    step = 1e-5
    along = (training.gradient(training.params + step * v) - training.gradient(training.params - step * v)) / (2 * step)
    torch.testing.assert_close(training.hvp(v), along, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("seed", [False, True, 0.0, 0.5])
def test_a_switch_or_a_rate_is_not_a_seed(seed):
    with pytest.raises(TypeError, match=rf"training_mode_seed={seed} must be an int, the seed .* neither a switch nor"):
        convolutional().objective(training_mode_seed=seed)


def test_losses_that_are_not_finite_survive():
    def loss(model, x):
        return (1 / model(x)).sum(), len(x)

    model = nn.Linear(1, 1, bias=False)
    objective = Objective(model, loss, [torch.ones(2, 1)])
    directions = torch.ones(1, 1)
    losses = objective.along(directions, np.array([[0.0], [float("nan")]]), torch.zeros(1))
    assert losses[0] == math.inf and math.isnan(losses[1])


def test_sums_over_batches_are_float64():
    """In float32, the small terms would vanish beside the large one."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    batches = [torch.tensor([[2.0**24]])] + [torch.ones(1, 1)] * 3
    objective = Objective(model, lambda model, x: (model(x).sum(), 1), batches)
    assert objective.value() == (2**24 + 3) / 4


def test_parts_and_batches():
    problem = two_parts()
    objective = problem.objective()
    parts = objective.parts()
    assert 0.3 * parts["squares"] + 2 * parts["labels"] == pytest.approx(objective.value(), rel=1e-13)
    names, sums, counts = objective.by_batch()
    assert names == ("squares", "labels")
    np.testing.assert_array_equal(counts[:, 0], [4, 9, 3])
    assert counts[0, 1] == 0
    np.testing.assert_allclose(sums.sum(0) / counts.sum(0), list(parts.values()), rtol=1e-13)


def test_a_part_of_weight_zero_is_left_out_even_if_it_is_infinite():
    def loss(model, x):
        total = (model(x) ** 2).sum()
        return {"a": (total, len(x)), "b": (total / 0, 1)}

    objective = Objective(nn.Linear(2, 1), loss, [torch.randn(3, 2)], weights={"a": 1, "b": 0})
    assert (
        math.isfinite(objective.value())
        and objective.gradient().isfinite().all()
        and objective.hvp(torch.ones(3)).isfinite().all()
    )


def test_a_loss_may_call_any_method_and_buffers_move_along():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([2.0]))
            self.register_buffer("shift", torch.tensor([1.0]))

        def score(self, x):
            return self.w * x + self.shift

    objective = Objective(Model(), lambda model, x: (model.score(x).sum() + model.score(-x).sum(), 1), [torch.ones(1)])
    assert objective.value(torch.tensor([5.0])) == 2.0


class Pair(NamedTuple):
    x: Tensor
    tag: str


@dataclass(frozen=True)
class Labelled:
    pairs: list[Pair]
    labels: Tensor | None = None


class Movable:
    """A class that moves itself, as batches of some libraries do."""

    def __init__(self, device="cpu"):
        self.device = str(device)

    def to(self, device):
        return Movable(device)


def test_batches_of_any_shape_are_moved():
    def loss(model, batch):
        pair = batch["rows"].pairs[0]
        assert pair.x.device.type == "meta" and pair.tag == "kept" and batch["rows"].labels is None
        assert batch["other"][0].device == "meta"
        return model(pair.x).sum(), len(pair.x)

    batch = {"rows": Labelled([Pair(torch.ones(3, 2), "kept")]), "other": (Movable(), 3)}
    objective = Objective(nn.Linear(2, 1), loss, [batch], device="meta")
    assert batch["rows"].pairs[0].x.device.type == "cpu"  # a copy was moved
    assert objective.params.device.type == "meta" and objective.model.weight.device.type == "cpu"
    assert objective.terms(objective.params, 0)[0][0].device.type == "meta"


@pytest.mark.parametrize(
    ("loss", "options", "message"),
    [
        (lambda model, x: model(x).mean(), {}, r"must be \(sum, count\) .* it is a tensor of shape \(\)"),
        (lambda model, x: (model(x), len(x)), {}, r"a sum of shape \(\); it is \(a tensor of shape \(3, 1\), int\)"),
        (lambda model, x: (model(x).sum(), 0), {}, "'loss' has 0 terms"),
        (lambda model, x: (model(x).sum(), math.inf), {}, "'loss' has inf terms"),
        (lambda model, x: (model(x).sum(), math.nan), {}, "'loss' has nan terms"),
        (lambda model, x: (model(x).sum(), 3), {"weights": {"los": 1}}, r"\['los'\]; the loss has \['loss'\]"),
    ],
)
def test_errors_say_what_is_wrong(loss, options, message):
    with pytest.raises(ValueError, match=message):
        Objective(nn.Linear(2, 1), loss, [torch.ones(3, 2)], **options).value()


def test_an_objective_needs_batches():
    with pytest.raises(ValueError, match="at least one batch"):
        Objective(nn.Linear(2, 1), crossentropy, [])


def test_randomness_in_the_loss_is_found():
    objective = Objective(
        nn.Linear(2, 1), lambda model, x: (model(torch.randn_like(x)).square().sum(), 3), [torch.ones(3, 2)]
    )
    with pytest.raises(ValueError, match="draws random numbers"):
        repeat_difference(objective, objective.value())
    steady = transformer().objective()
    assert repeat_difference(steady, steady.value()) == 0


def test_the_differentiated_loss_is_the_evaluated_one():
    for build in PROBLEMS.values():
        objective = build().objective()
        assert path_difference(objective, objective.value()) < 1e-12
    other = Objective(
        nn.Linear(2, 1), lambda m, x: ((m(x) + torch.is_grad_enabled()).square().sum(), 3), [torch.ones(3, 2)]
    )
    with pytest.warns(UserWarning, match="differentiated"):
        path_difference(other, other.value())


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_loss_that_is_finite_only_where_it_is_differentiated_is_refused_with_a_remedy(bad):
    """L = ‖θ‖², but ``bad`` without gradients, as torch's fused encoder layer is on fully masked rows."""
    model = nn.Linear(2, 1, bias=False)
    nn.init.ones_(model.weight)

    def loss(model, _):
        return model.weight.square().sum() + (0.0 if torch.is_grad_enabled() else bad), 1

    objective = Objective(model, loss, [None])
    assert objective.value(differentiable=True) == 2
    with pytest.warns(UserWarning, match="set_fastpath_enabled"):
        path_difference(objective, objective.value())
    with pytest.raises(ValueError, match="two evaluations"):
        repeat_difference(objective, objective.value())
    for call in (
        lambda: curvature(objective),
        lambda: sharpness(objective, [0.1]),
        lambda: surface(objective, torch.ones(2), points=3),
        lambda: top_eigenpairs(HessianOperator(objective)),
        lambda: trace(HessianOperator(objective)),
        lambda: spectral_density(HessianOperator(objective)),
        lambda: block_eigenvalues(objective, {"all": "*"}),
    ):
        with pytest.raises(ValueError, match=f"the loss is {bad} evaluated and 2 differentiated.*set_fastpath_enabled"):
            call()


def test_complex_parameters_are_refused():
    with pytest.raises(ValueError, match="'weight' is torch.complex64.*view_as_real"):
        Objective(nn.Linear(2, 1, dtype=torch.cfloat), crossentropy, [torch.ones(3, 2)])


def test_attention_is_fused_where_it_may_be_and_agrees_in_float32():
    objective = Objective(Transformer().float(), next_item, transformer().batches)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert path_difference(objective, objective.value()) < 1e-5


def draw_groups(generator, groups):
    """Groups of correlated terms in random numbers, so that a naive standard error would be wrong."""
    counts = generator.integers(5, 30, groups)
    levels = generator.normal(size=groups)
    return counts * (2 + 0.5 * levels) + generator.normal(size=groups) * np.sqrt(counts), counts.astype(float)


def test_jackknife_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    inside = 0
    for _ in range(600):
        sums, counts = draw_groups(generator, 25)
        error = jackknife_error(sums[:, None], counts[:, None], np.ones(1))
        inside += abs(sums.sum() / counts.sum() - 2) < 1.96 * error
    assert 0.91 < inside / 600 < 0.97  # 95 %, less what 25 groups cost


def test_jackknife_of_a_sample_without_replacement_covers_its_population():
    generator = np.random.default_rng(1)
    sums, counts = draw_groups(generator, 40)
    truth, inside, uncorrected = sums.sum() / counts.sum(), 0, 0
    for _ in range(600):
        chosen = generator.permutation(40)[:25]
        estimate = sums[chosen].sum() / counts[chosen].sum()
        inside += abs(estimate - truth) < 1.96 * jackknife_error(
            sums[chosen, None], counts[chosen, None], np.ones(1), 40
        )
        uncorrected += abs(estimate - truth) < 1.96 * jackknife_error(
            sums[chosen, None], counts[chosen, None], np.ones(1)
        )
    assert 0.90 < inside / 600 < 0.98 < uncorrected / 600


def test_jackknife_of_equal_groups_is_the_error_of_a_mean():
    x = np.random.default_rng(2).normal(size=12)
    error = jackknife_error(x[:, None], np.ones((12, 1)), np.array([3.0]))
    assert error == pytest.approx(3 * x.std(ddof=1) / math.sqrt(12))


def test_standard_error_of_an_objective():
    objective = two_parts().objective()
    _, sums, counts = objective.by_batch()
    assert objective.standard_error() == pytest.approx(jackknife_error(sums, counts, np.array([0.3, 2.0])))
    assert objective.standard_error(population=3) == 0
    assert objective.standard_error(population=6) == pytest.approx(objective.standard_error() / math.sqrt(2))
    with pytest.raises(ValueError, match="population=2 is smaller than the 3 batches"):
        objective.standard_error(population=2)


def test_one_batch_has_no_standard_error():
    problem = linear_regression()
    alone = Objective(problem.model, problem.loss, problem.batches[:1])
    assert math.isnan(alone.standard_error()) and alone.standard_error(population=1) == 0
