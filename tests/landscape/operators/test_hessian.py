import gc
import math
import warnings

import numpy as np
import pytest
import torch
from curvlinops import HessianLinearOperator
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import eigsh
from torch.utils.flop_counter import FlopCounterMode

from landscape import HessianOperator, Objective, asymmetry, curvature, top_eigenpairs
from tests.support.problems import (
    PROBLEMS,
    Problem,
    convolutional,
    crossentropy,
    linear_regression,
    logistic,
    squares,
    transformer,
)
from tests.support.splits import recommender


@pytest.fixture(params=PROBLEMS)
def problem(request) -> Problem:
    return PROBLEMS[request.param]()


def restricted(problem: Problem) -> torch.Tensor:
    dense, mask = problem.dense_hessian(), problem.objective().space.mask
    return dense if mask is None else dense * mask * mask[:, None]


@pytest.mark.slow
def test_products_are_those_of_the_dense_hessian(problem):
    H, dense = HessianOperator(problem.objective()), restricted(problem)
    vectors = torch.randn(len(dense), 3).double()
    torch.testing.assert_close(H @ vectors[:, 0], dense @ vectors[:, 0], rtol=1e-9, atol=1e-11)
    assert H.shape == dense.shape and H.products == 1
    torch.testing.assert_close(H @ vectors, dense @ vectors, rtol=1e-9, atol=1e-11)
    assert H.products == 4


@pytest.mark.slow
def test_eigenpairs_are_those_of_the_dense_hessian(problem):
    H = HessianOperator(problem.objective())
    pairs = top_eigenpairs(H, 3, tolerance=1e-9, max_products=300)
    exact = torch.linalg.eigvalsh(restricted(problem)).flip(0)
    np.testing.assert_allclose(pairs.values, exact[:3], rtol=1e-8)
    np.testing.assert_allclose(pairs.bottom.values[0], exact[-1], rtol=1e-6, atol=1e-8)
    assert pairs.products == H.products
    v = torch.from_numpy(pairs.vectors[0])
    torch.testing.assert_close(H @ v, pairs.values[0] * v, rtol=0, atol=1e-7)
    assert float(((H @ v) - pairs.values[0] * v).norm()) == pytest.approx(pairs.residuals[0], abs=1e-12)


@pytest.mark.slow
def test_arpack_agrees_through_scipy(problem):
    H = HessianOperator(problem.objective())
    found = eigsh(H.to_scipy(), 1, which="LA", tol=1e-9)[0]
    np.testing.assert_allclose(top_eigenpairs(H, 1, tolerance=1e-9, max_products=300).values, found, rtol=1e-8)


def test_the_scipy_operator_takes_vectors_and_matrices():
    problem = linear_regression()
    operator, dense = HessianOperator(problem.objective()).to_scipy(), problem.dense_hessian().numpy()
    assert operator.dtype == np.float64
    np.testing.assert_allclose(operator @ np.eye(5)[:, ::2], dense[:, ::2], rtol=1e-12)
    np.testing.assert_allclose(operator.T @ np.arange(5), dense @ np.arange(5), rtol=1e-12)
    np.testing.assert_allclose(operator.rmatvec(np.ones(5)), dense.sum(1), rtol=1e-12)
    single = HessianOperator(
        type(problem)(
            problem.model.float(), problem.loss, [(x.float(), y.float()) for x, y in problem.batches]
        ).objective()
    )
    assert single.to_scipy().dtype == np.float32 and (single.to_scipy() @ np.ones(5)).dtype == np.float32


