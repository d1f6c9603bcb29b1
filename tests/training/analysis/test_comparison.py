"""Several checkpoints and results side by side: what belongs together, and what it is called."""

import json
from dataclasses import replace

import pytest

from landscape.results.storage import curvature_values, save_curvature, save_surface, surface_values
from landscape.training.analysis.comparison import Entry, computed, joined, short_names, stored
from landscape.training.analysis.curvature import curvature_of
from landscape.training.analysis.surface import surface_of
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.surface import SurfaceConfig
from tests.training.analysis.test_planes import SUBSET, target

FEW = SurfaceConfig(points=3, grid=True)
ONE = CurvatureConfig(top=1, checks=False)


def test_a_checkpoint_brings_surface_curvature_and_history(tmp_path):
    one = target(tmp_path)
    (tmp_path / "history.csv").write_text("epoch,stage,train_loss\n1,train,0.5\n2,train,\n")
    found = computed(one, SUBSET, FEW, ONE)
    assert found.title == one.checkpoint.title
    assert found.surface.loss.shape == (3, 3)
    assert found.curvature.pairs.converged[0]
    assert found.history == [
        {"epoch": 1.0, "stage": "train", "train_loss": 0.5},
        {"epoch": 2.0, "stage": "train", "train_loss": ""},
    ]


def test_results_of_one_checkpoint_are_one_model_in_the_order_given(tmp_path):
    one, other = target(tmp_path, 0), target(tmp_path, 1)
    first, second = computed(one, SUBSET, FEW, ONE), computed(other, SUBSET, FEW, ONE)
    files = []
    for each in (first, second):
        place = tmp_path / f"{each.key}.npz"
        save_surface(each.surface, place)
        files.append(stored(str(place)))
    curvatures = [replace(each, surface=None) for each in (first, second)]
    found = joined([files[1], curvatures[0], files[0], curvatures[1]])
    assert [entry.key for entry in found] == [second.key, first.key]
    assert all(entry.surface is not None and entry.curvature is not None for entry in found)


def test_a_result_that_tells_nothing_is_called_by_its_file(tmp_path):
    found, _ = surface_of(target(tmp_path), SUBSET, FEW)
    save_surface(replace(found, metadata={}), tmp_path / "nameless.npz")
    assert stored(str(tmp_path / "nameless.npz")).title == "nameless"


def test_what_is_no_result_is_refused(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps({"kind": "soup"}))
    with pytest.raises(ValueError, match="holds no curvature"):
        stored(str(tmp_path / "x.json"))


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["SASRec on Beauty, seed 0", "S3Rec on Beauty, seed 0"], ["SASRec", "S3Rec"]),
        (["SASRec on Beauty, seed 0", "SASRec on Beauty, seed 1"], None),
        (["SASRec on Beauty, seed 0", "S3Rec on Toys, seed 0"], None),
        (["SASRec on Beauty, seed 0"], None),
        (["SASRec on Beauty, seed 0"] * 2, None),
        (["A on B on Beauty, seed 0", "A on C on Beauty, seed 0"], ["A on B", "A on C"]),
        (["SASRec on Beauty, seed 0", "b"], None),
        (["a", "b"], None),
    ],
)
def test_names_leave_out_what_all_share_as_long_as_they_differ(titles, names):
    assert short_names(titles) == (titles if names is None else names)


def test_a_later_result_takes_the_place_of_the_same_and_of_no_other(tmp_path):
    one = target(tmp_path)
    (surface, _), (finer, _) = surface_of(one, SUBSET, FEW), surface_of(one, SUBSET, replace(FEW, points=5))
    again = replace(surface, metadata={**surface.metadata, "seconds": 9.0})
    curvature, _ = curvature_of(one, SUBSET, ONE)
    rows = [{"epoch": 1.0}]
    older = Entry("a", "a", surface, replace(curvature, loss=9.0), rows)
    found, another = joined([older, Entry("a", "a", again), Entry("a", "a", finer), Entry("a", "a", None, curvature)])
    assert found == Entry("a", "a", again, curvature, rows)
    assert another == Entry("a", "a", finer)
    assert found.values() == {"surface": surface_values(again), "curvature": curvature_values(curvature)}
    assert str(found) == f"{again!r}; {curvature!r}"
    assert Entry("a", "a", surface).values()["curvature"] is None


def test_two_losses_of_one_checkpoint_are_not_put_together(tmp_path):
    own = replace(SUBSET, loss="own")
    first, second = (computed(target(tmp_path), each, FEW, ONE) for each in (SUBSET, own))
    assert second.title == f"{first.title}, own loss" and second.key == first.key
    assert second.surface.metadata["objective"]["loss"] == second.curvature.metadata["objective"]["loss"] == "own"
    assert joined([first, replace(second, surface=None), replace(second, curvature=None)]) == [first, second]


def test_results_that_tell_nothing_are_put_together_by_their_files(tmp_path):
    one = target(tmp_path)
    surface, curvature = surface_of(one, SUBSET, FEW)[0], curvature_of(one, SUBSET, ONE)[0]
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        save_surface(replace(surface, metadata={}), folder / "s.surface.npz")
    bare = replace(curvature.pairs, vectors=None, bottom=None)  # vectors would take the surface's place
    save_curvature(replace(curvature, pairs=bare, metadata={}), tmp_path / "a" / "s.surface.json")
    files = ["a/s.surface.npz", "b/s.surface.npz", "a/s.surface.json"]
    first, second = joined([stored(str(tmp_path / file)) for file in files])
    assert first.curvature is not None and second.curvature is None
    assert (first.title, second.title) == ("s.surface", "s.surface")


def test_entries_without_a_checkpoint_go_by_their_titles():
    assert [entry.title for entry in joined([Entry("a", "a"), Entry("b", "b"), Entry("a", "a")])] == ["a", "b"]
