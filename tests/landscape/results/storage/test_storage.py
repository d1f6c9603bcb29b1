"""Results on disk: all that they carry comes back as it was, and what is something else is refused."""

import json
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from landscape import (
    Barrier,
    BlockEigenvalues,
    Curvature,
    EigenPairs,
    InterpolationError,
    Localization,
    Mark,
    RadialProfile,
    Spectrum,
    Surface,
    TraceEstimate,
    Trajectory,
)
from landscape.results import Check, CheckReport, LanczosState, QuadraticRadius, Sharpness
from landscape.results.storage.files import write_json
from landscape.results.storage.kinds import copy_result
from landscape.results.storage.save_load import (
    load_curvature,
    load_lanczos_state,
    load_surface,
    save_curvature,
    save_lanczos_state,
    save_surface,
)
from landscape.results.storage.values import curvature_values, surface_values

LOSS = np.array([[1.0, np.nan, np.inf], [2.0, 0.5, 3.0]])
CHECKS = CheckReport((Check("slope", 0.1, 0.11, 0.02), Check("loss", 1.0, np.nan, np.inf)), {"x": {"step": 0.5}})
QUADRATIC = QuadraticRadius(
    angles=np.array([0.0, 1.0]),
    radii=np.array([0.2, np.inf]),
    distances=np.array([5.0, np.inf]),
    extents=np.array([1.0, 1.0]),
    share=0.1,
    gradient=np.array([0.1, -0.2]),
    hessian=np.eye(2),
    noise=1e-7,
    evaluations=40,
    products=2,
)


def surface():
    return Surface(
        alphas=np.array([-1.0, 0, 1]),
        betas=np.array([0.0, 1]),
        loss=LOSS,
        evaluated=np.isfinite(LOSS),
        metadata={"title": "α <b>", "seeds": [0, 1], "nothing": None},
        metrics={"validation loss": LOSS / 2, "validation NDCG@10": np.full((2, 3), np.nan)},
        error=InterpolationError(absolute=0.1, relative=0.01, near_centre=float("nan"), points=16),
        nodes=np.array([[0.0, 0.0], [1.0, 1.0]]),
        node_loss=np.array([1.5, 3.0]),
        metric_errors={"validation loss": InterpolationError(0.2, 0.02, 0.3, 16)},
        node_metrics={"validation loss": np.array([0.75, np.nan])},
        marks=(Mark("a <b>", 0.0, 0.0), Mark("c", 1.0, 0.5)),
        trajectory=Trajectory(np.array([[1.0, 2.0]]), np.array([0.5]), ("epoch 0",), np.array([3.0])),
        radial_profile=RadialProfile(np.array([0.0, 0.5, 1.0]), np.array([[1.0, 2.0, np.nan], [1.0, 3.0, 4.0]])),
        barrier=Barrier(0.2, 0.4, 0.1, 0.01),
        checks=CHECKS,
        quadratic=QUADRATIC,
    )


def curvature():
    vectors = np.eye(2, dtype=np.float32)
    bottom = EigenPairs(np.array([-0.4]), np.array([0.01]), np.array([False]), 12, vectors[1:], asymmetry=1e-6)
    top = EigenPairs(
        np.array([0.5, 0.2]),
        np.array([1e-4, 0.1]),
        np.array([True, False]),
        12,
        vectors,
        bottom,
        1e-6,
    )
    weights = np.array([[0.5, 0.5], [1.0, np.nan]])
    nodes = np.array([[-0.1, 0.4], [0.1, np.nan]])
    return Curvature(
        top,
        0.3,
        float("nan"),
        0.1,
        30.0,
        1e-6,
        {"title": "x", "measures": {"rhos": [0.1]}},
        operator="fisher",
        spectrum=Spectrum(nodes, weights, 7, np.array([[3, 0], [3, 1]]), 1e-8, {"seed": 3}),
        trace=TraceEstimate(1.5, float("nan"), 3, "hutch++"),
        sharpness=Sharpness(
            kinds=("ascent", "average"),
            rhos=np.array([0.1, 0.5]),
            values=np.array([[0.1, 0.2], [np.inf, np.nan]]),
            stderr=np.full((2, 2), np.nan),
            evaluations=np.array([[2, 21], [3, 21]]),
            steps=np.array([[1, 0], [2, 0]]),
            last_gain=np.zeros((2, 2)),
            gap=np.zeros((2, 2)),
            loss=0.3,
            noise=1e-7,
            gradient_norm=0.1,
            params_norm=30.0,
            metadata={"draw_seeds": [1, 2]},
        ),
        blocks=BlockEigenvalues(
            names=("items", "norms"),
            values=np.array([0.4, 0.1]),
            residuals=np.array([1e-4, 0.1]),
            converged=np.array([True, False]),
            sizes=np.array([9, 2]),
            products=np.array([8, 4]),
        ),
        localization=(
            Localization(
                by="block",
                groups=("a", "b"),
                values=np.array([[0.2, 0.8], [1.0, 0.0]]),
                errors=np.array([0.01, np.nan]),
                baselines={"coordinates": np.array([0.5, 0.5])},
            ),
        ),
        checks=CHECKS,
        quadratic=QUADRATIC,
    )


