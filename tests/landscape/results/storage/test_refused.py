"""Files that hold no result: refused in one line that names file and field, before memory is taken."""

import json
import os
import re
import tracemalloc
import typing
import zipfile
from dataclasses import dataclass, replace

import numpy as np
import pytest

from landscape.results import Mark, Spectrum, Trajectory
from landscape.results.storage.kinds import copy_result, kind_of
from landscape.results.storage.npz import ArrayFile
from landscape.results.storage.save_load import (
    load_curvature,
    load_lanczos_state,
    load_surface,
    save_curvature,
    save_lanczos_state,
    save_surface,
)
from landscape.results.storage.schema import SCHEMA, Rule
from landscape.results.storage.serialization import from_plain, to_plain
from landscape.results.study.records import pack_ranks, unpack_ranks
from landscape.surfaces.evaluation_cache import EvaluationCache
from tests.landscape.results.storage.test_storage import curvature, restart, surface
from tests.support import drawable

LOADS = [(load_surface, "r.npz"), (load_curvature, "r.json"), (load_lanczos_state, "r.npz")]
REMOVE = object()


def changed(tree, place, value):
    """The tree with another value at a place such as ``bottom.residuals.0``."""
    *above, last = (int(key) if key.isdigit() else key for key in place.split("."))
    holder = tree
    for key in above:
        holder = holder[key]
    if value is REMOVE:
        del holder[last]
    else:
        holder[last] = value
    return tree


def refusal(load, path):
    """The message, which is one printable line that names the file."""
    with pytest.raises(ValueError, match=re.escape(path.name)) as refused:
        load(path)
    message = str(refused.value)
    assert message.isprintable() and len(message) < 700
    return message


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("eigenvalues.0", float("inf"), "eigenvalues holds a number that is not finite"),
        ("eigenvalues.0", "inf", "eigenvalues holds a number that is not finite"),
        ("eigenvalues.0", None, "eigenvalues holds a number that is not finite"),
        ("eigenvalues.0", "0.5", "eigenvalues is the text '0.5', not a number"),
        ("eigenvalues.0", True, "eigenvalues is true, not a number"),
        ("eigenvalues", 0.5, "eigenvalues is 0.5, not a list"),
        ("eigenvalues", [], "eigenvalues is empty"),
        ("eigenvalues", [[0.5, 0.2]], "eigenvalues has 2 dimensions and not 1"),
        ("eigenvalues", [[0.5], 0.2], "eigenvalues has rows of different lengths"),
        ("eigenvalues", [0.2, 0.5], "eigenvalues do not descend"),
        ("eigenvalues", REMOVE, "eigenvalues is missing"),
        ("eigenvalues.0", 10**400, "eigenvalues is a number of over 64 bits, not a number"),
        ("residuals", [0.1], r"residuals has shape (1,); the fields before it need 2 in place of 1"),
        ("residuals.1", -0.1, "residuals holds a number that is less than 0"),
        ("converged.0", 1, "converged is 1, not true or false"),
        ("products", -1, "products is less than 0"),
        ("products", 12.0, "products is 12.0, not a whole number"),
        ("products", 10**30, "products is a number of over 64 bits, not a whole number"),
        ("bottom", [1], "bottom is not an object"),
        ("bottom", 0, "bottom is not an object"),
        ("gradient_norm", 2**53 + 1, "gradient_norm is 9007199254740993, not a number"),  # a double is even there
        ("bottom.eigenvalues", REMOVE, "bottom.eigenvalues is missing"),
        ("params_norm", 1e308, "params_norm is more than 1e+150"),  # whose square is infinite
        ("loss", None, "loss is not finite"),
        ("operator", 3, "operator is 3, not a text"),
        ("metadata", [], "metadata is a list, not an object"),
        ("metadata.checkpoint", "x", "metadata.checkpoint is the text 'x', not an object"),
        ("metadata.title", {"a": 1}, "metadata.title is an object, not a text"),
        ("spectrum.values", [[-0.1, 0.4], [None, 0.1]], "spectrum: values and weights are not NaN at the same places"),
        ("spectrum.values.0", [0.4, -0.1], "spectrum: values do not ascend"),
        ("spectrum.values.0.1", "inf", "spectrum: values or weights hold a number that is not finite"),
        ("spectrum.size", 0, "spectrum.size is less than 1"),
        ("sharpness.stderr", [[None, None]], "sharpness.stderr has shape (1, 2); the fields before it need 2"),
        ("sharpness.kinds", ["ascent"], "sharpness.values has shape (2, 2); the fields before it need 1"),
        ("blocks.sizes.0", 2.5, "blocks.sizes is 2.5, not a whole number"),
        ("blocks.names.1", None, "blocks.names[1] is null, not a text"),
        ("localization.0.baselines", {"x": [0.5]}, "localization[0].baselines['x'] has shape (1,)"),
        ("checks.checks.0.allowed", "x", "checks.checks[0].allowed is the text 'x', not a number"),
        ("quadratic.hessian", [[1, 2, 3]], "quadratic.hessian has shape (1, 3)"),
        ("kind", 5, "kind is missing or not a text"),
        ("format", -2, "format is missing or not a whole number from 1"),
        ("format", True, "format is missing or not a whole number from 1"),
    ],
)
def test_a_curvature_is_refused_by_the_name_of_its_field(place, value, reason, tmp_path):
    save_curvature(curvature(), tmp_path / "c.json")
    stored = json.loads((tmp_path / "c.json").read_text())
    (tmp_path / "c.json").write_text(json.dumps(changed(stored, place, value)))
    assert reason in refusal(load_curvature, tmp_path / "c.json")


