"""A study's file: TOML whose tables are the dataclasses of ``training.study.config``.

A key that none of their fields has is an error, which names the nearest one. A method is a row of the tables: a set of
options of ``landscape train``.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from landscape.choices import check_known
from landscape.results.storage.serialization import from_plain
from landscape.training.config.methods import METHODS, PRETRAINED
from landscape.training.config.training import TrainingConfig
from landscape.training.data.catalogue import SYNTHETIC
from landscape.training.evaluation.metrics import METRICS
from landscape.training.study.config import (
    Along,
    ClaimSpec,
    Geometry,
    MethodRow,
    StudyConfig,
    Sweep,
    TableSpec,
)
from landscape.training.study.geometry import MEASURES

PAPER = "paper"  # the study that comes with the package
BUILT_IN = {PAPER: Path(__file__).with_name("paper.toml")}
QUICK = Path(__file__).with_name("quick.toml")  # what --quick changes

DEFAULTS = {declared.name: declared.default for declared in fields(TrainingConfig)}
OPTIONS = {*DEFAULTS} - {"seed", "pretrained"}


def read_study(path: str | Path, *, quick: bool = False) -> StudyConfig:
    """Read a study's file, or a built-in study by its name.

    Args:
        path: A TOML file, or ``paper``.
        quick: Replace the data by the built-in set, and make everything small, to see the whole of it in minutes.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not TOML, or a key or value is unknown; the message names the nearest.
    """
    place = BUILT_IN.get(str(path), Path(path))
    content = _toml(place)
    if quick:
        content = quickened(content)
    try:
        return parse_study(content, place.parent)
    except ValueError as problem:
        raise ValueError(f"{place}: {problem}") from None


def parse_study(content: Mapping[str, Any], folder: Path = Path()) -> StudyConfig:
    """Return the study that a parsed file describes.

    Raises:
        ValueError: A key or value is unknown, missing or of another type.
    """
    given = dict(content)
    data, seeds = tuple(given.get("data", ())), tuple(given.get("seeds", ()))
    methods = given.pop("methods", {})
    if not isinstance(methods, Mapping):
        raise ValueError("methods is a table of tables: [methods.NAME]")
    parsed = {
        "methods": tuple(_method(name, row, data) for name, row in methods.items()),
        "geometry": _read(Geometry, given.pop("geometry", {}), "geometry"),
        "along": _read(Along, given.pop("along", {}), "along"),
        "sweeps": tuple(
            _read(Sweep, row, f"sweep {number}", data=data, seeds=seeds, methods=tuple(methods))
            for number, row in enumerate(_list(given, "sweeps"), 1)
        ),
        "tables": tuple(
            _read(TableSpec, row, f"table {number}") for number, row in enumerate(_list(given, "tables"), 1)
        ),
        "claims": tuple(
            _read(ClaimSpec, row, f"claim {number}") for number, row in enumerate(_list(given, "claims"), 1)
        ),
    }
    for sweep in parsed["sweeps"]:
        _options({sweep.option: None, **sweep.options}, f"sweep {sweep.key}")
    _options(given.get("options", {}), "options")
    for table in parsed["tables"]:
        for metric in table.metrics:
            check_known(metric, METRICS, f"{table.key}: metric")
    for claim in parsed["claims"]:
        check_known(claim.measure, (*METRICS, *MEASURES), f"claim {claim.text!r}: measure")
    study: StudyConfig = _read(StudyConfig, {**given, **parsed}, "", content=dict(content), folder=folder)
    return study


def with_pretrained(study: StudyConfig, files: Sequence[str]) -> StudyConfig:
    """Return the study with pre-trained weights given for all methods that fine-tune.

    Args:
        study: The study.
        files: ``DATA=CHECKPOINT`` each, the data as the study names them. On other data it stays as the file says.

    Raises:
        ValueError: A part is missing, the study has no such data, or no method fine-tunes.
        FileNotFoundError: There is no such checkpoint.
    """
    given: dict[str, str] = {}
    for text in files:
        data, _, path = text.partition("=")
        if not (data and path):
            raise ValueError(f"--pretrained is DATA=CHECKPOINT, such as Beauty=published.pt, got {text!r}")
        check_known(data, study.data, "--pretrained: data set")
        if not Path(path).is_file():
            raise FileNotFoundError(f"--pretrained {data}: there is no checkpoint {path}")
        given[data] = str(Path(path).absolute())
    rows = tuple(
        replace(row, pretrained={**row.pretrained, **given}) if _finetunes(row) else row for row in study.methods
    )
    if given and rows == study.methods:
        raise ValueError("--pretrained has no effect: no method of the study is fine-tuned")
    return replace(study, methods=rows)


def _finetunes(row: MethodRow) -> bool:
    method = METHODS.get(str(row.options.get("method")))
    return method is not None and PRETRAINED in method.stages


def quickened(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's file with the built-in data in place of its own, and little of everything (``quick.toml``)."""
    small = _toml(QUICK)
    result = {**content, **{name: small[name] for name in ("data", "seeds", "options", "geometry")}}
    result["title"] = f"{content.get('title', '')} (quick: built-in data, few users and epochs)"
    result["methods"] = {
        name: {key: value for key, value in row.items() if key not in ("for", "pretrained")}
        for name, row in content.get("methods", {}).items()
    }
    result["claims"] = claims = [_quick_claim(claim) for claim in content.get("claims", [])]
    result["sweeps"] = [
        {
            **sweep,
            "data": small["data"],
            "seeds": sweep.get("seeds", [])[:1] if sweep.get("tuning") else small["seeds"],
            "values": _quick_values(sweep, claims),
        }
        for sweep in content.get("sweeps", [])
    ]
    if content.get("along"):
        result["along"] = {**content["along"], "data": small["data"], "seeds": small["seeds"], **small["along"]}
    return result