def restart():
    return LanczosState(
        values=np.array([0.5, -0.4]),
        vectors=np.eye(2, 3, dtype=np.float32),
        couplings=np.array([1e-3, 0.0]),
        blocks=np.array([0, 0]),
        following=np.array([0.0, 0, 1], np.float32),
        size=3,
        complete=False,
        top=1,
        bottom=1,
        products=12,
        draws=1,
        asymmetry=1e-6,
        scale=0.6,
        residual=1e-4,
    )


def assert_same(found, saved, at="result"):
    """Equal in every field, NaN for NaN, and of the same kinds."""
    assert type(found) is type(saved), at
    if is_dataclass(saved):
        for each in fields(saved):
            assert_same(getattr(found, each.name), getattr(saved, each.name), f"{at}.{each.name}")
    elif isinstance(saved, np.ndarray):
        assert found.dtype == saved.dtype, at
        np.testing.assert_array_equal(found, saved, at)
    elif isinstance(saved, dict):
        assert found.keys() == saved.keys(), at
        for key in saved:
            assert_same(found[key], saved[key], f"{at}[{key!r}]")
    elif isinstance(saved, (tuple, list)):
        assert len(found) == len(saved), at
        for i, pair in enumerate(zip(found, saved, strict=True)):
            assert_same(*pair, f"{at}[{i}]")
    else:
        assert found == saved or (found != found and saved != saved), at


def test_a_surface_comes_back_as_it_was(tmp_path):
    save_surface(surface(), tmp_path / "s.npz")
    assert_same(load_surface(tmp_path / "s.npz"), surface())


def test_a_curvature_comes_back_as_it_was(tmp_path):
    save_curvature(curvature(), tmp_path / "c.json")
    assert_same(load_curvature(tmp_path / "c.json"), curvature())
    (tmp_path / "c.npz").unlink()
    assert load_curvature(tmp_path / "c.json").pairs.vectors is None


def test_what_is_left_out_stays_out(tmp_path):
    plain = Surface(np.zeros(1), np.zeros(1), np.zeros((1, 1)), np.ones((1, 1), bool))
    save_surface(plain, tmp_path / "s.npz")
    assert_same(load_surface(tmp_path / "s.npz"), plain)
    few = replace(
        curvature(),
        spectrum=None,
        trace=None,
        sharpness=None,
        blocks=None,
        localization=(),
        checks=None,
        quadratic=None,
    )
    save_curvature(few, tmp_path / "c.json")
    assert_same(load_curvature(tmp_path / "c.json"), few)


def test_where_lanczos_left_off_comes_back_as_it_was(tmp_path):
    save_lanczos_state(restart(), tmp_path / "r.npz")
    assert_same(load_lanczos_state(tmp_path / "r.npz"), restart())


