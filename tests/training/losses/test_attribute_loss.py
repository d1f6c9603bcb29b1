"""The loss of all attributes in blocks against all logits at once."""

import pytest
import torch
import torch.nn.functional as F

from landscape.training.losses import attribute_loss as module
from landscape.training.losses.attribute_loss import attribute_loss

P, A, WIDTH = 23, 7, 4


def plain(projected, table, described, attributes):
    targets = torch.zeros(len(projected), len(table), dtype=projected.dtype)
    targets.index_put_((described, attributes), targets.new_ones(()), accumulate=True)
    logits = projected @ table.T
    # torch's softplus is linear beyond 20, which is an error of 2e-9
    return (torch.logaddexp(logits, torch.zeros_like(logits)) - targets * logits).sum()


@pytest.mark.parametrize("at_once", [1, 3 * A, 10**6])
@pytest.mark.parametrize("size", [1.0, 30.0])  # logits up to some hundreds: no logarithm of zero
@pytest.mark.parametrize("count", [0, 5, 40])
def test_value_and_gradient_are_those_of_all_logits_at_once(monkeypatch, at_once, size, count):
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(count)
    projected = torch.randn(P, WIDTH, dtype=torch.float64, generator=generator).mul_(size).requires_grad_()
    table = torch.randn(A, WIDTH, dtype=torch.float64, generator=generator).requires_grad_()
    described = torch.randint(P, (count,), generator=generator).sort().values  # some pairs twice
    attributes = torch.randint(A, (count,), generator=generator)
    expected = plain(projected, table, described, attributes)
    got = attribute_loss(projected, table, described, attributes)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    theirs = torch.autograd.grad(3 * expected, (projected, table))
    torch.testing.assert_close(torch.autograd.grad(3 * got, (projected, table)), theirs, rtol=1e-10, atol=1e-10)


def test_small_losses_keep_their_digits_in_float32():
    projected, table = torch.full((1000, 1), -12.0), torch.ones(50, 1)
    none = torch.zeros(0, dtype=torch.int64)
    expected = 50_000 * F.softplus(torch.tensor(-12.0, dtype=torch.float64))
    torch.testing.assert_close(attribute_loss(projected, table, none, none).double(), expected, rtol=1e-5, atol=0)


def test_no_position_has_no_loss():
    none = torch.zeros(0, dtype=torch.int64)
    projected, table = torch.zeros(0, 2, requires_grad=True), torch.ones(3, 2, requires_grad=True)
    loss = attribute_loss(projected, table, none, none)
    assert loss == 0
    assert not torch.autograd.grad(loss, table)[0].any()


def test_a_second_derivative_is_refused():
    none = torch.zeros(0, dtype=torch.int64)
    table = torch.ones(3, 2, requires_grad=True)
    loss = attribute_loss(torch.ones(1, 2), table, none, none).square()
    (gradient,) = torch.autograd.grad(loss, table, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
