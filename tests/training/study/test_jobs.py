"""How many processes compute a study, and what becomes of those that die."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from landscape.results.study.records import RunRecord
from landscape.training.study.jobs import PEAK, USUAL_PEAK, compute_in_processes, cores, peak_memory, usual_jobs
from landscape.training.study.plan import Run

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[3]


def runs(*data: str) -> list[Run]:
    return [Run(f"sasrec-{name}-seed{seed}", name, seed, {"method": "sasrec"}) for seed, name in enumerate(data)]


def record(data: str, peak: object, *, measured: bool = True) -> RunRecord:
    geometry = {"trace": 1.0} if measured else {}
    return RunRecord(data, data, data, 0, {}, geometry=geometry, metadata={PEAK: peak})


@pytest.fixture
def many_cores(monkeypatch):
    """A machine with 32 logical processors, two to a core."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(32)), raising=False)
    monkeypatch.setattr("psutil.cpu_count", lambda logical: 32 if logical else 16)


@pytest.mark.usefixtures("many_cores")
def test_there_is_a_process_for_each_physical_core_if_memory_and_work_suffice():
    assert cores() == 16
    many = runs(*["a"] * 99)
    assert usual_jobs(many, [], CPU, free=1 << 50) == 16
    assert usual_jobs(many[:3], [], CPU, free=1 << 50) == 3
    assert usual_jobs(many, [], CPU, free=5 * USUAL_PEAK + 1) == 5
    assert usual_jobs(many, [], CPU, free=0) == usual_jobs([], [], CPU, free=1 << 50) == 1
    assert usual_jobs(many, [], torch.device("cuda"), free=1 << 50) == 1


@pytest.mark.usefixtures("many_cores")
def test_what_runs_on_the_same_data_took_counts():
    many, known = runs(*["a"] * 99), [record("a", 3 << 30), record("a", 1 << 30), record("b", 9 << 30)]
    assert usual_jobs(many, known, CPU, free=30 << 30) == 10
    assert usual_jobs([*many, *runs("b")], known, CPU, free=30 << 30) == 3  # the largest of those that are left
    assert usual_jobs([*many, *runs("c")], known[1:], CPU, free=30 << 30) == 15  # of c nothing is known
    for nothing in (record("a", 1, measured=False), record("a", "much"), record("a", 0)):
        assert usual_jobs(many, [nothing], CPU, free=3 * USUAL_PEAK) == 3


def test_a_process_may_be_kept_to_few_cores(monkeypatch):
    monkeypatch.setattr("psutil.cpu_count", lambda logical: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4}, raising=False)
    assert cores() == 2
    monkeypatch.setattr("psutil.cpu_count", lambda logical: None)  # not known: all that it may use
    assert cores() == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_the_peak_is_in_bytes():
    before = peak_memory()
    assert before > 30 << 20  # Python with torch
    block = bytearray(b"x") * (before + (64 << 20))  # more than there has ever been
    assert peak_memory() > len(block)


class Crew:
    """Processes that count their starts in files: ``python -m landscape`` is put in place of the real one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.lines = folder, []
        package = folder / "landscape"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(
            "import os, sys, tempfile\n"
            "tempfile.mkstemp(prefix='start-', dir='.')\n"
            "try:\n    os.remove('die')\n"
            "except FileNotFoundError:\n    sys.exit(int(sys.argv[1]))\n"
            "os.kill(os.getpid(), 9)\n"
        )
        monkeypatch.chdir(folder)

    def run(self, code: int, left: list[int]) -> None:
        counts = iter(left)
        compute_in_processes([str(code)], 2, {"PYTHONPATH": "."}, lambda: next(counts), self.lines.append)

    @property
    def starts(self) -> int:
        return len([*self.folder.glob("start-*")])


@pytest.fixture
def crew(tmp_path, monkeypatch) -> Crew:
    return Crew(tmp_path, monkeypatch)


def test_what_a_dead_process_had_is_computed_after_the_others(crew):
    (crew.folder / "die").touch()  # the first to find it is killed
    crew.run(0, [4, 1])
    assert crew.starts == 3  # two, and one more
    assert crew.lines == ["1 of 2 processes ended with an error; going on with 1; runs left: 1"]


def test_a_dead_process_is_no_error_where_the_others_have_done_everything(crew):
    (crew.folder / "die").touch()
    crew.run(0, [4, 0])
    assert (crew.starts, crew.lines) == (2, [])


def test_processes_that_get_nothing_done_are_an_error(crew):
    with pytest.raises(ChildProcessError, match="2 of 2 processes ended with an error"):
        crew.run(1, [4, 4])
    assert crew.starts == 2


def test_fewer_go_on_until_nothing_gets_done(crew):
    with pytest.raises(ChildProcessError, match="1 of 1 processes"):
        crew.run(1, [4, 3, 3])
    assert crew.starts == 3
