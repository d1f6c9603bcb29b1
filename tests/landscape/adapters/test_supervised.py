"""Losses of torch against torch's own mean over all data, and their matrices against dense ones."""

import warnings
from functools import partial
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd.functional import hessian, jacobian
from torch.func import functional_call

from landscape import (
    CompositeLoss,
    FisherOperator,
    GaussNewtonOperator,
    HessianOperator,
    Objective,
    supervised,
    surface,
)
from tests.support.problems import flat

WEIGHTS = torch.tensor([0.5, 2.0, 1.3])
N = 11  # examples


def indices(generator: torch.Generator) -> Tensor:
    return torch.randint(3, (N,), generator=generator)


def some_ignored(generator: torch.Generator) -> Tensor:
    return indices(generator).masked_fill(torch.rand(N, generator=generator) < 0.4, 1)


def padded(generator: torch.Generator) -> Tensor:
    return indices(generator).masked_fill(torch.rand(N, generator=generator) < 0.4, -100)


def tokens(generator: torch.Generator) -> Tensor:
    targets = torch.randint(3, (N, 2), generator=generator)
    return targets.masked_fill(torch.rand(N, 2, generator=generator) < 0.3, -100)


def probabilities(generator: torch.Generator) -> Tensor:
    return torch.rand(N, 3, generator=generator, dtype=torch.float64).softmax(1)


def numbers(generator: torch.Generator) -> Tensor:
    return torch.randn(N, 3, generator=generator, dtype=torch.float64)


def signs(generator: torch.Generator) -> Tensor:
    return torch.randint(2, (N, 3), generator=generator).double() * 2 - 1


def ones_and_zeros(generator: torch.Generator) -> Tensor:
    return torch.randint(2, (N, 3), generator=generator).double()


def of_tokens(z: Tensor) -> Tensor:
    return torch.stack([z, z.flip(1)], dim=2)  # (B, C, 2)


def halved(z: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    terms = (z - y).square() / 2
    return terms if reduction == "none" else getattr(terms, reduction)()


CRITERIA = {
    "cross_entropy": (F.cross_entropy, indices, None),
    "ignored": (nn.CrossEntropyLoss(), padded, None),
    "ignore_index": (partial(F.cross_entropy, ignore_index=1), some_ignored, None),
    "weight": (nn.CrossEntropyLoss(weight=WEIGHTS), indices, None),
    "weight and ignored": (partial(F.cross_entropy, weight=WEIGHTS), padded, None),
    "smoothed": (nn.CrossEntropyLoss(WEIGHTS, label_smoothing=0.2, reduction="sum"), padded, None),
    "tokens": (nn.CrossEntropyLoss(WEIGHTS, reduction="none"), tokens, of_tokens),
    "probabilities": (nn.CrossEntropyLoss(weight=WEIGHTS, label_smoothing=0.1), probabilities, None),
    "nll": (partial(F.nll_loss, weight=WEIGHTS), padded, lambda z: z.log_softmax(1)),
    "mse": (F.mse_loss, numbers, None),
    "smooth l1": (nn.SmoothL1Loss(beta=0.5, reduction="sum"), numbers, None),
    "huber": (F.huber_loss, numbers, None),
    "bce with logits": (nn.BCEWithLogitsLoss(weight=WEIGHTS, pos_weight=WEIGHTS), ones_and_zeros, None),
    "bce": (F.binary_cross_entropy, ones_and_zeros, torch.sigmoid),
    "kl": (partial(F.kl_div, log_target=False), probabilities, lambda z: z.log_softmax(1)),
    "kl, batchmean": (nn.KLDivLoss(reduction="batchmean"), probabilities, lambda z: z.log_softmax(1)),
    "soft margin": (F.soft_margin_loss, signs, None),
    "multilabel": (nn.MultiLabelSoftMarginLoss(weight=WEIGHTS), ones_and_zeros, None),
    "multi margin": (nn.MultiMarginLoss(p=2, weight=WEIGHTS), indices, None),
    "poisson": (F.poisson_nll_loss, ones_and_zeros, None),
    "own": (halved, numbers, None),
}


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 3)).double()


