"""Results on disk: surfaces as ``.npz``, curvatures as ``.json`` with their vectors beside them."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.provenance import file_sha256
from landscape.results import Curvature, EigenPairs, LanczosState, Surface
from landscape.results.storage.files import atomic, write_json
from landscape.results.storage.format import FORMAT, current_fields, parse_json, read_json, reading
from landscape.results.storage.npz import ArrayFile
from landscape.results.storage.serialization import from_plain, to_plain
from landscape.results.storage.transactions import finish_interrupted, together
from landscape.results.storage.values import NUMBERS, SECTIONS, curvature_values

# A surface's large arrays are stored as such, everything else of it as JSON; these are by name, one array each.
ARRAYS = ("alphas", "betas", "loss", "evaluated", "nodes", "node_loss")
NAMED = ("metrics", "node_metrics")
MOST = 1 << 28  # bytes of all arrays of a surface: 15 million points with one loss each
MORE_NODES = 10_000  # than points of the grid; the finest interpolation has about 4,300


def save_surface(surface: Surface, path: str | Path) -> None:
    """Store a surface as ``.npz``: arrays under their names, ``metrics/NAME``, and the rest as JSON in ``metadata``."""
    rest = [field.name for field in fields(surface) if field.name not in ARRAYS and field.name not in NAMED]
    described = {"format": FORMAT, "kind": "surface", **{name: to_plain(getattr(surface, name)) for name in rest}}
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
        ValueError: The file does not hold a surface, is damaged, or comes from a newer version.
        OSError: It cannot be read.
    """
    with reading(path, "surface") as file:
        stored = ArrayFile(file, MOST)
        described = current_fields(parse_json(stored.text("metadata")), path, "surface")
        return from_plain(Surface, {**described, **_surface_arrays(stored)})


def _surface_arrays(stored: ArrayFile) -> dict[str, Any]:
    """Return the arrays of a surface, each after its shape has been compared with the axes' lengths."""
    arrays: dict[str, Any] = {name: stored.read(name, "iuf") for name in ("alphas", "betas")}
    for name, axis in arrays.items():
        if axis.ndim != 1:
            raise ValueError(f"{name} has {axis.ndim} dimensions and not 1")
    grid = (len(arrays["betas"]), len(arrays["alphas"]))
    nodes, _ = stored.header("nodes")
    if len(nodes) != 2 or nodes[0] > grid[0] * grid[1] + MORE_NODES:
        raise ValueError(f"nodes has shape {nodes}, which are not the points that a grid of {grid} may have")
    arrays["nodes"] = stored.read("nodes", "iuf", (nodes[0], 2))
    arrays["loss"] = stored.read("loss", "iuf", grid)
    arrays["evaluated"] = stored.read("evaluated", "b", grid)
    arrays["node_loss"] = stored.read("node_loss", "iuf", nodes[:1])
    for group, shape in zip(NAMED, (grid, nodes[:1]), strict=True):
        names = stored.names(f"{group}/")
        arrays[group] = {name.removeprefix(f"{group}/"): stored.read(name, "iuf", shape) for name in names}
    return arrays


def save_curvature(curvature: Curvature, path: str | Path) -> None:
    """Store a curvature as ``.json``, and its eigenvectors beside it as ``.npz`` (``top``, ``bottom``; one a row).

    The first holds the second's SHA-256, so that vectors of another curvature are never read as its own.
    """
    pairs = curvature.pairs
    ends = {"top": pairs, "bottom": pairs.bottom}
    vectors = {name: end.vectors for name, end in ends.items() if end is not None and end.vectors is not None}
    with together():  # the file that is read first comes last
        if vectors:
            content = io.BytesIO()
            np.savez(content, **vectors)  # type: ignore[arg-type]
            with atomic(Path(path).with_suffix(".npz")) as file:
                file.write(content.getbuffer())
        digest = {"vectors_sha256": hashlib.sha256(content.getbuffer()).hexdigest() if vectors else None}
        write_json(path, {**curvature_values(curvature), **digest})


def load_curvature(path: str | Path) -> Curvature:
    """Read what ``save_curvature`` wrote, with the vectors if they are still beside it as they were.

    Raises:
        ValueError: The file does not hold a curvature, is damaged, or comes from a newer version.
        OSError: It cannot be read.
    """
    finish_interrupted(path)
    with reading(path, "curvature") as file:
        stored = current_fields(read_json(file), path, "curvature")
        beside = Path(path).with_suffix(".npz")
        digest = stored.get("vectors_sha256")
        vectors = _read_vectors(beside) if digest and beside.is_file() and file_sha256(beside) == digest else {}

        def pairs(name: str, end: Any, at: str) -> EigenPairs:
            if not isinstance(end, dict):
                raise ValueError(f"{at} is not an object")
            found = {key: end[key] for key in ("eigenvalues", "residuals", "converged") if key in end}
            found |= {key: stored[key] for key in ("products", "asymmetry") if key in stored}
            return from_plain(EigenPairs, {**found, "vectors": vectors.get(name)}, at, names={"values": "eigenvalues"})

        bottom = pairs("bottom", stored["bottom"], "bottom") if stored.get("bottom") is not None else None
        top = replace(pairs("top", stored, ""), bottom=bottom)
        rest = {name: stored[name] for name in (*NUMBERS, *SECTIONS) if name in stored}
        return from_plain(Curvature, {**rest, "pairs": top})


def holds_vectors(path: Path) -> bool:
    """Whether a file holds the eigenvectors of a curvature and nothing else."""
    try:
        with path.open("rb") as file:
            return {*ArrayFile(file).names()} <= {"top", "bottom"}
    except ValueError:
        return False


def _read_vectors(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        stored = ArrayFile(file)
        return {name: stored.read(name, "f") for name in stored.names() if name in ("top", "bottom")}


def save_lanczos_state(state: LanczosState, path: str | Path) -> None:
    """Store what continues a Lanczos run, as ``.npz``."""
    arrays = {"vectors": state.vectors, "following": state.following}
    rest = {field.name: getattr(state, field.name) for field in fields(state) if field.name not in arrays}
    with atomic(path) as file:
        np.savez(file, rest=np.array(json.dumps(to_plain(rest))), **arrays)  # type: ignore[arg-type]


def load_lanczos_state(path: str | Path) -> LanczosState:
    """Read what ``save_lanczos_state`` wrote.

    Raises:
        ValueError: The file is damaged or holds something else.
        OSError: It cannot be read.
    """
    with reading(path, "Lanczos") as file:
        stored = ArrayFile(file)
        rest = parse_json(stored.text("rest"))
        if not isinstance(rest, dict):
            raise ValueError("rest is not an object")
        following = stored.read("following", "f")
        count = len(rest["values"]) if isinstance(rest.get("values"), list) else 0
        vectors = stored.read("vectors", "f", (count, *following.shape))
        return from_plain(LanczosState, {**rest, "vectors": vectors, "following": following})
