"""Inputs that no command may trip over, as a table, and what each must come to.

A command given one of them ends with exit code 1 or 2 and one line ``Error: …`` that names the file; no traceback, no
control characters, nothing on standard output, nothing written. Few may be accepted instead; then the same holds of
what is shown.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import resource
import shutil
import socket
import struct
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from click.testing import CliRunner, Result

from landscape.cli import main
from tests.fuzz.fuzzers import checkpoints, results
from tests.fuzz.fuzzers.objects import saved
from tests.fuzz.harness import Fuzzer, WrongError, shown
from tests.fuzz.mutations import ESCAPE
from tests.fuzz.worker import Tally, Worker

TINY = "--epochs 1 --width 8 --layers 1 --max-length 6"
QUICK = "--points 3 --grid --users 10"
COMMANDS: dict[str, tuple[str, ...]] = {  # role of the input -> commands with {} in its place; good/ holds good files
    "checkpoint": (
        "evaluate {}",
        "evaluate good/checkpoint.pt {}",
        f"surface {{}} {QUICK}",
        f"surface good/checkpoint.pt {QUICK} --toward {{}}",
        "curvature {} --top 1 --max-products 2 --users 10",
        f"compare {{}} good/surface.npz {QUICK} --out page.html",
        "info {}",
        "info {} --json",
        f"train s3rec --pretrained {{}} --data good/small.txt --out run {TINY}",
    ),
    "weights": ("import s3rec {} --data good/small.txt --out new.pt",),
    "surface": ("surface {}", "compare {} --out page.html", "info {}", "info {} --json"),
    "curvature": ("curvature {}", "compare {} --out page.html", "info {}", "info {} --json"),
    "data": (
        f"train sasrec --data {{}} --out run {TINY}",
        "evaluate good/checkpoint.pt --data {}",
        f"surface good/checkpoint.pt --data {{}} {QUICK}",
        "import s3rec good/weights.pt --data {} --out new.pt",
    ),
    "attributes": (
        f"train s3rec --attributes {{}} --data good/small.txt --out run --pretrain-epochs 1 {TINY}",
        f"train sasrec --attributes {{}} --data good/small.txt --out run {TINY}",
        "import s3rec good/weights.pt --data good/small.txt --attributes {} --out new.pt",
    ),
    "raw": (
        "data prepare {} --core 1 --name new --out out",
        "data prepare good/raw.csv {} --core 1 --name new --out out",
    ),
    "page": (
        f"surface good/checkpoint.pt {QUICK} --out {{}}",
        f"surface good/checkpoint.pt {QUICK} --png {{}}",
        "curvature good/curvature.json --out {}",
        "compare good/surface.npz --out {}",
    ),
    "checkpoint out": ("import s3rec good/weights.pt --data good/small.txt --out {}",),
    "run": (
        f"train sasrec --data good/small.txt --out {{}} {TINY}",
        f"train sasrec --data good/small.txt --out {{}} {TINY} --resume",
    ),
    "folder": ("data prepare good/raw.csv --core 1 --out {}", "train sasrec --data Beauty --data-dir {}"),
    "new name": ("data prepare good/raw.csv --core 1 --out out --name {}",),
    "name": ("data fetch {}", "train {}", "train --data {}"),
}
SECONDS = 10.0  # that a command may take to refuse an input
STREAMS = ("2>&-", ">&-", "<&-", ">/dev/full", "2>/dev/full")  # of a shell, for commands that otherwise succeed


@dataclass(frozen=True)
class Hostile:
    """An input: what it stands for, and how it is made in an empty folder that has good files in ``good/``."""

    name: str
    roles: tuple[str, ...]
    make: Callable[[Path], str]  # the working folder -> the argument, relative to it
    accepted: bool = False  # whether a command may succeed with it
    largest: int | None = None  # bytes that a file may grow to: as on a full disk


READ = ("checkpoint", "weights", "surface", "curvature", "data", "attributes", "raw")
SUFFIXES = {"surface": ".npz", "curvature": ".json", "attributes": ".json", "data": ".txt", "raw": ".csv"}


def _file(content: bytes | Callable[[], bytes], suffix: str, stem: str = "input") -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / f"{stem}{suffix}").write_bytes(content if isinstance(content, bytes) else content())
        return f"{stem}{suffix}"

    return make


def _path(argument: str) -> Callable[[Path], str]:
    return lambda folder: argument


def _folder(name: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / name).mkdir()
        return name

    return make


def _fifo(name: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        os.mkfifo(folder / name)
        return name

    return make


def _link(name: str, target: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / name).symlink_to(target)
        return name

    return make


def _socket(name: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)  # relative: the path of a socket is short
        return name

    return make


def _hard_link(name: str, good: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / name).hardlink_to(folder / "good" / good)
        return name

    return make


def _read_only(name: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / "read-only").mkdir(mode=0o555)
        return f"read-only/{name}"

    return make


def _copied(good: str, name: str, argument: str | None = None) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "good" / good, os.fsencode(folder / name))
        return name if argument is None else argument

    return make


def _strange_paths() -> Iterator[Hostile]:
    """What is at the path is no regular file, or nothing."""
    for role in READ:
        end = SUFFIXES.get(role, ".pt")
        yield Hostile(f"{role}: a folder", (role,), _folder(f"input{end}"))
        yield Hostile(f"{role}: a FIFO", (role,), _fifo(f"input{end}"))
        yield Hostile(f"{role}: a link to /dev/zero", (role,), _link(f"input{end}", "/dev/zero"))
        yield Hostile(f"{role}: a link to /dev/null", (role,), _link(f"input{end}", "/dev/null"))
        yield Hostile(f"{role}: a link to itself", (role,), _link(f"input{end}", f"input{end}"))
        yield Hostile(f"{role}: a link to nothing", (role,), _link(f"input{end}", "nothing"))
        yield Hostile(f"{role}: missing", (role,), _path(f"missing{end}"))
        yield Hostile(f"{role}: in a missing folder", (role,), _path(f"missing/input{end}"))
        yield Hostile(f"{role}: below a file", (role,), _path(f"good/raw.csv/input{end}"))
        yield Hostile(f"{role}: an escape in the name of nothing", (role,), _path(f"{ESCAPE}{end}"))
        yield Hostile(f"{role}: a name too long", (role,), _path("x" * 300 + end))
        yield Hostile(f"{role}: a line end in the name", (role,), _path(f"a\nb{end}"))
        yield Hostile(f"{role}: empty", (role,), _file(b"", end))
        yield Hostile(f"{role}: white space", (role,), _file(b" \n \n", end))
        yield Hostile(f"{role}: random bytes", (role,), _file(bytes(range(256)) * 8, end))
        yield Hostile(f"{role}: an empty argument", (role,), _path(""))
    yield Hostile("surface: a socket", ("surface",), _socket("input.npz"))
    yield Hostile("checkpoint: a socket", ("checkpoint",), _socket("input.pt"))


def _tree() -> Any:
    return torch.load(io.BytesIO(checkpoints.seeds()[0]), weights_only=True)


def _checkpoint(name: str, change: Callable[[Any], Any], *, accepted: bool = False) -> Hostile:
    def content() -> bytes:
        tree = _tree()
        tree["data"]["source"] = "good/small.txt"
        tree["data"]["attributes"] = None
        change(tree)
        return saved(tree)

    return Hostile(f"checkpoint: {name}", ("checkpoint",), _file(content, ".pt"), accepted)


def _every_weight(change: Callable[[torch.Tensor], Any]) -> Callable[[Any], None]:
    return lambda tree: tree["weights"].update({name: change(tensor) for name, tensor in tree["weights"].items()})


def _set(*keys: str, to: Any) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        for key in keys[:-1]:
            tree = tree[key]
        tree[keys[-1]] = to

    return change


def _checkpoints() -> Iterator[Hostile]:
    for n_items in (12 * 10**7, 10**12, 29, 0, -1, 2.5, "30", True, None):
        yield _checkpoint(f"claims {n_items!r} items", _set("model", "n_items", to=n_items))
    for layers in (3000, 0, -1, "1"):
        yield _checkpoint(f"claims {layers!r} layers", _set("model", "layers", to=layers))
    for heads in (0, -2, 3, 2.0):
        yield _checkpoint(f"{heads!r} heads", _set("model", "heads", to=heads))
    for field, value in (("max_length", 10**9), ("max_length", 0), ("width", 10**6), ("dropout", 7), ("dropout", "x")):
        yield _checkpoint(f"{field} {value!r}", _set("model", field, to=value))
    yield _checkpoint("a network of another kind", _set("model", "n_attributes", to=3))
    for dtype in ("float16", "bfloat16", "float64", "int64", "uint8", "bool", "complex64"):
        change = _every_weight(lambda tensor, dtype=dtype: tensor.to(getattr(torch, dtype)))  # type: ignore[misc]
        yield _checkpoint(f"weights of {dtype}", change)
    yield _checkpoint("NaN weights", _every_weight(lambda tensor: tensor * float("nan")))
    yield _checkpoint("infinite weights", _every_weight(lambda tensor: tensor + float("inf")))
    yield _checkpoint("sparse weights", _every_weight(lambda tensor: tensor.to_sparse()))
    yield _checkpoint("weights that are numbers", _set("weights", "norm.bias", to=1.0))
    yield _checkpoint(
        "a few bytes that claim gigabytes", _set("weights", "items.weight", to=torch.zeros(1).expand(10**9, 8))
    )
    for epoch in (-1, 2**70, 1.5, True, "1"):
        yield _checkpoint(f"epoch {epoch!r}", _set("epoch", to=epoch))
    for seed in (-1, "0", 10**400):
        yield _checkpoint(f"seed {str(seed)[:5]}", _set("seed", to=seed), accepted=seed == -1)
    for stage in ("x", ESCAPE, "pretrained", None):
        yield _checkpoint(f"stage {stage!r}", _set("stage", to=stage))
    for sam in (ESCAPE, ["sam"], {}, 3):
        yield _checkpoint(f"sam {sam!r}", _set("settings", "sam", to=sam))
    yield _checkpoint("a tensor in the settings", _set("settings", "x", to=torch.zeros(3)))
    yield _checkpoint("bytes in the settings", _set("settings", "x", to=b"\xff"))
    yield _checkpoint("a setting too deep", _set("settings", "x", to=json.loads("[" * 100 + "]" * 100)))
    for name in (ESCAPE, "[/b]x", "[red]x[/red]", "a\nb", "", "../x", "x" * 5000, "\u202ex"):
        yield _checkpoint(f"data called {name[:12]!r}", _set("data", "name", to=name), accepted=True)
    for source in ("/dev/zero", "/etc/passwd", "good", "~/x.txt", "", "\0", "good/fifo.txt"):
        yield _checkpoint(f"data from {source!r}", _set("data", "source", to=source), accepted=True)
    yield _checkpoint("the SHA-256 of other data", _set("data", "sha256", to="0" * 64), accepted=True)  # by info
    yield _checkpoint("an escape for a SHA-256", _set("data", "sha256", to=ESCAPE))
    yield _checkpoint("attributes that are a number", _set("data", "attributes", to=1))
    yield _checkpoint("attributes from /dev/zero", _set("data", "attributes", to="/dev/zero"), accepted=True)
    yield _checkpoint("metrics that are texts", _set("metrics", "HR@10", to=ESCAPE))
    yield _checkpoint("metrics of NaN", _set("metrics", "HR@10", to=float("nan")), accepted=True)
    yield _checkpoint("an unknown method", _set("method", to="gpt"))
    yield _checkpoint("a method with an escape", _set("method", to=ESCAPE))
    yield _checkpoint("a newer format", _set("format", to=99))
    yield _checkpoint("a format that is a text", _set("format", to="1"))
    yield _checkpoint("no weights", lambda tree: tree.pop("weights"))
    yield _checkpoint("a field more", _set(ESCAPE, to=1), accepted=True)
    yield Hostile("checkpoint: a list", ("checkpoint",), _file(lambda: saved([1, 2]), ".pt"))
    yield Hostile("checkpoint: a tensor", ("checkpoint",), _file(lambda: saved(torch.zeros(3)), ".pt"))
    yield Hostile("checkpoint: a bare state dict", ("checkpoint",), _file(lambda: saved(_tree()["weights"]), ".pt"))
    yield Hostile(
        "checkpoint: a pickled function", ("checkpoint", "weights"), _file(lambda: saved({"x": os.system}), ".pt")
    )
    yield Hostile("checkpoint: cut", ("checkpoint",), _file(lambda: checkpoints.seeds()[0][:-200], ".pt"))
    yield Hostile("checkpoint: six bytes", ("checkpoint", "weights"), _file(b"\x80\x02}q\x00.", ".pt"))
    yield Hostile("checkpoint: an empty zip", ("checkpoint", "weights"), _file(_zipped({}), ".pt"))


def _weights(name: str, change: Callable[[dict[str, Any]], Any]) -> Hostile:
    def content() -> bytes:
        tree = torch.load(io.BytesIO(checkpoints._published()[1]), weights_only=True)
        change(tree)
        return saved(tree)

    return Hostile(f"weights: {name}", ("weights",), _file(content, ".pt"))


def _published() -> Iterator[Hostile]:
    table = "item_embeddings.weight"
    for dtype in ("int64", "bool", "complex64", "float16"):
        yield _weights(
            f"of {dtype}", lambda tree, dtype=dtype: tree.update({table: tree[table].to(getattr(torch, dtype))})
        )  # type: ignore[misc]
    yield _weights("of NaN", lambda tree: tree.update({table: tree[table] * float("nan")}))
    yield _weights("a table of one dimension", lambda tree: tree.update({table: tree[table].ravel()}))
    yield _weights("a table that is a number", lambda tree: tree.update({table: torch.tensor(1.0)}))
    yield _weights(
        "positions that are a number", lambda tree: tree.update({"position_embeddings.weight": torch.tensor(1.0)})
    )
    yield _weights("a table that is a text", lambda tree: tree.update({table: ESCAPE}))
    yield _weights("a key that is a number", lambda tree: tree.update({3: torch.zeros(1)}))  # type: ignore[dict-item]
    yield _weights("a key with an escape", lambda tree: tree.update({ESCAPE: torch.zeros(1)}))
    yield _weights(
        "a layer of a huge number", lambda tree: tree.update({f"item_encoder.layer.{10**9}.x": torch.zeros(1)})
    )
    yield _weights("one item fewer", lambda tree: tree.update({table: tree[table][:-1]}))


def _zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _surface(name: str, change: Callable[[dict[str, bytes]], Any], *, accepted: bool = False) -> Hostile:
    def content() -> bytes:
        members = _members(results._surfaces()[0])
        change(members)
        return _zipped(members)

    return Hostile(f"surface: {name}", ("surface",), _file(content, ".npz"), accepted)


def _described(*keys: str, to: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        described = json.loads(str(np.load(io.BytesIO(members["metadata.npy"]))))
        _set(*keys, to=to)(described)
        members["metadata.npy"] = _npy(np.array(json.dumps(described)))

    return change


def _loss_of(dtype: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["loss.npy"] = _npy(np.load(io.BytesIO(members["loss.npy"])).astype(dtype))

    return change


BOMB = "bomb.npz"  # above the working folder, where it outlives a child


def _write_bomb(path: Path) -> None:
    """A surface with an array that nobody uses: some megabytes that expand to 2.6 GB."""
    path.write_bytes(results._surfaces()[0])
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (325000000,), }"
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("unused.npy", "w", force_zip64=True) as member,
    ):
        member.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        for _ in range(2600):
            member.write(bytes(10**6))


def _surfaces() -> Iterator[Hostile]:
    yield Hostile(
        "surface: a few MB that expand to 2.6 GB", ("surface",), _link("input.npz", f"../../{BOMB}"), accepted=True
    )
    yield _surface("a pickled array", lambda members: members.update({"loss.npy": _npy(np.array([os.system]))}))
    for key in ("metadata", "loss", "alphas", "nodes"):
        yield _surface(f"no {key}", lambda members, key=key: members.pop(f"{key}.npy"))  # type: ignore[misc]
    for dtype in ("c16", "U5", "M8[s]", "i8"):
        yield _surface(f"a loss of {dtype}", _loss_of(dtype), accepted=dtype == "i8")
    yield _surface("a loss of another shape", lambda members: members.update({"loss.npy": _npy(np.zeros(7))}))
    yield _surface(
        "a loss of NaN", lambda members: members.update({"loss.npy": _npy(np.full((5, 7), np.nan))}), accepted=True
    )
    yield _surface("alphas that fall", lambda members: members.update({"alphas.npy": _npy(np.linspace(1, -1, 7))}))
    claim = b"'shape': (999999999999, "
    yield _surface("a header that claims terabytes", lambda members: members.update(
        {"loss.npy": members["loss.npy"].replace(b"'shape': (", claim, 1)}))  # fmt: skip
    yield _surface(
        "metadata with braces without end",
        lambda members: members.update({"metadata.npy": _npy(np.array("[" * 10**5))}),
    )
    for title in (ESCAPE, "[/b]x", "a\nb", "</script><script>alert(1)</script>", 3, None, ["x"], "x" * 10**4):
        yield _surface(f"a title of {str(title)[:10]!r}", _described("metadata", "title", to=title), accepted=True)
    for keys, value in (
        (("metadata", "plane", "shares"), 3),
        (("metadata", "plane", "shares"), ["x", ESCAPE]),
        (("metadata", "plane"), {"kind": "eigen", "eigenvalues": [1], "residuals": []}),
        (("metadata", "direction_norms"), True),
        (("metadata", "loss_stderr"), "0.1"),
        (("metadata", "checkpoint"), []),
        (("metadata",), None),
        (("error",), {"absolute": "x", "relative": 1, "near_centre": 1, "points": 1}),
        (("marks",), [{"name": ESCAPE, "alpha": 0, "beta": 0}]),
        (("marks",), {"x": 1}),
        (("quadratic", "angles"), [1.0]),
        (("checks", "checks"), [{"what": 3, "expected": "x", "found": None, "allowed": 0}]),
        (("format",), "3"),
        (("format",), 99),
        (("kind",), "curvature"),
    ):
        name = f"{'.'.join(keys)} {str(value)[:30]!r}"
        yield _surface(name, _described(*keys, to=value), accepted=keys[-1] in ("marks", "plane", "shares"))
    yield Hostile(
        "surface: eigenvectors of a curvature",
        ("surface",),
        _file(_zipped({"top.npy": _npy(np.zeros((2, 3)))}), ".npz"),
    )


def _curvature(name: str, change: Callable[[Any], Any], *, accepted: bool = False) -> Hostile:
    def content() -> bytes:
        tree = json.loads(results._curvatures()[0])
        change(tree)
        return json.dumps(tree).encode()

    return Hostile(f"curvature: {name}", ("curvature",), _file(content, ".json"), accepted)


def _curvatures() -> Iterator[Hostile]:
    for key in ("eigenvalues", "residuals", "converged"):
        for value in ([], [[1]], "x", None, 3):
            yield _curvature(f"{key} {value!r}", _set(key, to=value))
    yield _curvature("eigenvalues that are not finite", _set("eigenvalues", to=[None, "inf", 0.1]))
    yield _curvature("a loss of NaN", _set("loss", to=None), accepted=True)
    yield _curvature("a loss that is a text", _set("loss", to=ESCAPE))
    yield _curvature("an operator with an escape", _set("operator", to=ESCAPE), accepted=True)
    yield _curvature("an operator that is a list", _set("operator", to=["x"]))
    yield _curvature("a number of products of 10²⁵", _set("products", to=10**25))
    yield _curvature("a trace that is a number", _set("trace", to=3))
    yield _curvature("a trace that is a text", _set("trace", "mean", to="x"))
    yield _curvature("a sharpness of one radius", _set("sharpness", "rhos", to=[0.05]))
    yield _curvature("a sharpness of no kinds", _set("sharpness", "kinds", to=[]))
    yield _curvature("blocks with fewer names", _set("blocks", "names", to=["items"]))
    yield _curvature("a spectrum of other shapes", _set("spectrum", "weights", to=[[1.0]]))
    yield _curvature("a title with an escape", _set("metadata", "title", to=ESCAPE), accepted=True)
    yield Hostile("curvature: a list", ("curvature",), _file(b"[1, 2]", ".json"))
    yield Hostile("curvature: a text", ("curvature",), _file(b'"x"', ".json"))
    yield Hostile("curvature: no end of brackets", ("curvature", "attributes"), _file(b"[" * 10**5, ".json"))
    yield Hostile("curvature: a number of 10,000 digits", ("curvature", "attributes"), _file(b"9" * 10**4, ".json"))
    yield Hostile(
        "curvature: metrics of an evaluation", ("curvature",), _file(b'{"HR@10": 0.3, "NDCG@10": 0.2}', ".json")
    )


def _data() -> Iterator[Hostile]:
    for name, content in {
        "line ends of old Macs with a user twice": b"1 2 3 4\r1 2 3 5\r",
        "a stray line end that hides a user": b"1 2 3 4\n2 3\r2 4 5 6\n",
        "a user twice": b"1 2 3 4\n1 2 3 4\n",
        "an id of 0": b"1 0 2 3\n",
        "an id below 0": b"1 -1 2 3\n",
        "an id of 30 digits": b"1 2 3 " + b"9" * 30 + b"\n",
        "an item far from dense": b"1 2 3 2000000000\n",
        "letters": b"user item\n1 2\n",
        "an escape": b"1 2 3 \x1b[31mred\n",
        "too short": b"1 2\n2 3\n",
        "UTF-16": "1 2 3 4\n".encode("utf-16"),
        "digits of another script": "1 2 3 ٤\n".encode(),
        "zeros": bytes(1000),
        "commas": b"1,2,3,4\n",
    }.items():
        yield Hostile(f"data: {name}", ("data",), _file(content, ".txt"))
    for name, content in {
        "an item twice": b'{"1": [1], "1": [2]}',
        "a list": b"[[1, 2]]",
        "attributes of 0": b'{"1": [0]}',
        "attributes that are texts": b'{"1": ["\\u001b[31mred"]}',
        "attributes that are fractions": b'{"1": [1.5]}',
        "attributes of 25 digits": b'{"1": [9999999999999999999999999]}',
        "keys that are names": b'{"\\u001b[31mred": [1]}',
        "a lone surrogate": b'{"\\ud800": [1]}',
        "items far away": b'{"1000000": [1]}',
        "no items": b"{}",
        "null": b"null",
        "NaN": b'{"1": [NaN]}',
    }.items():
        yield Hostile(f"attributes: {name}", ("attributes",), _file(content, ".json"))


TABLE = "user,item,time\n" + "".join(f"{u},{i},{t}\n" for u in "abcde" for t, i in enumerate("vwxyz"))


def _raw() -> Iterator[Hostile]:
    for name, content in {
        "only a header": b"user,item,time\n",
        "no header": TABLE.partition("\n")[2].encode(),
        "a column short": TABLE.replace("b,x,2", "b,x").encode(),
        "a column more": TABLE.replace("b,x,2", "b,x,2,3").encode(),
        "a user missing": TABLE.replace("b,x", ",x").encode(),
        "a time missing": TABLE.replace("b,x,2", "b,x,").encode(),
        "a time of nan": TABLE.replace("b,x,2", "b,x,nan").encode(),
        "a time of 1e999": TABLE.replace("b,x,2", "b,x,1e999").encode(),
        "a time of 400 digits": TABLE.replace("b,x,2", "b,x," + "9" * 400).encode(),
        "a time of 1_000": TABLE.replace("b,x,2", "b,x,1_000").encode(),
        "dates beside numbers": TABLE.replace("b,x,2", "b,x,2019-06-01").encode(),
        "a date that does not exist": TABLE.replace("b,x,2", "b,x,2019-02-30").encode(),
        "an escape in an id": TABLE.replace("b,x,2", f"{ESCAPE},x,2").encode(),
        "an escape in the header": TABLE.replace("time", ESCAPE).encode(),
        "a quote without end": TABLE.replace("b,x", '"b,x').encode(),
        "a text after a quote": TABLE.replace("b,x", '"b"b,x').encode(),
        "zeros": bytes(1000),
        "Latin-1": TABLE.replace("b,", "\xe9,").encode("latin-1"),
        "UTF-16": TABLE.encode("utf-16"),
        "a field of a megabyte": TABLE.replace("b,x", "b" * 10**6 + ",x").encode(),
        "a packed file that is cut": gzip.compress(TABLE.encode(), mtime=0)[:-9],
        "a packed file with a wrong check sum": gzip.compress(TABLE.encode(), mtime=0)[:-8] + bytes(8),
        "a JSON array": b'[{"user": 1}]',
        "records of no known source": b'{"\\u001b[31mred": 1}\n',
        "a record with a key twice": b'{"reviewerID": "a", "reviewerID": "b", "asin": "x", "unixReviewTime": 1}\n',
        "a record with a surrogate": b'{"reviewerID": "\\ud800", "asin": "x", "unixReviewTime": 1}\n',
        "a record with a negative time": b'{"reviewerID": "a", "asin": "x", "unixReviewTime": -1}\n',
        "a record with a time of 400 digits": b'{"reviewerID": "a", "asin": "x", "unixReviewTime": '
        + b"9" * 400
        + b"}\n",
        "a record without end": b'{"reviewerID": ' + b"[" * 10**5 + b"\n",
        "Parquet of four bytes": b"PAR1",
        "Parquet that is cut": b"PAR1" + bytes(100) + b"PAR1",
        "Parquet with a huge footer": b"PAR1" + bytes(100) + b"\xff\xff\xff\x7f" + b"PAR1",
    }.items():
        yield Hostile(f"raw: {name}", ("raw",), _file(content, ".csv"))
    yield Hostile(
        "raw: line ends of old Macs", ("raw",), _file(TABLE.replace("\n", "\r").encode(), ".csv"), accepted=True
    )
    yield Hostile("raw: a name with an escape", ("raw",), _copied("raw.csv", f"{ESCAPE}.csv"), accepted=True)
    for file in sorted((Path(__file__).resolve().parents[3] / "shared" / "faults" / "fuzz").glob("parquet-*")):
        yield Hostile(f"raw: {file.name}", ("raw",), _file(file.read_bytes(), ".parquet"))


def _names() -> Iterator[Hostile]:
    """Good files under names that are rare, and names of what is to be written."""
    for good, role in (
        ("checkpoint.pt", "checkpoint"),
        ("surface.npz", "surface"),
        ("small.txt", "data"),
        ("raw.csv", "raw"),
    ):
        for name in ("[/b]x", "a b", "é", "-x", os.fsdecode(b"\xff"), ESCAPE, "$HOME", "a;b", "x" * 200):
            yield Hostile(
                f"{role}: called {name[:12]!r}", (role,), _copied(good, f"./{name}{Path(good).suffix}"), accepted=True
            )
        yield Hostile(f"{role}: in the home folder", (role,), _at_home(good), accepted=True)
    for role in ("page", "checkpoint out"):
        end = ".html" if role == "page" else ".pt"
        for path in (
            f"missing/new{end}",
            f"good/raw.csv/new{end}",
            f"/proc/new{end}",
            f"/dev/null/new{end}",
            "",
            "good",
            "new.txt",
        ):
            yield Hostile(f"{role}: {path!r}", (role,), _path(path), accepted=role != "page" and path == "new.txt")
        for target in ("weights.pt", "checkpoint.pt", "small.txt", "surface.npz"):
            yield Hostile(f"{role}: a link to {target}", (role,), _link(f"new{end}", f"good/{target}"))
            yield Hostile(f"{role}: another name of {target}", (role,), _hard_link(f"new{end}", target))
        yield Hostile(f"{role}: a link to itself", (role,), _link(f"new{end}", f"new{end}"))
        yield Hostile(f"{role}: a link to nothing", (role,), _link(f"new{end}", "nothing"))
        yield Hostile(f"{role}: somebody's notes", (role,), _file(b"my notes", end))
        yield Hostile(f"{role}: a folder of its name", (role,), _folder(f"new{end}"))
        yield Hostile(f"{role}: not UTF-8", (role,), _path(os.fsdecode(b"\xff") + end), accepted=True)
        yield Hostile(
            f"{role}: a folder that is read only", (role,), _read_only(f"new{end}"), accepted=os.geteuid() == 0
        )
        yield Hostile(f"{role}: a FIFO", (role,), _fifo(f"fifo{end}"))
        yield Hostile(f"{role}: a device", (role,), _link(f"new{end}", "/dev/null"))
        yield Hostile(f"{role}: a name too long", (role,), _path("x" * 300 + end))
    for path in ("good/raw.csv", "/proc/new", "/dev/null", "good/raw.csv/new", "x" * 300, "", "\x1b[31mred"):
        yield Hostile(f"run: {path[:20]!r}", ("run", "folder"), _path(path), accepted=path[:1] in ("", "\x1b"))
    for largest in (0, 1000):
        full = f"a disk with room for {largest} bytes"
        yield Hostile(f"page: {full}", ("page",), _path("new.html"), largest=largest)
        yield Hostile(f"checkpoint out: {full}", ("checkpoint out",), _path("new.pt"), largest=largest)
        if largest == 0:  # else the first file of a run is written, with which --resume goes on
            yield Hostile(f"run: {full}", ("run",), _path("new"), largest=largest)
        yield Hostile(f"new name: {full}", ("new name",), _path("new"), largest=largest, accepted=largest > 0)
    for name in ("checkpoint.pt", "last.pt", "history.csv"):
        yield Hostile(f"run: a folder with somebody's {name}", ("run",), _copied("surface.npz", f"new/{name}", "new"))
    for name in ("config.json", "last.pt"):
        yield Hostile(f"run: damaged {name}", ("run",), _damaged(name))
    for text in ("", " ", ".", "..", "../x", "/x", "a/b", ESCAPE, "[/b]x", "x" * 300, "a\nb", "\ud800", "no such"):
        yield Hostile(f"name: {text[:12]!r}", ("name", "new name"), _path(text), accepted=text in ("[/b]x", "no such"))
    yield Hostile("name: that of the built-in data", ("new name",), _path("synthetic"))


def _at_home(good: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / "home").mkdir()
        shutil.copy(folder / "good" / good, folder / "home" / good)
        return f"~/{good}"

    return make


def _damaged(name: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / "run").mkdir()
        (folder / "run" / "config.json").write_text("{}")
        (folder / "run" / name).write_bytes(b"\xff\x1b[31m")
        return "run"

    return make


@cache
def inputs() -> dict[str, Hostile]:
    """All of them by name."""
    groups = (_strange_paths, _checkpoints, _published, _surfaces, _curvatures, _data, _raw, _names)
    every = [hostile for group in groups for hostile in group()]
    assert len({hostile.name for hostile in every}) == len(every), "two inputs have one name"
    return {hostile.name: hostile for hostile in every}


def walk() -> Iterator[tuple[str, str]]:
    """Each input with each command that takes such an argument."""
    for hostile in inputs().values():
        for role in hostile.roles:
            for command in COMMANDS[role]:
                yield hostile.name, command


def prepare(folder: Path, *, bomb: bool = True) -> None:
    """Put the good files into ``good/``, and ``BOMB`` beside the folder."""
    good = folder / "good"
    good.mkdir()
    checkpoints.prepare(good)
    tree = _tree()
    tree["data"] |= {"source": "good/small.txt", "attributes": "good/small_item2attributes.json"}
    (good / "checkpoint.pt").write_bytes(saved(tree))
    (good / "weights.pt").write_bytes(checkpoints._published()[1])
    (good / "surface.npz").write_bytes(results._surfaces()[1])
    (good / "curvature.json").write_bytes(results._curvatures()[1])
    (good / "raw.csv").write_text(TABLE)
    if bomb and not (folder.parent / BOMB).exists():
        _write_bomb(folder.parent / BOMB)


def _read(path: Path) -> None:
    """Run one command with one input, in a folder of its own; ``path`` holds the two as JSON."""
    name, command = json.loads(path.read_text())
    hostile = inputs()[name]
    folder = path.parent / "walk"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copytree(path.parent / "good", folder / "good")
    before_folder = Path.cwd()
    os.chdir(folder)
    try:
        argument = hostile.make(folder)
        os.mkfifo("good/fifo.txt")
        before = _files(folder)
        environment = {"HOME": str(folder / "home"), "LANDSCAPE_DATA": str(folder / "good"), "COLUMNS": "200"}
        arguments = [argument if word == "{}" else word for word in command.split()]
        with _largest(hostile.largest):
            result = CliRunner().invoke(main, arguments, env=environment)
        _judge(hostile, argument, result, _files(folder) != before)
    finally:
        os.chdir(before_folder)


@contextmanager
def _largest(size: int | None) -> Iterator[None]:
    """Let no file grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _judge(hostile: Hostile, argument: str, result: Result, written: bool) -> None:
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        problem = result.exception
        raise RuntimeError(f"{type(problem).__name__}: {problem}").with_traceback(problem.__traceback__)
    shown(result.stdout, "standard output")
    shown(result.stderr, "standard error")
    if result.exit_code == 0:
        if not hostile.accepted:
            raise WrongError("accepted")
        return
    if result.exit_code not in (1, 2):
        raise WrongError(f"exit code {result.exit_code}")
    lines = result.stderr.strip().splitlines()
    if (result.exit_code == 1 and len(lines) != 1) or not lines or not lines[-1].startswith("Error: "):
        raise WrongError(f"{len(lines)} lines on standard error, the last: {lines[-1:]}")
    if result.stdout:
        raise WrongError(f"refused with {result.stdout[:40]!r} on standard output")
    if written:
        raise WrongError("refused, and files have changed")
    name = Path(argument).name
    if result.exit_code == 1 and hostile.largest is None and name.isprintable() and name not in lines[0]:
        raise ValueError(lines[0])  # judged as a file that is not named


