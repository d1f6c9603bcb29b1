"""Gauss-Newton matrices against dense ones from explicit Jacobians, closed forms and another library."""

import warnings
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from curvlinops import GGNLinearOperator
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from landscape import HessianOperator, Objective, ParamSpace, asymmetry, top_eigenpairs
from landscape.objectives.composite_loss import CompositeLoss
from landscape.operators.gauss_newton import GaussNewtonOperator
from landscape.training.losses.next_item import recommendation
from tests.support.problems import PROBLEMS, Problem, linear_regression, logistic, two_parts
from tests.support.splits import (
    SPLITS,
    SplitProblem,
    classes,
    images,
    least_squares,
    logits,
    parts,
    recommender,
    sequences,
    softmax,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture(params=SPLITS)
def split(request) -> SplitProblem:
    return SPLITS[request.param]()


def dense(operator) -> Tensor:
    return operator @ torch.eye(operator.shape[0], dtype=operator.dtype)


def drawn(n: int, *columns: int) -> Tensor:
    return torch.randn(n, *columns, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@pytest.mark.slow
def test_products_are_those_of_the_dense_matrix(split):
    G, expected = GaussNewtonOperator(split.objective()), split.dense_gauss_newton()
    vectors = drawn(len(expected), 3)
    torch.testing.assert_close(G @ vectors[:, 0], expected @ vectors[:, 0], **CLOSE)
    assert G.shape == expected.shape and G.products == 1
    torch.testing.assert_close(G @ vectors, expected @ vectors, **CLOSE)
    assert G.products == 4


@pytest.mark.slow
def test_it_is_symmetric_and_positive_semidefinite(split):
    G = GaussNewtonOperator(split.objective())
    assert asymmetry(G) < 1e-13
    pairs = top_eigenpairs(G, 1, tolerance=1e-8, max_products=400)
    assert pairs.bottom.values[0] > -1e-12 * pairs.values[0]
    np.testing.assert_allclose(pairs.values[0], torch.linalg.eigvalsh(split.dense_gauss_newton())[-1], rtol=1e-7)


def test_it_is_the_hessian_where_the_outputs_are_linear_in_the_parameters(split):
    objective = split.objective()
    vectors = drawn(objective.space.size, 4)
    difference = GaussNewtonOperator(objective) @ vectors - HessianOperator(objective) @ vectors
    assert (float(difference.abs().max()) < 1e-13) == split.linear


def test_weighted_parts_that_are_linear_in_the_parameters_have_their_hessian():
    def outer(z, batch):
        y = batch[1]
        rows = y >= 1
        return {
            "a": (F.cross_entropy(z, y, reduction="sum"), len(y)),
            "b": (torch.exp(z[rows]).sum(), rows.sum()),
            "c": (z.sum(), 7),  # without curvature
        }

    problem = replace(logistic(), loss=CompositeLoss(logits, outer), weights={"a": 0.3, "b": -1.7, "c": 5.0})
    objective = problem.objective()
    G, H = dense(GaussNewtonOperator(objective)), dense(HessianOperator(objective))
    torch.testing.assert_close(G, H, **CLOSE)
    torch.testing.assert_close(G, problem.dense_hessian(), **CLOSE)


def test_the_closed_form_of_a_softmax():
    """Σ (diag p − p pᵀ) ⊗ x xᵀ / N for the weights of a linear layer."""
    split = classes()
    model, n = split.problem.model, sum(len(y) for _, y in split.problem.batches)
    expected = torch.zeros(15, 15, dtype=torch.float64)
    for x, _ in split.problem.batches:
        for row in x:
            p = torch.softmax(model(row), 0).detach()
            inputs = torch.cat([torch.kron(torch.eye(3).double(), row), torch.eye(3).double()], dim=1)  # (3, 15)
            expected += inputs.T @ (torch.diag(p) - torch.outer(p, p)) @ inputs / n
    torch.testing.assert_close(dense(GaussNewtonOperator(split.objective())), expected, **CLOSE)


def test_the_closed_form_of_least_squares():
    split = least_squares()
    x = torch.cat([x for x, _ in split.problem.batches])
    torch.testing.assert_close(dense(GaussNewtonOperator(split.objective())), 2 * x.T @ x / len(x), **CLOSE)


def test_curvlinops_agrees():
    """Its sum over ragged batches, divided by the number of all terms, is our mean."""
    split = images()
    problem = split.problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = GGNLinearOperator(
            problem.model.eval(),
            torch.nn.CrossEntropyLoss(reduction="sum"),
            list(problem.model.parameters()),
            problem.batches,
        )
        v = drawn(theirs.shape[1])
        product = theirs @ v / sum(len(y) for _, y in problem.batches)
    torch.testing.assert_close(GaussNewtonOperator(split.objective()) @ v, product)


@pytest.mark.slow
@given(cuts=st.sets(st.integers(1, 19)))
def test_how_rows_are_cut_into_batches_changes_nothing(cuts):
    split = classes()
    x, y = (torch.cat(each) for each in zip(*split.problem.batches, strict=True))
    places = [0, *sorted(cuts), len(x)]
    batches = [(x[a:b], y[a:b]) for a, b in pairwise(places)]
    v = drawn(15)
    other = GaussNewtonOperator(replace(split.problem, batches=batches).objective()) @ v
    torch.testing.assert_close(other, GaussNewtonOperator(split.objective()) @ v)


@pytest.mark.parametrize(
    ("split", "whole"), [(least_squares, "linear_regression"), (sequences, "transformer"), (parts, "two_parts")]
)
def test_a_split_loss_is_the_whole_one(split, whole):
    ours, theirs = split().objective(), PROBLEMS[whole]().objective()
    assert ours.value() == pytest.approx(theirs.value(), rel=1e-14)
    torch.testing.assert_close(ours.gradient(), theirs.gradient(), **CLOSE)


def test_the_split_recommender_has_the_loss_it_is_trained_with():
    problem = recommender().problem
    whole = replace(problem, loss=recommendation).objective()
    assert problem.objective().value() == pytest.approx(whole.value(), rel=1e-14)
    counts = whole.counts.flatten().tolist()
    assert len(set(counts)) == 2  # batches weigh differently


@pytest.mark.slow
def test_rows_of_coordinates_that_take_no_part_are_zero():
    split = sequences()
    objective = split.objective()
    out = ~objective.space.mask
    G = dense(GaussNewtonOperator(objective))
    assert out.sum() == 4 and not G[out].any() and not G[:, out].any()
    assert GaussNewtonOperator(objective).active == len(G) - 4


@pytest.mark.slow
def test_excluded_rows_take_no_part_even_where_they_move_the_loss():
    split = sequences()
    space = ParamSpace(split.problem.model, exclude_rows={"items.weight": [2, 5], "qkv.bias": [1]})
    mask = space.mask.double()
    expected = split.dense_gauss_newton()
    assert (expected - expected * torch.outer(mask, mask)).any()
    G = dense(GaussNewtonOperator(split.objective(space=space)))
    torch.testing.assert_close(G, expected * torch.outer(mask, mask), **CLOSE)


def test_the_matrix_elsewhere():
    split = sequences()
    objective = split.objective()
    theta = objective.params + 0.2
    with torch.no_grad():
        for parameter in split.problem.model.parameters():
            parameter += 0.2
    v = drawn(len(theta))
    there = GaussNewtonOperator(split.objective()) @ v
    torch.testing.assert_close(GaussNewtonOperator(objective, theta) @ v, there)
    assert float((GaussNewtonOperator(objective) @ v - there).norm() / there.norm()) > 0.01


def test_dropout_masks_are_those_of_the_loss():
    problem = logistic()
    model = nn.Sequential(nn.Dropout(0.5), problem.model)
    objective = Objective(model, CompositeLoss(logits, softmax), problem.batches, training_mode_seed=3)
    G = dense(GaussNewtonOperator(objective))
    torch.testing.assert_close(G, dense(HessianOperator(objective)), **CLOSE)
    still = dense(GaussNewtonOperator(Objective(model, CompositeLoss(logits, softmax), problem.batches)))
    assert float((G - still).abs().max()) > 0.01


def test_a_part_of_weight_zero_may_be_infinite():
    def outer(z, batch):
        return {"labels": softmax(z, batch), "broken": (z.sum() / 0, 1)}

    problem = replace(logistic(), loss=CompositeLoss(logits, outer), weights={"labels": 2.0, "broken": 0.0})
    torch.testing.assert_close(
        dense(GaussNewtonOperator(problem.objective())), 2 * dense(GaussNewtonOperator(classes().objective()))
    )


def test_nothing_is_weighed():
    problem = replace(two_parts(), loss=parts().problem.loss, weights={"squares": 0.0, "labels": 0.0})
    G = GaussNewtonOperator(problem.objective())
    assert not (G @ torch.ones(G.shape[0])).any()


class Named(NamedTuple):
    scores: Tensor
    labels: Tensor  # integers
    constants: Tensor  # that no parameter moves


def test_outputs_may_be_named_and_some_of_them_constant():
    def outputs(model, batch):
        return Named(model(batch[0]), batch[1], batch[0].sum(1))

    def outer(z, batch):
        terms = F.cross_entropy(z.scores * z.constants[:, None], z.labels, reduction="none")
        return terms.sum(), len(terms)

    problem = replace(logistic(), loss=CompositeLoss(outputs, outer))
    objective = problem.objective()
    G, again = GaussNewtonOperator(objective), GaussNewtonOperator(objective, retain=0)
    torch.testing.assert_close(dense(G), dense(HessianOperator(objective)), **CLOSE)
    assert operations(lambda: G @ torch.ones(15)) < operations(lambda: again @ torch.ones(15))


def test_a_batch_whose_outputs_no_parameter_moves_adds_its_terms_alone():
    def outputs(model, batch):
        return model(batch[0]) if len(batch[0]) > 3 else torch.zeros(len(batch[0]), 3).double()

    split = replace(logistic(), loss=CompositeLoss(outputs, softmax))
    rest = replace(split, batches=split.batches[1:])
    v = drawn(15)
    torch.testing.assert_close(
        GaussNewtonOperator(split.objective()) @ v, GaussNewtonOperator(rest.objective()) @ v * 17 / 20
    )


def test_the_outer_function_may_write_to_what_it_is_given():
    def outer(z, batch):
        z[:, 0] = -torch.inf
        return F.cross_entropy(z, batch[1].clamp_min(1), reduction="sum"), len(z)

    def outer_by_copy(z, batch):
        barred = torch.cat([torch.full_like(z[:, :1], -torch.inf), z[:, 1:]], dim=1)
        return F.cross_entropy(barred, batch[1].clamp_min(1), reduction="sum"), len(z)

    def outputs(model, batch):
        return model(batch[0]).exp()  # whose derivative needs the outputs themselves

    written, copied = (replace(logistic(), loss=CompositeLoss(outputs, each)) for each in (outer, outer_by_copy))
    torch.testing.assert_close(
        dense(GaussNewtonOperator(written.objective())), dense(GaussNewtonOperator(copied.objective())), **CLOSE
    )


def test_the_model_is_left_as_it_was():
    split = images()
    split.problem.model.train()
    before = {name: tensor.clone() for name, tensor in split.problem.model.state_dict().items()}
    G = GaussNewtonOperator(split.objective())
    v = drawn(G.shape[0])
    first = G @ v
    assert torch.equal(G @ v, first)
    assert all(module.training for module in split.problem.model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in split.problem.model.state_dict().items())
    assert not first.requires_grad and all(parameter.grad is None for parameter in split.problem.model.parameters())


def test_a_product_takes_five_times_the_operations_of_the_outputs_and_four_on_retained_graphs():
    """One for z, two each for Jv and Jᵀ: a product inside of the dual level would differentiate Jᵀ as well."""
    split = recommender()
    objective = split.objective()
    v = drawn(objective.space.size)
    assert objective.counts.sum()  # found in a pass of their own
    forward = operations(lambda: objective.value(differentiable=True))
    assert forward > 0
    G = GaussNewtonOperator(objective, retain=0)
    assert operations(lambda: G @ v) <= 5 * forward
    G = GaussNewtonOperator(objective)
    first = operations(lambda: G @ v)
    assert operations(lambda: G @ v) <= 4 * forward < first


def operations(function):
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


@pytest.mark.slow
def test_what_is_retained_changes_the_rounding_alone(split):
    objective = split.objective()
    vectors = drawn(objective.space.size, 2)
    expected = split.dense_gauss_newton() @ vectors
    for retain in (0, 3000, 2**30):
        G = GaussNewtonOperator(objective, retain=retain)
        first = G @ vectors
        torch.testing.assert_close(first, expected, **CLOSE)
        assert torch.equal(G @ vectors, first) and torch.equal(G @ vectors[:, 1], first[:, 1])


def test_outputs_count_as_memory_of_a_graph():
    model = nn.Linear(4, 300).double()
    batch = torch.randn(20, 4).double(), torch.arange(20)
    objective = Objective(model, CompositeLoss(logits, softmax), [batch])
    of_outputs = 20 * 300 * 8  # bytes of z, and as many of u
    v = torch.ones(objective.space.size)
    again, too_little, enough = (
        GaussNewtonOperator(objective, retain=retain) for retain in (0, of_outputs * 3 // 2, of_outputs * 5 // 2)
    )
    torch.testing.assert_close(too_little @ v, enough @ v)
    assert operations(lambda: too_little @ v) == operations(lambda: again @ v) > operations(lambda: enough @ v)


def test_a_loss_in_one_piece_is_refused():
    with pytest.raises(ValueError, match=r"'squares' does not say.*CompositeLoss\(outputs, outer\)"):
        GaussNewtonOperator(linear_regression().objective())


def test_outputs_that_are_no_tensors_are_refused():
    problem = replace(
        logistic(), loss=CompositeLoss(lambda model, batch: {"z": model(batch[0])}, lambda z, b: softmax(z["z"], b))
    )
    G = GaussNewtonOperator(problem.objective())
    with pytest.raises(ValueError, match="must be a tensor or a tuple of tensors; they are dict"):
        G @ torch.ones(15)


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


@pytest.mark.parametrize(
    ("function", "same"),
    [
        (Squared.apply, torch.square),
        (lambda x: checkpoint(torch.sin, x.exp(), use_reentrant=False), lambda x: x.exp().sin()),
    ],
)
def test_what_has_no_forward_mode_is_multiplied_on_graphs_retained_or_made_anew(function, same):
    with_, without = (
        replace(logistic(), loss=CompositeLoss(lambda model, batch, of=of: of(model(batch[0])), softmax)).objective()
        for of in (function, same)
    )
    v = drawn(15)
    expected = GaussNewtonOperator(without, retain=0) @ v
    torch.testing.assert_close(GaussNewtonOperator(with_) @ v, expected, **CLOSE)
    torch.testing.assert_close(GaussNewtonOperator(with_, retain=0) @ v, expected, **CLOSE)


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


@pytest.mark.parametrize("retain", [0, 2**30])
def test_where_there_is_neither_a_forward_mode_nor_a_second_derivative_outputs_are_differenced(retain):
    with_, without = (
        replace(logistic(), loss=CompositeLoss(lambda model, batch, of=of: of(model(batch[0])), softmax)).objective()
        for of in (Once.apply, torch.square)
    )
    v = drawn(15)
    G = GaussNewtonOperator(with_, retain=retain)
    with pytest.warns(UserWarning, match="central differences of outputs, .*once_differentiable"):
        product = G @ v
    torch.testing.assert_close(product, GaussNewtonOperator(without) @ v, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(G @ (3 * v), 3 * product, rtol=1e-7, atol=1e-9)
    assert 0 < G.relative_error < 1e-6


def test_single_precision():
    split = classes()
    v, expected = drawn(15), split.dense_gauss_newton()
    batches = [(x.float(), y) for x, y in split.problem.batches]
    G = GaussNewtonOperator(Problem(split.problem.model.float(), split.problem.loss, batches).objective())
    torch.testing.assert_close(G @ v, (expected @ v).float(), rtol=1e-4, atol=1e-5)
    assert G.to_scipy().dtype == np.float32
    assert repr(G) == "GaussNewtonOperator(15×15, torch.float32, cpu, 1 products)"


def test_vectors_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"\(4,\) does not fit an operator of shape \(15, 15\)"):
        GaussNewtonOperator(classes().objective()) @ torch.ones(4)