def test_vectors_of_another_curvature_are_not_taken_for_its_own(tmp_path):
    one, place = curvature(), tmp_path / "c.json"
    bare = replace(one, pairs=replace(one.pairs, vectors=None, bottom=replace(one.pairs.bottom, vectors=None)))
    save_curvature(one, place)
    save_curvature(bare, place)
    assert_same(load_curvature(place), bare)
    save_curvature(one, place)
    turned = replace(one, pairs=replace(one.pairs, vectors=one.pairs.vectors[::-1]))
    save_curvature(turned, tmp_path / "other.json")
    (tmp_path / "other.npz").replace(tmp_path / "c.npz")
    assert_same(load_curvature(place), bare)


def test_the_data_of_a_result_lie_beside_its_page(tmp_path):
    save_curvature(curvature(), tmp_path / "kept.json")
    assert copy_result(tmp_path / "kept.json", tmp_path / "page.html") == tmp_path / "page.json"
    assert_same(load_curvature(tmp_path / "page.json"), curvature())
    save_surface(surface(), tmp_path / "plane.npz")
    assert copy_result(tmp_path / "plane.npz", tmp_path / "drawn.html") == tmp_path / "drawn.npz"
    assert_same(load_surface(tmp_path / "drawn.npz"), surface())
    before = (tmp_path / "plane.npz").stat().st_ino
    copy_result(tmp_path / "plane.npz", tmp_path / "plane.html")
    assert (tmp_path / "plane.npz").stat().st_ino == before  # it is there already, and not written again


@pytest.mark.parametrize(
    ("save", "load", "result", "spoilt"),
    [
        (save_surface, load_surface, surface(), replace(surface(), metadata={"title": object()})),
        (save_curvature, load_curvature, curvature(), replace(curvature(), metadata={"title": object()})),
        (save_lanczos_state, load_lanczos_state, restart(), replace(restart(), residual=object())),
    ],
    ids=["surface", "curvature", "restart"],
)
def test_a_result_that_cannot_be_stored_leaves_the_one_before(save, load, result, spoilt, tmp_path):
    save(result, tmp_path / "r.json")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TypeError, match="JSON"):
        save(spoilt, tmp_path / "r.json")
    assert sorted(tmp_path.iterdir()) == before
    assert_same(load(tmp_path / "r.json"), result)


def through_json(values):
    return json.loads(json.dumps(values, allow_nan=False))


def test_plain_values_of_a_surface_tell_what_its_arrays_come_down_to():
    band = RadialProfile(np.array([0.0, 0.5, 1.0]), np.array([[1.0, 2.0, 4.0], [2.0, 2.5, 7.0]]))
    told = through_json(surface_values(replace(surface(), radial_profile=band)))
    assert told["loss"] == {"centre": 1.5, "min": 0.5, "max": 3.0, "not_finite": 0}
    assert (told["evaluations"], told["error"]["absolute"]) == (2, 0.1)
    assert told["metrics"]["validation loss"]["error"]["absolute"] == 0.2
    assert told["metrics"]["validation loss"] | {"error": None} == {
        "centre": 0.75,
        "min": 0.25,
        "max": 1.5,
        "not_finite": 0,
        "error": None,
    }
    assert told["radial_profile"] == {
        "radii": [0.0, 0.5, 1.0],
        "mean": [1.5, 2.25, 5.5],
        "half_width": band.half_width().tolist(),
        "mean_rise": [0.0, 0.75, 4.0],
        "rise_half_width": band.half_width(band.rises).tolist(),
        "level": 0.95,
        "repeats": 2,
    }
    assert told["radial_profile"]["rise_half_width"] != told["radial_profile"]["half_width"]
    assert told.keys() >= {"marks", "trajectory", "barrier", "checks", "quadratic"}
    plain = Surface(np.zeros(1), np.zeros(1), np.zeros((1, 1)), np.ones((1, 1), bool))
    assert surface_values(plain).keys() == {"format", "kind", "loss", "evaluations", "error", "metadata"}


