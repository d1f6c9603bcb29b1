"""Models as people have them: half precision, wrappers, recurrence, adapters, operations without second derivatives."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.nn.utils.parametrizations import weight_norm
from torch.optim.swa_utils import AveragedModel

from landscape import (
    CompositeLoss,
    FisherOperator,
    GaussNewtonOperator,
    HessianOperator,
    Objective,
    cosine,
    curvature,
    random_direction,
    random_plane,
    spectral_density,
    supervised,
    surface,
    top_eigenpairs,
    trace,
)
from landscape.figures.captions.curvatures import curvature_warnings
from landscape.operators.gradient_differences import GradientDifferences


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 2))


def data(dtype: torch.dtype = torch.float32) -> list[tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    x = torch.randn(64, 5)
    y = (x[:, 0] * x[:, 1] > 0).long()
    return [(x[:40].to(dtype), y[:40]), (x[40:].to(dtype), y[40:])]


def outer(scores, batch):
    return F.cross_entropy(scores.float() if scores.dtype.itemsize < 4 else scores, batch[1], reduction="sum"), len(
        batch[1]
    )


loss = CompositeLoss(lambda model, batch: model(batch[0]), outer)


def dense(objective: Objective) -> torch.Tensor:
    """The Hessian by torch alone, of the mean over all batches."""

    def value(theta):
        pieces = theta.split([shape.numel() for shape in objective.space.shapes])
        views = {
            name: piece.view(shape)
            for name, shape, piece in zip(objective.space.names, objective.space.shapes, pieces, strict=True)
        }

        class Both(nn.Module):
            def __init__(self):
                super().__init__()
                self.model = objective.model

            def forward(self, batch):
                return objective.loss(self.model, batch)

        terms = [
            functional_call(Both().eval(), {f"model.{name}": view for name, view in views.items()}, (batch,))
            for batch in objective.batches
        ]
        return sum(total for total, _ in terms) / sum(float(count) for _, count in terms)

    return hessian(value, objective.params)


@pytest.mark.parametrize(("dtype", "allowed"), [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
@pytest.mark.parametrize("operator", [HessianOperator, GaussNewtonOperator])
def test_half_precision_is_computed_around_a_vector_in_single_precision(dtype, allowed, operator):
    objective = Objective(network().to(dtype), loss, data(dtype))
    reference = Objective(network().to(dtype).double(), loss, data(torch.float64))
    assert objective.params.dtype == torch.float32 and objective.space.dtypes == (dtype,) * 4
    assert objective.value() == pytest.approx(reference.value(), rel=allowed)
    expected = top_eigenpairs(operator(reference)).values[0]
    assert top_eigenpairs(operator(objective), tolerance=allowed).values[0] == pytest.approx(expected, rel=allowed)
    assert operator(objective).to_scipy().dtype == np.float32
    assert trace(operator(objective), max_products=60).mean == pytest.approx(
        trace(operator(reference), max_products=60).mean, rel=3 * allowed
    )
    assert np.isfinite(spectral_density(operator(objective), probes=2, steps=6).trace()[0])


def test_half_precision_has_a_curvature_and_a_surface():
    objective = Objective(network().bfloat16(), loss, data(torch.bfloat16))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(curvature(objective).pairs.values[0])
        plane = random_plane(objective.space, objective.params)
        assert surface(objective, plane.x, plane.y, points=5).range[1] > objective.value()


def test_mixed_precision_takes_the_finest():
    model = network()
    model[0].bfloat16()

    def mixed(model, batch):
        scores = model[2](model[1](model[0](batch[0].bfloat16())).float())
        return F.cross_entropy(scores, batch[1], reduction="sum"), len(batch[1])

    objective = Objective(model, mixed, data())
    assert objective.params.dtype == torch.float32
    assert [str(dtype) for dtype in objective.space.dtypes] == ["torch.bfloat16"] * 2 + ["torch.float32"] * 2
    assert top_eigenpairs(HessianOperator(objective)).values[0] > 0


@pytest.mark.parametrize(
    "wrap",
    [nn.DataParallel, lambda model: torch.compile(model, backend="eager"), AveragedModel],
    ids=["DataParallel", "torch.compile", "AveragedModel"],
)
def test_a_wrapper_changes_nothing(wrap):
    bare, wrapped = Objective(network(), loss, data()), Objective(wrap(network()), loss, data())
    assert wrapped.space.names == bare.space.names
    draw = random_direction(bare.space, bare.params, seed=0)
    assert cosine(draw, random_direction(wrapped.space, wrapped.params, seed=0)) == pytest.approx(1)
    for operator in (HessianOperator, GaussNewtonOperator):
        torch.testing.assert_close(operator(wrapped) @ draw, operator(bare) @ draw)


def test_a_compiled_model_has_products():
    compiled = Objective(torch.compile(network(), backend="aot_eager"), loss, data())
    bare = Objective(network(), loss, data())
    v = random_direction(bare.space, bare.params, seed=0)
    torch.testing.assert_close(HessianOperator(compiled) @ v, HessianOperator(bare) @ v)


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag, self.out = nn.EmbeddingBag(12, 6), nn.Linear(6, 2)

    def forward(self, words):
        return self.out(torch.tanh(self.bag(words)))


class Mean(Bag):
    """The same in operations that can be differentiated twice."""

    def forward(self, words):
        return self.out(torch.tanh(F.embedding(words, self.bag.weight).mean(1)))


def words() -> list[tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    drawn = torch.randint(1, 12, (20, 5))
    return [(drawn, drawn[:, 0] % 2)]


@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float64, 1e-9), (torch.float32, 2e-4)])
def test_what_has_no_second_derivative_is_multiplied_by_differences_and_says_so(dtype, allowed):
    torch.manual_seed(0)
    bag = Bag().to(dtype)
    mean = Mean().to(dtype)
    mean.load_state_dict(bag.state_dict())
    H, exact = HessianOperator(Objective(bag, loss, words())), HessianOperator(Objective(mean, loss, words()))
    with pytest.warns(UserWarning, match="central differences of gradients, .* relative error .*_embedding_bag"):
        pairs = top_eigenpairs(H)
    assert 0 < H.relative_error < allowed and "not implemented" in H.method
    expected = top_eigenpairs(exact)
    assert pairs.values[0] == pytest.approx(expected.values[0], rel=allowed)
    v = torch.randn(H.shape[0], dtype=dtype)
    torch.testing.assert_close(H @ (3 * v), exact @ (3 * v), rtol=0, atol=4 * allowed * float((exact @ v).norm()))
    with pytest.warns(UserWarning, match="central differences"):
        result = curvature(Objective(bag, loss, words()))
    assert "central differences" in result.metadata["products"]
    assert "central differences" in result.tables()[0].title
    assert any("central differences" in warning for warning in curvature_warnings(result))
    with pytest.raises(RuntimeError, match="not implemented"):
        HessianOperator(Objective(bag, loss, words()), differences=False) @ v


def test_no_residual_is_smaller_than_the_error_of_the_products():
    objective = Objective(network().double(), loss, data(torch.float64))
    H = HessianOperator(objective, differences=True)
    _ = H @ torch.ones(66).double()
    H.relative_error = 1e-3  # as if products were worse than they are
    pairs = top_eigenpairs(H, k=2, tolerance=1e-12)
    residuals = np.concatenate([pairs.residuals, pairs.bottom.residuals])
    assert (residuals >= 1e-3 * pairs.values[0]).all() and not pairs.converged.any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_step_of_the_differences_is_about_the_best_of_those_tried(dtype):
    objective = Objective(network().to(dtype), loss, data(dtype))
    torch.manual_seed(0)
    v = torch.nn.functional.normalize(torch.randn(66, dtype=dtype), dim=0)
    exact = HessianOperator(objective) @ v
    differences = GradientDifferences(objective, objective.params)
    error = float((differences.products(v) - exact).norm() / exact.norm())
    largest = 16 * torch.finfo(dtype).eps ** (1 / 3) * float(objective.params.norm())
    errors = []
    for halvings in range(1, 8):
        at_step = GradientDifferences(objective, objective.params)
        at_step.step = largest / 2**halvings
        errors.append(float((at_step.products(v) - exact).norm() / exact.norm()))
    assert error <= 3 * min(errors) and max(errors[0], errors[-1]) > 4 * min(errors)
    assert error / 10 < differences.relative_error < 30 * error


def test_gauss_newton_and_fisher_of_what_has_no_second_derivative():
    torch.manual_seed(0)
    bag, mean = Bag().double(), Mean().double()
    mean.load_state_dict(bag.state_dict())
    criterion = supervised(F.cross_entropy)
    v = torch.randn(86).double()
    for operator in (GaussNewtonOperator, FisherOperator):
        expected = operator(Objective(mean, criterion, words())) @ v
        with pytest.warns(UserWarning, match="central differences of outputs"):
            product = operator(Objective(bag, criterion, words())) @ v
        torch.testing.assert_close(product, expected, rtol=1e-6, atol=1e-9)


def test_differences_on_request_are_those_of_exact_products():
    objective = Objective(network().double(), loss, data(torch.float64))
    v = torch.randn(objective.space.size).double()
    H = HessianOperator(objective, differences=True)
    torch.testing.assert_close(H @ v, HessianOperator(objective) @ v, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(H @ torch.stack([v, 0 * v], 1), torch.stack([H @ v, 0 * v], 1))
    assert H.relative_error < 1e-7 and H.method.startswith("central differences of gradients, with a relative error")


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return ctx.saved_tensors[0].cos() * gradient


def test_a_function_differentiable_once_is_not_left_out_of_products():
    """torch drops its part of a second derivative where another path leads to the parameters."""
    model = network().double()
    half = CompositeLoss(lambda m, batch: m(batch[0]) + Once.apply(m(batch[0])), outer)
    exact = CompositeLoss(lambda m, batch: m(batch[0]) + m(batch[0]).sin(), outer)
    batches = data(torch.float64)
    H, reference = HessianOperator(Objective(model, half, batches)), HessianOperator(Objective(model, exact, batches))
    v = torch.randn(H.shape[0]).double()
    with pytest.warns(UserWarning, match="once_differentiable"):
        torch.testing.assert_close(H @ v, reference @ v, rtol=1e-6, atol=1e-8)


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x.roll(1, 1) * gradient  # of the other score


def test_a_wrong_derivative_is_said_by_eigenpairs_curvature_and_page():
    wrong = CompositeLoss(lambda model, batch: Wrong.apply(model(batch[0])), outer)
    objective = Objective(network().double(), wrong, data(torch.float64))
    with pytest.warns(UserWarning, match="not those of a symmetric matrix.*gradcheck"):
        pairs = top_eigenpairs(HessianOperator(objective), k=2)
    assert not pairs.symmetric and "NOT SYMMETRIC" in repr(pairs)
    with pytest.warns(UserWarning, match="not those of a symmetric matrix"):
        result = curvature(objective)
    assert "NOT SYMMETRIC" in repr(result)
    assert any("not those of a symmetric matrix" in warning for warning in curvature_warnings(result))
    right = top_eigenpairs(HessianOperator(Objective(network(), loss, data())))
    assert right.symmetric and "SYMMETRIC" not in repr(right)


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], sparse: bool = False):
        super().__init__()
        self.table = nn.Embedding(12, 4, sparse=sparse)
        self.cells, self.out = kind(4, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, words):
        packed = nn.utils.rnn.pack_padded_sequence(self.table(words), torch.full((len(words),), 4), batch_first=True)
        states = nn.utils.rnn.pad_packed_sequence(self.cells(packed)[0], batch_first=True)[0]
        return self.out(states[:, -1])


def normalised() -> nn.Module:
    model = network()
    weight_norm(model[0])
    return model


@pytest.mark.parametrize(
    ("model", "batches"),
    [
        (normalised, data),
        (lambda: Recurrent(nn.LSTM), words),
        (lambda: Recurrent(nn.GRU, sparse=True), words),
    ],
    ids=["weight norm", "LSTM", "GRU, sparse table"],
)
def test_gauss_newton_products_do_not_depend_on_what_fits(model, batches):
    torch.manual_seed(0)
    model = model().double()
    batches = [(x.double() if x.is_floating_point() else x, y) for x, y in batches()]
    objective = Objective(model, loss, batches)
    v = torch.randn(objective.space.size).double()
    kept = GaussNewtonOperator(objective) @ v
    torch.testing.assert_close(GaussNewtonOperator(objective, retain=0) @ v, kept)
    assert kept.any() and float(v @ kept) > 0


def older() -> nn.Module:
    model = network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.nn.utils.weight_norm(model[2])
    return model


def whole() -> nn.Module:
    model = network()
    weight_norm(model[0], dim=None)
    return model


@pytest.mark.parametrize("make", [normalised, older, whole])
def test_the_second_derivative_of_a_weight_norm_is_that_of_its_formula(make):
    """torch's own is wrong: differences of gradients, which need none, are the reference."""
    objective = Objective(make().double(), loss, data(torch.float64))
    v = torch.randn(objective.space.size).double()
    exact = HessianOperator(objective) @ v
    torch.testing.assert_close(exact, HessianOperator(objective, differences=True) @ v, rtol=1e-6, atol=1e-8)
    assert top_eigenpairs(HessianOperator(objective), k=2).asymmetry < 1e-12
    assert "forward" not in vars(objective.model[0])
    for module in objective.model.modules():  # the model is as it was
        assert not any(key in vars(module) for key in ("forward", "compute_weight"))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_recurrent_network_has_the_hessian_of_its_dense_reference(kind):
    torch.manual_seed(0)
    objective = Objective(Recurrent(kind, sparse=True).double(), loss, words())
    objective.model.table.sparse = False  # for the reference alone
    reference = dense(objective)
    objective.model.table.sparse = True
    v = torch.randn(objective.space.size).double()
    torch.testing.assert_close(HessianOperator(objective) @ v, reference @ v)
    assert objective.model.table.sparse is True


