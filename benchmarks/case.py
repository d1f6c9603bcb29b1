"""One benchmark, in a process of its own, so that its peak memory is its own: ``python -m benchmarks.case NAME``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import ceiling, peak_memory
from benchmarks.setting import Setting


def run(name: str, setting: Setting) -> dict[str, Any]:
    """What a benchmark measured, or why it did not."""
    from benchmarks.catalogue import BENCHMARKS

    _ = setting.dataset, setting.checkpoint
    start = peak_memory()  # libraries and data: the floor of every benchmark
    try:
        measured = BENCHMARKS[name](setting)
    except ModuleNotFoundError as missing:
        return {"skipped": f"{missing.name} is not installed; `make bench` installs it"}
    except Exception as problem:  # a peer may fail in any way: that is a result too
        return {"failed": f"{type(problem).__name__}: {problem}"}
    measured |= {"start_mb": start, "peak_mb": peak_memory()}
    return {key: value() if callable(value) else value for key, value in measured.items()}  # counted after the weighing


def main() -> None:
    """Read the request from the command line as JSON, print the result as JSON in the last line."""
    request = json.loads(sys.argv[1])
    torch.set_num_threads(request["threads"])
    if request["name"] == "ceiling":
        print(json.dumps(ceiling()))
        return
    setting = Setting(request["data_dir"], Path(request["checkpoint"]), request["quick"], request["users"])
    print(json.dumps(run(request["name"], setting)))


if __name__ == "__main__":
    main()
