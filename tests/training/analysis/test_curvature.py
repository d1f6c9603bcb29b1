"""All that is computed of a checkpoint's curvature: each section, kept, continued, and refused where it cannot be."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape import sharpness, spectral_density, top_eigenpairs, trace
from landscape.linalg.trace import METHODS
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.operators import OPERATORS
from landscape.training.config.curvature import TRACE_METHODS, CurvatureConfig
from tests.training.analysis.test_planes import SUBSET, target
from tests.training.targets.test_objective import objective as of_dtype

SECTIONS = CurvatureConfig(
    top=2,
    density=True,
    probes=3,
    steps=6,
    trace=True,
    trace_products=9,
    sharpness=True,
    rhos=(0.1,),
    by_block=True,
    draws=2,
)


@pytest.mark.slow
@pytest.mark.parametrize("operator", ["hessian", "gauss-newton", "fisher"])
def test_all_sections_of_a_curvature(operator, tmp_path):
    one = target(tmp_path)
    found, _ = curvature_of(one, SUBSET, replace(SECTIONS, operator=operator))
    assert found.operator == operator
    assert found.checks.agrees, str(found.checks)
    top = found.pairs.values[0]
    assert (found.blocks.values <= top + found.pairs.residuals[0] + found.blocks.residuals).all()  # interlacing
    assert found.spectrum.extremes[1] <= top * (1 + 1e-3)
    (total, error), estimate = found.spectrum.trace(), found.trace
    assert abs(total - estimate.mean) <= 5 * np.hypot(error, estimate.stderr)
    by_block, by_popularity = found.localization
    np.testing.assert_allclose(by_block.values.sum(1), 1)
    table = by_block.groups.index("item table")
    assert (by_popularity.values.sum(1) <= by_block.values[:, table] + 1e-9).all()  # [mask] may have the rest
    assert by_popularity.baselines["interactions"].sum() == pytest.approx(1, abs=0.2)  # items that are looked up
    assert (np.diff(by_popularity.baselines["interactions"]) <= 0).all()
    if operator != "hessian":
        assert found.pairs.bottom.values[0] >= -1e-5 * top  # positive semidefinite
        assert np.isnan(found.sharpness.eigenvalue)
    assert str(found).count("\n") > 30
    again, _ = curvature_of(one, SUBSET, replace(SECTIONS, operator=operator))
    assert repr(again) == repr(found)


@pytest.mark.slow
def test_more_is_continued_from_what_was_found(tmp_path):
    one = target(tmp_path)
    few, _ = curvature_of(
        one, SUBSET, CurvatureConfig(top=2, max_products=8, checks=False, density=True, probes=2, steps=6)
    )
    more, _ = curvature_of(one, SUBSET, CurvatureConfig(top=3, checks=False, density=True, probes=4, steps=6))
    assert more.metadata["basis_bytes"]["continued_from"] == few.pairs.products
    assert more.pairs.converged.all()
    np.testing.assert_array_equal(more.spectrum.values[:2], few.spectrum.values)
    fresh, _ = curvature_of(
        replace(one, results_folder=tmp_path / "fresh"), SUBSET, CurvatureConfig(top=3, checks=False)
    )
    np.testing.assert_allclose(more.pairs.values, fresh.pairs.values, rtol=1e-2)


@pytest.mark.slow
def test_a_killed_curvature_goes_on_with_its_next_section(tmp_path):
    one = target(tmp_path)
    seen = []

    def die(done, total, text):
        seen.append(text)
        if "density" in text and done == 9:
            raise KeyboardInterrupt

    curvature_config = replace(SECTIONS, by_block=False, sharpness=False, trace=False)
    with pytest.raises(KeyboardInterrupt):
        curvature_of(one, SUBSET, curvature_config, progress=die)
    again, _ = curvature_of(one, SUBSET, curvature_config)
    whole, _ = curvature_of(replace(one, results_folder=tmp_path / "whole"), SUBSET, curvature_config)
    np.testing.assert_array_equal(again.spectrum.values, whole.spectrum.values)
    np.testing.assert_allclose(again.pairs.values, whole.pairs.values, rtol=1e-3)


@pytest.mark.slow
def test_each_method_of_traces_is_known(tmp_path):
    assert set(TRACE_METHODS) == METHODS.keys()
    found, _ = curvature_of(
        target(tmp_path),
        SUBSET,
        CurvatureConfig(top=1, checks=False, trace=True, trace_products=6, trace_method="xtrace"),
    )
    assert found.trace.method == "xtrace"


@pytest.mark.slow
def test_a_density_that_would_not_fit_is_refused_with_what_would(tmp_path):
    with pytest.raises(ValueError, match="--steps 40 of the density need a basis of .* steps; or give more --memory"):
        curvature_of(target(tmp_path), SUBSET, CurvatureConfig(density=True, memory=110_000, checks=False))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hessian", "gauss-newton", "fisher"])
def test_float32_agrees_with_float64(kind):
    found = []
    for dtype in (torch.float32, torch.float64):
        objective, _ = of_dtype(SUBSET, dtype)
        H = OPERATORS[kind](objective)
        pairs = top_eigenpairs(H, 2, tolerance=1e-5)
        spread = spectral_density(H, probes=3, steps=6).trace()
        found.append([*pairs.values, trace(H, max_products=12).mean, *spread])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3)


@pytest.mark.slow
def test_sharpness_in_float32_agrees_with_float64():
    tables = [sharpness(of_dtype(SUBSET, dtype)[0], (0.1,), draws=3) for dtype in (torch.float32, torch.float64)]
    np.testing.assert_allclose(tables[0].values, tables[1].values, rtol=1e-2, atol=10 * tables[0].noise)
