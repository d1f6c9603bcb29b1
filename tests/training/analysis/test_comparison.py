"""Several checkpoints and results side by side: what belongs together, and what it is called."""

import itertools
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from landscape.results.storage.save_load import save_curvature, save_surface
from landscape.results.storage.values import curvature_values, surface_values
from landscape.training.analysis.comparison import ComparisonEntry, compare, joined, short_names, target_entry
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.surface import surface_of
from landscape.training.checkpoints.checkpoint import save_checkpoint
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.data.dataset import load
from landscape.training.targets.checkpoint_target import CheckpointTarget
from tests.training.analysis.test_planes import DATASET, SUBSET, target

FEW = SurfaceConfig(points=3, grid=True)
ONE = CurvatureConfig(top=1, checks=False)


@pytest.mark.slow
def test_a_checkpoint_brings_surface_curvature_and_history(tmp_path):
    one = target(tmp_path)
    (tmp_path / "history.csv").write_text("epoch,stage,train_loss\n1,train,0.5\n2,train,\n")
    found = target_entry(one, SUBSET, FEW, ONE)
    assert found.title == one.checkpoint.title
    assert found.surface.loss.shape == (3, 3)
    assert found.curvature.pairs.converged[0]
    assert found.history == [
        {"epoch": 1.0, "stage": "train", "train_loss": 0.5},
        {"epoch": 2.0, "stage": "train", "train_loss": ""},
    ]


@pytest.mark.slow
def test_results_of_one_checkpoint_are_one_model_in_the_order_given(tmp_path):
    one, other = target(tmp_path, 0), target(tmp_path, 1)
    first, second = target_entry(one, SUBSET, FEW, ONE), target_entry(other, SUBSET, FEW, ONE)
    files = {}
    for name, entry in {"first": first, "second": second}.items():
        files[name] = tmp_path / f"{name}.npz", tmp_path / f"{name}-curvature.json"
        save_surface(entry.surface, files[name][0])
        save_curvature(entry.curvature, files[name][1])
    entries = compare([files["second"][0], files["first"][1], files["first"][0], files["second"][1]])
    assert [entry.key for entry in entries] == [second.key, first.key]
    assert all(entry.surface is not None and entry.curvature is not None for entry in entries)


def on_disk(folder, seed):
    """A checkpoint whose data is on disk as well."""
    one, data = target(folder, seed), folder / "tiny.txt"
    users = [DATASET.items[a:b] for a, b in itertools.pairwise(DATASET.offsets)]
    data.write_text("".join(f"{u + 1} {' '.join(map(str, items))}\n" for u, items in enumerate(users)))
    save_checkpoint(replace(one.checkpoint, data=load(data).metadata()), one.path)
    return one.path


def test_a_library_caller_compares_checkpoints_and_results_in_one_call(tmp_path):
    paths, texts = [on_disk(tmp_path, seed) for seed in (0, 1)], []
    configs = {"objective_config": SUBSET, "surface_config": FEW, "curvature_config": ONE}
    entries = compare(paths, **configs, progress=lambda done, total, text: texts.append(text))
    assert [entry.name for entry in entries] == ["SASRec, seed 0", "SASRec, seed 1"]
    assert all(text.startswith(tuple(entry.title for entry in entries)) for text in texts)
    for path, entry in zip(paths, entries, strict=True):
        one = CheckpointTarget.open(path)
        assert entry.key == one.sha256
        np.testing.assert_array_equal(entry.surface.loss, surface_of(one, SUBSET, FEW)[0].loss)
        np.testing.assert_array_equal(entry.curvature.pairs.values, curvature_of(one, SUBSET, ONE)[0].pairs.values)
    texts.clear()
    save_surface(entries[0].surface, tmp_path / "surface.npz")
    mixed = compare([tmp_path / "surface.npz", paths[1]], **configs, progress=lambda *state: texts.append(state))
    assert texts == []  # all is there already
    assert [entry.key for entry in mixed] == [entry.key for entry in entries]
    assert [entry.curvature is None for entry in mixed] == [True, False]
    np.testing.assert_array_equal(mixed[0].surface.loss, entries[0].surface.loss)