class Tied(nn.Module):
    """As language models have it: the table is the output layer, and row 0 is padding."""

    def __init__(self, *, functional: bool):
        super().__init__()
        self.table = nn.Embedding(12, 6, padding_idx=0)
        self.functional = functional
        if not functional:
            self.out = nn.Linear(6, 12, bias=False)
            self.out.weight = self.table.weight

    def forward(self, words):
        state = torch.tanh(self.table(words).mean(1))
        return state @ self.table.weight.T if self.functional else self.out(state)


@pytest.mark.parametrize("functional", [False, True])
def test_the_padding_row_of_a_tied_table_is_part_of_the_landscape(functional):
    torch.manual_seed(0)
    model = Tied(functional=functional).double()
    drawn = torch.randint(1, 12, (20, 5))
    drawn[:4, :2] = 0  # and it is looked up
    objective = Objective(model, loss, [(drawn, drawn[:, 4])])
    assert objective.space.active == 72
    step = torch.zeros(72).double()
    step[2] = 1e-5
    ahead, behind = (objective.value(objective.params + sign * step) for sign in (1, -1))
    assert objective.gradient()[2] == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)
    assert model.table.padding_idx == 0


def test_a_low_rank_adapter_leaves_its_base_alone():
    class Adapted(nn.Module):
        def __init__(self):
            super().__init__()
            self.base = nn.Linear(5, 2).requires_grad_(False)
            self.a, self.b = nn.Linear(5, 3, bias=False), nn.Linear(3, 2, bias=False)

        def forward(self, x):
            return self.base(x) + self.b(self.a(x))

    torch.manual_seed(0)
    model = Adapted().double()
    before = copy.deepcopy(model.state_dict())
    objective = Objective(model, loss, data(torch.float64))
    assert objective.space.names == ("a.weight", "b.weight")
    torch.testing.assert_close(
        HessianOperator(objective) @ torch.ones(21).double(), dense(objective) @ torch.ones(21).double()
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
