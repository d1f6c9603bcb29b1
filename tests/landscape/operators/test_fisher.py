"""Empirical Fisher matrices against loops over groups, closed forms and another library."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from curvlinops import EFLinearOperator
from torch import Tensor, nn

from landscape import Objective, asymmetry, top_eigenpairs
from landscape.operators.fisher import FisherOperator
from tests.support.problems import Problem, flat, logistic
from tests.support.splits import (
    SPLITS,
    SplitProblem,
    classes,
    images,
    least_squares,
    parts,
    recommender,
    sequences,
    softmax_terms,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture(params=SPLITS)
def split(request) -> SplitProblem:
    return SPLITS[request.param]()


def fisher(split: SplitProblem, **options) -> FisherOperator:
    return FisherOperator(split.objective(**options), split.by_group)


def dense(operator) -> Tensor:
    return operator @ torch.eye(operator.shape[0], dtype=operator.dtype)


def drawn(n: int, *columns: int) -> Tensor:
    return torch.randn(n, *columns, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def test_products_are_those_of_a_loop_over_groups(split):
    F, expected = fisher(split), split.dense_fisher()
    vectors = drawn(len(expected), 3)
    torch.testing.assert_close(F @ vectors[:, 0], expected @ vectors[:, 0], **CLOSE)
    assert F.shape == expected.shape and F.products == 1
    torch.testing.assert_close(F @ vectors, expected @ vectors, **CLOSE)
    assert F.products == 4


def test_the_groups_gradients_add_up_to_that_of_the_loss(split):
    total = sum(weight * sum(split.gradients(part)) for part, weight in split.weights().items())
    torch.testing.assert_close(split.objective().space.project(total), split.objective().gradient(), **CLOSE)


@pytest.mark.slow
def test_it_is_symmetric_and_positive_semidefinite_and_of_the_groups_rank(split):
    F = fisher(split)
    assert asymmetry(F) < 1e-13
    values = torch.linalg.eigvalsh(split.dense_fisher()).flip(0)
    found = top_eigenpairs(F, 1, tolerance=1e-8, max_products=400)
    np.testing.assert_allclose(found.values[0], values[0], rtol=1e-7)
    assert found.bottom.values[0] > -1e-12 * found.values[0]
    groups = sum(len(split.gradients(part)) for part in split.parts)
    if groups < F.shape[0]:
        assert int(torch.linalg.matrix_rank(F @ drawn(F.shape[0], groups + 2))) <= groups


def test_with_one_term_a_group_it_is_the_mean_of_outer_products():
    """Of a softmax's gradients (p − y) ⊗ (x, 1), over all terms of ragged batches."""
    split = classes()
    x, y = (torch.cat(each) for each in zip(*split.problem.batches, strict=True))
    residuals = torch.softmax(split.problem.model(x), 1).detach() - F.one_hot(y, 3)  # (N, 3)
    rows = torch.cat([torch.einsum("nc,nd->ncd", residuals, x).flatten(1), residuals], dim=1)  # (N, 15)
    torch.testing.assert_close(dense(fisher(split)), rows.T @ rows / len(x), **CLOSE)


@pytest.mark.slow
def test_curvlinops_agrees():
    """Its sum over ragged batches, divided by the number of all terms, is our mean when each term is a group."""
    problem = images().problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = EFLinearOperator(
            problem.model.eval(),
            torch.nn.CrossEntropyLoss(reduction="sum"),
            list(problem.model.parameters()),
            problem.batches,
        )
        v = drawn(theirs.shape[1])
        product = theirs @ v / sum(len(y) for _, y in problem.batches)
    torch.testing.assert_close(FisherOperator(problem.objective(), softmax_terms) @ v, product)


class Attributed:
    """A loss with its two stages as an attribute, as those of recommenders have them."""

    def __init__(self, composite) -> None:
        self.composite = composite

    def __call__(self, model, batch):
        return self.composite(model, batch)


