"""What single batches add to a loss."""

import pytest
import torch

from landscape import HessianOperator, Objective, block
from landscape.objectives.pieces import pieces


def two_parts(model, batch):
    outputs = torch.tanh(model(batch))
    return {"square": (outputs.square().sum(), len(batch)), "quartic": (outputs.pow(4).sum(), 2 * len(batch) + 1)}


def objective_of(**options):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.3), torch.nn.Linear(2, 1)).double()
    batches = [torch.randn(count, 3, dtype=torch.float64) for count in (4, 1, 7)]
    return Objective(model, two_parts, batches, weights={"square": 0.7, "quartic": 2.0}, **options)


@pytest.mark.parametrize("options", [{}, {"training_mode_seed": 3}])
@pytest.mark.parametrize("patterns", [None, "0.*"])
def test_pieces_add_up_to_the_loss(options, patterns):
    objective = objective_of(**options)
    if patterns:
        objective = block(objective, patterns)
    v = torch.randn_like(objective.params)
    value, gradient, product = 0.0, torch.zeros_like(v), torch.zeros_like(v)
    for part, scale in enumerate(objective.scales):
        for piece in pieces(objective, part):
            assert len(piece.batches) == 1
            gradient += scale * piece.gradient()
            product += scale * (HessianOperator(piece) @ v)
            value += scale * float(piece.sums(None)[0, part])
    assert value == pytest.approx(objective.value(), rel=1e-12)
    torch.testing.assert_close(gradient, objective.gradient(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(product, objective.hvp(v), rtol=1e-10, atol=1e-12)


def test_the_objective_stays_as_it_was():
    objective = objective_of()
    value = objective.value()
    for piece in pieces(objective, 1):
        piece.gradient()
    assert (objective.value(), len(objective.batches), objective.scales) == (value, 3, [0.7 / 12, 2.0 / 27])