def test_curvlinops_agrees():
    """Its sum over ragged batches, divided by the number of all terms, is our mean."""
    problem = convolutional()
    parameters = list(problem.model.eval().parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = HessianLinearOperator(
            problem.model, torch.nn.CrossEntropyLoss(reduction="sum"), parameters, problem.batches
        )
        v = torch.randn(theirs.shape[1]).double()
        product = theirs @ v / sum(len(y) for _, y in problem.batches)
    assert problem.loss is crossentropy
    torch.testing.assert_close(HessianOperator(problem.objective()) @ v, product)


def test_a_hessian_elsewhere():
    problem = transformer()
    objective = problem.objective()
    theta = objective.params + 0.2
    with torch.no_grad():
        for parameter in problem.model.parameters():
            parameter += 0.2
    v = torch.randn(len(theta)).double()
    torch.testing.assert_close(HessianOperator(objective, theta) @ v, HessianOperator(problem.objective()) @ v)


def tensor_bytes() -> int:
    """The storages of all tensors that are alive in Python, as those of a retained graph are."""
    tensors = [each for each in gc.get_objects() if type(each) is torch.Tensor]
    storages = [each.untyped_storage() for each in tensors if each.layout is torch.strided]  # sparse ones have none
    # Empty storages and those without memory all lie at 0: which of them is counted would be chance.
    return sum({each.data_ptr(): each.nbytes() for each in storages if each.data_ptr()}.values())


def operations(function) -> int:
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


@pytest.mark.slow
@settings(max_examples=20)
@given(
    name=st.sampled_from(sorted(PROBLEMS)), retain=st.integers(0, 20_000) | st.just(2**30), columns=st.integers(1, 3)
)
def test_products_on_retained_graphs_are_the_same_to_the_last_bit(name, retain, columns):
    objective = PROBLEMS[name]().objective()
    theta = objective.params + 0.1
    rows = torch.randn(columns, len(theta), generator=torch.Generator().manual_seed(columns)).double()
    H = HessianOperator(objective, theta, retain=retain)
    for _ in range(3):
        assert torch.equal(H @ rows[0], objective.hvp(rows[0], theta))
        assert torch.equal(H @ rows.T, objective.hvp(rows, theta).T)


def test_dropout_masks_are_retained_with_the_graphs():
    objective = convolutional().objective(training_mode_seed=3)
    v = torch.randn(objective.space.size).double()
    H = HessianOperator(objective)
    assert torch.equal(H @ v, objective.hvp(v)) and torch.equal(H @ v, objective.hvp(v))


@pytest.mark.slow
def test_graphs_fit_into_the_bytes_given_and_are_freed_with_the_operator():
    objective = recommender().objective()
    v = torch.randn(objective.space.size).double()
    objective.hvp(v)
    gc.collect()
    gc.disable()  # what is freed below is in no cycle
    try:
        before = tensor_bytes()

        def retained(limit: int) -> int:
            H = HessianOperator(objective, retain=limit)
            point = tensor_bytes() - before
            H @ v
            return tensor_bytes() - before - point

        assert retained(0) == 0
        everything = retained(2**30)
        assert everything > 5 * objective.params.nbytes
        batches = sum(each.nbytes for batch in objective.batches for each in vars(batch).values() if each is not None)
        assert retained(everything + batches) == everything  # what a batch holds anyway is counted with its graph
        assert 0 < retained(everything - 1) < everything
        assert retained(64) == 0
        assert tensor_bytes() == before
    finally:
        gc.enable()


def test_a_product_on_retained_graphs_takes_six_passes_of_nine():
    objective = recommender().objective()
    v = torch.randn(objective.space.size).double()
    assert objective.counts.sum()  # found in a pass of their own
    forward = operations(lambda: objective.value(differentiable=True))
    again, kept = HessianOperator(objective, retain=0), HessianOperator(objective)
    assert operations(lambda: kept @ v) == operations(lambda: again @ v) <= 9 * forward
    assert operations(lambda: again @ v) - operations(lambda: kept @ v) == 3 * forward > 0


def test_a_loss_that_takes_no_hooks_has_nothing_retained():
    def loss(model, batch):
        slopes = torch.func.vmap(torch.func.grad(lambda x: model(x).logsumexp(0)))(batch[0])
        return (slopes**2).sum(), len(slopes)

    problem = logistic()
    objective = Objective(problem.model, loss, problem.batches)
    H, v = HessianOperator(objective), torch.randn(15).double()
    assert torch.equal(H @ v, objective.hvp(v)) and torch.equal(H @ v, objective.hvp(v))
    assert (H @ v).any()


@pytest.mark.parametrize("retain", [0, 2**30])
def test_parameters_changed_in_place_leave_an_operator_where_it_was(retain):
    objective = logistic().objective()
    theta = objective.params.clone()
    H, v = HessianOperator(objective, theta, retain=retain), torch.randn(15).double()
    before = H @ v
    theta += 0.1
    assert torch.equal(H @ v, before)
    assert not torch.equal(HessianOperator(objective, theta) @ v, before)


def test_data_changed_in_place_are_noticed():
    problem = logistic()
    H = HessianOperator(problem.objective())
    H @ torch.ones(15)
    problem.batches[1][0][0] = 0.0
    with pytest.raises(RuntimeError, match=r"\(11, 4\) that a product needs was changed in place after an earlier one"):
        H @ torch.ones(15)


def test_an_error_of_the_loss_is_raised_as_it_is():
    def loss(model, batch):
        total = model(batch).sum()
        if total.requires_grad:
            raise RuntimeError("no derivative of this")
        return total, len(batch)

    with pytest.raises(RuntimeError, match="no derivative of this"):
        HessianOperator(Objective(torch.nn.Linear(2, 1), loss, [torch.ones(3, 2)])) @ torch.ones(3)


def test_fixed_parameters_cost_a_graph_nothing():
    layers = torch.nn.Sequential(torch.nn.Linear(2, 50), torch.nn.Linear(50, 50), torch.nn.Linear(50, 1)).double()
    layers[1].requires_grad_(False)  # 20 kB
    objective = Objective(layers, squares, [(torch.randn(4, 2).double(), torch.randn(4, 1).double())])
    again, kept = HessianOperator(objective, retain=0), HessianOperator(objective, retain=10_000)
    v = kept @ torch.ones(objective.space.size)
    assert operations(lambda: kept @ v) < operations(lambda: again @ v)


def test_bytes_to_retain_are_checked():
    with pytest.raises(ValueError, match="retain=-1 must not be negative"):
        HessianOperator(linear_regression().objective(), retain=-1)


def test_vectors_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"\(4,\) does not fit an operator of shape \(5, 5\)"):
        HessianOperator(linear_regression().objective()) @ torch.ones(4)


