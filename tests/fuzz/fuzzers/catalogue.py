"""All fuzzers by name. A module is imported when its first fuzzer is used: torch and plotly take seconds to load."""

from __future__ import annotations

import importlib

from tests.fuzz.harness import Fuzzer

MODULES = {
    "tables": "raw",
    "records": "raw",
    "parquet": "raw",
    "sequences": "datasets",
    "attributes": "datasets",
    "checkpoint-bytes": "checkpoints",
    "checkpoint-objects": "checkpoints",
    "import": "checkpoints",
    "surface": "results",
    "curvature": "results",
    "lanczos": "results",
    "history": "runs",
    "config": "runs",
    "state": "runs",
}


def fuzzer(name: str) -> Fuzzer:
    """The fuzzer of this name."""
    module = importlib.import_module(f"tests.fuzz.fuzzers.{MODULES.get(name, name)}")
    found: Fuzzer = getattr(module, name.replace("-", "_").upper())
    return found