def _files(folder: Path) -> Sequence[tuple[str, int, int]]:
    """Names of what is there, but for the lock of a run, and sizes and times of files."""
    found = [(path, path.lstat()) for path in sorted(folder.rglob("*")) if path.name != ".lock"]
    return [(str(path), *((state.st_size, state.st_mtime_ns) if path.is_file() else (0, 0))) for path, state in found]


HOSTILE = Fuzzer("hostile", (".json",), list, lambda random, seeds: (b"", "case.json"), _read, prepare)


@click.command()
@click.option("--only", default="", help="Inputs whose name has this text.")
@click.option("--skip", default="", help="No inputs whose name matches this regular expression.")
def walked(only: str, skip: str) -> None:
    """Walk through all commands with all inputs, and print what went wrong, grouped by cause."""
    pairs = [(name, command) for name, command in walk() if only in name and not (skip and re.search(skip, name))]
    tally, groups = Tally(), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, Worker(seconds=SECONDS) as worker:
        files = [Path(folder) / f"{number}.json" for number in range(len(pairs))]
        for file, pair in zip(files, pairs, strict=True):
            file.write_text(json.dumps(pair))
        for finding in worker.replay("hostile", files, tally):
            name, command = json.loads(finding.content)
            groups[finding.outcome.key].append(f"{name} | {command}")
            outcome = finding.outcome
            click.echo(f"{outcome.kind}: {name} | {command}: {outcome.where}: {outcome.what}", err=True)
            if len(groups[finding.outcome.key]) == 1:
                groups[finding.outcome.key].append(f"{outcome.kind}: {outcome.where}: {outcome.what}")
    for _, (first, outcome, *others) in sorted(groups.items(), key=lambda group: -len(group[1])):
        click.echo(
            f"{len(others) + 1:>4}  {outcome}\n        {first}" + "".join(f"\n        {other}" for other in others[:4])
        )
    wrong = sum(len(found) - 1 for found in groups.values())
    click.echo(f"{tally.cases} walks with {len(inputs())} inputs: {tally.read} as they should be, {wrong} not")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    walked()