@pytest.mark.filterwarnings("ignore:the products are not those of a symmetric matrix")
def test_asymmetry_is_rounding_for_a_hessian_and_large_for_what_is_none():
    for build in PROBLEMS.values():
        assert asymmetry(HessianOperator(build().objective())) < 1e-13
    matrix = torch.randn(20, 20, generator=torch.Generator().manual_seed(0))
    assert asymmetry(matrix) > 0.01
    assert top_eigenpairs(matrix, max_products=6).asymmetry > 0.1
    assert asymmetry(torch.zeros(3, 3)) == 0
    assert math.isnan(asymmetry(torch.full((3, 3), torch.nan)))
    skew = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    u, v = torch.nn.functional.normalize(
        torch.randn(2, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64).float(), dim=1
    )
    assert asymmetry(skew, seed=4) == pytest.approx(2 * abs(float(u @ skew @ v)), rel=1e-5)


def test_a_curvature_needs_a_gradient():
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    objective = Objective(model, lambda model, batch: (model.weight.square().sum().sqrt(), 1), [None])
    with pytest.raises(ValueError, match="the gradient of the loss is not finite, where the loss is 0"):
        curvature(objective)


@pytest.mark.slow
def test_curvature_reports_what_its_parts_do():
    problem = transformer()
    objective = problem.objective()
    found = curvature(objective, 2, tolerance=1e-6, population=8)
    exact = torch.linalg.eigvalsh(restricted(problem)).flip(0)
    np.testing.assert_allclose(found.pairs.values, exact[:2], rtol=1e-6)
    assert found.loss == objective.value()
    assert found.loss_stderr == objective.standard_error(population=8)
    assert found.gradient_norm == pytest.approx(float(objective.gradient().norm()))
    assert found.params_norm == pytest.approx(float(objective.params[objective.space.mask].norm()))
    assert found.asymmetry < 1e-12
    assert found.metadata["parameters"] - found.metadata["parameters_taking_part"] == 4
    again = curvature(objective, 2, tolerance=1e-6, seed=1)
    assert math.isclose(found.pairs.values[0], again.pairs.values[0], rel_tol=1e-9)
