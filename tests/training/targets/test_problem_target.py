"""Problems as targets of analyses: the numbers are the library's, and results are found again by what made them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape import FisherOperator, GaussNewtonOperator, HessianOperator, Objective, random_plane, supervised
from landscape.problems.problem import ProblemFile
from landscape.results.storage.save_load import load_surface
from landscape.surfaces.surface import surface
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.surface import surface_of
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.problem_target import ProblemTarget, blocks_of

TEXT = """
import torch
import torch.nn.functional as F
from torch import nn
import landscape

def network(width):
    return nn.Sequential(nn.Linear(3, width), nn.Dropout(0.5), nn.Tanh(), nn.Linear(width, 2)).double()

def objective(width: int = 4, shift: float = 0.0):
    x = torch.randn(12, 3, dtype=torch.float64) + shift
    batches = [*zip(x.split(5), (x[:, 0] > 0).long().split(5))]
    model, loss = network(width), landscape.supervised(F.cross_entropy)
    one = landscape.Objective(model, loss, batches)
    return one, {"other": landscape.Objective(model, loss, batches[:1]), "length": lambda params: params.norm()}

def plain():
    model = nn.Linear(1, 1)
    return landscape.Objective(model, lambda model, x: (model(x).square().sum(), len(x)), [torch.ones(2, 1)])
