"""The commands that are killed: what they are given, and what of their files has to come out the same."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape.results.storage.save_load import load_curvature, load_surface
from tests.fuzz.fuzzers import checkpoints
from tests.fuzz.fuzzers.objects import saved

Values = dict[str, Any]
NETWORK = "--width 8 --layers 1 --max-length 6"


@dataclass(frozen=True)
class Command:
    """A command on small data, in a folder of its own."""

    arguments: str
    prepare: Callable[[Path], None]
    values: Callable[[Path], Values]  # what must equal the undisturbed run's, by name
    done: str = ""  # part of a refusal that says that the work was finished before the kill
    sets: Callable[[Path], Any] | None = None  # files that change together: always as before or as after
    processes: int = 1  # as torchrun starts them; one of them is killed


def _data(folder: Path) -> None:
    generator = np.random.default_rng(0)
    sequences = [generator.permutation(30)[: 5 + user % 8] + 1 for user in range(400)]
    sequences[0][0] = 30
    lines = (f"{user} {' '.join(map(str, row))}\n" for user, row in enumerate(sequences, 1))
    (folder / "small.txt").write_text("".join(lines))
    attributes = {str(item): sorted({1 + item % 4, 1 + item % 7}) for item in range(1, 31)}
    (folder / "small_item2attributes.json").write_text(json.dumps(attributes))


def _models(folder: Path) -> None:
    """Two checkpoints of the data, with weights of which the loss is no flat plane."""
    _data(folder)
    for number, name in enumerate(("one.pt", "other.pt")):
        tree = torch.load(io.BytesIO(checkpoints.seeds()[0]), weights_only=True)
        generator = torch.Generator().manual_seed(number)
        for weights in tree["weights"].values():
            weights.add_(torch.randn(weights.shape, generator=generator), alpha=0.2)
        tree["data"] |= {
            "source": "small.txt",
            "sha256": hashlib.sha256((folder / "small.txt").read_bytes()).hexdigest(),
            "attributes": "small_item2attributes.json",
        }
        tree["seed"] = tree["settings"]["seed"] = number
        (folder / name).write_bytes(saved(tree))


def _raw(folder: Path) -> None:
    generator = np.random.default_rng(0)
    rows = np.stack([generator.integers(0, 2000, 30_000), generator.integers(0, 500, 30_000), np.arange(30_000)], 1)
    lines = "".join(f"user{user},item{item},{time}\n" for user, item, time in rows.tolist())
    (folder / "raw.csv").write_text("user,item,time\n" + lines)


def _raw_beside_old(folder: Path) -> None:
    _raw(folder)
    (folder / "out").mkdir()
    (folder / "out" / "new.txt").write_text("1 1 2 3\n")
    (folder / "out" / "new_item2attributes.json").write_text('{"1": [1]}')
    (folder / "out" / "new_ids.json").write_text('{"users": [null, "a"], "items": [null, "x", "y", "z"]}')


def _weights(folder: Path) -> None:
    _data(folder)
    (folder / "weights.pt").write_bytes(checkpoints._published()[0])


STUDY = """
title = "small"
data = ["small.txt"]
seeds = [0]

[options]
epochs = 2
max_length = 6
width = 8
layers = 1

[geometry]
users = 20
planes = 2
points = 5
trace_products = 3
draws = 2
ascent_steps = 2
max_products = 12

[methods.SASRec]
method = "sasrec"

[methods.SAMRec]
method = "samrec"

