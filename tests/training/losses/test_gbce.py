"""Generalised binary cross-entropy: the paper's formulas in float64, its calibration, and its limits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner

from landscape import Objective
from landscape.cli import main
from landscape.operators.fisher import FisherOperator
from landscape.operators.gauss_newton import GaussNewtonOperator
from landscape.training.batches.negatives import NegativeSampler, SampledRows, gbce_weight
from landscape.training.batches.packing import input_windows
from landscape.training.config.methods import METHODS
from landscape.training.config.training import TrainingConfig
from landscape.training.loop.stages import stages
from landscape.training.loop.trainer import train
from landscape.training.losses.next_item import NEXT_ITEM, gbce_terms
from tests.support.small import random_dataset, small_model, with_attributes

N = 8
LENGTHS = [4, 5, 6, N + 2, 3 * N, 4, 7]
DATASET = random_dataset(LENGTHS)
LOSS = NEXT_ITEM["gbce"]


def rows(negatives, t):
    inputs, sampler = input_windows(DATASET, N, held_out=3), NegativeSampler(DATASET)
    made = SampledRows(DATASET, inputs, N, sampler, negatives, np.random.default_rng(0), gbce_t=t)
    return made.of(np.arange(len(LENGTHS)))


def transcribed(positive, negatives, n_items, t):
    """The paper's Eq. for gBCE, by its transformation of the positive's score into one whose σ is σ(s)^β."""
    k = len(negatives)
    alpha = k / (n_items - 1)
    beta = alpha * (t * (1 - 1 / alpha) + 1 / alpha)
    transformed = -torch.log(torch.sigmoid(positive) ** -beta - 1)
    logits = torch.cat([transformed[None], negatives])
    labels = torch.zeros_like(logits)
    labels[0] = 1
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none").sum(0)


@pytest.mark.parametrize("t", [0.0, 0.4, 0.75, 1.0])
@pytest.mark.parametrize("negatives", [1, 5, 59])
def test_equals_the_papers_transformation_in_float64(negatives, t):
    found = rows(negatives, t)
    scores = 3 * torch.randn(1 + negatives, *found.items.shape, dtype=torch.float64)
    expected = transcribed(scores[0], scores[1:], DATASET.n_items, t)
    torch.testing.assert_close(gbce_terms(scores, found), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("score", [-200.0, -30.0, 30.0, 200.0])
def test_large_scores_keep_their_gradients_in_single_precision(score):
    found = rows(5, 0.75)
    shape = (6, *found.items.shape)
    scores = torch.full(shape, score, requires_grad=True)
    exact = torch.full(shape, score, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(gbce_terms(scores, found).sum(), scores)
    (expected,) = torch.autograd.grad(gbce_terms(exact, found).sum(), exact)
    # The closed form: -β(1 - σ(s)) for the positive, σ(s) for a negative.
    beta = gbce_weight(5, DATASET.n_items, 0.75)
    closed = torch.sigmoid(exact.detach())
    closed[0] = -beta * torch.sigmoid(-exact.detach()[0])
    torch.testing.assert_close(expected, closed, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient.double(), closed, rtol=1e-5, atol=1e-44)


def test_without_calibration_it_is_binary_cross_entropy_with_several_negatives():
    model, found = small_model(), rows(5, 0.0)
    with torch.no_grad():
        scores = LOSS.scores(model, found)
        labels = torch.zeros_like(scores)
        labels[0] = 1
        bce = F.binary_cross_entropy_with_logits(scores, labels, reduction="none").sum(0)
        expected = bce[found.targets > 0].sum()
    torch.testing.assert_close(LOSS(model, found)[0], expected, rtol=1e-12, atol=0)


def test_with_one_negative_and_no_calibration_it_is_equation_2():
    model, found = small_model(), rows(1, 0.0)
    torch.testing.assert_close(LOSS(model, found), NEXT_ITEM["bce"](model, found), rtol=1e-12, atol=0)


def test_the_weight_at_both_ends():
    assert gbce_weight(20, 101, 0.0) == 1
    assert gbce_weight(20, 101, 1.0) == 0.2
    assert gbce_weight(100, 101, 0.5) == 1  # all items sampled: nothing to correct


def minimiser(probabilities, negatives, t):
    """The scores (V,) that minimise the expected loss of one context, by Newton's method on its closed form.

    The next item is i with probability p_i. Otherwise i is one of the V - 1 other items, of which K are sampled.
    """
    n_items = len(probabilities)
    alpha, found = negatives / (n_items - 1), rows(1, 0.0)
    # The terms of an item as the positive and as a negative, from the loss itself.
    weighted = replace(found, positive_weight=gbce_weight(negatives, n_items, t))
    scores = torch.zeros(n_items, dtype=torch.float64)

    def expected(scores):
        far = torch.full_like(scores, -1e4)  # a term of which is 0
        as_positive = gbce_terms(torch.stack([scores, far]), weighted)
        as_negative = gbce_terms(torch.stack([-far, scores]), weighted)
        return (probabilities * as_positive + (1 - probabilities) * alpha * as_negative).sum()

    for _ in range(60):
        gradient = torch.func.grad(expected)(scores)
        curvature = torch.func.hessian(expected)(scores).diagonal()
        scores = scores - (gradient / curvature).clamp(-1, 1)
    return scores


@pytest.mark.parametrize("negatives", [1, 2, 4])
def test_full_calibration_recovers_the_probabilities(negatives):
    probabilities = torch.tensor([0.6, 0.25, 0.1, 0.04, 0.01], dtype=torch.float64)
    calibrated = minimiser(probabilities, negatives, 1.0)
    torch.testing.assert_close(calibrated, torch.logit(probabilities), rtol=1e-9, atol=1e-9)
    # Without calibration σ(s) = p / (p + α(1 - p)) is overconfident, unless all items are sampled.
    alpha = negatives / 4
    plain = torch.sigmoid(minimiser(probabilities, negatives, 0.0))
    torch.testing.assert_close(plain, probabilities / (probabilities + alpha * (1 - probabilities)))


def jacobian(outputs, theta):
    """(outputs, n) the derivatives of every output by theta."""
    return torch.stack([torch.autograd.grad(output, theta, retain_graph=True)[0] for output in outputs.flatten()])


@pytest.mark.parametrize("t", [0.0, 0.75])
def test_gauss_newton_and_fisher_equal_dense_matrices(t):
    model, found = small_model(layers=1), rows(3, t)
    objective = Objective(model, LOSS, [found])
    space, theta = objective.space, objective.params.clone().requires_grad_()
    v = space.project(torch.randn(theta.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    real = found.targets > 0

    def call(function):
        weights = {f"model.{name}": view for name, view in space.views(theta).items()}
        return torch.func.functional_call(_Function(model, function), weights, (found,))

    scores = call(LOSS.scores)[:, real]  # (1 + K, P)
    slopes = torch.sigmoid(scores) * torch.sigmoid(-scores)  # the second derivative of a softplus
    slopes = torch.cat([slopes[:1] * found.positive_weight, slopes[1:]])
    by_scores = jacobian(scores, theta)
    dense = by_scores.T @ (slopes.detach().flatten() * (by_scores @ v)) / int(real.sum())
    torch.testing.assert_close(GaussNewtonOperator(objective) @ v, space.project(dense), rtol=1e-9, atol=1e-12)

    by_user = jacobian(call(LOSS.by_user), theta)
    dense = by_user.T @ (by_user @ v) / int(real.sum())
    torch.testing.assert_close(FisherOperator(objective, LOSS.by_user) @ v, space.project(dense), rtol=1e-9, atol=1e-12)


class _Function(torch.nn.Module):
    """A function of a model as a module, for other weights than the model's."""

    def __init__(self, model, function):
        super().__init__()
        self.model, self.function = model, function

    def forward(self, found):
        return self.function(self.model, found)


