"""Results are found again by exactly what made them, and computed anew where any of it differs."""

from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from landscape import block_eigenvalues, sharpness, spectral_density, trace
from landscape.geometry.curvature import curvature
from landscape.models.sasrec import BLOCKS
from landscape.operators.gauss_newton import GaussNewtonOperator
from landscape.results import (
    BlockEigenvalues,
    Curvature,
    LanczosState,
    Sharpness,
    Spectrum,
    Surface,
    TraceEstimate,
)
from landscape.results.storage.save_load import load_surface
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.planes import plane_settings
from landscape.training.analysis.surface import surface_of
from landscape.training.checkpoints.checkpoint import save_checkpoint
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import AUTO, ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.checkpoint_target import CheckpointTarget
from landscape.training.targets.objective import objective_of
from tests.training.analysis.test_planes import DATASET, target

SUBSET = ObjectiveConfig(users=3)
PLANE = SurfaceConfig(points=3, grid=True)
ONE = CurvatureConfig(top=1, max_products=4, checks=False)
OTHER_SUBSETS = {
    "loss": "contrastive",
    "split": "valid",
    "users": 9,
    "precision": 0.5,  # which goes with another "users"
    "skipped": 3,
    "seed": 1,
    "blocks": "items.*",
    "train_mode": True,
}
OTHER_SLICES = {
    "normalize": "layer",
    "vectors": "keep",
    "orthogonal": True,
    "eigen": (1,),
    "toward": "other.pt",
    "trajectory": "run",
    "curve": True,
    "curve_steps": 7,
    "line": True,
    "repeats": 2,
    "points": 5,
    "extent": 0.5,
    "tolerance": 0.01,
    "grid": False,
    "metric": ("valid",),
    "metric_points": 3,
    "check": True,
}
OTHER_MEASURES = {
    "operator": "fisher",
    "top": 2,
    "bottom": 0,
    "tolerance": 0.01,
    "max_products": 50,
    "memory": 10**9,
    "density": True,
    "probes": 3,
    "steps": 5,
    "trace": True,
    "trace_method": "xtrace",
    "trace_products": 9,
    "sharpness": True,
    "rhos": (0.2,),
    "ascent_steps": 3,
    "draws": 3,
    "by_block": True,
    "checks": True,
}


class ComputingError(Exception):
    """Something is computed."""


