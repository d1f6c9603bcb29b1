"""The kinds of result files: how each is named, stored, read and recognised. A new kind is an entry of ``KINDS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from landscape.results import Curvature, LanczosState, Spectrum, Surface
from landscape.results.along import AlongTraining
from landscape.results.files import atomic, write_json
from landscape.results.format import FORMAT, current_fields, read_json, reading
from landscape.results.serialization import from_plain, to_plain
from landscape.results.storage import (
    holds_vectors,
    load_curvature,
    load_lanczos_state,
    load_surface,
    save_curvature,
    save_lanczos_state,
    save_surface,
)
from landscape.results.values import curvature_values, surface_values

R = TypeVar("R")


@dataclass(frozen=True)
class ResultKind(Generic[R]):
    """One kind of result file."""

    type: type[R]
    name: str  # with which its file names begin in a ``ResultCache``; for SURFACE and CURVATURE, also their command
    suffix: str
    save: Callable[[R, str | Path], None]
    load: Callable[[str | Path], R]
    values: Callable[[R], dict[str, Any]] = to_plain  # what --json prints
    beside: str | None = None  # suffix of a second file with its large arrays

    @property
    def title(self) -> str:
        """The name with a capital letter."""
        return self.name.capitalize()

    def matches(self, path: str | Path) -> bool:
        """Whether a file is called like a result of this kind."""
        return str(path).endswith(self.suffix)


SURFACE = ResultKind(Surface, "surface", ".npz", save_surface, load_surface, surface_values)
CURVATURE = ResultKind(Curvature, "curvature", ".json", save_curvature, load_curvature, curvature_values, ".npz")
FILES: tuple[ResultKind[Any], ...] = (SURFACE, CURVATURE)  # that commands write and read


def section_kind(type: type[R], name: str | None = None) -> ResultKind[R]:
    """Return the kind of a dataclass that is stored alone, as JSON: a section of a curvature, for example.

    Args:
        type: The dataclass.
        name: By default the dataclass's, in lower case.
    """
    name = name or type.__name__.lower()

    def load(path: str | Path) -> R:
        with reading(path, name) as file:
            return from_plain(type, read_json(file))

    return ResultKind(type, name, ".json", lambda result, path: write_json(path, result), load)


def whole_kind(type: type[R], name: str) -> ResultKind[R]:
    """Return the kind of a dataclass that stands for itself, as JSON with the name of its kind and its format."""

    def values(result: R) -> dict[str, Any]:
        return {"format": FORMAT, "kind": name, **to_plain(result)}

    def load(path: str | Path) -> R:
        with reading(path, name) as file:
            return from_plain(type, current_fields(read_json(file), path, name))

    return ResultKind(type, name, ".json", lambda result, path: write_json(path, values(result)), load, values)


KINDS: dict[type, ResultKind[Any]] = {
    Surface: SURFACE,
    Curvature: CURVATURE,
    LanczosState: ResultKind(LanczosState, "lanczos", ".npz", save_lanczos_state, load_lanczos_state),
    Spectrum: section_kind(Spectrum, "density"),
    AlongTraining: whole_kind(AlongTraining, "along"),
}


def kind_of(type: type[R]) -> ResultKind[R]:
    """Return the kind of results of a type; a dataclass that has no entry in ``KINDS`` is stored as JSON."""
    return KINDS[type] if type in KINDS else section_kind(type)


def file_kind(path: str | Path) -> ResultKind[Any] | None:
    """Return the kind of result that a file's name belongs to; None for anything else, such as a checkpoint."""
    return next((kind for kind in FILES if kind.matches(path)), None)


def copy_result(stored: Path, beside: Path) -> Path:
    """Copy a result beside its page, under the page's name; both files of a curvature. Returns the copy's path."""
    kind = file_kind(stored)
    suffixes = [stored.suffix] + ([kind.beside] if kind is not None and kind.beside else [])
    for suffix in suffixes:
        source, copy = stored.with_suffix(suffix), beside.with_suffix(suffix)
        if source.is_file() and source.resolve() != copy.resolve():
            with atomic(copy) as file:
                file.write(source.read_bytes())
    return beside.with_suffix(stored.suffix)


def check_place(beside: Path, kind: ResultKind[Any]) -> None:
    """Check that ``copy_result`` of a result of this kind would not replace a file of another kind.

    Raises:
        ValueError: It would.
    """
    copy = beside.with_suffix(kind.suffix)
    vectors = beside.with_suffix(kind.beside) if kind.beside else None
    other = None
    if copy.exists():
        try:
            kind.load(copy)
        except ValueError:
            other = copy
    if other is None and vectors is not None and vectors.exists() and not (copy.exists() and holds_vectors(vectors)):
        other = vectors
    if other is not None:
        raise ValueError(f"{other} holds something else, which would be lost; give {beside.name} another name")