def _quick_claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return a claim about the built-in data, with the mean of the claimed effects."""
    kept = {name: value for name, value in claim.items() if name != "data"}
    effects = list(claim.get("effect", {}).values())
    return {**kept, "effect": {SYNTHETIC: sum(effects) / len(effects)}} if effects else kept


def _quick_values(sweep: Mapping[str, Any], claims: list[dict[str, Any]]) -> list[Any]:
    """Return the values that a claim names, and the default, whose runs the tables need anyway; else the ends."""
    named = [value for claim in claims if claim.get("option") == sweep["option"] for value in claim["values"]]
    kept = [value for value in sweep["values"] if value in (*named, DEFAULTS.get(sweep["option"]))]
    return kept if len(kept) > 1 and not sweep.get("tuning") else [sweep["values"][0], sweep["values"][-1]]


def _method(name: str, row: Any, data: tuple[str, ...]) -> MethodRow:
    if not isinstance(row, Mapping):
        raise ValueError(f"method {name} is a table of options, got {row!r}")
    given = dict(row)
    by_data = given.pop("for", {})
    pretrained, seed = given.pop("pretrained", {}), given.pop("pretrain_seed", None)
    tuned_by = given.pop("tuned_by", [])
    for key in (*by_data, *pretrained):
        check_known(key, data, f"method {name}: data set")
    for options in (given, *by_data.values()):
        _options(options, f"method {name}")
    if not (isinstance(tuned_by, list) and all(isinstance(key, str) for key in tuned_by)):
        raise ValueError(f"method {name}: tuned_by is a list of searches' keys, got {tuned_by!r}")
    return MethodRow(name, given, by_data, pretrained, seed, tuple(tuned_by))


def _options(options: Mapping[str, Any], where: str) -> None:
    for name in options:
        check_known(name, OPTIONS, f"{where}: option")


def _read(kind: type[Any], given: Any, where: str, **defaults: Any) -> Any:
    """Return the dataclass of a table, whose keys are the dataclass's fields."""
    if not isinstance(given, dict):
        raise ValueError(f"{where} is a table, got {given!r}")
    known = [declared.name for declared in fields(kind)]
    for name in given:
        check_known(name, known, f"{where}: key" if where else "key")
    return from_plain(kind, {**{name: value for name, value in defaults.items() if name in known}, **given}, where)


def _list(content: dict[str, Any], name: str) -> list[Any]:
    rows = content.pop(name, [])
    if not isinstance(rows, list):
        raise ValueError(f"{name} is a list of tables: [[{name}]]")
    return rows


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        near = difflib.get_close_matches(str(path), list(BUILT_IN), n=1)
        raise FileNotFoundError(
            f"there is no file {path}" + (f"; did you mean the built-in study {near[0]!r}?" if near else "")
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ValueError(f"{path} is not TOML: {problem}") from None