[[tables]]
key = "table"
title = "Table"
methods = ["SASRec", "SAMRec"]
metrics = ["HR@10"]
"""


def _study(folder: Path) -> None:
    _data(folder)
    (folder / "study.toml").write_text(STUDY)


def _study_values(folder: Path) -> Values:
    """What was measured, without times and the machine; and the weights of all runs."""
    runs = json.loads((folder / "out" / "study.json").read_text())["runs"]
    values = {
        run["run"]: {name: value for name, value in run.items() if name not in ("seconds", "metadata", "hashes")}
        for run in runs
    }
    trees = {path.parent.name: torch.load(path, weights_only=True) for path in folder.rglob("checkpoint.pt")}
    return values | {f"weights of {name}": _bits(tree["weights"]) for name, tree in trees.items()}


def _train_values(folder: Path) -> Values:
    """Bits of everything but the seconds."""
    run = folder / "run"
    values: Values = {}
    for path in (run / "checkpoint.pt", run / "last.pt", *sorted((run / "snapshots").glob("*.pt"))):
        tree = torch.load(path, weights_only=True)
        tree.pop("history", None)
        values[path.name] = _bits(tree)
    with (run / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    values["history.csv"] = [{name: text for name, text in row.items() if name != "train_seconds"} for row in rows]
    values["config.json"] = (run / "config.json").read_text()
    return values


def _bits(tree: Any) -> Any:
    if isinstance(tree, torch.Tensor):
        return str(tree.dtype), tuple(tree.shape), tree.numpy().tobytes()
    if isinstance(tree, Mapping):
        return {key: _bits(value) for key, value in tree.items()}
    return [_bits(value) for value in tree] if isinstance(tree, (list, tuple)) else tree


def _result_values(folder: Path) -> Values:
    """Numbers of all surfaces and curvatures, and the pages' names; what continued Lanczos to within its residuals."""
    values: Values = {}
    for path in sorted(folder.rglob("*.npz")):
        if path.with_suffix(".json").exists() or path.name.startswith(".") or "lanczos" in path.name:
            continue
        surface = load_surface(path)
        arrays = (surface.alphas, surface.betas, surface.loss, surface.evaluated)
        values[path.name] = [array.tobytes() for array in arrays]
    for path in sorted(folder.rglob("*.json")):
        if "eigenvalues" not in json.loads(path.read_text()):  # attributes, or a section that is stored alone
            continue
        curvature = load_curvature(path)
        pairs = [curvature.pairs, *([curvature.pairs.bottom] if curvature.pairs.bottom else [])]
        values[path.name] = [Interval(pair.values, pair.residuals) for pair in pairs]
    values |= {path.name: "a page" for path in folder.rglob("*.html")}
    return values


@dataclass(frozen=True, eq=False)
class Interval:
    """Eigenvalues known to within residuals; equal to others where the intervals meet."""

    values: Any
    residuals: Any

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Interval) or self.values.shape != other.values.shape:
            return False
        return bool((np.abs(self.values - other.values) <= self.residuals + other.residuals + 1e-9).all())


def _contents(*names: str) -> Callable[[Path], Values]:
    def values(folder: Path) -> Values:
        return {name: (folder / name).read_bytes() if (folder / name).exists() else None for name in names}

    return values


def _checkpoint_values(folder: Path) -> Values:
    return {"new.pt": _bits(torch.load(folder / "new.pt", weights_only=True))}


_prepared = _contents("out/new.txt", "out/new_ids.json", "out/new_item2attributes.json")

COMMANDS: dict[str, Command] = {
    "train": Command(
        f"train samrec --data small.txt --out run --epochs 8 --snapshots 2 --resume {NETWORK}", _data, _train_values
    ),
    "train-together": Command(
        f"train cl4srec --sam sam --rho 0.1 --data small.txt --out run --epochs 8 --snapshots 2 --resume {NETWORK}",
        _data,
        _train_values,
        processes=2,
    ),
    "surface": Command("surface one.pt --points 25 --grid --out page.html", _models, _result_values),
    "curvature": Command(
        "curvature one.pt --top 3 --trace --density --sharpness --users 40 --out page.html", _models, _result_values
    ),
    "compare": Command("compare one.pt other.pt --points 11 --grid --top 2 --out page.html", _models, _result_values),
    "study": Command("study study.toml --out out --jobs 1 --device cpu", _study, _study_values),
    "prepare": Command(
        "data prepare raw.csv --core 5 --name new --out out", _raw, _prepared, done="exists", sets=_prepared
    ),
    "overwrite": Command(
        "data prepare raw.csv --core 5 --name new --out out --overwrite", _raw_beside_old, _prepared, sets=_prepared
    ),
    "import": Command(
        "import s3rec weights.pt --data small.txt --out new.pt", _weights, _checkpoint_values, done="exists"
    ),
}
COMMANDS |= {f"{name}-together": replace(COMMANDS[name], processes=2) for name in ("surface", "curvature", "compare")}