def test_plain_values_of_a_curvature_tell_what_its_arrays_come_down_to():
    one = curvature()
    told = through_json(curvature_values(one))
    assert told["scaled_eigenvalue"] == 0.5 * 30.0**2
    (share, error), (low, high) = one.spectrum.share_below(), one.spectrum.share_bounds()
    assert told["negative_share"] == {"mean": share, "stderr": error, "least": low, "most": high}
    assert low < share < high


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 half an archive", b"[1]", None])
@pytest.mark.parametrize(
    ("load", "name"), [(load_surface, "x.npz"), (load_curvature, "x.json"), (load_lanczos_state, "x.npz")]
)
def test_foreign_and_damaged_files_are_refused_in_one_line(load, name, content, tmp_path):
    path = tmp_path / name
    if content is None:
        save_surface(surface(), path)
        path.write_bytes(path.read_bytes()[:-400])
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is damaged or is not a (surface|curvature|Lanczos) file") as refused:
        load(path)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("save", "load", "result", "name"),
    [
        (save_surface, load_surface, surface(), "r.npz"),
        (save_curvature, load_curvature, curvature(), "r.json"),
        (save_lanczos_state, load_lanczos_state, restart(), "r.npz"),
    ],
    ids=["surface", "curvature", "restart"],
)
def test_a_wrong_bit_is_refused_in_one_line_or_changes_no_more_than_a_value(save, load, result, name, tmp_path):
    save(result, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    messages = []
    for place in np.linspace(0, len(content) - 1, 200).astype(int):
        wrong = bytearray(content)
        wrong[place] ^= 64 if place % 2 else 1
        (tmp_path / name).write_bytes(wrong)
        try:
            assert type(load(tmp_path / name)) is type(result)
        except ValueError as refused:
            messages.append(str(refused))
    assert len(messages) > 100
    assert all(str(tmp_path / name) in message and "\n" not in message for message in messages)


@pytest.mark.parametrize("lacking", ["eigenvalues", "products", "params_norm"])
def test_a_curvature_that_lacks_something_is_refused(lacking, tmp_path):
    stored = curvature_values(curvature())
    del stored[lacking]
    write_json(tmp_path / "c.json", stored)
    with pytest.raises(ValueError, match="is damaged or is not a curvature file"):
        load_curvature(tmp_path / "c.json")


OLD_SURFACE_FIELDS = {"radial_profile": "band", "trajectory": "path"}


def test_a_surface_of_format_2_is_read_under_its_old_names(tmp_path):
    save_surface(surface(), tmp_path / "new.npz")
    arrays = dict(np.load(tmp_path / "new.npz"))
    described = json.loads(str(arrays["metadata"]))
    assert described["format"] == 3
    described = {OLD_SURFACE_FIELDS.get(name, name): value for name, value in described.items()} | {"format": 2}
    assert described["band"]["radii"] == [0.0, 0.5, 1.0] and described["path"]["names"] == ["epoch 0"]
    np.savez_compressed(tmp_path / "old.npz", **{**arrays, "metadata": np.array(json.dumps(described))})
    assert_same(load_surface(tmp_path / "old.npz"), surface())


def test_a_curvature_of_format_2_is_read_under_its_old_names(tmp_path):
    save_curvature(curvature(), tmp_path / "c.json")
    stored = json.loads((tmp_path / "c.json").read_text())
    assert stored["format"] == 3
    stored |= {"shares": stored.pop("localization"), "format": 2}
    assert [share["by"] for share in stored["shares"]] == ["block"]
    write_json(tmp_path / "c.json", stored)
    assert_same(load_curvature(tmp_path / "c.json"), curvature())


def test_files_of_newer_versions_and_other_kinds_are_refused(tmp_path):
    stored = curvature_values(curvature())
    write_json(tmp_path / "newer.json", {**stored, "format": 99})
    write_json(tmp_path / "other.json", {**stored, "kind": "soup"})
    with pytest.raises(ValueError, match="newer version"):
        load_curvature(tmp_path / "newer.json")
    with pytest.raises(ValueError, match="does not hold a curvature"):
        load_curvature(tmp_path / "other.json")
    for changed, message in (({"format": 99}, "newer version"), ({"kind": "soup"}, "does not hold a surface")):
        described = {"format": 2, "kind": "surface", **changed}
        np.savez(tmp_path / "s.npz", metadata=np.array(json.dumps(described)))
        with pytest.raises(ValueError, match=message):
            load_surface(tmp_path / "s.npz")
