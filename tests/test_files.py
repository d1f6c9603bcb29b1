"""Results on disk: as they were, whole or not there, and refused when they are something else."""

import errno
import json
from dataclasses import replace

import numpy as np
import pytest

from landscape import Curvature, EigenPairs, InterpolationError, Surface
from landscape.files import (
    atomic,
    jsonable,
    load_curvature,
    load_surface,
    save_curvature,
    save_surface,
    write_json,
    write_text,
)


def surface():
    loss = np.array([[1.0, np.nan, np.inf], [2.0, 0.5, 3.0]])
    return Surface(
        alphas=np.array([-1.0, 0, 1]),
        betas=np.array([0.0, 1]),
        loss=loss,
        evaluated=np.isfinite(loss),
        metadata={"title": "α <b>", "seeds": [0, 1], "nothing": None},
        metrics={"NDCG@10": loss / 2},
        error=InterpolationError(absolute=0.1, relative=0.01, near_centre=float("nan"), points=16),
        nodes=np.array([[0.0, 0.0], [1.0, 1.0]]),
        node_loss=np.array([1.5, 3.0]),
    )


def curvature():
    bottom = EigenPairs(np.array([-0.4]), np.array([0.01]), np.array([False]), 12, np.array([[0.0, 1.0]]))
    top = EigenPairs(np.array([0.5, 0.2]), np.array([1e-4, 0.1]), np.array([True, False]), 12, np.eye(2), bottom, 1e-6)
    return Curvature(top, 0.3, float("nan"), 0.1, 30.0, 1e-6, {"title": "x"})


def test_a_surface_comes_back_as_it_was(tmp_path):
    save_surface(surface(), tmp_path / "s.npz")
    found, saved = load_surface(tmp_path / "s.npz"), surface()
    for name in ("alphas", "betas", "loss", "evaluated", "nodes", "node_loss"):
        np.testing.assert_array_equal(getattr(found, name), getattr(saved, name))
    np.testing.assert_array_equal(found.metrics["NDCG@10"], saved.metrics["NDCG@10"])
    assert found.metadata == saved.metadata
    assert repr(found) == repr(saved)
    assert np.isnan(found.error.near_centre)
    assert replace(found.error, near_centre=0) == replace(saved.error, near_centre=0)


def test_a_curvature_comes_back_as_it_was(tmp_path):
    save_curvature(curvature(), tmp_path / "c.json")
    found, saved = load_curvature(tmp_path / "c.json"), curvature()
    assert repr(found) == repr(saved)
    assert np.isnan(found.loss_stderr)
    for ours, theirs in ((found.pairs, saved.pairs), (found.pairs.bottom, saved.pairs.bottom)):
        for name in ("values", "residuals", "converged", "vectors"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    (tmp_path / "c.npz").unlink()
    assert load_curvature(tmp_path / "c.json").pairs.vectors is None


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 half an archive", None])
@pytest.mark.parametrize(("load", "name"), [(load_surface, "x.npz"), (load_curvature, "x.json")])
def test_foreign_and_damaged_files_are_refused_in_one_line(load, name, content, tmp_path):
    path = tmp_path / name
    if content is None:
        save_surface(surface(), path)
        path.write_bytes(path.read_bytes()[:-400])
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is damaged or no (surface|curvature) file") as refused:
        load(path)
    assert "\n" not in str(refused.value)


def test_files_of_newer_versions_and_other_kinds_are_refused(tmp_path):
    save_curvature(curvature(), tmp_path / "c.json")
    stored = json.loads((tmp_path / "c.json").read_text())
    write_json(tmp_path / "newer.json", {**stored, "format": 99})
    write_json(tmp_path / "other.json", {**stored, "kind": "soup"})
    with pytest.raises(ValueError, match="newer version"):
        load_curvature(tmp_path / "newer.json")
    with pytest.raises(ValueError, match="holds no curvature"):
        load_curvature(tmp_path / "other.json")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def write():
        with atomic(tmp_path / "a.txt") as file:
            file.write(b"new")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="the folder .*nowhere of a.txt does not exist"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


def test_what_json_lacks_becomes_null():
    values = {"a": np.array([1.0, np.nan]), "b": np.float32(np.inf), "c": (np.int64(3), np.bool_(True)), 4: ()}
    assert jsonable(values) == {"a": [1.0, None], "b": None, "c": [3, True], "4": []}


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"loss has shape \(2, 3\); 2 betas by 2 alphas need \(2, 2\)"):
        replace(surface(), alphas=np.array([0.0, 1]))
