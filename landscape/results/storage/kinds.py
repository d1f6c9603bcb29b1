"""The kinds of result files: how each is named, stored, read and recognised. A new kind is an entry of ``KINDS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from landscape.results import Curvature, LanczosState, Spectrum, Surface
from landscape.results.along import AlongTraining
from landscape.results.curve import BarrierMatrix
from landscape.results.display.printable import printable
from landscape.results.storage.files import atomic, write_json
from landscape.results.storage.format import FORMAT, ForeignFileError, current_fields, read_json, reading
from landscape.results.storage.save_load import (
    holds_vectors,
    load_curvature,
    load_lanczos_state,
    load_surface,
    save_curvature,
    save_lanczos_state,
    save_surface,
)
from landscape.results.storage.serialization import from_plain, to_plain
from landscape.results.storage.values import curvature_values, surface_values

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
    BarrierMatrix: whole_kind(BarrierMatrix, "barriers"),
}
STORED = (*FILES, KINDS[AlongTraining], KINDS[BarrierMatrix])  # what stands for itself in a file


def kind_of(type: type[R]) -> ResultKind[R]:
    """Return the kind of results of a type; a dataclass that has no entry in ``KINDS`` is stored as JSON."""
    return KINDS[type] if type in KINDS else section_kind(type)


def file_kind(path: str | Path) -> ResultKind[Any] | None:
    """Return the kind of result that a file's name belongs to; None for anything else, such as a checkpoint."""
    return next((kind for kind in FILES if kind.matches(path)), None)


def load_result(path: str | Path) -> Any:
    """Return the result in a file, of whichever kind it is.

    Raises:
        ValueError: It holds no result, is damaged, or comes from a newer version.
        OSError: It cannot be read.
    """
    first: ForeignFileError | None = None
    for kind in STORED:
        if kind.matches(path):
            try:
                return kind.load(path)
            except ForeignFileError as problem:  # JSON of another kind, perhaps
                first = first or problem
    if first is not None:
        raise first
    raise ValueError(
        f"{printable(path)} is not a result; `landscape surface` writes FILE.npz and `landscape curvature` FILE.json"
    )


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


def origin_of(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Return what a result is of: the hash of its checkpoint or those of a run's snapshots; without these, its title.

    >>> sorted(origin_of({"title": "SASRec", "snapshots": ["c0ffee", "beef"]})), origin_of({"title": "SASRec"})
    (['beef', 'c0ffee'], frozenset({'SASRec'}))
    """
    checkpoint, snapshots = metadata.get("checkpoint"), metadata.get("snapshots")
    hashes = [checkpoint.get("sha256")] if isinstance(checkpoint, Mapping) else []
    hashes += snapshots if isinstance(snapshots, (list, tuple)) else []
    return frozenset(str(one) for one in hashes or [metadata.get("title")] if one)


def check_place(page: Path, kind: ResultKind[Any], metadata: Mapping[str, Any], source: Path | None = None) -> None:
    """Check that a page, and the result that ``copy_result`` puts beside it, replace no other result and no other page.

    A result of the same checkpoint or run may be replaced, and a copy of ``source``.

    Args:
        page: The page.
        kind: That of the result.
        metadata: That of the result, as far as ``origin_of`` needs it.
        source: The file that is copied, where there is one already.

    Raises:
        ValueError: What would be replaced is the result of another checkpoint, the page of one, or something else.
    """
    copy, there = page.with_suffix(kind.suffix), _results_beside(page)
    vectors = page.with_suffix(kind.beside) if kind.beside else None
    other = None
    if copy.exists() and (copy not in there or there[copy][0] is not kind):
        other = copy
    elif vectors is not None and vectors.exists() and not (copy.exists() and holds_vectors(vectors)):
        other = vectors
    if other is not None:
        raise ValueError(
            f"{printable(other)} holds something else, which would be lost; give {printable(page.name)} another name"
        )
    for path, (_, described) in there.items():
        same = origin_of(described) & origin_of(metadata) or (source is not None and _equal(source, path))
        if not same and (path == copy or page.exists()):
            title = f" ({printable(described['title'], 80)})" if described.get("title") else ""
            raise ValueError(
                f"{printable(path)} is a result of another checkpoint{title}; give {printable(page.name)} another "
                f"name, or remove {printable(path.name)} first"
            )


def check_page(page: Path) -> None:
    """Check that a page of several models would not replace that of one result, which lies beside it.

    Raises:
        ValueError: It would.
    """
    for path in _results_beside(page) if page.exists() else ():
        raise ValueError(
            f"{printable(page)} is the page of the result {printable(path.name)}; choose another name, or remove it"
        )


def _results_beside(page: Path) -> dict[Path, tuple[ResultKind[Any], Mapping[str, Any]]]:
    """The results under a page's name, each with its kind and metadata."""
    found: dict[Path, tuple[ResultKind[Any], Mapping[str, Any]]] = {}
    for kind in STORED:
        path = page.with_suffix(kind.suffix)
        with suppress(ValueError, OSError):  # there is none, or another file
            found[path] = kind, kind.load(path).metadata
    return found


def _equal(one: Path, other: Path) -> bool:
    return one.is_file() and one.read_bytes() == other.read_bytes()