def test_what_is_there_twice_is_refused(tmp_path):
    save_curvature(curvature(), tmp_path / "c.json")
    text = (tmp_path / "c.json").read_text()
    (tmp_path / "c.json").write_text('{"loss": 0.1, ' + text.lstrip()[1:])
    assert "loss is there twice" in refusal(load_curvature, tmp_path / "c.json")
    stored = json.loads(text)
    (tmp_path / "c.json").write_text(json.dumps({**stored, "shares": stored["localization"]}))
    assert "shares is there under its new name, too" in refusal(load_curvature, tmp_path / "c.json")


def rewritten(path, place=None, value=None, **arrays):
    """Change a surface's metadata at a place, or its arrays."""
    stored = dict(np.load(path))
    if place is not None:
        text = json.dumps(changed(json.loads(str(stored["metadata"])), place, value))
        stored["metadata"] = np.array(text)
    stored |= arrays
    np.savez(path, **{name: array for name, array in stored.items() if array is not REMOVE})


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("metadata.direction_norms", True, "metadata.direction_norms is true, not a list"),
        ("metadata.direction_norms", [1.0, None], "metadata.direction_norms holds a number that is not finite"),
        ("metadata.direction_norms", [1.0, 2.0, 3.0], "metadata.direction_norms has 3 entries"),
        ("metadata.direction_norms", [], "metadata.direction_norms has 0 entries; a plane has one or two directions"),
        ("metadata.plane", {"kind": "random", "shares": []}, "metadata.plane.shares has 0 entries"),
        ("metadata.plane", {"eigenvalues": [1, 2, 3], "residuals": [0, 0, 0]}, "plane.eigenvalues has 3 entries"),
        ("metadata.loss_stderr", "x", "metadata.loss_stderr is the text 'x', not a number"),
        ("metadata.plane.shares", 0.5, "metadata.plane.shares is 0.5, not a list"),
        ("metadata.plane.shares", REMOVE, "metadata.plane of kind trajectory needs shares, 1 to 2 of each"),
        ("metadata.plane", "x", "metadata.plane is the text 'x', not an object"),
        ("metadata.plane.kind", "toward", "metadata.plane of kind toward needs names, 2 to 3 of each"),
        ("metadata.plane.kind", "eigen", "metadata.plane of kind eigen needs numbers and eigenvalues"),
        ("metadata.interpolation.nodes", [9], "metadata.interpolation.nodes has 1 entries, not 2"),
        ("metadata.interpolation.nodes", [10**9, 10**9], "a number of nodes that are not there"),
        ("metadata.interpolation.nodes", [9, 8], "nodes lack some of those that metadata.interpolation says"),
        ("metadata.interpolation.extent.0", [1.0, -1.0], "an interval that is empty"),
        ("radial_profile.level", 2.0, "radial_profile.level is more than 1"),
        ("trajectory.off_plane.0", -1.0, "trajectory.off_plane holds a number that is less than 0"),
        ("trajectory.names", "epochs", "trajectory.names is the text 'epochs', not a list"),
        ("marks.0.name", ["x"], "marks[0].name is a list, not a text"),
        ("marks.0", None, "marks[0] is null, not an object"),
        ("error.points", None, "error.points is null, not a whole number"),
        ("metric_errors", [], "metric_errors is a list, not an object"),
    ],
)
def test_a_surface_is_refused_by_the_name_of_its_field(place, value, reason, tmp_path):
    save_surface(drawable.marked((7, 5)), tmp_path / "s.npz")
    rewritten(tmp_path / "s.npz", place, value)
    assert reason in refusal(load_surface, tmp_path / "s.npz")


