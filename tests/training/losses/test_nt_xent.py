"""The contrastive loss against its definition, and its derivatives where they could break."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from landscape.training.config.methods import SIMILARITIES
from landscape.training.losses.nt_xent import nt_xent_terms, similarities

both = pytest.mark.parametrize("similarity", SIMILARITIES)


def nt_xent(views, *, temperature, similarity):
    """The sum over all anchors, and their number."""
    terms = nt_xent_terms(similarities(views, temperature=temperature, similarity=similarity))
    return terms.sum(), torch.tensor(len(terms))


def random_views(users, width=4, *, seed=0, dtype=torch.float64):
    return torch.randn(2 * users, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def by_definition(views, temperature, similarity):
    """Anchor by anchor, in plain floats."""
    rows, total = views.tolist(), 0.0

    def similar(a, b):
        product = math.fsum(x * y for x, y in zip(a, b, strict=True))
        return product / (math.hypot(*a) * math.hypot(*b)) if similarity == "cosine" else product

    users = len(rows) // 2
    for anchor, row in enumerate(rows):
        positive = similar(row, rows[(anchor + users) % (2 * users)]) / temperature
        negatives = [
            similar(row, other) / temperature for place, other in enumerate(rows) if place % users != anchor % users
        ]
        total += math.log(math.fsum(math.exp(x) for x in [positive, *negatives])) - positive
    return total


@pytest.mark.slow
@both
@given(st.integers(1, 7), st.integers(1, 5), st.floats(0.1, 10), st.integers(0, 2**31))
def test_the_loss_is_its_definition(similarity, users, width, temperature, seed):
    views = random_views(users, width, seed=seed)
    total, count = nt_xent(views, temperature=temperature, similarity=similarity)
    assert float(total) == pytest.approx(by_definition(views, temperature, similarity), rel=1e-9, abs=1e-9)
    assert int(count) == 2 * users
    assert total.shape == count.shape == ()


@both
def test_the_loss_and_its_gradient_are_those_of_cross_entropy(similarity):
    users, temperature = 6, 0.3
    views = random_views(users).requires_grad_()
    used = F.normalize(views) if similarity == "cosine" else views
    rows = []
    for user in range(users):
        for view, other in ((user, user + users), (user + users, user)):
            rest = [v for v in range(2 * users) if v % users != user]
            rows.append(used[[other, *rest]] @ used[view] / temperature)  # the positive is class 0
    expected = F.cross_entropy(torch.stack(rows), torch.zeros(2 * users, dtype=torch.long), reduction="sum")
    total, _ = nt_xent(views, temperature=temperature, similarity=similarity)
    torch.testing.assert_close(total, expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(
        torch.autograd.grad(total, views)[0], torch.autograd.grad(expected, views)[0], rtol=1e-9, atol=1e-11
    )


@both
def test_float32_agrees_with_float64(similarity):
    views = random_views(5)
    total, _ = nt_xent(views.float(), temperature=0.5, similarity=similarity)
    assert total.dtype == torch.float32
    expected, _ = nt_xent(views, temperature=0.5, similarity=similarity)
    assert float(total) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.slow
@both
@pytest.mark.parametrize("users", [1, 3])
def test_first_and_second_derivatives_are_finite_differences(similarity, users):
    def loss(views):
        return nt_xent(views, temperature=0.7, similarity=similarity)[0]

    views = random_views(users, 3).requires_grad_()
    assert torch.autograd.gradcheck(loss, views, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, views, check_fwd_over_rev=True)


def derivatives(loss, views, seed=9):
    """The loss, its gradient and a Hessian product, reverse over reverse."""
    views = views.clone().requires_grad_()
    value = loss(views)
    (gradient,) = torch.autograd.grad(value, views, create_graph=True)
    direction = torch.randn(views.shape, generator=torch.Generator().manual_seed(seed), dtype=views.dtype)
    (product,) = torch.autograd.grad(gradient, views, direction)
    return value.detach(), gradient.detach(), product


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_user_alone_has_exactly_no_loss_and_no_derivatives(similarity, dtype):
    for found in derivatives(
        lambda views: nt_xent(views, temperature=0.3, similarity=similarity)[0], random_views(1, dtype=dtype)
    ):
        assert torch.equal(found, torch.zeros_like(found))


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("zeros", [[0], [0, 4], list(range(8))])
def test_zero_vectors_have_finite_derivatives(similarity, dtype, zeros):
    views = random_views(4, dtype=dtype)
    views[zeros] = 0
    value, gradient, product = derivatives(
        lambda views: nt_xent(views, temperature=0.3, similarity=similarity)[0], views
    )
    assert torch.isfinite(torch.cat([value[None], gradient.flatten(), product.flatten()])).all()
    if len(zeros) == len(views):  # all similarities are equal: each anchor guesses among 2B − 1
        assert float(value) == pytest.approx(8 * math.log(7), rel=1e-6)


@both
@pytest.mark.parametrize("length", [10.0**-k for k in range(2, 20)])
def test_short_views_keep_loss_and_derivatives_finite_in_single_precision(similarity, length):
    views = random_views(4, dtype=torch.float32)
    views[::3] *= length
    value, gradient, product = derivatives(
        lambda views: nt_xent(views, temperature=0.3, similarity=similarity)[0], views
    )
    assert torch.isfinite(torch.cat([value[None], gradient.flatten(), product.flatten()])).all()


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_views_keep_loss_and_derivatives_finite(similarity, dtype):
    views = 1e3 * random_views(5, 64, dtype=dtype)
    value, gradient, product = derivatives(
        lambda views: nt_xent(views, temperature=0.1, similarity=similarity)[0], views
    )
    assert torch.isfinite(torch.cat([value[None], gradient.flatten(), product.flatten()])).all()
    assert float(value) >= 0


def test_a_confident_mistake_costs_the_difference_of_the_logits():
    views = 1e3 * torch.tensor([[1.0, 0], [2, 0], [0, 1], [0, 1]], dtype=torch.float64)
    # By anchor: 0 prefers view 1 by 2e6; 1 prefers view 0 by 2e6; 2 and 3 are each other's negatives, by 1e6.
    total, _ = nt_xent(views, temperature=1.0, similarity="dot")
    assert float(total) == pytest.approx(6e6, rel=1e-12)


@both
def test_the_order_of_users_and_of_a_users_views_does_not_matter(similarity):
    users = 6
    views = random_views(users)
    order = torch.randperm(users, generator=torch.Generator().manual_seed(3))
    expected, _ = nt_xent(views, temperature=0.4, similarity=similarity)
    for same in (torch.cat([order, order + users]), torch.cat([order + users, order])):
        total, _ = nt_xent(views[same], temperature=0.4, similarity=similarity)
        torch.testing.assert_close(total, expected, rtol=1e-12, atol=0)
    apart, _ = nt_xent(
        views[torch.cat([order, torch.arange(users, 2 * users)])], temperature=0.4, similarity=similarity
    )
    assert not torch.isclose(apart, expected)


def test_cosine_does_not_see_the_length_of_views_and_dot_does():
    views = random_views(5)
    lengths = torch.linspace(0.5, 1e3, 10, dtype=torch.float64)[:, None]
    expected, _ = nt_xent(views, temperature=0.4, similarity="cosine")
    scaled, _ = nt_xent(lengths * views, temperature=0.4, similarity="cosine")
    torch.testing.assert_close(scaled, expected, rtol=1e-10, atol=0)
    dots = [nt_xent(v, temperature=0.4, similarity="dot")[0] for v in (views, lengths * views)]
    assert not torch.isclose(*dots)


def test_temperature_divides_inner_products():
    views = random_views(5)
    hot, _ = nt_xent(views, temperature=4.0, similarity="dot")
    short, _ = nt_xent(views / 2, temperature=1.0, similarity="dot")
    torch.testing.assert_close(hot, short, rtol=1e-12, atol=0)


@both
def test_the_views_are_left_as_they_were(similarity):
    views = random_views(3)
    before = views.clone()
    nt_xent(views, temperature=0.4, similarity=similarity)
    assert torch.equal(views, before)


@both
def test_vmap_over_parameters_gives_what_a_loop_gives(similarity):
    model = nn.Linear(3, 4).double()
    inputs = random_views(4, 3)
    generator = torch.Generator().manual_seed(5)
    stacked = {
        name: torch.randn(6, *p.shape, generator=generator, dtype=p.dtype) for name, p in model.named_parameters()
    }

    def terms(parameters):
        views = torch.func.functional_call(model, parameters, (inputs,))
        return nt_xent(views, temperature=0.4, similarity=similarity)

    def product(parameters):  # a Hessian product, forward over reverse
        gradient = torch.func.grad(lambda p: terms(p)[0])
        return torch.func.jvp(gradient, (parameters,), ({name: torch.ones_like(p) for name, p in parameters.items()},))

    totals, counts = torch.func.vmap(terms)(stacked)
    gradients, products = torch.func.vmap(product)(stacked)
    assert counts.tolist() == [8] * 6
    for i in range(6):
        alone = {name: p[i] for name, p in stacked.items()}
        torch.testing.assert_close(totals[i], terms(alone)[0], rtol=1e-12, atol=0)

        def loss(weight, bias):
            return terms({"weight": weight, "bias": bias})[0]

        direction = (torch.ones_like(alone["weight"]), torch.ones_like(alone["bias"]))
        point = (alone["weight"], alone["bias"])
        gradient = torch.autograd.functional.jacobian(loss, point)
        expected = torch.autograd.functional.hvp(loss, point, direction)[1]
        for found, wanted in ((gradients, gradient), (products, expected)):
            torch.testing.assert_close(found["weight"][i], wanted[0], rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(found["bias"][i], wanted[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_views", [0, 1, 5])
def test_views_that_are_not_pairs_are_refused(n_views):
    with pytest.raises(ValueError, match=f"two views, got {n_views} in all; pass the first views, then"):
        nt_xent(torch.zeros(n_views, 3), temperature=1.0, similarity="dot")


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, -math.inf, math.nan])
def test_a_temperature_that_is_not_positive_and_finite_is_refused(temperature):
    with pytest.raises(ValueError, match=f"finite number above 0, got {temperature}"):
        nt_xent(random_views(2), temperature=temperature, similarity="dot")


def test_an_unknown_similarity_is_refused():
    with pytest.raises(ValueError, match="similarity must be one of dot, cosine, got 'cosin'; did you mean cosine"):
        nt_xent(random_views(2), temperature=1.0, similarity="cosin")
