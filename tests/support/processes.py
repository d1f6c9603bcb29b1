"""Several Gloo processes, each of which runs a test module as a program and stores its results."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch.distributed import ProcessGroup


def results_of(module: str, count: int) -> list[dict[str, Any]]:
    """Run ``python -m MODULE COUNT RANK FOLDER`` in so many processes, and return what each has stored."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", module, str(count)]
        processes = [subprocess.Popen([*command, str(rank), folder], env=environment) for rank in range(count)]
        codes = [process.wait(240) for process in processes]
        assert codes == [0] * count
        return [json.loads(Path(folder, f"{rank}.json").read_text()) for rank in range(count)]


@contextmanager
def one_of(
    count: int, rank: int, folder: str, default: Callable[[Any], Any] | None = None
) -> Iterator[tuple[ProcessGroup, dict[str, Any]]]:
    """Be one of these processes: yield their group, and a dictionary to fill, which is stored at the end."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count)
    group, results = dist.group.WORLD, {}
    assert group is not None
    yield group, results
    Path(folder, f"{rank}.json").write_text(json.dumps(results, default=default))
    dist.barrier()
    dist.destroy_process_group()