@pytest.mark.parametrize(
    ("name", "array", "reason"),
    [
        ("alphas", np.array([-1.0, 0, np.nan]), "alphas holds a number that is not finite"),
        ("alphas", np.array([-1.0, 1, 0]), "alphas do not increase"),
        ("alphas", np.zeros((3, 1)), "alphas has 2 dimensions and not 1"),
        ("alphas", np.array([False, True, True]), "the array alphas holds bool"),
        ("betas", np.array(["a", "b"]), "the array betas holds <U1"),
        ("loss", REMOVE, "the array loss is missing"),
        ("loss", np.zeros((3, 2)), "the array loss has shape (3, 2); the others need (2, 3)"),
        ("loss", np.zeros((2, 3), complex), "the array loss holds complex128"),
        ("loss", np.zeros((2, 3), "M8[s]"), "the array loss holds datetime64[s]"),
        ("evaluated", np.zeros((2, 3)), "the array evaluated holds float64, not true and false"),
        ("nodes", np.zeros((2, 3)), "the array nodes has shape (2, 3); the others need (2, 2)"),
        ("nodes", np.full((2, 2), np.inf), "nodes holds a number that is not finite"),
        ("nodes", np.zeros((20_000, 2)), "nodes has shape (20000, 2), which are not the points"),
        ("node_loss", np.zeros(3), "the array node_loss has shape (3,); the others need (2,)"),
        ("metrics/x", np.zeros(3), "the array metrics/x has shape (3,); the others need (2, 3)"),
        ("node_metrics/x", np.zeros(2), "x has shape (2,) at the nodes; a metric of the surface"),
        ("metadata", np.zeros(3), "the array metadata holds float64, not texts"),
        ("metadata", np.array("[1]"), "it holds no object but a list"),
    ],
)
def test_a_surface_is_refused_by_the_name_of_its_array(name, array, reason, tmp_path):
    save_surface(surface(), tmp_path / "s.npz")
    rewritten(tmp_path / "s.npz", **{name: array})
    assert reason in refusal(load_surface, tmp_path / "s.npz")


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("values.0", None, "values holds a number that is not finite"),
        ("values", [0.5], "the array vectors has shape (2, 3); the others need (1, 3)"),
        ("values", [-0.4, 0.5], "values do not descend"),
        ("couplings", [0.0], "couplings has shape (1,)"),
        ("blocks.0", -1, "blocks holds a number that is less than 0"),
        ("blocks.0", 10**9, "blocks has or is 1000000001, more than the 3 that the other fields allow"),
        ("draws", 10**12, "draws has or is 1000000000000, more than the 2"),  # which would be drawn again for hours
        ("size", 4, "size has or is 4, more than the 3"),
        ("complete", 0, "complete is 0, not true or false"),
        ("scale", "inf", "scale is not finite"),
        ("products", REMOVE, "products is missing"),
    ],
)
def test_a_lanczos_state_is_refused_by_the_name_of_its_field(place, value, reason, tmp_path):
    save_lanczos_state(restart(), tmp_path / "l.npz")
    stored = dict(np.load(tmp_path / "l.npz"))
    stored["rest"] = np.array(json.dumps(changed(json.loads(str(stored["rest"])), place, value)))
    np.savez(tmp_path / "l.npz", **stored)
    assert reason in refusal(load_lanczos_state, tmp_path / "l.npz")


def test_a_lanczos_state_has_finite_vectors(tmp_path):
    vectors = restart().vectors.copy()
    vectors[1, 1] = np.nan
    save_lanczos_state(replace(restart(), vectors=vectors), tmp_path / "l.npz")
    assert "vectors holds a number that is not finite" in refusal(load_lanczos_state, tmp_path / "l.npz")