def test_all_inputs_are_opened_before_anything_is_computed(tmp_path):
    path = on_disk(tmp_path, 0)
    with pytest.raises(ValueError, match="missing.npz"):
        compare([path, tmp_path / "missing.npz"], objective_config=SUBSET, surface_config=FEW, curvature_config=ONE)
    assert not (tmp_path / "results").exists()


def test_a_result_without_a_title_is_called_by_its_file(tmp_path):
    surface, _ = surface_of(target(tmp_path), SUBSET, FEW)
    save_surface(replace(surface, metadata={}), tmp_path / "nameless.npz")
    assert compare([tmp_path / "nameless.npz"])[0].title == "nameless"


def test_a_file_that_does_not_hold_a_result_is_refused(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps({"kind": "soup"}))
    with pytest.raises(ValueError, match="does not hold a curvature"):
        compare([tmp_path / "x.json"])


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["SASRec on Beauty, seed 0", "S3Rec on Beauty, seed 0"], ["SASRec", "S3Rec"]),
        (["SASRec on Beauty, seed 0", "SASRec on Beauty, seed 1"], ["SASRec, seed 0", "SASRec, seed 1"]),
        (["SASRec on Beauty, seed 0", "S3Rec on Toys, seed 0"], ["SASRec on Beauty", "S3Rec on Toys"]),
        (["SASRec on Beauty, seed 0", "SASRec on Beauty, seed 0, own loss"], None),
        (["SASRec on Beauty, seed 0"], None),
        (["SASRec on Beauty, seed 0"] * 2, None),
        (["A on B on Beauty, seed 0", "A on C on Beauty, seed 0"], ["A on B", "A on C"]),
        (["SASRec on Beauty, seed 0", "b"], None),
        (["a", "b"], None),
    ],
)
def test_names_leave_out_what_all_share_as_long_as_they_differ(titles, names):
    assert short_names(titles) == (titles if names is None else names)


@pytest.mark.slow
def test_a_later_result_takes_the_place_of_the_same_and_of_no_other(tmp_path):
    one = target(tmp_path)
    (surface, _), (finer, _) = surface_of(one, SUBSET, FEW), surface_of(one, SUBSET, replace(FEW, points=5))
    again = replace(surface, metadata={**surface.metadata, "seconds": 9.0})
    curvature, _ = curvature_of(one, SUBSET, ONE)
    rows = [{"epoch": 1.0}]
    entry = partial(ComparisonEntry, "a", "a")
    older = entry(surface, replace(curvature, loss=9.0), rows)
    found, another = joined([older, entry(again), entry(finer), entry(None, curvature)])
    assert found == entry(again, curvature, rows)
    assert another == entry(finer)
    assert found.values() == {"surface": surface_values(again), "curvature": curvature_values(curvature)}
    assert str(found) == f"{again!r}; {curvature!r}"
    assert entry(surface).values()["curvature"] is None


@pytest.mark.slow
def test_two_losses_of_one_checkpoint_are_not_put_together(tmp_path):
    own = replace(SUBSET, loss="own")
    first, second = (target_entry(target(tmp_path), each, FEW, ONE) for each in (SUBSET, own))
    assert second.title == f"{first.title}, own loss" and second.key == first.key
    assert second.surface.metadata["objective"]["loss"] == second.curvature.metadata["objective"]["loss"] == "own"
    assert joined([first, replace(second, surface=None), replace(second, curvature=None)]) == [first, second]


@pytest.mark.slow
def test_results_that_tell_nothing_are_put_together_by_their_files(tmp_path):
    one = target(tmp_path)
    surface, curvature = surface_of(one, SUBSET, FEW)[0], curvature_of(one, SUBSET, ONE)[0]
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        save_surface(replace(surface, metadata={}), folder / "s.surface.npz")
    bare = replace(curvature.pairs, vectors=None, bottom=None)  # vectors would take the surface's place
    save_curvature(replace(curvature, pairs=bare, metadata={}), tmp_path / "a" / "s.surface.json")
    files = ["a/s.surface.npz", "b/s.surface.npz", "a/s.surface.json"]
    first, second = compare([tmp_path / file for file in files])
    assert first.curvature is not None and second.curvature is None
    assert (first.title, second.title) == ("s.surface", "s.surface")


def test_entries_without_a_checkpoint_go_by_their_titles():
    entries = [ComparisonEntry(title, title) for title in ("a", "b", "a")]
    assert [entry.title for entry in joined(entries)] == ["a", "b"]
