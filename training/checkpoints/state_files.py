"""Weights of any model, from files of ``torch.save`` or of safetensors; reading them runs no code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from landscape.problems.state import state_of
from landscape.results.display.printable import printable
from landscape.results.storage.regular import check_regular
from landscape.training.checkpoints.plain_files import ForeignFileError, load_plain

SAFETENSORS = ".safetensors"
SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", SAFETENSORS)  # of files of weights in a folder


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """Read a model's weights by name, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, is no regular file, or holds something else than a state dict.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file of weights {printable(path)}")
    try:
        return state_of(_safetensors(path) if path.suffix == SAFETENSORS else load_plain(path, "file of weights"))
    except ForeignFileError as problem:
        raise ValueError(f"{problem}; save model.state_dict()") from None
    except ValueError as problem:
        raise ValueError(str(problem) if str(path) in str(problem) else f"{printable(path)}: {problem}") from None


def _safetensors(path: Path) -> dict[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise ValueError(f"reading {printable(path)} needs the package safetensors: pip install safetensors") from None
    check_regular(path, "give a file of weights in it")
    try:
        return dict(load_file(path))
    except SafetensorError as problem:
        raise ValueError(f"{printable(path)} is damaged or not a file of safetensors ({problem})") from None


def weight_files(folder: str | Path) -> list[Path]:
    """Return the files of weights in a folder, in the order of the numbers in their names.

    Raises:
        FileNotFoundError: The folder has none, or there is none.
    """
    folder = Path(folder)
    files = [path for path in (folder.iterdir() if folder.is_dir() else ()) if path.suffix in SUFFIXES]
    if not files:
        raise FileNotFoundError(f"{printable(folder)} is no folder with files of weights ({', '.join(SUFFIXES)})")
    return sorted(files, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts epoch-2 before epoch-10."""
    text, pieces = path.name, []
    while text:
        digits = text[: len(text) - len(text.lstrip("0123456789"))]
        rest = text[len(digits) :]
        letters = rest[: next((i for i, one in enumerate(rest) if one.isdigit()), len(rest))]
        pieces.append((int(digits or -1), letters))
        text = rest[len(letters) :]
    return pieces
