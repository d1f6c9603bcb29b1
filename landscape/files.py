"""Files on disk: each is written beside its place and renamed, so that none is ever half there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

from landscape.results import Curvature, EigenPairs, InterpolationError, Surface

FORMAT = 1  # of result files; raised when an older reader could misread a newer file


@contextmanager
def atomic(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a new binary file that takes the place of ``path`` only when the block ends without an error.

    The file is flushed to disk before it is renamed: after a crash, the old file or the new one is there, whole.

    Raises:
        FileNotFoundError: The folder of ``path`` does not exist.
        OSError: The folder cannot be written to, or the disk is full; ``path`` is as it was.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} of {path.name} does not exist; create it first")
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())  # mkstemp makes private files; results are as public as any other
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic(path) as file:
        file.write(text.encode())


def write_json(path: str | Path, values: Any) -> None:
    """Write ``values`` as indented JSON, atomically; NaN and infinities become null (JSON has neither)."""
    write_text(path, json.dumps(jsonable(values), indent=2, allow_nan=False) + "\n")


def jsonable(values: Any) -> Any:
    """``values`` with NumPy arrays and numbers as plain ones, and what is not finite as None."""
    if isinstance(values, dict):
        return {str(key): jsonable(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [jsonable(value) for value in values]
    if isinstance(values, (np.ndarray, np.generic)):
        return jsonable(values.tolist())
    if isinstance(values, Path):
        return str(values)
    if isinstance(values, float) and not np.isfinite(values):
        return None
    return values


def save_surface(surface: Surface, path: str | Path) -> None:
    """Store a surface as ``.npz``: arrays under their names, ``metrics/NAME``, and ``metadata`` as JSON text."""
    described = {
        "format": FORMAT,
        "kind": "surface",
        "error": asdict(surface.error) if surface.error else None,
        "metadata": surface.metadata,
    }
    with atomic(path) as file:
        np.savez_compressed(
            file,
            alphas=surface.alphas,
            betas=surface.betas,
            loss=surface.loss,
            evaluated=surface.evaluated,
            nodes=surface.nodes,
            node_loss=surface.node_loss,
            metadata=np.array(json.dumps(jsonable(described), allow_nan=False)),
            **{f"metrics/{name}": values for name, values in surface.metrics.items()},  # type: ignore[arg-type]
        )


def load_surface(path: str | Path) -> Surface:
    """Read what ``save_surface`` wrote.

    Raises:
        ValueError: The file is no surface, is damaged, or comes from a newer version.
    """
    try:
        with open(path, "rb") as file, _arrays(file) as stored:
            described = json.loads(str(stored["metadata"]))
            if described.get("kind") != "surface":
                raise ValueError(f"{path} holds no surface; give a file that `landscape surface` wrote")
            if described["format"] > FORMAT:
                raise ValueError(
                    f"{path} was written by a newer version (format {described['format']}); upgrade to read it"
                )
            return Surface(
                alphas=stored["alphas"],
                betas=stored["betas"],
                loss=stored["loss"],
                evaluated=stored["evaluated"],
                nodes=stored["nodes"],
                node_loss=stored["node_loss"],
                metrics={
                    name.removeprefix("metrics/"): stored[name] for name in stored.files if name.startswith("metrics/")
                },
                error=_error(described["error"]),
                metadata=described["metadata"],
            )
    except (KeyError, BadZipFile, EOFError, json.JSONDecodeError) as problem:
        raise ValueError(f"{path} is damaged or no surface file ({problem}); compute it again") from None


def _arrays(file: IO[bytes]) -> Any:
    """The arrays of an ``.npz`` file; whatever else the file is raises BadZipFile."""
    if not is_zipfile(file):
        raise BadZipFile("not an .npz archive")
    file.seek(0)
    return np.load(file, allow_pickle=False)


def _error(stored: dict[str, Any] | None) -> InterpolationError | None:
    if stored is None:
        return None
    measured = {name: _number(stored[name]) for name in ("absolute", "relative", "near_centre")}
    return InterpolationError(points=stored["points"], **measured)


def surface_values(surface: Surface) -> dict[str, Any]:
    """What a surface comes down to, as plain values; its arrays are left out."""
    low, high = surface.range
    return {
        "format": FORMAT,
        "kind": "surface",
        "loss": {"centre": surface.centre, "min": low, "max": high},
        "evaluations": surface.evaluations,
        "error": asdict(surface.error) if surface.error else None,
        "metadata": surface.metadata,
    }


def copy_result(stored: Path, beside: Path) -> Path:
    """Have the data of a result beside its page, under the page's name; both files of a curvature. Returns its path."""
    copied = beside.with_suffix(stored.suffix)
    for suffix in {stored.suffix, ".npz"}:
        source = stored.with_suffix(suffix)
        if source.exists() and source.resolve() != beside.with_suffix(suffix).resolve():
            with atomic(beside.with_suffix(suffix)) as file:
                file.write(source.read_bytes())
    return copied


