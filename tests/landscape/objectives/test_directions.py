import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from landscape import Objective, ParamSpace, cosine, orthogonalise, random_direction
from landscape.objectives.directions import checked_direction
from tests.support.problems import Transformer, convolutional, transformer


def draw(model: nn.Module, **options) -> tuple[ParamSpace, dict[str, torch.Tensor]]:
    space = ParamSpace(model)
    return space, space.views(random_direction(space, space.params(model), **{"seed": 0, **options}))


def test_filters_have_the_norms_of_the_weights():
    model = convolutional().model
    _, views = draw(model)
    for name in ("filters.weight", "out.weight"):
        rows, own = (
            views[name].flatten(1).norm(dim=1),
            dict(model.named_parameters())[name].detach().flatten(1).norm(dim=1),
        )
        torch.testing.assert_close(rows, own)
        assert own.std() > 0
    for name in ("filters.bias", "norm.weight", "norm.bias", "out.bias"):
        assert not views[name].any()


def test_vectors_are_kept_on_demand_with_their_norm():
    model = convolutional().model
    for normalize in ("filter", "layer"):
        _, views = draw(model, vectors="keep", normalize=normalize)
        for name, tensor in model.named_parameters():
            torch.testing.assert_close(views[name].norm(), tensor.detach().norm())
    _, plain = draw(model, vectors="keep", normalize="none")
    assert plain["norm.bias"].any()


def test_layers_have_the_norms_of_the_weights_and_their_rows_do_not():
    model = convolutional().model
    _, views = draw(model, normalize="layer")
    weight = model.filters.weight.detach()
    torch.testing.assert_close(views["filters.weight"].norm(), weight.norm())
    assert not torch.allclose(views["filters.weight"].flatten(1).norm(dim=1), weight.flatten(1).norm(dim=1), rtol=0.01)


def test_plain_draws_are_standard_normal():
    _, views = draw(nn.Linear(100, 200), normalize="none")
    assert views["weight"].std() == pytest.approx(1, abs=0.02)
    assert views["weight"].mean() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("normalize", ["filter", "layer"])
def test_zero_filters_have_zero_directions(normalize):
    model = nn.Linear(3, 4)
    with torch.no_grad():
        model.weight[1] = 0
        model.bias.zero_()
    _, views = draw(model, normalize=normalize, vectors="keep")
    assert all(view.isfinite().all() for view in views.values())
    assert not views["bias"].any()
    assert normalize == "layer" or not views["weight"][1].any()
    assert views["weight"][0].any()


def test_padding_is_zero_and_in_no_norm():
    model = Transformer()
    with torch.no_grad():
        model.items.weight[0] = 100.0  # as a padding row may be after training with weight decay left out of it
    for normalize in ("filter", "layer", "none"):
        _, views = draw(model, normalize=normalize)
        assert not views["items.weight"][0].any() and views["items.weight"][1:].all()
    _, views = draw(model, normalize="layer")
    torch.testing.assert_close(views["items.weight"].norm(), model.items.weight[1:].detach().norm())


def test_shared_parameters_share_draws():
    """A model with further heads, or in another order, gets the same directions for what they have in common."""
    plain, extended = Transformer(), nn.Module()
    extended.pretraining = nn.Linear(9, 9)
    extended.norm, extended.qkv, extended.items = plain.norm, plain.qkv, plain.items
    _, a = draw(plain, vectors="keep")
    _, b = draw(extended, vectors="keep")
    for name in a.keys() & b.keys():
        assert torch.equal(a[name], b[name])


def test_seeds_and_names_make_different_draws():
    model = nn.ModuleDict({"a": nn.Linear(6, 6), "b": nn.Linear(6, 6)})
    _, first = draw(model, normalize="none")
    _, second = draw(model, normalize="none", seed=1)
    assert not torch.equal(first["a.weight"], first["b.weight"])
    assert not torch.equal(first["a.weight"], second["a.weight"])


def test_a_draw_does_not_depend_on_the_global_generator_nor_on_the_dtype():
    model = Transformer()
    torch.manual_seed(0)
    _, first = draw(model)
    torch.manual_seed(1)
    _, second = draw(model)
    _, double = draw(model.double())
    for name in first:
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], double[name].float())


@pytest.mark.parametrize("options", [{"normalize": "filters"}, {"vectors": "drop"}])
def test_unknown_choices_are_refused(options):
    with pytest.raises(ValueError, match="must be one of .* got"):
        draw(nn.Linear(2, 2), **options)


def test_a_surface_is_the_same_for_rescaled_networks():
    """What filter normalisation is for: two layers with a ReLU between, scaled by c and 1/c, are the same function."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False))
    x, space = torch.randn(20, 5), ParamSpace(model)

    def outputs(theta):
        return torch.func.functional_call(model, space.views(theta), (x,))

    theta = space.params(model)
    moved = outputs(theta + 0.5 * random_direction(space, theta, seed=3))
    scaled = torch.cat([theta[:40] * 10, theta[40:] / 10])
    torch.testing.assert_close(outputs(scaled + 0.5 * random_direction(space, scaled, seed=3)), moved)


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_orthogonalise_removes_all_components(seed, count):
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(count + 1, 30, generator=generator, dtype=torch.float64)
    vectors[0] += 1e3 * vectors[1:].sum(0)
    result = orthogonalise(*vectors)
    assert all(abs(cosine(result, other)) < 1e-10 for other in vectors[1:])
    removed = (vectors[0] - result)[None]
    assert torch.linalg.matrix_rank(torch.cat([vectors[1:], removed]), rtol=1e-10) == count


def test_cosine():
    x, y = torch.tensor([3.0, 0.0]), torch.tensor([3.0, 4.0])
    assert cosine(x, y) == pytest.approx(0.6) and cosine(x, -x) == -1
    assert math.isnan(cosine(x, 0 * x))
    assert torch.equal(orthogonalise(y), y)
    torch.testing.assert_close(orthogonalise(y, x), torch.tensor([0.0, 4.0]))


def test_directions_live_on_the_coordinates_of_the_objective():
    objective = transformer().objective()
    direction = random_direction(objective.space, objective.params, seed=0)
    assert direction.dtype == objective.params.dtype and direction.shape == objective.params.shape


def test_case_does_not_change_what_is_meant():
    model = convolutional().model
    _, expected = draw(model)
    _, found = draw(model, normalize="Filter", vectors="ZERO")
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_seed_stands_for_the_same_direction_for_good():
    params = {"items.weight": torch.zeros(3, 1)}
    for seed, expected in ((0, [0.4896, 1.1709, -0.4052]), (1, [-0.0009, 0.1346, 0.9095])):
        direction = random_direction(ParamSpace(params), torch.ones(3), seed=seed, normalize="none")
        torch.testing.assert_close(direction, torch.tensor(expected), atol=5e-5, rtol=0)


@pytest.mark.parametrize("values", [[0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]])
def test_directions_are_finite_and_not_zero(values):
    objective = Objective(
        torch.nn.Linear(2, 1, bias=False), lambda model, batch: (model(batch).sum(), 1), [torch.ones(2)]
    )
    with pytest.raises(ValueError, match="x is zero, or not finite"):
        checked_direction(objective, torch.tensor(values), "x")