def problem(name: str, cuts: list[int], seed: int = 0):
    """The objective over a split of the data, and its mean by torch as a function of the parameters and examples."""
    criterion, targets, outputs = CRITERIA[name]
    generator = torch.Generator().manual_seed(seed)
    x, y, model = torch.randn(N, 2, generator=generator).double(), targets(generator), network()
    edges = [0, *sorted(cuts), N]
    batches = [(x[a:b], y[a:b]) for a, b in pairwise(edges) if b > a]
    objective = Objective(model, supervised(criterion, outputs=outputs), batches)
    named = dict(model.named_parameters())

    def z(theta: Tensor) -> Tensor:
        pieces = theta.split([tensor.numel() for tensor in named.values()])
        tensors = {key: piece.view_as(named[key]) for key, piece in zip(named, pieces, strict=True)}
        found = functional_call(model, tensors, (x,))
        return outputs(found) if outputs else found

    def reduced(z: Tensor, reduction: str = "mean") -> Tensor:
        if isinstance(criterion, nn.Module):
            criterion.double()
            before, criterion.reduction = criterion.reduction, reduction
            if before == "batchmean" and reduction == "mean":
                criterion.reduction = "batchmean"
            value = criterion(z, y)
            criterion.reduction = before
            return value
        options = {"weight": WEIGHTS.double()} if getattr(criterion, "keywords", {}).get("weight") is not None else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, that a mean of kl_div is not the divergence
            return criterion(z, y, reduction=reduction, **options)

    return objective, z, reduced


@pytest.mark.parametrize("name", CRITERIA)
@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, N), max_size=4), seed=st.integers(0, 99))
def test_the_objective_is_the_criterions_mean_over_all_data(name, cuts, seed):
    objective, z, reduced = problem(name, cuts, seed)
    expected = float(reduced(z(flat(objective.model))))
    assert objective.value() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", [name for name in CRITERIA if name != "multi margin"])  # it has no second derivative
def test_products_are_those_of_dense_matrices(name):
    objective, z, reduced = problem(name, [2, 7])
    theta = flat(objective.model)
    v = torch.randn(len(theta), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    close = {"rtol": 1e-8, "atol": 1e-10}

    H = hessian(lambda theta: reduced(z(theta)), theta)
    torch.testing.assert_close(HessianOperator(objective) @ v, H @ v, **close)

    values, J = z(theta), jacobian(z, theta).flatten(0, -2)  # (Z, n)
    middle = hessian(lambda flat: reduced(flat.view_as(values)), values.flatten())
    torch.testing.assert_close(GaussNewtonOperator(objective) @ v, J.T @ (middle @ (J @ v)), **close)

    def by_example(theta: Tensor) -> Tensor:
        terms = reduced(z(theta), "none")
        return terms if terms.ndim == 1 else terms.flatten(1).sum(1)

    number = by_example(theta).sum() / reduced(z(theta))
    G = jacobian(by_example, theta)  # (N, n)
    torch.testing.assert_close(FisherOperator(objective) @ v, G.T @ (G @ v) / number, **close)


def test_counts_are_integers_without_weights():
    objective, _, _ = problem("ignored", [4])
    assert objective.counts.flatten().tolist() == [float((y != -100).sum()) for _, y in objective.batches]


class Result:
    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


def test_batches_and_outputs_of_many_forms():
    torch.manual_seed(0)
    x, y, layer = torch.randn(6, 2).double(), torch.randint(3, (6,)), nn.Linear(2, 3).double()
    expected = pytest.approx(F.cross_entropy(layer(x), y).item())

    class Any(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x, scale=1, *, form="tensor"):
            z = self.layer(x) * scale
            return {"tensor": z, "logits": Result(z), "tuple": (z, x), "dict": {"out": z}}[form]

    def value(batch, **options):
        return Objective(Any(), supervised(F.cross_entropy, **options), [batch]).value()

    assert value((x, y)) == value([x, y]) == expected
    assert value(((x, 1), y)) == value([[x, 1], y]) == expected
    assert value(({"x": x, "form": "logits"}, y)) == expected
    assert value({"x": x, "y": y}, inputs="x", targets="y") == expected
    assert value((y, x), inputs=1, targets=0) == expected
    assert value((x, y, 3), inputs=lambda batch: batch[0], targets=lambda batch: batch[1]) == expected
    assert value(({"x": x, "form": "tuple"}, y), outputs=lambda result: result[0]) == expected
    assert value(({"x": x, "form": "dict"}, y), outputs=lambda result: result["out"]) == expected
    for form, shown in (("tuple", r"\(a tensor of"), ("dict", "a mapping with the keys 'out'")):
        with pytest.raises(ValueError, match=rf"it returned {shown}.*outputs=lambda result"):
            value(({"x": x, "form": form}, y))
    for batch, shown in (((x, y, y), "a tensor of shape"), ({"x": x, "y": y}, "keys 'x', 'y'"), (x, "a tensor of")):
        with pytest.raises(ValueError, match=rf"must be \(inputs, targets\).*{shown}.*inputs=lambda batch"):
            value(batch)


def test_a_data_loader_is_a_list_of_batches():
    torch.manual_seed(0)
    x, y, model = torch.randn(10, 2), torch.randint(3, (10,)), nn.Linear(2, 3)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=4, shuffle=True)
    objective = Objective(model, supervised(nn.CrossEntropyLoss()), loader)
    assert len(objective.batches) == 3
    assert objective.value() == objective.value() == pytest.approx(F.cross_entropy(model(x), y).item())


