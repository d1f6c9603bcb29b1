"""Results on disk: surfaces as ``.npz``, curvatures as ``.json`` with their vectors beside them."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from landscape.provenance import file_sha256
from landscape.results import Curvature, LanczosState, Surface
from landscape.results.files import atomic, write_json
from landscape.results.format import FORMAT, current_fields, read_arrays, reading
from landscape.results.serialization import from_plain, to_plain
from landscape.results.values import NUMBERS, SECTIONS, curvature_values

# A surface's large arrays are stored as such, everything else of it as JSON; these are by name, one array each.
ARRAYS = ("alphas", "betas", "loss", "evaluated", "nodes", "node_loss")
NAMED = ("metrics", "node_metrics")


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
    with reading(path, "surface") as content:
        arrays = read_arrays(content)
        described = current_fields(json.loads(str(arrays["metadata"])), path, "surface")
        for axis in ("alphas", "betas"):
            if not np.isfinite(arrays[axis]).all() or not (np.diff(arrays[axis]) > 0).all():
                raise ValueError(f"{axis} do not increase")
        named = {
            group: {name.removeprefix(f"{group}/"): arrays[name] for name in arrays if name.startswith(f"{group}/")}
            for group in NAMED
        }
        return from_plain(Surface, {**described, **{name: arrays[name] for name in ARRAYS}, **named})


def save_curvature(curvature: Curvature, path: str | Path) -> None:
    """Store a curvature as ``.json``, and its eigenvectors beside it as ``.npz`` (``top``, ``bottom``; one a row).

    The first holds the second's SHA-256, so that vectors of another curvature are never read as its own.
    """
    pairs = curvature.pairs
    ends = {"top": pairs, "bottom": pairs.bottom}
    vectors = {name: end.vectors for name, end in ends.items() if end is not None and end.vectors is not None}
    beside = Path(path).with_suffix(".npz")
    if vectors:
        with atomic(beside) as file:
            np.savez(file, **vectors)  # type: ignore[arg-type]
    digest = {"vectors_sha256": file_sha256(beside) if vectors else None}
    write_json(path, {**curvature_values(curvature), **digest})


def load_curvature(path: str | Path) -> Curvature:
    """Read what ``save_curvature`` wrote, with the vectors if they are still beside it as they were.

    Raises:
        ValueError: The file does not hold a curvature, is damaged, or comes from a newer version.
        OSError: It cannot be read.
    """
    with reading(path, "curvature") as content:
        stored = current_fields(json.loads(content), path, "curvature")
        beside = Path(path).with_suffix(".npz")
        own = beside.exists() and file_sha256(beside) == stored.get("vectors_sha256")
        vectors = read_arrays(beside.read_bytes()) if own else {}

        def pairs(name: str, end: dict[str, Any]) -> dict[str, Any]:
            values = {**end, "values": end["eigenvalues"], "vectors": vectors.get(name)}
            return values | {"products": stored["products"], "asymmetry": stored["asymmetry"]}

        top = pairs("top", stored) | {"bottom": pairs("bottom", stored["bottom"]) if stored["bottom"] else None}
        rest = {name: stored[name] for name in (*NUMBERS, *SECTIONS) if name in stored}
        return from_plain(Curvature, {**rest, "pairs": top})


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
    with reading(path, "Lanczos") as content:
        stored = read_arrays(content)
        arrays = {"vectors": stored["vectors"], "following": stored["following"]}
        return from_plain(LanczosState, {**json.loads(str(stored["rest"])), **arrays})
