"""A study on small data: its numbers are those of the other commands, and it survives being killed at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from landscape.results.study.records import unpack_ranks
from landscape.training.analysis.curvature import curvature_of
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.evaluation.evaluate import evaluate
from landscape.training.evaluation.metrics import summarise
from landscape.training.study.command import run_study
from landscape.training.study.folder import STUDIES, StudyFolder
from landscape.training.study.plan import CellKey, plan
from landscape.training.study.report import report_of
from landscape.training.study.runner import compute
from landscape.training.study.study_file import read_study
from landscape.training.targets.checkpoint_target import CheckpointTarget
from tests.support.small import random_dataset

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
FILE = """
title = "small"
data = ["small.txt"]
seeds = [0, 1]

[options]
epochs = 2
batch_size = 16
max_length = 8
width = 8
layers = 1

[geometry]
users = 6
planes = 2
points = 3
trace_products = 3
draws = 2
ascent_steps = 2
max_products = 6

[methods.SASRec]
method = "sasrec"

[methods.SAMRec]
method = "samrec"
rho = 0.1

[along]
methods = ["SASRec"]
data = ["small.txt"]
seeds = [0]
every = 1
users = 6

[[tables]]
key = "table"
title = "Table"
methods = ["SASRec", "SAMRec"]
metrics = ["HR@10", "NDCG@10"]