SIZES = {"epochs": 1, "batch_size": 16, "max_length": 8, "width": 8, "layers": 1, "heads": 2}


@pytest.mark.parametrize("sam", [None, "sam", "looksam"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_with_it(method, sam, tmp_path):
    data = with_attributes(DATASET)
    pretraining = {"pretrain_epochs": 1} if method == "s3rec" else {}
    settings = TrainingConfig(method=method, sam=sam, loss="gbce", negatives=4, gbce_t=0.5, **pretraining, **SIZES)
    batches = [getattr(found, "inputs", found) for found in stages(data, settings)[-1].batches(0)]
    assert [found.positive_weight for found in batches] == [gbce_weight(4, 60, 0.5)] * len(batches)
    trained = train(data, settings, tmp_path / "run")
    assert {"loss": "gbce", "negatives": 4, "gbce_t": 0.5}.items() <= trained.settings.items()
    other = train(data, replace(settings, gbce_t=1.0), tmp_path / "other")
    assert not torch.equal(trained.weights["items.weight"], other.weights["items.weight"])
    with pytest.raises(ValueError, match=r"gbce_t was 0\.5 and is 1\.0$"):
        train(data, replace(settings, gbce_t=1.0), tmp_path / "run", resume=True)


def test_too_many_negatives_are_refused_before_the_folder_is_made(tmp_path):
    settings = TrainingConfig(method="sasrec", loss="gbce", negatives=60, width=8, heads=2)
    with pytest.raises(ValueError, match=r"--negatives must be at least 1 and below the number of items, 60, got 60"):
        train(DATASET, settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert stages(DATASET, replace(settings, negatives=59))[0].steps == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--gbce-t", "0.5"], 2, "--gbce-t has no effect here; it is an option of: Generalised binary cross-entropy"),
        (["--loss", "gbce", "--gbce-t", "2"], 1, "Error: gbce_t must be at least 0 and at most 1, got 2.0"),
        (["--loss", "gbce", "--negatives", "100000"], 1, "Error: the loss gbce samples from the items other than"),
    ],
)
def test_what_does_not_go_together_gives_one_line(arguments, code, message, tmp_path):
    ended = CliRunner().invoke(main, ["train", "sasrec", "--out", str(tmp_path / "run"), *arguments])
    assert ended.exit_code == code
    assert message in ended.output.splitlines()[-1]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("t", [-0.1, 1.1, float("nan")])
def test_a_calibration_outside_0_to_1_is_refused(t):
    with pytest.raises(ValueError, match="must be at least 0 and at most 1"):
        gbce_weight(5, 60, t)


def test_batches_without_a_weight_are_refused():
    with pytest.raises(ValueError, match="pass gbce_t to SampledRows"):
        LOSS(small_model(), rows(5, None))
