"""A folder of results: found again by everything that affects them, and continued by a library's caller."""

import json

import numpy as np
import pytest
import torch

from landscape import (
    EvaluationCache,
    LanczosState,
    Mark,
    Objective,
    ResultCache,
    Spectrum,
    Surface,
    spectral_density,
    surface,
    top_eigenpairs,
)

H = torch.diag(torch.arange(1.0, 31, dtype=torch.float64))


class Calls:
    """Counts how often a result is computed."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return Mark("a", float(self.count), np.nan)


def test_a_result_is_computed_once_for_each_key_and_settings(tmp_path):
    compute = Calls()
    for folder, key, settings in (
        (tmp_path, {"weights": "a"}, {}),
        (tmp_path, {"weights": "b"}, {}),
        (tmp_path, {"weights": "a", "data": "c"}, {}),
        (tmp_path, {"weights": "a"}, {"seed": 0}),
        (tmp_path, {"weights": "a"}, {"seed": 1}),
        (tmp_path / "deeper" / "folder", {"weights": "a"}, {}),
    ):
        before = compute.count
        results = [ResultCache(folder, key).result(Mark, compute, **settings) for _ in range(2)]
        assert compute.count == before + 1
        assert [result.alpha for result in results] == [before + 1] * 2
        assert np.isnan(results[1].beta)


def test_a_file_is_named_by_kind_name_and_hash(tmp_path):
    names = [ResultCache(tmp_path, {"a": 1}, name=name).path(Surface, b=(2, 3)).name for name in ("", "x")]
    digest = names[0].removeprefix("surface-").removesuffix(".npz")
    assert len(digest) == 10
    assert names[1] == f"surface-x-{digest}.npz"
    assert ResultCache(tmp_path, {"b": [2, 3]}).path(Surface, a=1).name == names[0]


def test_a_setting_that_the_key_has_already_is_refused(tmp_path):
    with pytest.raises(ValueError, match="seed is in the key already; give the setting another name"):
        ResultCache(tmp_path, {"seed": 0}).path(Mark, seed=1)


def test_a_damaged_result_is_named_and_not_computed_anew(tmp_path):
    cache, compute = ResultCache(tmp_path, {}), Calls()
    cache.result(Mark, compute)
    cache.path(Mark).write_text(json.dumps([1]))
    with pytest.raises(ValueError, match=f"{cache.path(Mark).name} is damaged or is not a mark file"):
        cache.result(Mark, compute)
    assert compute.count == 1


def test_a_folder_that_cannot_be_made_is_noticed_before_anything_is_computed(tmp_path):
    (tmp_path / "file").write_text("")
    compute = Calls()
    with pytest.raises(FileExistsError, match="file"):
        ResultCache(tmp_path / "file", {}).result(Mark, compute)
    assert compute.count == 0


def test_a_computation_that_fails_stores_nothing(tmp_path):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ResultCache(tmp_path, {}).result(Mark, fail)
    assert list(tmp_path.iterdir()) == []


def test_a_caller_of_the_library_resumes_an_interrupted_surface(tmp_path):
    """As docs/guides/library.md shows it."""
    model = torch.nn.Linear(3, 1).double()
    batches = [torch.ones(4, 3, dtype=torch.float64)]
    objective = Objective(model, lambda model, batch: (model(batch).square().sum(), len(batch)), batches)
    x = torch.ones(4, dtype=torch.float64)
    cache, settings = ResultCache(tmp_path, {"model": "linear"}), {"points": 9, "grid": True}

    def run(progress):
        def compute():
            partial = EvaluationCache(cache.file("partial", ".npz", **settings))
            result = surface(objective, x, **settings, cache=partial, progress=progress)
            partial.delete()
            return result

        return cache.result(Surface, compute, **settings)

    def interrupt(done, total, text):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(interrupt)
    assert [path.name.split("-")[0] for path in tmp_path.iterdir()] == ["partial"]
    seen = []
    resumed = run(lambda done, total, text: seen.append(done))
    assert min(done for done in seen if done > 1) == 5  # 1: the centre, which is evaluated again as a check
    np.testing.assert_array_equal(resumed.loss, surface(objective, x, **settings).loss)
    assert [path.name.split("-")[0] for path in tmp_path.iterdir()] == ["surface"]
    seen.clear()
    np.testing.assert_array_equal(run(lambda *state: seen.append(state)).loss, resumed.loss)
    assert seen == []


def test_a_caller_of_the_library_continues_lanczos_and_a_density(tmp_path):
    cache = ResultCache(tmp_path, {"matrix": "diagonal"})
    cache.store(top_eigenpairs(H, 2, max_products=8).lanczos_state, seed=0)
    cache.store(spectral_density(H, probes=1, steps=5), steps=5)
    assert cache.load(LanczosState, seed=1) is None
    state, spectrum = cache.load(LanczosState, seed=0), cache.load(Spectrum, steps=5)
    assert state.products == 8
    pairs = top_eigenpairs(H, 2, tolerance=1e-8, max_products=60, resume_from=state)
    np.testing.assert_allclose(pairs.values, [30, 29], rtol=1e-8)
    two = spectral_density(H, probes=2, steps=5, resume_from=spectrum)
    np.testing.assert_array_equal(two.values, spectral_density(H, probes=2, steps=5).values)
