"""Run one benchmark in a separate process, so that it has its own peak memory: ``python -m benchmarks.case``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.support.measure import ceiling, peak_memory
from benchmarks.support.setting import Setting


def run(name: str, setting: Setting) -> dict[str, Any]:
    """Return what a benchmark measured, or why it failed or was skipped."""
    from benchmarks.catalogue import BENCHMARKS

    _ = setting.dataset, setting.checkpoint
    start = peak_memory()  # of libraries and data
    try:
        measured = BENCHMARKS[name](setting)
    except ModuleNotFoundError as missing:
        return {"skipped": f"{missing.name} is not installed; `make bench` installs it"}
    except Exception as problem:  # a peer may fail in any way; this is a result as well
        return {"failed": f"{type(problem).__name__}: {problem}"}
    measured |= {"start_mb": start, "peak_mb": peak_memory()}
    return {
        key: value() if callable(value) else value for key, value in measured.items()
    }  # counted after memory was read


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
