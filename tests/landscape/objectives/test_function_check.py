"""Set-up mistakes are refused by every analysis; see also test_real_models."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape import (
    HessianOperator,
    Objective,
    ParamSpace,
    block_eigenvalues,
    check_derivatives,
    curvature,
    random_plane,
    sharpness,
    spectral_density,
    surface,
    top_eigenpairs,
    trace,
)
from tests.support.problems import convolutional, crossentropy, logistic


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(), nn.Linear(8, 2))


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    x = torch.randn(24, 5)
    y = (x[:, 0] > 0).long()
    return [(x[:16], y[:16]), (x[16:], y[16:])]


ANALYSES = {
    "eigenpairs": lambda objective: top_eigenpairs(HessianOperator(objective)),
    "without kept graphs": lambda objective: top_eigenpairs(HessianOperator(objective, retain=0)),
    "trace": lambda objective: trace(HessianOperator(objective), max_products=12),
    "density": lambda objective: spectral_density(HessianOperator(objective), probes=2, steps=4),
    "blocks": lambda objective: block_eigenvalues(objective, {"first": "0.*"}),
    "curvature": curvature,
    "sharpness": lambda objective: sharpness(objective, 0.1),
    "checks": lambda objective: check_derivatives(objective, {"ones": torch.ones(objective.space.size)}),
    "value": lambda objective: objective.value(),
    "gradient": lambda objective: objective.gradient(),
    "product": lambda objective: objective.hvp(torch.ones(objective.space.size)),
    "surface": lambda objective: surface(objective, *_plane(objective), points=5),
}
DERIVATIVES = {name: call for name, call in ANALYSES.items() if name not in ("value", "surface")}


def _plane(objective):
    plane = random_plane(objective.space, objective.params)
    return plane.x, plane.y


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
def test_a_loss_of_another_model_is_refused(analysis):
    outside = network()
    objective = Objective(copy.deepcopy(outside), lambda model, batch: crossentropy(outside.eval(), batch), batches())
    with pytest.raises(ValueError, match="does not depend on the parameters.*use this argument"):
        analysis(objective)


def test_a_constant_loss_without_a_graph_is_refused():
    objective = Objective(network(), lambda model, batch: (torch.tensor(2.0), len(batch[0])), batches())
    with pytest.raises(ValueError, match="does not depend on the parameters"):
        objective.value()


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
def test_a_random_loss_is_refused(analysis):
    def noisy(model, batch):
        return crossentropy(model, (batch[0] + torch.randn_like(batch[0]), batch[1]))

    with pytest.raises(ValueError, match="two evaluations of the first batch give .* and .*: .* random numbers"):
        analysis(Objective(network(), noisy, batches()))


def without_graph(model, batch):
    with torch.no_grad():
        return crossentropy(model, batch)


@pytest.mark.parametrize(
    "loss",
    [
        without_graph,
        lambda model, batch: (crossentropy(model, batch)[0].detach(), len(batch[1])),
        lambda model, batch: (torch.tensor(crossentropy(model, batch)[0].item()), len(batch[1])),
        lambda model, batch: ((model(batch[0]).argmax(1) != batch[1]).double().sum(), len(batch[1])),
    ],
    ids=["no_grad", "detach", "item", "argmax"],
)
@pytest.mark.parametrize("analysis", DERIVATIVES.values(), ids=DERIVATIVES)
def test_a_loss_without_a_gradient_has_a_value_and_no_derivatives(loss, analysis):
    objective = Objective(network(), loss, batches())
    assert objective.value() > 0
    with pytest.raises(ValueError, match="has no gradient by the parameters.*A surface can be drawn"):
        analysis(objective)


class Renormalised(nn.Module):
    def __init__(self, rows: int = 12) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, 6, max_norm=1.0)
        self.out = nn.Linear(6, 2)

    def forward(self, words):
        return self.out(self.table(words).mean(1))


class Clamped(nn.Sequential):
    def forward(self, x):
        for parameter in self.parameters():
            parameter.data.clamp_(-0.1, 0.1)
        return super().forward(x)


class Counted(nn.Sequential):
    def __init__(self, *layers) -> None:
        super().__init__(*layers)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


class Averaged(nn.Sequential):
    mean = None

    def forward(self, x):
        self.mean = x.mean(0) if self.mean is None else 0.9 * self.mean + 0.1 * x.mean(0)
        return super().forward(x)


@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)
@pytest.mark.parametrize(("model", "name"), [(Clamped, "0.weight"), (Counted, "calls"), (Averaged, "mean")])
def test_a_loss_that_writes_to_its_model_is_refused_and_leaves_it_alone(model, name, analysis):
    torch.manual_seed(0)
    model = model(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 2))
    if name == "mean":
        model(batches()[0][0])
    before = copy.deepcopy(model.state_dict())
    objective = Objective(model, crossentropy, batches())
    start = objective.params.clone()
    with pytest.raises(ValueError, match=f"calling the loss changes .*'{name}'.* in place"):
        analysis(objective)
    assert torch.equal(objective.params, start)
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[key])
    with pytest.raises(ValueError, match="in place"):  # and not only the first time
        objective.value()


def test_a_renormalised_table_is_refused_also_where_the_first_batch_does_not_show_it():
    torch.manual_seed(0)
    model = Renormalised()
    with torch.no_grad():
        model.table.weight[:6] *= 0.01
    words = torch.randint(6, (20, 5))
    objective = Objective(model, crossentropy, [(words, words[:, 0] % 2), (words + 6, words[:, 0] % 2)])
    with pytest.raises(ValueError, match="in place.*max_norm"):
        objective.gradient()
    with pytest.raises(ValueError, match="in place.*max_norm"):
        objective.value()


class ClampedLater(nn.Sequential):
    def forward(self, x):
        if x.max() > 50:
            with torch.no_grad():
                self[0].weight.clamp_(-0.1, 0.1)
        return super().forward(x)


def test_a_loss_that_writes_in_a_later_batch_alone_is_refused_and_stays_so():
    torch.manual_seed(0)
    x, y = batches()[0]
    objective = Objective(ClampedLater(nn.Linear(5, 2)), crossentropy, [(x, y), (x + 100, y)])
    for call in (objective.value, objective.gradient):
        with pytest.raises(ValueError, match="calling the loss changes .* in place"):
            call()


def test_batch_norm_in_training_mode_is_allowed_to_write_to_its_copy():
    problem = convolutional()
    before = copy.deepcopy(problem.model.state_dict())
    objective = problem.objective(training_mode_seed=0)
    assert objective.value() == objective.value()
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.model.state_dict().items())


def test_training_that_goes_on_changes_nothing_outside_of_theta():
    problem = logistic()
    objective = problem.objective(space=ParamSpace(problem.model, include=lambda name: name == "weight"))
    value = objective.value()
    with torch.no_grad():
        problem.model.bias += 1
    assert objective.value() == value


def test_a_batch_that_does_not_reach_the_parameters_is_followed_by_one_that_does():
    objective = Objective(
        nn.Linear(5, 1),
        lambda model, x: (model(x).square().sum() if x.any() else torch.zeros(()), len(x)),
        [torch.zeros(2, 5), torch.ones(3, 5)],
    )
    assert objective.gradient().any()


def test_mistakes_of_form_show_the_line_to_write():
    (x, y), model = batches()[0], network()
    with pytest.raises(ValueError, match=r"fails on batch 0, a tensor of .*write \[\(inputs, targets\)\]"):
        Objective(model, crossentropy, (x, y)).value()
    for criterion in (F.cross_entropy, partial(F.mse_loss, reduction="sum"), nn.CrossEntropyLoss()):
        with pytest.raises(TypeError, match="takes outputs and targets.*landscape.supervised"):
            Objective(model, criterion, [(x, y)])


def test_an_error_of_the_loss_keeps_its_type_and_says_which_batch():
    def failing(model, batch):
        raise KeyError("labels")

    with pytest.raises(KeyError, match="labels") as raised:
        Objective(network(), failing, batches()).value()
    assert "batch 0: (a tensor of shape (16, 5), a tensor of shape (16,))" in raised.value.__notes__[0]


def test_a_block_that_the_loss_does_not_use_is_flat():
    model = nn.ModuleDict({"used": nn.Linear(5, 2), "idle": nn.Linear(5, 2)})
    objective = Objective(model, lambda model, batch: crossentropy(model["used"], batch), batches())
    assert block_eigenvalues(objective, {"idle": "idle.*"}).values[0] == 0