def found_again(analysis, *what):
    """Whether a result is read, and nothing computed."""

    def computing(*told):
        raise ComputingError

    try:
        analysis(*what, progress=computing)
    except ComputingError:
        return False
    return True


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A checkpoint with a surface and a curvature; another one and a run beside it."""
    folder = tmp_path_factory.mktemp("found")
    found = target(folder)
    target(folder, 1).path.rename(folder / "other.pt")
    (folder / "run" / "snapshots").mkdir(parents=True)
    for seed in (2, 3):
        target(folder, seed).path.rename(folder / "run" / "snapshots" / f"epoch-{seed:05d}.pt")
    surface_of(found, SUBSET, PLANE)
    curvature_of(found, SUBSET, ONE)
    return found


def test_every_setting_has_another_value_here():
    for kind, others in (
        (ObjectiveConfig, OTHER_SUBSETS),
        (SurfaceConfig, OTHER_SLICES),
        (CurvatureConfig, OTHER_MEASURES),
    ):
        assert {each.name for each in fields(kind)} == others.keys()


@pytest.mark.slow
@pytest.mark.parametrize(("analysis", "chosen"), [(surface_of, PLANE), (curvature_of, ONE)])
def test_results_are_found_for_the_same_checkpoint_and_subset_alone(analysis, chosen, one, tmp_path):
    assert found_again(analysis, one, SUBSET, chosen)
    assert found_again(analysis, one, replace(SUBSET), replace(chosen))
    assert not found_again(analysis, replace(one, sha256="f" * 64), SUBSET, chosen)
    assert not found_again(analysis, replace(one, results_folder=tmp_path / "elsewhere"), SUBSET, chosen)
    for name, value in OTHER_SUBSETS.items():
        change = {name: value} | ({"users": AUTO} if name == "precision" else {})
        assert not found_again(analysis, one, replace(SUBSET, **change), chosen), name


CURVES = {"curve": {}, "curve_steps": {"curve": True, "curve_steps": 3}}  # with what their settings go together


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_is_found_for_the_same_settings_alone(name, one):
    base = replace(PLANE, toward=(str(one.path.parent / "other.pt"),), **CURVES[name])
    subset = replace(SUBSET, seed=5)  # of which nothing is stored for other tests
    surface_of(one, subset, base)
    assert found_again(surface_of, one, subset, base)
    assert not found_again(surface_of, one, subset, replace(base, **{name: OTHER_SLICES[name]}))


@pytest.mark.parametrize("name", [name for name in OTHER_SLICES if name not in CURVES])
def test_a_surface_is_found_for_the_same_slice_alone(name, one):
    folder, value = one.path.parent, OTHER_SLICES[name]
    value = {"toward": (str(folder / "other.pt"),), "trajectory": str(folder / "run")}.get(name, value)
    assert not found_again(surface_of, one, SUBSET, replace(PLANE, **{name: value}))


@pytest.mark.parametrize("name", OTHER_MEASURES)
def test_a_curvature_is_found_for_the_same_measures_alone(name, one):
    assert not found_again(curvature_of, one, SUBSET, replace(ONE, **{name: OTHER_MEASURES[name]}))


def test_a_result_is_named_after_its_checkpoint_and_tells_what_made_it(tmp_path):
    one = target(tmp_path)
    found, path = surface_of(one, SUBSET, SurfaceConfig(points=3, grid=True))
    assert path.parent == one.path.parent / "results"
    assert path.name.startswith(f"surface-{one.path.stem}-")
    assert found.metadata["checkpoint"]["sha256"] == one.sha256
    assert found.metadata["threads"] == torch.get_num_threads()


def test_results_of_earlier_versions_are_found_by_their_names(tmp_path):
    """The hashes of version 0.1.0: a setting that is renamed, or another default, would lose all earlier results."""
    one = CheckpointTarget(Path("run") / "last.pt", "c0ffee" * 8, None, DATASET, tmp_path)
    cache = one.cache(ObjectiveConfig())
    names = {
        "surface-last-e1e200d852.npz": cache.path(Surface, **plane_settings(one, SurfaceConfig(eigen=(1, 2)))),
        "curvature-last-3ca5a6ed22.json": cache.path(Curvature, **asdict(CurvatureConfig())),
        "lanczos-last-7ab01b47d8.npz": cache.path(LanczosState, operator="hessian"),
        "density-last-f14d8ff8d2.json": cache.path(Spectrum, operator="hessian", steps=40),
        "traceestimate-last-8bb094b25c.json": cache.path(
            TraceEstimate, operator="hessian", products=60, method="hutch++"
        ),
        "sharpness-last-fcee4f8f20.json": cache.path(Sharpness, rhos=(0.05, 0.1, 0.5), ascent_steps=10, draws=10),
        "blockeigenvalues-last-aa475d8beb.json": cache.path(
            BlockEigenvalues, operator="hessian", tolerance=1e-3, max_products=None
        ),
    }
    assert [path.name for path in names.values()] == list(names)


@pytest.mark.slow
def test_other_checkpoints_count_by_their_content_and_not_by_their_place(tmp_path):
    one, other = target(tmp_path), target(tmp_path, 1)
    run = tmp_path / "run" / "snapshots"
    run.mkdir(parents=True)
    for seed in (2, 3):
        target(tmp_path, seed).path.rename(run / f"epoch-{seed:05d}.pt")

    def found(toward, run):
        slices = replace(PLANE, toward=(str(toward),)), replace(PLANE, trajectory=str(run))
        return [found_again(surface_of, one, SUBSET, chosen) for chosen in slices]

    surface_of(one, SUBSET, replace(PLANE, toward=(str(other.path),)))
    surface_of(one, SUBSET, replace(PLANE, trajectory=str(run.parent)))
    assert found(other.path, run.parent) == [True, True]
    moved = other.path.rename(tmp_path / "moved.pt"), run.parent.rename(tmp_path / "elsewhere")
    assert found(*moved) == [True, True]
    for place in (moved[0], moved[1] / "snapshots" / "epoch-00003.pt"):
        save_checkpoint(replace(other.checkpoint, weights=target(tmp_path, 4).checkpoint.weights), place)
    assert found(*moved) == [False, False]


@pytest.mark.slow
def test_an_interrupted_surface_goes_on_unless_its_directions_have_changed(tmp_path):
    one, chosen, seen = target(tmp_path), SurfaceConfig(points=9, grid=True, eigen=(1,)), []

    def die(done, total, text):
        if text == "evaluations" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        surface_of(one, SUBSET, chosen, progress=die)
    whole, path = surface_of(
        one, SUBSET, chosen, progress=lambda done, total, text: text == "evaluations" and seen.append(done)
    )
    assert [done for done in seen if done > 1] == [5, 6, 7, 8, 9]  # 1: the centre, once more, is unchanged
    assert not list(path.parent.glob(".partial*"))
    path.unlink()
    with pytest.raises(KeyboardInterrupt):
        surface_of(one, SUBSET, chosen, progress=die)
    curvature_of(
        one, SUBSET, replace(ONE, top=2, tolerance=1e-4, max_products=40)
    )  # continues what the direction comes from
    found, path = surface_of(one, SUBSET, chosen)
    assert found.metadata["plane"]["residuals"] != whole.metadata["plane"]["residuals"]
    np.testing.assert_allclose(found.loss, whole.loss, rtol=0.05)
    np.testing.assert_array_equal(load_surface(path).loss, found.loss)


SECTIONS = {
    "density": "products for the density",
    "trace": "products for the trace",
    "sharpness": "sharpness",
    "blocks": "blocks",
}
FEW = CurvatureConfig(
    top=1,
    max_products=4,
    checks=False,
    density=True,
    probes=1,
    steps=3,
    trace=True,
    trace_products=3,
    sharpness=True,
    rhos=(0.1,),
    ascent_steps=1,
    draws=1,
    by_block=True,
)


def computed_sections(one, objective_config, curvature_config):
    """The result, and which sections were not found."""
    texts = []
    found, _ = curvature_of(
        one, objective_config, curvature_config, progress=lambda done, total, text: texts.append(text)
    )
    return found, {name for name, text in SECTIONS.items() if any(text in each for each in texts)}


@pytest.mark.slow
def test_a_section_is_found_for_the_same_settings_of_its_own_alone(tmp_path):
    one = target(tmp_path)
    assert computed_sections(one, SUBSET, FEW)[1] == SECTIONS.keys()
    for change, expected in (  # one setting of each section at a time
        ({"steps": 4, "trace_products": 4, "draws": 2, "tolerance": 0.5}, SECTIONS.keys()),
        ({"trace_method": "hutchinson", "rhos": (0.2,), "max_products": 5}, {"trace", "sharpness", "blocks"}),
        ({"probes": 2, "ascent_steps": 2}, {"density", "sharpness"}),
        ({"draws": 3}, {"sharpness"}),  # with fewer probes than are there
        ({"operator": "fisher"}, {"density", "trace", "blocks"}),
    ):
        curvature_config = replace(FEW, **change)
        found, anew = computed_sections(one, SUBSET, curvature_config)
        assert anew == expected, change
        assert found.spectrum.probes == curvature_config.probes
        assert found.pairs.products <= curvature_config.max_products
        assert (found.metadata["basis_bytes"]["continued_from"] == 0) == ("operator" in change)
    assert computed_sections(one, replace(SUBSET, seed=1), FEW)[1] == SECTIONS.keys()


@pytest.mark.slow
def test_the_numbers_are_those_of_the_library_with_the_same_settings(tmp_path):
    objective_config = ObjectiveConfig(users=3, seed=3)
    curvature_config = replace(FEW, operator="gauss-newton", bottom=2, tolerance=0.1, max_products=30)
    one = target(tmp_path)
    found, _ = curvature_of(one, objective_config, curvature_config)
    objective, population = objective_of(one.checkpoint, DATASET, objective_config)
    matrix = GaussNewtonOperator(objective)
    options = {"operator": matrix, "tolerance": 0.1, "max_products": 30, "bottom": 2, "population": population}
    expected = curvature(objective, 1, seed=3, **options)
    np.testing.assert_array_equal(found.pairs.values, expected.pairs.values)
    np.testing.assert_array_equal(found.pairs.bottom.values, expected.pairs.bottom.values)
    assert (found.pairs.products, found.loss_stderr) == (expected.pairs.products, expected.loss_stderr)
    assert found.loss_stderr != objective.standard_error()
    np.testing.assert_array_equal(found.spectrum.values, spectral_density(matrix, probes=1, steps=3, seed=3).values)
    assert found.trace.mean == trace(matrix, max_products=3, method="hutch++", seed=3).mean
    rises = sharpness(objective, (0.1,), ascent_steps=1, draws=1, seed=3)
    np.testing.assert_array_equal(found.sharpness.values, rises.values)
    blocks = block_eigenvalues(objective, BLOCKS, GaussNewtonOperator, tolerance=0.1, max_products=30, seed=3)
    np.testing.assert_array_equal(found.blocks.values, blocks.values)
    elsewhere = replace(one, results_folder=tmp_path / "elsewhere")
    tight, _ = curvature_of(
        elsewhere,
        objective_config,
        replace(
            curvature_config, tolerance=1e-3, density=False, trace=False, sharpness=False, by_block=False, memory=70_000
        ),
    )
    expected = curvature(objective, 1, memory=70_000, seed=3, **options | {"tolerance": 1e-3})
    assert tight.pairs.products == expected.pairs.products != found.pairs.products
    assert tight.metadata["measures"]["memory"] == tight.metadata["basis_bytes"]["allowed"] == 70_000
    assert found.metadata["objective"]["seed"] == 3