@pytest.mark.parametrize(("load", "name"), LOADS)
def test_what_is_no_regular_file_is_refused_before_it_is_opened(load, name, tmp_path):
    path = tmp_path / name
    os.mkfifo(path)
    assert "is a pipe or a device" in refusal(load, path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "is a pipe or a device" in refusal(load, path)
    path.unlink()
    path.mkdir()
    assert "is a folder" in refusal(load, path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none" / name)


def test_a_pipe_in_the_place_of_vectors_is_not_opened(tmp_path):
    save_curvature(curvature(), tmp_path / "c.json")
    (tmp_path / "c.npz").unlink()
    os.mkfifo(tmp_path / "c.npz")
    assert load_curvature(tmp_path / "c.json").pairs.vectors is None
    copy_result(tmp_path / "c.json", tmp_path / "page.html")
    assert not (tmp_path / "page.npz").exists()


def claimed(path, name, shape, dtype="<f8", *, written=0, compression=zipfile.ZIP_DEFLATED):
    """Add an array whose header claims a shape, and which has ``written`` zeros."""
    header = str({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with (
        zipfile.ZipFile(path, "a", compression) as archive,
        archive.open(f"{name}.npy", "w", force_zip64=True) as member,
    ):
        member.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        for start in range(0, written, 1 << 20):
            member.write(bytes(min(1 << 20, written - start)))


def memory_of(call):
    """The most memory that Python and NumPy took in a call."""
    tracemalloc.start()
    try:
        call()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def test_arrays_that_nobody_uses_are_not_read(tmp_path):
    save_surface(surface(), tmp_path / "s.npz")
    claimed(tmp_path / "s.npz", "unused", (1 << 20,), written=1 << 23)
    assert (tmp_path / "s.npz").stat().st_size < 200_000
    assert memory_of(lambda: load_surface(tmp_path / "s.npz")) < 4_000_000


@pytest.mark.parametrize(
    ("name", "shape", "written", "reason"),
    [
        ("metrics/x", (1 << 20,), 1 << 23, "the others need"),
        ("metrics/x", (2, 3), 1 << 23, "8388608 bytes, which is not the size of float64 of shape (2, 3)"),
        ("metrics/x", (1 << 60, 1 << 60), 48, "48 bytes, which is not the size of"),
        ("node_metrics/x", (-1, -8), 64, "64 bytes, which is not the size of"),
    ],
)
def test_arrays_of_another_size_are_refused_by_their_header(name, shape, written, reason, tmp_path):
    save_surface(surface(), tmp_path / "s.npz")
    claimed(tmp_path / "s.npz", name, shape, written=written)
    messages = []
    assert memory_of(lambda: messages.append(refusal(load_surface, tmp_path / "s.npz"))) < 4_000_000
    assert reason in messages[0]


def test_all_arrays_together_have_a_limit(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(1000), b=np.zeros(1000))
    with (tmp_path / "a.npz").open("rb") as file:
        limited = ArrayFile(file, most=12_000)
        assert limited.read("a", "f").shape == (1000,)
        with pytest.raises(ValueError, match=r"the array b has shape \(1000,\), which is too large"):
            limited.read("b", "f")


def test_objects_and_foreign_compression_are_refused(tmp_path):
    save_surface(surface(), tmp_path / "s.npz")
    rewritten(tmp_path / "s.npz", loss=np.array([[None]]))
    assert "the array loss holds objects" in refusal(load_surface, tmp_path / "s.npz")
    save_lanczos_state(restart(), tmp_path / "l.npz")
    np.savez_compressed(tmp_path / "l.npz", **dict(np.load(tmp_path / "l.npz")))
    assert "compressed as it never is here" in refusal(load_lanczos_state, tmp_path / "l.npz")


def test_an_array_that_is_there_twice_is_refused(tmp_path):
    save_surface(surface(), tmp_path / "s.npz")
    with pytest.warns(UserWarning, match="Duplicate"):
        claimed(tmp_path / "s.npz", "loss", (2, 3), written=48)
    assert "the array loss is there twice" in refusal(load_surface, tmp_path / "s.npz")


def test_numbers_of_other_sizes_become_doubles(tmp_path):
    save_surface(surface(), tmp_path / "s.npz")
    rewritten(tmp_path / "s.npz", alphas=np.array([-1, 0, 1]), loss=np.asfortranarray(surface().loss, dtype=">f4"))
    found = load_surface(tmp_path / "s.npz")
    assert (found.alphas.dtype, found.loss.dtype) == (np.float64, np.float64)
    np.testing.assert_array_equal(found.loss, surface().loss)


ESCAPE = "\x1b[31mred\n\u202e"


def test_control_characters_are_escaped_wherever_a_text_is_read(tmp_path):
    one = replace(surface(), radial_profile=None)
    named = {ESCAPE: one.metrics["validation loss"]}
    one = replace(one, marks=(Mark(ESCAPE, 0.0, 0.0),), metrics=named, node_metrics={}, metric_errors={})
    one = replace(one, metadata={"title": ESCAPE, "plane": {"names": [ESCAPE]}, "x": {ESCAPE: [ESCAPE]}})
    save_surface(one, tmp_path / "s.npz")
    found, safe = load_surface(tmp_path / "s.npz"), r"\x1b[31mred\n\u202e"
    assert found.marks[0].name == safe
    assert [*found.metrics] == [safe]
    assert found.metadata == {"title": safe, "plane": {"names": [safe]}, "x": {safe: [safe]}}
    assert "\x1b" not in str(found) + found._repr_html_()
    save_surface(found, tmp_path / "again.npz")
    assert load_surface(tmp_path / "again.npz").metadata == found.metadata  # escaped once


def test_a_density_of_another_kind_is_refused(tmp_path):
    kind, path = kind_of(Spectrum), tmp_path / "d.json"
    kind.save(curvature().spectrum, path)
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "seeds": [[3, 0]]}))
    assert "seeds has shape (1, 2); the fields before it need 2" in refusal(kind.load, path)
    path.write_text("[" * 100_000)
    assert "damaged or is not a density file" in refusal(kind.load, path)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"points": np.zeros((1, 3))}, "the array points has shape (1, 3); the others need (1, 2)"),
        ({"points": np.zeros(())}, "the array points has shape ()"),
        ({"points": np.full((1, 2), np.nan)}, "points holds a number that is not finite"),
        ({"values": np.zeros((2, 1))}, "the array values has shape (2, 1); the others need (1, 1)"),
        ({"values": np.array([["a"]])}, "the array values holds <U1, not numbers"),
        ({"columns": np.zeros(1)}, "the array columns holds float64, not texts"),
        ({"fingerprint": np.array(["x"])}, "the array fingerprint has shape (1,)"),
        ({"points": np.zeros((2, 2)), "values": np.zeros((2, 1))}, "points holds a point twice"),
    ],
)
def test_a_partial_surface_is_refused_by_the_name_of_its_array(arrays, reason, tmp_path):
    whole = {
        "points": np.zeros((1, 2)),
        "values": np.array([[np.nan]]),
        "columns": np.array(["loss"]),
        "fingerprint": np.array(":plane"),
    }
    path = tmp_path / "p.npz"
    np.savez(path, **whole)
    cache = EvaluationCache(path)
    cache.bind("plane", ["loss"])
    assert np.isnan(cache.values(np.zeros((1, 2)))).all()  # a loss that is not a number is a value
    np.savez(path, **{**whole, **arrays})
    assert reason in refusal(lambda path: EvaluationCache(path).bind("plane", ["loss"]), path)


