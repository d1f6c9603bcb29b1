"""Results on disk: surfaces as ``.npz``, curvatures as ``.json`` with their vectors beside them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

from landscape.provenance import file_sha256
from landscape.results import Curvature, EigenPairs, LanczosState, Surface
from landscape.results.files import atomic, write_json
from landscape.results.serialization import from_plain, to_plain

FORMAT = 3  # of result files; raised when an older reader could misread a newer file

OLD_NAMES = {
    "band": "radial_profile",
    "path": "trajectory",
    "shares": "localization",
}  # of fields, in files of format 2

# A surface's large arrays are stored as such, everything else of it as JSON; these are by name, one array each.
ARRAYS = ("alphas", "betas", "loss", "evaluated", "nodes", "node_loss")
NAMED = ("metrics", "node_metrics")
OBJECTS = ("checkpoint", "data", "objective", "plane", "versions")  # in metadata, if they are there


def save_surface(surface: Surface, path: str | Path) -> None:
    """Store a surface as ``.npz``: arrays under their names, ``metrics/NAME``, and the rest as JSON in ``metadata``."""
    rest = [each.name for each in fields(surface) if each.name not in ARRAYS and each.name not in NAMED]
    described = {
        "format": FORMAT,
        "kind": "surface",
        **{name: to_plain(getattr(surface, name)) for name in rest},
    }
    named = {f"{group}/{name}": values for group in NAMED for name, values in getattr(surface, group).items()}
    with atomic(path) as file:
        np.savez_compressed(
            file,
            metadata=np.array(json.dumps(described)),
            **{name: getattr(surface, name) for name in ARRAYS},
            **named,
        )


def load_surface(path: str | Path) -> Surface:
    """Read what ``save_surface`` wrote.

    Raises:
        ValueError: The file is no surface, is damaged, or comes from a newer version.
    """
    with reading(path, "surface") as content:
        stored = _arrays(content)
        described = json.loads(str(stored["metadata"]))
        _check(described, path, "surface")
        for axis in ("alphas", "betas"):
            if not np.isfinite(stored[axis]).all() or not (np.diff(stored[axis]) > 0).all():
                raise ValueError(f"{axis} do not increase")
        named = {
            group: {name.removeprefix(f"{group}/"): stored[name] for name in stored if name.startswith(f"{group}/")}
            for group in NAMED
        }
        described = _current_names(described)
        return from_plain(Surface, {**described, **{name: stored[name] for name in ARRAYS}, **named})


def surface_values(surface: Surface) -> dict[str, Any]:
    """What a surface comes down to, as plain values; its arrays are left out."""
    low, high = surface.range
    found = {
        "format": FORMAT,
        "kind": "surface",
        "loss": {"centre": surface.centre, "min": low, "max": high},
        "evaluations": surface.evaluations,
        "error": surface.error,
    }
    if surface.metrics:
        found["metrics"] = {
            name: {"centre": one.centre, "min": one.range[0], "max": one.range[1], "error": one.error}
            for name, one in ((name, surface.of(name)) for name in surface.metrics)
        }
    for name in ("marks", "trajectory", "radial_profile", "barrier", "checks", "quadratic"):
        if getattr(surface, name):
            found[name] = getattr(surface, name)
    if surface.radial_profile is not None:
        rises = surface.radial_profile.rises
        found["radial_profile"] = {
            "radii": surface.radial_profile.radii,
            "mean": surface.radial_profile.mean,
            "half_width": surface.radial_profile.half_width(),
            "mean_rise": rises.mean(0),
            "rise_half_width": surface.radial_profile.half_width(rises),
            "level": surface.radial_profile.level,
            "repeats": surface.radial_profile.repeats,
        }
    plain: dict[str, Any] = to_plain({**found, "metadata": surface.metadata})
    return plain


def save_curvature(curvature: Curvature, path: str | Path) -> None:
    """Store a curvature as ``.json``, and its eigenvectors beside it as ``.npz`` (``top``, ``bottom``; one a row).

    The first tells the second's SHA-256: vectors of another curvature of that name are never taken for its own.
    """
    pairs = curvature.pairs
    ends = {"top": pairs, "bottom": pairs.bottom}
    vectors = {name: end.vectors for name, end in ends.items() if end is not None and end.vectors is not None}
    beside = Path(path).with_suffix(".npz")
    if vectors:
        with atomic(beside) as file:
            np.savez(file, **vectors)  # type: ignore[arg-type]
    described = {"vectors_sha256": file_sha256(beside) if vectors else None}
    write_json(path, {**curvature_values(curvature), **described})


SECTIONS = ("operator", "spectrum", "trace", "sharpness", "blocks", "localization", "checks", "quadratic")
NUMBERS = ("loss", "loss_stderr", "gradient_norm", "params_norm", "asymmetry", "metadata")


def curvature_values(curvature: Curvature) -> dict[str, Any]:
    """A curvature as plain values, under the names that its JSON file has; vectors are left out."""
    pairs, spectrum = curvature.pairs, curvature.spectrum
    found: dict[str, Any] = {
        "format": FORMAT,
        "kind": "curvature",
        **_end(pairs),
        "products": pairs.products,
        "bottom": _end(pairs.bottom) if pairs.bottom else None,
        "scaled_eigenvalue": float(pairs.values[0]) * curvature.params_norm**2,
        **{name: getattr(curvature, name) for name in NUMBERS},
        **{name: getattr(curvature, name) for name in SECTIONS if getattr(curvature, name)},
    }
    if spectrum is not None:
        share, error = spectrum.share_below()
        low, high = spectrum.share_bounds()
        found["negative_share"] = {"mean": share, "stderr": error, "least": low, "most": high}
    plain: dict[str, Any] = to_plain(found)
    return plain


def _end(pairs: EigenPairs) -> dict[str, Any]:
    return {"eigenvalues": pairs.values, "residuals": pairs.residuals, "converged": pairs.converged}


def load_curvature(path: str | Path) -> Curvature:
    """Read what ``save_curvature`` wrote, with the vectors if they are still beside it as they were.

    Raises:
        ValueError: The file is no curvature, is damaged, or comes from a newer version.
    """
    with reading(path, "curvature") as content:
        stored = json.loads(content)
        _check(stored, path, "curvature")
        stored = _current_names(stored)
        beside = Path(path).with_suffix(".npz")
        own = beside.exists() and file_sha256(beside) == stored.get("vectors_sha256")
        vectors = _arrays(beside.read_bytes()) if own else {}

        def pairs(name: str, end: dict[str, Any]) -> dict[str, Any]:
            values = {**end, "values": end["eigenvalues"], "vectors": vectors.get(name)}
            return values | {"products": stored["products"], "asymmetry": stored["asymmetry"]}

        top = pairs("top", stored) | {"bottom": pairs("bottom", stored["bottom"]) if stored["bottom"] else None}
        kept = {name: stored[name] for name in (*NUMBERS, *SECTIONS) if name in stored}
        return from_plain(Curvature, {**kept, "pairs": top})


def save_lanczos_state(restart: LanczosState, path: str | Path) -> None:
    """Store where Lanczos left off, as ``.npz``."""
    arrays = {"vectors": restart.vectors, "following": restart.following}
    rest = {each.name: getattr(restart, each.name) for each in fields(restart) if each.name not in arrays}
    with atomic(path) as file:
        np.savez(file, rest=np.array(json.dumps(to_plain(rest))), **arrays)  # type: ignore[arg-type]


def load_lanczos_state(path: str | Path) -> LanczosState:
    """Read what ``save_lanczos_state`` wrote.

    Raises:
        ValueError: The file is damaged or something else.
    """
    with reading(path, "Lanczos") as content:
        stored = _arrays(content)
        arrays = {"vectors": stored["vectors"], "following": stored["following"]}
        return from_plain(LanczosState, {**json.loads(str(stored["rest"])), **arrays})


def copy_result(stored: Path, beside: Path) -> Path:
    """Have the data of a result beside its page, under the page's name; both files of a curvature. Returns its path."""
    copied = beside.with_suffix(stored.suffix)
    for suffix in {stored.suffix, ".npz"}:
        source = stored.with_suffix(suffix)
        if source.exists() and source.resolve() != beside.with_suffix(suffix).resolve():
            with atomic(beside.with_suffix(suffix)) as file:
                file.write(source.read_bytes())
    return copied