def curvature_values(curvature: Curvature) -> dict[str, Any]:
    """A curvature as plain values, under the names that its JSON file has; vectors are left out."""
    return {
        "format": FORMAT,
        "kind": "curvature",
        "eigenvalues": curvature.pairs.values,
        "residuals": curvature.pairs.residuals,
        "converged": curvature.pairs.converged,
        "products": curvature.pairs.products,
        "bottom": _end(curvature.pairs.bottom) if curvature.pairs.bottom else None,
        "loss": curvature.loss,
        "loss_stderr": curvature.loss_stderr,
        "gradient_norm": curvature.gradient_norm,
        "params_norm": curvature.params_norm,
        "scaled_eigenvalue": float(curvature.pairs.values[0]) * curvature.params_norm**2,
        "asymmetry": curvature.asymmetry,
        "metadata": curvature.metadata,
    }


def _end(pairs: EigenPairs) -> dict[str, Any]:
    return {"eigenvalues": pairs.values, "residuals": pairs.residuals, "converged": pairs.converged}


def save_curvature(curvature: Curvature, path: str | Path) -> None:
    """Store a curvature as ``.json``, and its eigenvectors beside it as ``.npz`` (``top``, ``bottom``; one a row)."""
    pairs = curvature.pairs
    ends = {"top": pairs, "bottom": pairs.bottom}
    vectors = {name: end.vectors for name, end in ends.items() if end is not None and end.vectors is not None}
    if vectors:
        with atomic(Path(path).with_suffix(".npz")) as file:
            np.savez(file, **vectors)  # type: ignore[arg-type]
    write_json(path, curvature_values(curvature))


def load_curvature(path: str | Path) -> Curvature:
    """Read what ``save_curvature`` wrote, with the vectors if they are still beside it.

    Raises:
        ValueError: The file is no curvature, is damaged, or comes from a newer version.
    """
    try:
        stored = json.loads(Path(path).read_text())
        if stored["kind"] != "curvature":
            raise ValueError(f"{path} holds no curvature; give a file that `landscape curvature` wrote")
        if stored["format"] > FORMAT:
            raise ValueError(f"{path} was written by a newer version (format {stored['format']}); upgrade to read it")
        beside = Path(path).with_suffix(".npz")
        vectors = dict(np.load(beside, allow_pickle=False)) if beside.exists() else {}

        def pairs(end: dict[str, Any], name: str, bottom: EigenPairs | None) -> EigenPairs:
            return EigenPairs(
                values=_floats(end["eigenvalues"]),
                residuals=_floats(end["residuals"]),
                converged=np.array(end["converged"], dtype=bool),
                products=stored["products"],
                vectors=vectors.get(name),
                bottom=bottom,
                asymmetry=_number(stored["asymmetry"]),
            )

        bottom = pairs(stored["bottom"], "bottom", None) if stored["bottom"] else None
        return Curvature(
            pairs=pairs(stored, "top", bottom),
            metadata=stored["metadata"],
            loss=_number(stored["loss"]),
            loss_stderr=_number(stored["loss_stderr"]),
            gradient_norm=_number(stored["gradient_norm"]),
            params_norm=_number(stored["params_norm"]),
            asymmetry=_number(stored["asymmetry"]),
        )
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError, BadZipFile) as problem:
        raise ValueError(f"{path} is damaged or no curvature file ({problem}); compute it again") from None


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _floats(values: list[float | None]) -> Any:
    return np.array([_number(value) for value in values])
