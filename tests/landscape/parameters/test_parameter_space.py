import pytest
import torch
from torch import nn

from landscape import Objective, ParamSpace, curvature
from tests.support.problems import Transformer, flat, transformer


def test_flatten_and_views_are_inverse():
    model = Transformer()
    space = ParamSpace(model)
    vector = space.params(model)
    assert torch.equal(vector, flat(model))
    assert space.names == tuple(name for name, _ in model.named_parameters())
    for name, tensor in model.named_parameters():
        assert torch.equal(space.views(vector)[name], tensor)
    assert torch.equal(space.flatten(space.views(vector)), vector)


def test_views_share_memory_and_params_do_not():
    model = nn.Linear(3, 2)
    space = ParamSpace(model)
    vector = space.params(model)
    space.views(vector)["bias"].fill_(7)
    assert (vector[-2:] == 7).all()
    assert not (model.bias == 7).any()


def test_backward_of_views_is_one_concatenation():
    """Slices would each add a full-size vector of zeros."""
    space = ParamSpace(nn.Sequential(*(nn.Linear(2, 2) for _ in range(5))))
    leaf = torch.randn(space.size, requires_grad=True)
    sum((view**2).sum() for view in space.views(leaf).values()).backward()
    assert torch.allclose(leaf.grad, 2 * leaf)
    sources = {view.grad_fn.next_functions[0][0] for view in space.views(leaf).values()}
    assert len(sources) == 1


def test_padding_rows_take_no_part():
    model = Transformer(items=7, width=4)
    space = ParamSpace(model)
    assert space.active == space.size - 4
    outside = space.views(~space.mask)
    assert outside["items.weight"][0].all()
    assert sum(view.sum() for view in outside.values()) == 4


def test_padding_is_found_under_the_first_name_of_a_tied_table():
    model = nn.Module()
    model.encoder, model.decoder = nn.Embedding(6, 4, padding_idx=2), nn.Embedding(6, 4, padding_idx=2)
    model.decoder.weight = model.encoder.weight
    space = ParamSpace(model)
    assert space.names == ("encoder.weight",)
    assert (~space.mask).view(6, 4)[2].all() and space.active == 20


def test_the_padding_row_of_an_output_layer_is_active():
    model = nn.Module()
    model.scores = nn.Linear(4, 6, bias=False)
    model.table = nn.Embedding(6, 4, padding_idx=2)
    model.table.weight = model.scores.weight
    assert ParamSpace(model).active == 24
    assert ParamSpace(model, exclude_rows={"scores.weight": [2]}).active == 20


def test_excluded_rows_join_the_padding():
    model = Transformer(items=7, width=4)
    space = ParamSpace(model, exclude_rows={"items.weight": torch.tensor([6, -2]), "norm.bias": [1]})
    outside = space.views(~space.mask)
    assert outside["items.weight"].all(1).nonzero().flatten().tolist() == [0, 5, 6]
    assert outside["norm.bias"].tolist() == [False, True, False, False]
    assert space.active == space.size - 13


def test_project_zeroes_what_takes_no_part_even_if_it_is_nan():
    space = ParamSpace(nn.Embedding(3, 2, padding_idx=0))
    vectors = torch.full((4, 6), 2.0)
    vectors[:, 0] = float("nan")
    assert torch.equal(space.project(vectors), torch.tensor([0, 0, 2, 2, 2, 2.0]).expand(4, 6))
    everything = ParamSpace(nn.Linear(2, 2))
    assert everything.mask is None and everything.project(vectors) is vectors


def test_include_takes_the_named_parameters_and_frozen_ones_stay_out():
    model = Transformer()
    assert ParamSpace(model, include=lambda name: name.startswith("qkv")).names == ("qkv.weight", "qkv.bias")
    model.qkv.weight.requires_grad_(False)
    assert "qkv.weight" not in ParamSpace(model).names


def test_a_space_of_named_tensors():
    state = {"b": torch.randn(2, 3), "a": torch.randn(4)}
    space = ParamSpace(state)
    assert space.names == ("b", "a") and space.size == 10
    assert torch.equal(space.flatten(state), torch.cat([state["b"].flatten(), state["a"]]))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ParamSpace(nn.Linear(2, 2), include=lambda name: False), "no parameter is left"),
        (
            lambda: ParamSpace({"a": torch.zeros(1), "b": torch.zeros(1, device="meta")}),
            r"on several devices \(cpu, meta\)",
        ),
        (
            lambda: ParamSpace(nn.Linear(2, 2).requires_grad_(False)),
            "no parameter requires .*named_parameters",
        ),
        (
            lambda: ParamSpace(nn.Linear(2, 2), exclude_rows={"wieght": [0]}),
            "'wieght', which is not a parameter; there are weight, bias",
        ),
        (lambda: ParamSpace(nn.Linear(2, 2), exclude_rows={"weight": [2]}), "row 2; the parameter has 2 rows"),
        (lambda: ParamSpace(nn.Linear(2, 2)).views(torch.zeros(5)), r"\(5,\) does not fit; this space needs \(6,\)"),
        (lambda: ParamSpace(nn.Linear(2, 2)).flatten({"weight": torch.zeros(2, 2)}), "'bias' is missing"),
        (
            lambda: ParamSpace(nn.Linear(2, 2)).params(nn.Linear(3, 2)),
            r"'weight' has shape \(2, 3\); this space needs \(2, 2\)",
        ),
    ],
)
def test_errors_say_what_is_wrong(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_block_of_parameters_has_its_block_of_the_hessian():
    problem = transformer()
    names = [name for name, _ in problem.model.named_parameters()]
    block = ParamSpace(problem.model, include=lambda name: name.startswith("qkv"))
    objective = Objective(problem.model, problem.loss, problem.batches, space=block)
    whole = ParamSpace(problem.model)
    inside = torch.cat(
        [torch.full((shape.numel(),), name in block.names) for name, shape in zip(names, whole.shapes, strict=True)]
    )
    dense = problem.dense_hessian()[inside][:, inside]
    v = torch.randn(block.size, dtype=torch.float64)
    torch.testing.assert_close(objective.hvp(v), dense @ v)


def test_bfloat16_parameters_have_the_eigenvalue_of_the_same_model_in_float32():
    torch.manual_seed(0)
    coarse, x, y = nn.Linear(6, 3).bfloat16(), torch.randn(32, 6).bfloat16(), torch.randint(3, (32,))
    fine = nn.Linear(6, 3)
    fine.load_state_dict(coarse.state_dict())

    def loss(model, x):
        return nn.functional.cross_entropy(model(x.to(model.weight.dtype)).float(), y, reduction="sum"), len(y)

    objectives = [Objective(model, loss, [x]) for model in (coarse, fine)]
    assert [objective.params.dtype for objective in objectives] == [torch.float32] * 2
    found, expected = (curvature(objective).pairs.values[0] for objective in objectives)
    assert found == pytest.approx(expected, rel=1e-2)  # eps of bfloat16 is 8e-3
