"""Errors of rises and eigenvalues from taking some of the data, against the jackknife by hand and against all data."""

import math

import numpy as np
import pytest
import torch

from landscape import FisherOperator, GaussNewtonOperator, HessianOperator, Objective, supervised, top_eigenpairs
from landscape.geometry.sampling import eigenvalue_error, quadratic_error, rise_errors

WEIGHTS = {"a": 0.5, "b": 2.0}


def two_parts(model, x):
    z = torch.tanh(model(x))
    return {"a": (z.square().sum(), len(x)), "b": (z.sin().sum(), 1)}


def objective_of(batches, weights=WEIGHTS, loss=two_parts):
    torch.manual_seed(0)
    return Objective(torch.nn.Linear(3, 1).double(), loss, batches, weights=weights)


def random_batches(count=6):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2 + index % 3, 3, generator=generator, dtype=torch.float64) for index in range(count)]


def left_out(quantity, batches):
    """The delete-one jackknife's standard error of a function of batches."""
    values = np.array([quantity(batches[:g] + batches[g + 1 :]) for g in range(len(batches))])
    return math.sqrt((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum())


def test_rises_and_their_errors_are_those_of_losses_computed_anew_without_each_batch():
    batches = random_batches()
    objective = objective_of(batches)
    directions = torch.randn(2, objective.space.size, dtype=torch.float64)
    points = np.array([[0.0, 0.0], [0.5, -0.3], [0.0, 1.0]])

    def rise(some, point):
        part = objective_of(some)
        return part.value(part.params + torch.from_numpy(point) @ directions) - part.value()

    rises, errors = rise_errors(objective, directions, points)
    assert rises[0] == errors[0] == 0
    for point, found, error in zip(points[1:], rises[1:], errors[1:], strict=True):
        assert found == pytest.approx(rise(batches, point), rel=1e-12)
        assert error == pytest.approx(left_out(lambda some, at=point: rise(some, at), batches), rel=1e-9)
    half = rise_errors(objective, directions, points, population=12)[1]
    np.testing.assert_allclose(half, errors * math.sqrt(0.5))


def test_the_error_of_a_quadratic_form_is_the_jackknife_of_dense_matrices():
    batches = random_batches()
    objective = objective_of(batches)
    vectors = torch.randn(2, objective.space.size, dtype=torch.float64)

    def form(some):
        part = objective_of(some)
        return float(sum(v @ part.hvp(v) for v in vectors) / 2)

    value, error = quadratic_error(objective, HessianOperator, vectors)
    assert value == pytest.approx(form(batches), rel=1e-10)
    assert error == pytest.approx(left_out(form, batches), rel=1e-8)


@pytest.mark.parametrize("matrix", [HessianOperator, GaussNewtonOperator, FisherOperator])
def test_every_matrix_is_the_sum_over_its_batches(matrix):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)).double()
    batches = [(torch.randn(5, 3).double(), torch.randint(3, (5,))) for _ in range(4)]
    objective = Objective(model, supervised(torch.nn.functional.cross_entropy), batches)
    v = torch.randn_like(objective.params)
    value, error = quadratic_error(objective, matrix, v)
    assert value == pytest.approx(float(v @ (matrix(objective) @ v)), rel=1e-10)
    assert error > 0


@pytest.mark.slow
def test_the_bias_of_the_largest_eigenvalue_is_half_of_what_other_data_say():
    """Of 300 random matrices: the eigenvalue of the mean of 60 is too large, and the corrected one is not."""
    generator = torch.Generator().manual_seed(0)
    size, total, count = 20, 300, 60
    # A common part with a gap, and noise that turns the eigenvector.
    noise = torch.randn(total, size, size, generator=generator, dtype=torch.float64)
    matrices = torch.diag(torch.tensor([2.0] + [1.0] * (size - 1), dtype=torch.float64)) + (noise + noise.mT) / 2
    truth = float(torch.linalg.eigvalsh(matrices.mean(0))[-1])

    def loss(model, some):
        return torch.einsum("i,bij,j->", model.weight[0], some, model.weight[0]) / 2, len(some)

    def part(indices):
        torch.manual_seed(0)
        return Objective(torch.nn.Linear(size, 1, bias=False).double(), loss, list(matrices[indices].split(3)))

    found = []
    for _ in range(25):
        order = torch.randperm(total, generator=generator)
        objective, others = part(order[:count]), part(order[count : 2 * count])
        pairs = top_eigenpairs(HessianOperator(objective), 1)
        top = torch.from_numpy(pairs.vectors[0])
        error = eigenvalue_error(objective, others, HessianOperator, top, share=count / total, population=total / 3)
        assert error.value == pytest.approx(pairs.values[0], rel=1e-3)
        found.append(error)
    values, stderrs, biases = map(np.array, zip(*found, strict=True))
    spread = values.std() / 5  # of the mean of 25
    assert values.mean() - truth > 4 * spread  # too large
    assert abs((values - biases).mean() - truth) < 3 * (values - biases).std() / 5
    assert np.mean(np.abs(values - biases - truth) <= 2 * stderrs) >= 0.8
    alone = eigenvalue_error(objective, None, HessianOperator, top, share=1.0)
    assert alone.bias == 0