[[claims]]
text = "SAMRec ranks better"
kind = "gain"
first = "SAMRec"
second = ["SASRec"]
effect = { "small.txt" = 0.1 }
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    dataset = random_dataset([3, 4, 5, 6, 7, 8, 9, 12] * 6)
    rows = [dataset.items[a:b] for a, b in zip(dataset.offsets[:-1], dataset.offsets[1:], strict=True)]
    (tmp_path / "small.txt").write_text(
        "".join(f"{user} {' '.join(map(str, items))}\n" for user, items in enumerate(rows, 1))
    )
    (tmp_path / "study.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "study.toml"


def computed(file, out="out", only=("seed0",)):
    lines: list[str] = []
    run_study(str(file), out, jobs=1, only=only, device="cpu", echo=lines.append)
    return STUDIES.load(Path(out) / "study.json"), lines


def numbers(path):
    """What a study has measured, without times and the machine."""
    stored = json.loads(Path(path).read_text())
    return [
        {name: value for name, value in run.items() if name not in ("seconds", "metadata", "hashes")}
        for run in stored["runs"]
    ]


def test_the_numbers_are_those_of_the_other_commands(file):
    study, lines = computed(file)
    assert [run.run for run in study.runs] == [
        "sasrec-small-seed0-batchsize16-epochs2-layers1-maxlength8-width8",
        "samrec-small-seed0-batchsize16-epochs2-layers1-maxlength8-rho0.1-width8",
    ]
    for run in study.runs:
        target = CheckpointTarget.open(Path("out/runs") / run.run / "checkpoint.pt")
        ranks = evaluate(target.checkpoint, target.dataset, "test").ranks
        assert run.test == summarise(ranks)
        assert (unpack_ranks(run.ranks) == ranks).all()
        assert run.validation == target.checkpoint.metrics
        assert run.metadata["peak_bytes"] > 50 << 20
        config = CurvatureConfig(top=2, bottom=1, checks=False, max_products=6)
        fresh = CheckpointTarget(target.path, target.sha256, target.checkpoint, target.dataset, file.parent / "fresh")
        curvature, _ = curvature_of(fresh, ObjectiveConfig(users=6), config)
        assert run.geometry["top_eigenvalue"] == pytest.approx(curvature.pairs.values[0], rel=1e-5)
        assert run.geometry["gradient_norm"] == pytest.approx(curvature.gradient_norm, rel=1e-5)
    assert [row["epoch"] for row in study.runs[0].along] == [0, 1, 2]
    assert study.runs[1].along == ()
    assert any("SAMRec ranks better" in line for line in lines)
    before = Path("out/study.json").stat().st_mtime_ns
    run_study(str(file), "out", report=True, device="cpu", echo=lines.append)
    assert Path("out/study.json").stat().st_mtime_ns == before


def test_a_failed_run_stops_no_other_and_spoils_its_mean(file):
    file.write_text(FILE.replace('method = "sasrec"', 'method = "sasrec"\nlr = 1e38', 1))
    study, lines = computed(file)
    errors = [run.error for run in study.runs]
    assert [bool(error) for error in errors] == [True, False]
    assert "the loss of epoch 1 is nan; lower --lr" in errors[0]
    assert sum("failed: sasrec-small-seed0" in line for line in lines) >= 1
    config = read_study(file)
    report = report_of(config, plan(config), study)
    (table, *_) = report.tables
    assert table.cells[0][0].failed == 1
    assert table.cells[0][0].estimate is not None
    assert str(table.cells[0][0].estimate.mean) == "nan"
    assert table.cells[1][0].failed == 0
    assert report.claims[0].verdict == "not tested"


def test_a_folder_belongs_to_one_study(file):
    first = ("sasrec-small-seed0",)
    computed(file, only=first)
    file.write_text(FILE.replace("users = 6", "users = 5", 1))
    with pytest.raises(ValueError, match="begun with another file: geometry was"):
        computed(file, only=first)
    file.write_text(FILE.replace("rho = 0.1", "rho = 0.2"))
    with pytest.raises(ValueError, match="method SAMRec was"):
        computed(file, only=first)
    file.write_text(FILE.replace("seeds = [0, 1]", "seeds = [0, 2]"))
    assert len(computed(file, only=("sasrec",))[0].runs) == 2  # other seeds go on


def test_what_others_compute_is_left_to_them(file):
    study = read_study(file)
    planned, folder = plan(study), StudyFolder("out")
    folder.open(study)
    runs = list(planned.runs.values())
    script = (
        "import time; from pathlib import Path; from landscape.training.loop.lock import locked\n"
        f"with locked(Path('out/runs/.{runs[0].name}.lock')): print('held', flush=True); time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        compute(study, folder, lambda planned: runs[:2])
        assert [run.name for run in folder.status(study, runs[:2]).left] == [runs[0].name]
        listed = []
        run_study(str(file), "out", listing=True, device="cpu", echo=listed.append)
        assert f"begun   {runs[0].name}  (process {other.pid}, since " in listed[0]
        assert "left    " in listed[0]
    finally:
        other.kill()
        other.wait()
    assert folder.holder(runs[0]) is None
    compute(study, folder, lambda planned: runs[:2])  # the lock has ended with the process
    assert folder.status(study, runs[:2]).left == ()


TUNED = """
[methods.tuned]
method = "samrec"
tuned_by = ["radius"]

[[sweeps]]
key = "radius"
title = "Radius"
tuning = true
option = "rho"
values = [0.2, 0.3]
methods = ["SASRec + SAM"]
seeds = [7]

[methods."SASRec + SAM"]
method = "sasrec"
sam = "sam"
"""


def test_what_a_search_has_chosen_is_computed_right_after_it(file):
    file.write_text(FILE + TUNED)
    study, lines = computed(file, only=("*",))
    (table, *_), plans = report_of(read_study(file), plan(read_study(file)), study).tables, read_study(file)
    assert table.rows == ("SASRec", "SAMRec")
    records = {run.run: run for run in study.runs}
    searched = {run.settings["rho"]: run for run in study.runs if run.seed == 7}
    best = max(searched, key=lambda rho: searched[rho].validation["NDCG@20"])
    planned = plan(plans, records.get)
    chosen = [records[name] for name in planned.cells[CellKey("tuned", "small.txt")].values()]
    assert [(run.seed, run.settings["rho"], bool(run.test)) for run in chosen] == [(0, best, True), (1, best, True)]
    assert not any(run.test for run in searched.values())
    ended = [line.split(":")[0] for line in lines if ": done in" in line]
    assert {*ended} == {*planned.runs} and len(ended) == len(planned.runs)
    assert ended.index(chosen[0].run) < ended.index(planned.cells[CellKey("SASRec", "small.txt")][1])


def test_sigkill_at_random_moments_changes_nothing(file):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "landscape",
        "study",
        str(file),
        "--jobs",
        "1",
        "--device",
        "cpu",
        "--only",
        "seed1",
        "--out",
    ]
    started = time.monotonic()
    subprocess.run([*command, "whole"], env=environment, check=True, capture_output=True)
    length = time.monotonic() - started
    generator = random.Random(0)
    for _ in range(2):
        process = subprocess.Popen([*command, "killed"], env=environment, stderr=subprocess.DEVNULL)
        time.sleep(generator.uniform(0.2, 0.7) * length)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*command, "killed"], env=environment, check=True, capture_output=True)
    assert numbers("killed/study.json") == numbers("whole/study.json")


def test_a_study_ends_well_though_a_process_is_killed(file):
    command = [sys.executable, "-m", "landscape", "study", str(file), "--device", "cpu", "--only", "seed1", "--out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, "whole", "--jobs", "1"], env=environment, check=True, capture_output=True)
    study = subprocess.Popen([*command, "killed", "--jobs", "2"], env=environment, stdout=subprocess.PIPE, text=True)
    while not any(Path("killed/runs").glob("samrec*/config.json")):
        assert study.poll() is None
        time.sleep(0.05)
    holder = next(  # the process that has begun this run
        child
        for child in psutil.Process(study.pid).children()
        if any(Path(each.path).parent.name.startswith("samrec") for each in child.open_files())
    )
    holder.kill()
    study.communicate()
    assert study.returncode == 0
    assert numbers("killed/study.json") == numbers("whole/study.json")
    assert Path("killed/report.html").is_file()
