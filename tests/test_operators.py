import math
import warnings

import numpy as np
import pytest
import torch
from curvlinops import HessianLinearOperator
from problems import PROBLEMS, Problem, convolutional, crossentropy, linear_regression, transformer
from scipy.sparse.linalg import eigsh

from landscape import HessianOperator, asymmetry, curvature, top_eigenpairs


@pytest.fixture(params=PROBLEMS)
def problem(request) -> Problem:
    return PROBLEMS[request.param]()


def restricted(problem: Problem) -> torch.Tensor:
    dense, mask = problem.dense_hessian(), problem.objective().space.mask
    return dense if mask is None else dense * mask * mask[:, None]


def test_products_are_those_of_the_dense_hessian(problem):
    H, dense = HessianOperator(problem.objective()), restricted(problem)
    vectors = torch.randn(len(dense), 3).double()
    torch.testing.assert_close(H @ vectors[:, 0], dense @ vectors[:, 0], rtol=1e-9, atol=1e-11)
    assert H.shape == dense.shape and H.products == 1
    torch.testing.assert_close(H @ vectors, dense @ vectors, rtol=1e-9, atol=1e-11)
    assert H.products == 4


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


def test_vectors_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"\(4,\) does not fit an operator of shape \(5, 5\)"):
        HessianOperator(linear_regression().objective()) @ torch.ones(4)


def test_asymmetry_is_rounding_for_a_hessian_and_large_for_what_is_none():
    generator = torch.Generator().manual_seed(0)
    for build in PROBLEMS.values():
        assert asymmetry(HessianOperator(build().objective()), generator) < 1e-13
    matrix = torch.randn(20, 20, generator=generator)
    assert asymmetry(matrix, generator) > 0.01
    assert top_eigenpairs(matrix, max_products=6).asymmetry > 0.1
    assert asymmetry(torch.zeros(3, 3), generator) == 0
    skew = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    u, v = torch.nn.functional.normalize(
        torch.randn(2, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64).float(), dim=1
    )
    assert asymmetry(skew, torch.Generator().manual_seed(4)) == pytest.approx(2 * abs(float(u @ skew @ v)), rel=1e-5)


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