"""
DEFAULT = ObjectiveConfig()
PLANE = SurfaceConfig(points=3, grid=True)
ONE = CurvatureConfig(top=1, checks=False)


def network(seed, width=4):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, width), nn.Dropout(0.5), nn.Tanh(), nn.Linear(width, 2)).double()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "problem.py").write_text(TEXT)
    for seed in range(4):
        torch.save(network(seed).state_dict(), tmp_path / f"step-{seed}.pt")
    return tmp_path


def opened(folder, *settings, weights=None, function="objective"):
    return ProblemTarget.open(ProblemFile(folder / "problem.py", function, settings, weights and folder / weights))


class ComputingError(Exception):
    """Something is computed."""


def found_again(analysis, *what):
    def computing(*told):
        raise ComputingError

    try:
        analysis(*what, progress=computing)
    except ComputingError:
        return False
    return True


def library(folder, seed):
    """The same objective, made by hand."""
    model = network(seed)
    batches = opened(folder).problem.objective.batches
    return Objective(model, supervised(F.cross_entropy), batches)


@pytest.mark.parametrize("name", ["hessian", "gauss-newton", "fisher"])
def test_a_curvature_is_that_of_the_library_with_these_weights(name, folder):
    operators = {"hessian": HessianOperator, "gauss-newton": GaussNewtonOperator, "fisher": FisherOperator}
    found, path = curvature_of(opened(folder, weights="step-1.pt"), DEFAULT, replace(ONE, operator=name, by_block=True))
    one = library(folder, 1)
    H = operators[name](one)
    dense = torch.stack([H @ row for row in torch.eye(one.space.size, dtype=torch.float64)])
    values = torch.linalg.eigvalsh(dense)
    assert abs(found.pairs.values[0] - values[-1]) <= max(found.pairs.residuals[0], 1e-9)
    assert found.loss == pytest.approx(one.value(), rel=1e-12)
    assert found.blocks.names == ("0", "3")
    assert found.localization[0].groups == ("0", "3")
    own = torch.linalg.eigvalsh(dense[:16, :16])[-1]  # of the first layer
    assert abs(found.blocks.values[0] - own) <= max(found.blocks.residuals[0], 1e-9)
    assert path.parent == folder / "results" and path.name.startswith("curvature-problem-")


def test_a_surface_is_that_of_the_library_with_these_weights(folder):
    config = replace(PLANE, metric=("length", "other"))
    found, path = surface_of(opened(folder, weights="step-1.pt"), DEFAULT, config)
    one = library(folder, 1)
    plane = random_plane(one.space, one.params)
    expected = surface(one, plane.x, plane.y, points=3, grid=True)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-12)
    np.testing.assert_array_equal(load_surface(path).loss, found.loss)
    first = Objective(one.model, one.loss, one.batches[:1])
    assert found.of("other").centre == pytest.approx(first.value(), rel=1e-12)
    assert found.of("length").centre == pytest.approx(float(one.params.norm()), rel=1e-12)
    with pytest.raises(ValueError, match="the metric must be one of parts, other, length, got 'NDCG@10'"):
        surface_of(opened(folder), DEFAULT, replace(PLANE, metric=("NDCG@10",)))


def test_results_are_found_again_by_all_that_made_them(folder):
    for analysis, config in ((surface_of, PLANE), (curvature_of, ONE)):
        analysis(opened(folder, weights="step-1.pt"), DEFAULT, config)
        same = opened(folder, weights="step-1.pt")
        assert found_again(analysis, same, DEFAULT, config)
        assert found_again(analysis, opened(folder, "width=4", weights="step-1.pt"), DEFAULT, config)
        assert found_again(analysis, same, replace(DEFAULT, users=3, split="valid"), config)  # of recommenders
        for other in (replace(DEFAULT, seed=1), replace(DEFAULT, blocks="0.*"), replace(DEFAULT, train_mode=True)):
            assert not found_again(analysis, same, other, config), other
        assert not found_again(analysis, opened(folder, weights="step-2.pt"), DEFAULT, config)
        assert not found_again(analysis, opened(folder, "shift=0.5", weights="step-1.pt"), DEFAULT, config)
    (folder / "step-1.pt").rename(folder / "moved.pt")
    assert found_again(surface_of, opened(folder, weights="moved.pt"), DEFAULT, PLANE)
    (folder / "problem.py").write_text(TEXT + "\n# another text\n")
    assert not found_again(surface_of, opened(folder, weights="moved.pt"), DEFAULT, PLANE)


def test_other_data_make_another_result_even_if_nothing_else_differs(folder):
    text = TEXT.replace("torch.randn(12, 3, dtype=torch.float64)", "torch.load(__file__ + '.data')")
    (folder / "problem.py").write_text(text)
    for data, found in ((torch.ones(12, 3).double(), True), (torch.zeros(12, 3).double(), False)):
        torch.save(torch.ones(12, 3).double(), folder / "problem.py.data")
        surface_of(opened(folder, weights="step-1.pt"), DEFAULT, PLANE)
        torch.save(data, folder / "problem.py.data")
        assert found_again(surface_of, opened(folder, weights="step-1.pt"), DEFAULT, PLANE) is found


def test_an_interrupted_surface_goes_on(folder):
    def die(done, total, text):
        if text == "evaluations" and done == 5:
            raise KeyboardInterrupt

    seen = []
    with pytest.raises(KeyboardInterrupt):
        surface_of(opened(folder), DEFAULT, PLANE, progress=die)
    surface_of(opened(folder), DEFAULT, PLANE, progress=lambda done, *_: seen.append(done))
    assert [done for done in seen if done > 1] == [5, 6, 7, 8, 9]


def test_a_line_goes_to_other_weights_and_a_plane_through_those_of_a_folder(folder):
    one = opened(folder, weights="step-1.pt")
    before = {name: tensor.clone() for name, tensor in one.problem.objective.model.state_dict().items()}
    line, _ = surface_of(one, DEFAULT, replace(PLANE, toward=(str(folder / "step-2.pt"),)))
    start, end = library(folder, 1), library(folder, 2)
    np.testing.assert_allclose(line.alphas, [-0.5, 0.5, 1.5])
    np.testing.assert_allclose(line.loss[0, 1], start.value((start.params + end.params) / 2), rtol=1e-12)
    assert line.marks[0].name == one.title.removesuffix(" on problem")  # which both are
    plane, _ = surface_of(one, DEFAULT, replace(PLANE, trajectory=str(folder)))
    assert plane.trajectory.names == ("step-0", "step-1", "step-2", "step-3")
    np.testing.assert_allclose(plane.trajectory.loss, [library(folder, seed).value() for seed in range(4)], rtol=1e-12)
    after = one.problem.objective.model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_weights_of_another_model_are_refused_by_name(folder):
    torch.save(nn.Linear(3, 4).state_dict(), folder / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt: these are the weights of another model: they lack 0\.bias"):
        opened(folder, weights="other.pt")
    with pytest.raises(ValueError, match=r"other\.pt: these are the weights of another model"):
        surface_of(opened(folder), DEFAULT, replace(PLANE, toward=(str(folder / "other.pt"),)))


def test_blocks_and_training_mode_apply_to_the_loss_and_its_metrics(folder):
    one = opened(folder, weights="step-1.pt")
    config = replace(PLANE, metric=("length", "other"), vectors="keep")
    part, _ = surface_of(one, replace(DEFAULT, blocks="3.*"), config)
    assert part.metadata["parameters_taking_part"] == 10
    whole = library(folder, 1)
    np.testing.assert_allclose(part.of("length").centre, float(whole.params.norm()), rtol=1e-12)
    masked, _ = surface_of(one, replace(DEFAULT, train_mode=True), config)
    expected = Objective(whole.model, whole.loss, whole.batches, training_mode_seed=0).value()
    assert masked.centre == pytest.approx(expected, rel=1e-12) != part.centre
    assert masked.metadata["title"] == f"{one.title}, with dropout"


def test_a_loss_that_does_not_say_where_it_is_convex_is_refused(folder):
    one = opened(folder, function="plain")
    for name in ("gauss-newton", "fisher"):
        with pytest.raises(ValueError, match="CompositeLoss"):
            curvature_of(one, DEFAULT, replace(ONE, operator=name))


def test_an_error_in_the_loss_names_the_line_of_the_file(folder):
    text = TEXT.replace("model(x).square().sum()", "model(x).square().summe()")
    (folder / "problem.py").write_text(text)
    one = opened(folder, function="plain")
    with pytest.raises(ValueError, match=r"problem\.py, line \d+: AttributeError: .*summe"), one.errors():
        surface_of(one, DEFAULT, PLANE)


@pytest.mark.parametrize(
    ("names", "blocks"),
    [
        (["weight"], {"weight": "weight"}),
        (["a.w", "a.b"], {"a.w": "a.w", "a.b": "a.b"}),
        (["a.h.0.w", "a.h.1.w", "a.out.w"], {"a.h": "a.h.*", "a.out": "a.out.*"}),
        ([f"h.{i}.w" for i in range(50)], {"h": "h.*"}),
    ],
)
def test_blocks_are_as_few_parts_of_names_as_make_more_than_one(names, blocks):
    assert blocks_of(names) == blocks