def check_place(beside: Path, suffix: str) -> None:
    """Find out whether ``copy_result`` of a result with this suffix would take the place of something else.

    Raises:
        ValueError: A file is there that is no result of this kind.
    """
    data, vectors = beside.with_suffix(suffix), beside.with_suffix(".npz")
    try:
        if data.exists():
            (load_surface if suffix == ".npz" else load_curvature)(data)
        elif vectors.exists():
            raise ValueError
    except ValueError:
        other = data if data.exists() else vectors
        raise ValueError(
            f"{other} holds something else, which would be lost; give {beside.name} another name"
        ) from None


class ForeignFileError(ValueError):
    """A file that is whole, but of another kind or a newer version."""


@contextmanager
def reading(path: str | Path, kind: str) -> Iterator[bytes]:
    """A file's content; whatever is wrong with it as one line."""
    content = Path(path).read_bytes()
    try:
        yield content
    except ForeignFileError:
        raise
    except Exception as problem:  # bytes that are not theirs make the readers of zip, NumPy and JSON raise all kinds
        told = " ".join(str(problem).split())
        raise ValueError(
            f"{path} is damaged or no {kind} file ({told}); delete it to compute it again, or give another"
        ) from None


def _check(stored: dict[str, Any], path: str | Path, kind: str) -> None:
    if stored["kind"] != kind:
        raise ForeignFileError(f"{path} holds no {kind}; give a file that `landscape {kind}` wrote")
    if stored["format"] > FORMAT:
        raise ForeignFileError(f"{path} was written by a newer version (format {stored['format']}); upgrade to read it")
    for name in OBJECTS:
        if not isinstance(stored["metadata"].get(name, {}), Mapping):
            raise TypeError(f"{name} in its metadata is no object")


def _current_names(stored: dict[str, Any]) -> dict[str, Any]:
    """The fields of a result under the names that they have today."""
    return {OLD_NAMES.get(name, name): value for name, value in stored.items()}


def _arrays(content: bytes) -> dict[str, Any]:
    """The arrays of an ``.npz`` file; whatever else the bytes are raises BadZipFile."""
    if not is_zipfile(io.BytesIO(content)):
        raise BadZipFile("not an .npz archive")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return dict(stored)
