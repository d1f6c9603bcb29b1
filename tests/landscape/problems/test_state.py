"""Weights put into a model: by the names that training programs give them, and refused where they do not fit."""

import pytest
import torch
from torch import nn

from landscape.problems.fingerprint import fingerprint
from landscape.problems.state import load_state, state_of


def model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


WEIGHTS = model(1).state_dict()


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(3, 2), nn.Linear(2, 3, bias=False)
        self.head.weight = self.table.weight


@pytest.mark.parametrize(
    "rename", [str, "module.{}".format, "_orig_mod.{}".format, "module._orig_mod.{}".format, "model.{}".format,
               lambda name: name.replace("0.", "0._orig_mod.")]
)  # fmt: skip
def test_names_of_wrappers_are_understood(rename):
    one = model()
    load_state(one, {rename(name): tensor for name, tensor in WEIGHTS.items()})
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, WEIGHTS[name]), name


def test_a_wrapped_part_of_the_model_takes_bare_names():
    one = nn.Sequential(nn.DataParallel(nn.Linear(2, 3)), nn.Linear(3, 1))
    load_state(
        one,
        {"0.weight": torch.ones(3, 2), "0.bias": torch.ones(3), "1.weight": torch.ones(1, 3), "1.bias": torch.ones(1)},
    )
    assert all((tensor == 1).all() for tensor in one.state_dict().values())


@pytest.mark.parametrize("content", [WEIGHTS, {"state_dict": WEIGHTS, "epoch": 3}, {"model": {"state_dict": WEIGHTS}}])
def test_weights_are_found_where_programs_keep_them(content):
    assert state_of(content).keys() == WEIGHTS.keys()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3}, "it holds no tensors, but epoch; save model.state_dict"),
        ({}, "it holds no tensors, but nothing"),
        ({"w": torch.ones(1), "epoch": 3}, "beside tensors it holds epoch"),
    ],
)
def test_a_file_of_something_else_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        state_of(content)


def test_one_of_tied_tensors_is_enough_and_two_must_agree():
    one, table = Tied(), torch.ones(3, 2)
    load_state(one, {"table.weight": table})
    assert torch.equal(one.head.weight, table) and one.head.weight is one.table.weight
    with pytest.raises(ValueError, match="head.weight.* are one tensor in the model, and differ"):
        load_state(one, {"table.weight": table, "head.weight": table + 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"2.bias": None}, "they lack 2.bias"),
        ({"3.bias": torch.ones(1)}, "they also have 3.bias"),
        ({"2.bias": torch.ones(2)}, r"2.bias has the shape \(2,\), where the model's has \(1,\)"),
        (
            {"2.bias": torch.ones(1, dtype=torch.int64)},
            "2.bias holds torch.int64, where the model's holds torch.float32",
        ),
        ({"2.bias": torch.tensor([torch.nan])}, "2.bias is not finite"),
        ({"2.bias": torch.ones(1).to_sparse()}, "2.bias holds"),
    ],
)
def test_what_does_not_fit_is_named_and_the_model_is_as_it_was(change, message):
    one = model()
    before = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    state = {name: tensor for name, tensor in {**WEIGHTS, **change}.items() if tensor is not None}
    with pytest.raises(ValueError, match=message):
        load_state(one, state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in one.state_dict().items())


def test_other_precisions_are_converted():
    one = model()
    load_state(
        one, {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in WEIGHTS.items()}
    )
    assert torch.equal(one[0].weight, WEIGHTS["0.weight"])


class Rows:
    def __init__(self, x):
        self.x, self.itself = x, self


@pytest.mark.parametrize(
    "form", [lambda x: [x], lambda x: (x, "a"), lambda x: {"x": x}, Rows, lambda x: x.numpy(),
             lambda x: {"deep": [Rows(x)]}, lambda x: x.to_sparse(), lambda x: x.bfloat16()]
)  # fmt: skip
def test_a_fingerprint_is_of_the_content_in_any_form(form):
    x = torch.arange(4.0)
    assert fingerprint(form(x)) == fingerprint(form(x.clone())) == fingerprint(form(x.flip(0).flip(0)))
    others = [torch.arange(4.0) + torch.eye(4)[3] * 5, x[:3], x.reshape(2, 2)]
    assert len({fingerprint(form(x)), *(fingerprint(form(other)) for other in others)}) == 4