@dataclass(frozen=True)
class Own:
    """A dataclass of a library's caller, with every type that is restored."""

    pair: tuple[int, float]
    flag: bool = False
    by_name: dict[str, float] | None = None
    any: object = None


def test_types_are_those_of_the_fields():
    whole = Own((1, float("inf")), True, {"a": 2.0}, [1, "x"])
    assert from_plain(Own, to_plain(whole)) == whole
    assert from_plain(Own, {"pair": [1, 2], "unknown": 3}) == Own((1, 2.0))
    for stored, reason in (
        ({}, "pair is missing"),
        ({"pair": [1]}, "pair has 1 entries, not 2"),
        ({"pair": [True, 1]}, "pair[0] is true, not a whole number"),
        ({"pair": [1, "1"]}, "pair[1] is the text '1', not a number"),
        ({"pair": [1, 1], "flag": 1}, "flag is 1, not true or false"),
        ({"pair": [1, 1], "by_name": {"a": [1]}}, "by_name['a'] is a list, not a number"),
        ({"pair": [1, 1], "by_name": []}, "by_name is a list, not an object"),
    ):
        with pytest.raises(ValueError, match=re.escape(reason)):
            from_plain(Own, stored)


@pytest.mark.parametrize("kind", SCHEMA)
def test_every_array_has_a_shape_in_the_schema_and_every_rule_a_field(kind):
    hints = typing.get_type_hints(kind)
    assert SCHEMA[kind].keys() <= hints.keys()
    arrays = {name for name, hint in hints.items() if "ndarray" in str(hint)}
    shaped = {name for name, rule in SCHEMA[kind].items() if isinstance(rule, Rule) and rule.shape}
    assert arrays - shaped <= ({"loss", "metric"} if kind is Trajectory else set())  # which may be left out


def test_ranks_that_are_not_packed_are_refused():
    packed = pack_ranks(np.arange(20.0))
    for text, reason in (("é", "no ranks"), ("AAAA", "no ranks"), (packed[:-8], "cut off|no ranks"), ("", "cut off")):
        with pytest.raises(ValueError, match=reason):
            unpack_ranks(text)