@pytest.mark.parametrize("wrapped", [lambda loss: loss, Attributed])
def test_without_groups_they_are_the_examples_of_the_loss(wrapped):
    """By part, too, and in whatever order."""
    split = parts()

    def by_example(z, batch):
        return split.by_group(lambda _: z, batch)

    loss = wrapped(replace(split.problem.loss, by_example=by_example))
    objective = replace(split.problem, loss=loss).objective()
    torch.testing.assert_close(dense(FisherOperator(objective)), split.dense_fisher(), **CLOSE)
    there = objective.params + 0.1
    expected = dense(FisherOperator(objective, split.by_group, there))
    torch.testing.assert_close(dense(FisherOperator(objective, params=there)), expected, **CLOSE)


@pytest.mark.parametrize("loss", [logistic().loss, classes().problem.loss])
def test_without_groups_a_loss_without_examples_is_refused(loss):
    with pytest.raises(ValueError, match=r"FisherOperator\(objective, lambda model, batch.*by_example=lambda z, batch"):
        FisherOperator(replace(logistic(), loss=loss).objective())


def test_examples_that_are_not_those_of_the_loss_are_refused():
    loss = replace(classes().problem.loss, by_example=lambda z, batch: z[:, 0])
    with pytest.raises(ValueError, match="the groups' sums of part 'loss' add up to"):
        FisherOperator(replace(logistic(), loss=loss).objective())


def test_groups_of_uncorrelated_terms_keep_the_scale():
    """Over all signs of the terms' gradients, the mean of F is the same for terms in pairs and for single ones."""
    x = drawn(4, 3)
    total = torch.zeros(3, 3).double()
    for signs in torch.cartesian_prod(*[torch.tensor([-1.0, 1.0]).double()] * 4):
        model = nn.Linear(3, 1, bias=False).double()

        def terms(model, batch):
            return model(batch)[:, 0]

        objective = Objective(model, lambda model, batch: (terms(model, batch).sum(), len(batch)), [x * signs[:, None]])
        total += dense(FisherOperator(objective, lambda model, batch: terms(model, batch).view(2, 2).sum(1))) / 16
    torch.testing.assert_close(total, x.T @ x / 4, **CLOSE)


def test_terms_of_a_group_that_agree_make_it_larger():
    """Each term twice in its group: a group's gradient is twice as long, and there are twice as many terms."""
    split = classes()
    twice = [(x.repeat_interleave(2, 0), y.repeat_interleave(2)) for x, y in split.problem.batches]
    objective = replace(split.problem, batches=twice).objective()
    doubled = FisherOperator(objective, lambda model, batch: softmax_terms(model, batch).view(-1, 2).sum(1))
    torch.testing.assert_close(dense(doubled), 2 * dense(fisher(split)), **CLOSE)


@pytest.mark.slow
def test_it_is_linear_in_the_weights_of_the_parts():
    split = parts()

    def of(squares: float, labels: float) -> Tensor:
        return dense(
            fisher(replace(split, problem=replace(split.problem, weights={"squares": squares, "labels": labels})))
        )

    torch.testing.assert_close(of(0.3, 2.0), 0.3 * of(1, 0) + 2.0 * of(0, 1), **CLOSE)
    torch.testing.assert_close(dense(fisher(split)), of(0.3, 2.0), **CLOSE)
    assert not of(0, 0).any()


def test_parts_of_weight_zero_may_be_missing_from_the_groups():
    split = parts()
    objective = split.objective()
    alone = replace(split.problem, weights={"squares": 0.0, "labels": 2.0}).objective()

    def labels(model, batch):
        return {"labels": split.by_group(model, batch)["labels"]}

    v = drawn(objective.space.size)
    whole = FisherOperator(alone, split.by_group) @ v
    assert whole.any()
    torch.testing.assert_close(FisherOperator(alone, labels) @ v, whole)
    with pytest.raises(ValueError, match=r"sums of the parts \['labels'\]; the loss has \['squares', 'labels'\]"):
        FisherOperator(objective, labels)


def test_a_part_of_weight_zero_may_be_infinite():
    def loss(model, batch):
        terms = softmax_terms(model, batch)
        return {"labels": (terms.sum(), len(terms)), "broken": (terms.sum() / 0, 1)}

    def by_group(model, batch):
        terms = softmax_terms(model, batch)
        return {"labels": terms, "broken": terms / 0}

    problem = replace(logistic(), loss=loss, weights={"labels": 2.0, "broken": 0.0})
    torch.testing.assert_close(dense(FisherOperator(problem.objective(), by_group)), 2 * dense(fisher(classes())))


