"""A few cases of each fuzzer, the same in every run, and all faults that were found before.

A case runs in a child process, as in ``python -m tests.fuzz``: some have killed or blocked the process they were in.
"""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.fuzzers.catalogue import MODULES, fuzzer
from tests.fuzz.harness import CONTROL, CRASH, OK, REFUSED, UNNAMED, WRONG, ShownError, WrongError, judge
from tests.fuzz.worker import Tally, Worker

pytestmark = pytest.mark.slow
FAULTS = Path(__file__).resolve().parents[3] / "shared" / "faults"
CASES = 200
SEEDS = {  # beginning of a seed's name -> fuzzer
    "attributes": "attributes",
    "ckpt": "checkpoint-objects",
    "datasets": "sequences",
    "import": "import",
    "parquet": "parquet",
    "raw-parquet": "parquet",
    "raw-json": "records",
    "raw-table": "tables",
    "res-curv": "curvature",
    "res-surface": "surface",
}
SECONDS = 5.0
SHOWN = 5  # faults, then a test ends: each may have taken SECONDS and a new child


@pytest.fixture(scope="module")
def worker():
    with Worker(sorted((FAULTS / "files").glob("tiny*")), seconds=SECONDS) as worker:
        yield worker


@pytest.mark.parametrize("name", MODULES)
def test_cases_are_read_right_or_refused(worker, name):
    tally = Tally()
    with closing(worker.run(name, 0, 0, CASES, (), tally)) as findings:
        assert [finding.outcome for finding in islice(findings, SHOWN)] == []
    assert tally.read and tally.refused, "the cases are too much alike"


@pytest.mark.parametrize("name", MODULES)
def test_what_is_not_changed_is_read(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tested = fuzzer(name)
    tested.prepare(tmp_path)
    for content in tested.seeds():
        suffix = tested.suffixes[0]
        path = tmp_path / (f"whole{suffix}" if suffix.startswith(".") else suffix)
        path.write_bytes(content)
        outcome = judge(tested.read, path)
        assert outcome.kind in (OK, REFUSED if name == "parquet" else OK), outcome


@pytest.mark.parametrize("beginning", SEEDS)
def test_faults_found_before_are_gone(worker, beginning):
    if not (FAULTS / "fuzz").is_dir():
        pytest.skip(f"no folder {FAULTS / 'fuzz'}: the seeds are kept outside of the repository")
    files = sorted(path for path in (FAULTS / "fuzz").iterdir() if path.name.startswith(beginning))
    assert files
    with closing(worker.replay(SEEDS[beginning], files, Tally())) as findings:
        assert [(finding.name, finding.outcome) for finding in islice(findings, SHOWN)] == []


def raising(problem):
    def read(path):
        raise problem

    return read


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (ValueError("file.txt, line 3: no id"), REFUSED),
        (FileNotFoundError(2, "No such file", "file.txt"), REFUSED),
        (ValueError("line 3: no id"), UNNAMED),
        (ValueError("file.txt: \x1b[31mred"), CONTROL),
        (ValueError("file.txt:\nmore"), "message"),
        (ValueError(""), "message"),
        (KeyError("file.txt"), CRASH),
        (BaseException("file.txt"), CRASH),
        (MemoryError(), "memory"),
        (WrongError("two users in place of one"), WRONG),
        (ShownError("the title has an escape"), CONTROL),
    ],
    ids=repr,
)
def test_outcomes_are_told_apart(problem, kind):
    assert judge(raising(problem), Path("file.txt")).kind == kind


def test_a_child_that_dies_or_hangs_is_a_finding_and_the_next_case_runs(tmp_path):
    files = []
    for number, text in enumerate(("abort", "fine", "hang", "fine")):
        files.append(tmp_path / f"{number}.txt")
        files[-1].write_text(text)
    tally = Tally()
    with Worker(seconds=0.5) as short:
        found = list(short.replay("trial", files, tally))
    assert [one.outcome.kind for one in found] == ["abort", "hang"]
    assert [one.content for one in found] == [b"abort", b"hang"]
    assert (tally.cases, tally.read) == (4, 2)
