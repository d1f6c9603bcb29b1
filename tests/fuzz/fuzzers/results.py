"""Results: surfaces, curvatures and the state of Lanczos; loaded, printed as tables, and drawn as pages."""

from __future__ import annotations

import functools
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from landscape.linalg.lanczos import top_eigenpairs
from landscape.results import Curvature, Surface
from landscape.results.display.printable import printable
from landscape.results.storage.save_load import (
    load_curvature,
    load_lanczos_state,
    load_surface,
    save_curvature,
    save_lanczos_state,
    save_surface,
)
from landscape.results.storage.serialization import to_plain
from landscape.results.storage.values import curvature_values, surface_values
from landscape.training.analysis.comparison import result_entry
from landscape.training.targets.inputs import title_of
from tests.fuzz.harness import Fuzzer, WrongError, naming, shown
from tests.fuzz.mutations import change_bytes, change_json, change_tree
from tests.support import drawable

DRAWN = 16  # one of so many accepted files is drawn, by its content; a page takes a quarter of a second
WHOLE = "whole"  # begins the name of a file that is drawn in any case
SIZE = 12  # of the operator that Lanczos continues with


def _written(save: Callable[[Any, Path], None], results: list[Any], suffix: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"seed{suffix}"
        contents = []
        for result in results:
            save(result, file)
            contents.append(file.read_bytes())
        return contents


@functools.cache
def _surfaces() -> list[bytes]:
    results = [drawable.marked((7, 5)), drawable.between(), drawable.evaluated(points=(5, 4), spoil=True)]
    return _written(save_surface, results, ".npz")


@functools.cache
def _curvatures() -> list[bytes]:
    return _written(save_curvature, [drawable.full_curvature(), drawable.curvature()], ".json")


def _operator() -> torch.Tensor:
    return torch.diag(torch.arange(1.0, SIZE + 1, dtype=torch.float64))


@functools.cache
def _states() -> list[bytes]:
    states = [top_eigenpairs(_operator(), 2, max_products=count).lanczos_state for count in (4, 6)]
    return _written(save_lanczos_state, states, ".npz")


def _change_npz(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    content = random.choice(seeds)
    if random.random() < 0.2:
        return change_bytes(random, content, seeds), "case.npz"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # a damaged file of the corpus
        return change_bytes(random, content, seeds), "case.npz"
    for _ in range(random.choice((1, 1, 2))):
        name = random.choice(list(members))
        texts = [one for one in ("metadata.npy", "rest.npy") if one in members]
        if texts and random.random() < 0.6:
            name = texts[0]
        _change_member(random, members, name)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue(), "case.npz"


def _change_member(random: Random, members: dict[str, bytes], name: str) -> None:
    """Change one array, drop it, or name it anew."""
    try:
        array = np.load(io.BytesIO(members[name]), allow_pickle=False)
    except Exception:  # changed before
        return
    match random.randrange(9):
        case _ if array.dtype.kind == "U" and array.shape == () and random.random() < 0.8:
            try:
                array = np.array(json.dumps(change_tree(random, json.loads(str(array)))))
            except ValueError:
                return
        case 0:
            del members[name]
            return
        case 1:
            members[random.choice(("metrics/x.npy", "node_metrics/x.npy", "metrics/\x1b[31mred.npy", "x.npy"))] = (
                members[name]
            )
            return
        case 2:
            members[name] = change_bytes(random, members[name])
            return
        case 3:  # a header that claims more than there is
            members[name] = members[name].replace(b"'shape': (", b"'shape': (999999999, ", 1)
            return
        case 4 if array.dtype.kind not in "US":  # a text is no number
            array = array.astype(random.choice(("f2", "f4", "i8", "?", "c16", "U5", "S3", "M8[s]")))
        case 5:
            array = random.choice((array.ravel(), array[None], np.zeros(0), np.float64(1), array.T))
        case 6 if array.ndim:
            array = array[: random.randrange(len(array) + 1)]
        case 7 if array.ndim:
            array = np.concatenate([array, array])
        case _ if array.dtype.kind == "f" and array.size:
            array = array.copy()
            array.flat[random.randrange(array.size)] = random.choice((np.nan, np.inf, -np.inf, 1e308, -1, 0))
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    members[name] = buffer.getvalue()


def _change_curvature(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    content = random.choice(seeds)
    try:
        return change_json(random, content.decode()), "case.json"
    except ValueError:
        return change_bytes(random, content, seeds), "case.json"


def _read_surface(path: Path) -> None:
    surface = load_surface(path)
    with naming(path):
        shown(json.dumps(surface_values(surface), allow_nan=False), "the values")
        _show(path, surface)
        for name in surface.metrics:
            repr(surface.of(name))
        _draw(path, ModelEntry(title_of(surface.metadata, path), surface))


def _read_curvature(path: Path) -> None:
    curvature = load_curvature(path)
    with naming(path):
        shown(json.dumps(curvature_values(curvature), allow_nan=False), "the values")
        _show(path, curvature)
        _draw(path, ModelEntry(title_of(curvature.metadata, path), None, curvature))
    stored, read = json.loads(path.read_bytes()), curvature_values(curvature)
    for name in ("scaled_eigenvalue", "negative_share", "format"):  # made anew
        read.pop(name, None)
    _same(stored, read, "")
    for values in (curvature.pairs.values, curvature.pairs.bottom.values if curvature.pairs.bottom else ()):
        if not np.isfinite(values).all():
            raise WrongError("eigenvalues that are not finite accepted")


def _same(stored: Any, read: Any, at: str) -> None:
    """Require that what was read is what is stored; what is not stored has a default, and what is unknown is left."""
    if isinstance(read, dict) and isinstance(stored, dict):
        stored = {printable(name, 10_000): value for name, value in stored.items()}
        for name in read.keys() & stored.keys():
            _same(stored[name], read[name], f"{at}.{name}")
    elif isinstance(read, list) and isinstance(stored, list) and len(read) == len(stored):
        for one, other in zip(stored, read, strict=True):
            _same(one, other, at)
    elif isinstance(stored, str):
        if read != printable(stored, 10_000):
            raise WrongError(f"{at} is read as something else")
    elif stored != to_plain(read) and to_plain(stored) != read:  # NaN is read as null is
        raise WrongError(f"{at} is read as something else")
    elif isinstance(stored, bool) != isinstance(read, bool):
        raise WrongError(f"{at} is true or false, and read as a number")


def _show(path: Path, result: Surface | Curvature) -> None:
    """In a terminal and in a notebook."""
    shown(title_of(result.metadata, path), "the title")
    shown(result_entry(result, path).title, "the title in a comparison")
    shown(str(result), "the tables")
    shown("".join(table.html() for table in result.tables()), "the tables in a notebook")


def _draw(path: Path, model: ModelEntry) -> None:
    if path.name.startswith(WHOLE) or zlib.crc32(path.read_bytes()) % DRAWN == 0:
        explorer_page([model])
        if model.surface is not None:
            shown(model.surface._repr_html_(), "a notebook's picture and tables")


def _read_state(path: Path) -> None:
    state = load_lanczos_state(path)
    with naming(path):
        shown(repr(state), "the state")
        pairs = top_eigenpairs(_operator(), 2, max_products=40, resume_from=state)
    if not np.isfinite(pairs.values).all():
        raise WrongError("a state that is not finite accepted")


SURFACE = Fuzzer("surface", (".npz",), _surfaces, _change_npz, _read_surface, replay=f"{WHOLE}.npz")
CURVATURE = Fuzzer("curvature", (".json",), _curvatures, _change_curvature, _read_curvature, replay=f"{WHOLE}.json")
LANCZOS = Fuzzer("lanczos", (".npz",), _states, _change_npz, _read_state)