def test_rows_of_coordinates_that_take_no_part_are_zero():
    split = sequences()
    out = ~split.objective().space.mask
    F = dense(fisher(split))
    assert out.sum() == 4 and not F[out].any() and not F[:, out].any()
    assert fisher(split).active == len(F) - 4


def test_the_matrix_elsewhere():
    split = sequences()
    objective = split.objective()
    theta = objective.params + 0.2
    with torch.no_grad():
        for parameter in split.problem.model.parameters():
            parameter += 0.2
    v = drawn(len(theta))
    there = fisher(split) @ v
    torch.testing.assert_close(FisherOperator(objective, split.by_group, theta) @ v, there)
    assert float((FisherOperator(objective, split.by_group) @ v - there).norm() / there.norm()) > 0.01


def test_dropout_masks_are_those_of_the_loss():
    """Each batch has its own: the matrix is that of the batches with the masked inputs written into them."""
    problem = logistic()
    model = nn.Sequential(nn.Dropout(0.5), problem.model)
    masked = []
    for index, (x, y) in enumerate(problem.batches):
        with torch.random.fork_rng():
            torch.manual_seed(3 + index)
            masked.append((F.dropout(x, 0.5), y))
    expected = replace(problem, batches=masked).objective()
    found = FisherOperator(Objective(model, problem.loss, problem.batches, training_mode_seed=3), softmax_terms)
    torch.testing.assert_close(dense(found), dense(FisherOperator(expected, softmax_terms)), **CLOSE)


def test_a_users_terms_are_one_group_however_rows_are_packed():
    split = recommender()
    users = [len(batch.users) for batch in split.problem.batches]
    rows = [len(batch.items) for batch in split.problem.batches]
    assert sum(rows) < sum(users)  # some rows hold several users
    assert len(split.gradients("loss")) == sum(users)


@pytest.mark.parametrize(
    ("by_group", "message"),
    [
        (lambda model, batch: softmax_terms(model, batch)[:-1], r"add up to .* in batch 0, where the loss is"),
        (lambda model, batch: softmax_terms(model, batch).mean(0, keepdim=True), "each in one group"),
        (lambda model, batch: softmax_terms(model, batch).sum(), r"vector of sums for part 'loss', not a tensor of"),
        (lambda model, batch: 1.0, "vector of sums for part 'loss', not float"),
        (
            lambda model, batch: {"other": softmax_terms(model, batch)},
            r"the parts \['other'\]; the loss has \['loss'\]",
        ),
    ],
)
def test_groups_that_are_not_those_of_the_loss_are_refused(by_group, message):
    with pytest.raises(ValueError, match=message):
        FisherOperator(logistic().objective(), by_group)


def test_groups_are_checked_where_the_matrix_is_taken():
    """Sums that agree at θ₀ alone: the second group's are wrong by a term that vanishes there."""
    split = least_squares()
    objective = split.objective()
    start = objective.params.clone()

    def wrong(model, batch):
        sums = split.by_group(model, batch)
        return sums + (model.weight[0] - start).square().sum()

    FisherOperator(objective, wrong)
    with pytest.raises(ValueError, match="add up to"):
        FisherOperator(objective, wrong, start + 1)


def test_the_model_is_left_as_it_was():
    split = images()
    split.problem.model.train()
    before = {name: tensor.clone() for name, tensor in split.problem.model.state_dict().items()}
    F = fisher(split)
    first = F @ torch.ones(F.shape[0])
    assert torch.equal(F @ torch.ones(F.shape[0]), first) and not first.requires_grad
    assert all(module.training for module in split.problem.model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in split.problem.model.state_dict().items())


def test_single_precision():
    split = classes()
    v, expected = drawn(15), split.dense_fisher()
    assert len(flat(split.problem.model)) == 15
    batches = [(x.float(), y) for x, y in split.problem.batches]
    single = Problem(split.problem.model.float(), split.problem.loss, batches)
    F = FisherOperator(single.objective(), softmax_terms)
    torch.testing.assert_close(F @ v, (expected @ v).float(), rtol=1e-4, atol=1e-5)
    assert repr(F) == "FisherOperator(15×15, torch.float32, cpu, 1 products)"