def regression(outputs: int = 1) -> tuple[nn.Module, list[tuple[Tensor, Tensor]]]:
    torch.manual_seed(0)
    return nn.Linear(2, outputs), [(torch.randn(4, 2), torch.randn(4))]


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_shapes_that_torch_would_broadcast_are_refused():
    model, batches = regression()
    with pytest.raises(
        ValueError, match=r"mse_loss would broadcast .*\(4, 1\).*\(4,\) to \(4, 4\) terms.*squeeze\(-1\)"
    ):
        Objective(model, supervised(F.mse_loss), batches).value()
    right = Objective(model, supervised(F.mse_loss, outputs=lambda z: z.squeeze(-1)), batches).value()
    assert right == pytest.approx(F.mse_loss(model(batches[0][0])[:, 0], batches[0][1]).item())


def test_what_the_criterion_raises_is_shown_with_its_arguments():
    model, batches = regression(3)
    with pytest.raises((RuntimeError, ValueError, IndexError)) as raised:
        Objective(model, supervised(F.binary_cross_entropy_with_logits), batches).value()
    assert "must be the same as" in str(raised.value)
    assert any(
        "outputs a tensor of shape (4, 3) and targets a tensor of shape (4,)" in note for note in raised.value.__notes__
    )


def without(z, y):
    return (z - y).square()


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (without, r"without has no argument reduction.*supervised\(lambda z, y, reduction: without\(z, y\)\)"),
        (nn.Softplus(), "Softplus has no argument reduction"),
        (nn.MSELoss, r"not its class: write supervised\(MSELoss\(\)\)"),
        ("mse", "a function of outputs and targets, not 'mse'"),
    ],
)
def test_a_criterion_without_a_reduction_is_refused(criterion, message):
    with pytest.raises(ValueError, match=message):
        supervised(criterion)


def test_the_line_that_the_refusal_shows():
    model, batches = regression()
    batches = [(x, y[:, None]) for x, y in batches]
    shown = Objective(model, supervised(lambda z, y, reduction: without(z, y)), batches)
    assert shown.value() == Objective(model, supervised(F.mse_loss), batches).value()


def weighted(z, y, reduction="mean"):
    return F.cross_entropy(z, y, weight=WEIGHTS, reduction=reduction)


def always_mean(z, y, reduction="mean"):
    return F.mse_loss(z[:, 0], y)


def test_an_own_criterion_whose_mean_is_not_that_of_its_terms_is_refused():
    model, batches = regression(3)
    classes = [(batches[0][0], torch.tensor([0, 1, 2, 1]))]
    with pytest.raises(ValueError, match="the mean of weighted is .* where its 4 terms have the mean"):
        Objective(model, supervised(weighted), classes).value()
    with pytest.raises(ValueError, match="always_mean reduces .* to one number in spite of reduction='none'"):
        Objective(model, supervised(always_mean), batches).value()


def test_the_criterion_is_copied():
    model, batches = regression()
    criterion = nn.HuberLoss(reduction="sum", delta=0.1)
    objective = Objective(model, supervised(criterion, outputs=lambda z: z[:, 0]), batches)
    before = objective.value()
    criterion.delta = 100.0
    assert objective.value() == before
    assert criterion.reduction == "sum"


def test_sums_of_half_precision_are_of_single():
    """In bfloat16, 4097 is 4096."""
    model = nn.Linear(1, 1, bias=False).bfloat16()
    nn.init.ones_(model.weight)
    x = torch.ones(4097, 1, dtype=torch.bfloat16)
    assert Objective(model, supervised(F.mse_loss), [(x, 0 * x)]).value() == 1.0


def test_several_points_at_once():
    """On a plane, in ``torch.func.vmap``, as on a GPU; also for a criterion whose mean is compared."""
    torch.manual_seed(0)
    model, batches = nn.Linear(2, 3), [(torch.randn(4, 2), torch.randn(4, 3))]
    for criterion in (F.mse_loss, halved):
        one_by_one, at_once = (Objective(model, supervised(criterion), batches, vmap=vmap) for vmap in (False, True))
        x = torch.ones_like(one_by_one.params)
        a, b = (surface(objective, x, points=5, grid=True).loss for objective in (one_by_one, at_once))
        assert a == pytest.approx(b, rel=1e-5)


class TestMeans:
    """A mean where the loss has to return a sum."""

    @staticmethod
    def objective(loss) -> Objective:
        torch.manual_seed(0)
        x, y = torch.randn(64, 5), torch.randint(2, (64,))
        return Objective(nn.Linear(5, 2), loss, [(x[:40], y[:40]), (x[40:], y[40:])])

    @pytest.mark.parametrize(
        "mean",
        [
            lambda z, y: F.cross_entropy(z, y),
            lambda z, y: F.cross_entropy(z, y, reduction="none").mean(),
            lambda z, y: F.mse_loss(z[:, 0], y.float()).double(),
            lambda z, y: F.binary_cross_entropy_with_logits(z[:, 0], y.float()),
        ],
    )
    @pytest.mark.parametrize("number", [len, lambda y: torch.tensor(len(y))])
    def test_a_mean_with_the_number_of_its_terms_is_refused(self, mean, number):
        objective = self.objective(lambda model, batch: (mean(model(batch[0]), batch[1]), number(batch[1])))
        with pytest.raises(ValueError, match=r"is a mean, with 40 terms, .*reduction='sum'.*landscape.supervised\("):
            objective.value()

    def test_a_mean_that_is_one_term_is_not(self):
        objective = self.objective(lambda model, batch: (F.cross_entropy(model(batch[0]), batch[1]), 1))
        assert objective.value() > 0

    def test_a_mean_alone_shows_the_line_to_write(self):
        objective = self.objective(lambda model, batch: F.cross_entropy(model(batch[0]), batch[1]))
        with pytest.raises(ValueError, match=r"must be \(sum, count\).*landscape.supervised\(torch.nn.functional"):
            objective.value()

    def test_that_line_is_right(self):
        objective = self.objective(supervised(F.cross_entropy))
        x, y = (torch.cat(each) for each in zip(*objective.batches, strict=True))
        assert objective.value() == pytest.approx(F.cross_entropy(objective.model(x), y).item())


def test_a_composite_loss_without_terms_by_example_has_no_fisher_matrix():
    model, batches = regression()
    loss = CompositeLoss(
        lambda model, batch: model(batch[0])[:, 0], lambda z, batch: ((z - batch[1]).square().sum(), len(z))
    )
    with pytest.raises(ValueError, match=r"FisherOperator\(objective, lambda model, batch.*by_example="):
        FisherOperator(Objective(model, loss, batches))
