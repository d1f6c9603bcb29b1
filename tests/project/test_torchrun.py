"""Commands in several processes, as torchrun starts them: one process's result, one voice."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from landscape.cli import main
from landscape.launch import Launch
from landscape.results.storage.save_load import load_curvature, load_surface
from landscape.training.checkpoints.checkpoint import load_checkpoint
from tests.torture.commands import COMMANDS

TINY = ["--epochs", "1", "--width", "8", "--layers", "1", "--max-length", "10", "--batch-size", "512"]
FEW = ["--users", "60"]
SEARCH = """
[[sweeps]]
key = "search"
title = "Search"
tuning = true
option = "rho"
values = [0.1, 0.2]
methods = ["SAMRec"]
seeds = [7]
"""
PROBLEM = """
import torch
import landscape

def objective(rows: int = 12):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)).double()
    batches = [(torch.randn(rows, 4).double(), torch.randint(3, (rows,))) for _ in range(5)]
    return landscape.Objective(model, landscape.supervised(torch.nn.functional.cross_entropy), batches)
"""


def start(count: int, *arguments: object, folder: Path | None = None) -> list[subprocess.Popen[str]]:
    """Start the processes of a command with the variables that torchrun sets."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": str(count), "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    environment = os.environ | common | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "landscape", *map(str, arguments)]
    return [
        subprocess.Popen(
            command,
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]


def finish(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Return exit code, output and errors of each process."""
    outputs = [process.communicate(timeout=240) for process in processes]
    return [(process.returncode, *output) for process, output in zip(processes, outputs, strict=True)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "sasrec"
    result = CliRunner().invoke(main, ["train", "sasrec", "--out", str(folder), *TINY])
    assert result.exit_code == 0, result.output
    return folder / "checkpoint.pt"


@pytest.mark.slow
def test_two_processes_give_one_curvature_and_one_output(checkpoint, tmp_path):
    options = ["--top", "2", "--trace", *FEW, "--json"]
    (code, text, errors), (other, nothing, said) = finish(
        start(2, "curvature", checkpoint, *options, "--out", tmp_path / "two.html")
    )
    assert (code, other) == (0, 0), (errors, said)
    assert (nothing, said) == ("", "")
    alone = tmp_path / "alone"
    alone.mkdir()
    copy = alone / "checkpoint.pt"
    copy.write_bytes(checkpoint.read_bytes())
    one = CliRunner().invoke(main, ["curvature", str(copy), *options, "--out", str(tmp_path / "one.html")])
    values, expected = json.loads(text), json.loads(one.stdout)
    np.testing.assert_allclose(values["eigenvalues"], expected["eigenvalues"], rtol=1e-4)
    assert values["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert load_curvature(tmp_path / "two.json").trace.mean == pytest.approx(
        load_curvature(tmp_path / "one.json").trace.mean, rel=1e-3
    )
    assert (tmp_path / "two.html").exists()
    again = finish(start(2, "curvature", checkpoint, *options, "--out", tmp_path / "two.html"))
    assert json.loads(again[0][1])["eigenvalues"] == values["eigenvalues"]  # read, in both


@pytest.mark.slow
def test_two_processes_give_one_surface_also_of_a_problem(checkpoint, tmp_path):
    problem = tmp_path / "problem.py"
    problem.write_text(PROBLEM)
    for name, given in (("checkpoint", [checkpoint, *FEW]), ("problem", [problem])):
        options = [*given, "--points", "5", "--grid"]
        results = finish(start(2, "surface", *options, "--out", tmp_path / f"{name}-two.html"))
        assert [code for code, _, _ in results] == [0, 0], results
        copied = tmp_path / f"alone-{name}"
        copied.mkdir()
        alone = copied / Path(given[0]).name
        alone.write_bytes(Path(given[0]).read_bytes())
        arguments = ["surface", alone, *options[1:], "--out", tmp_path / f"{name}-one.html"]
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        two, one = (load_surface(tmp_path / f"{name}-{count}.npz") for count in ("two", "one"))
        np.testing.assert_allclose(two.loss, one.loss, rtol=1e-6)
        assert two.centre == pytest.approx(one.centre, rel=1e-6)


@pytest.mark.slow
def test_an_error_is_said_once_and_other_commands_are_refused(checkpoint, tmp_path):
    for arguments, code, text in (
        (["curvature", tmp_path / "missing.pt"], 1, "missing.pt"),
        (["curvature", checkpoint, "--top", "many"], 2, "many"),
        (["info", checkpoint], 2, "info is not shared out among processes (train, evaluate, surface, "),
        (["study", "paper", "--quick", "--out", tmp_path / "study", "--jobs", "2"], 1, "--jobs has no effect"),
        (["train", "sasrec", "--out", checkpoint.parent, *TINY], 1, "holds a run already"),
    ):
        first, second = finish(start(2, *arguments))
        assert first[0] == second[0] == code
        assert first[1] == second[1] == second[2] == ""
        assert text in first[2] and first[2].count("Error: ") == 1


@pytest.mark.slow
def test_a_process_that_dies_ends_the_others(checkpoint, tmp_path):
    processes = start(2, "curvature", checkpoint, "--top", "50", "--max-products", "100000", "--tolerance", "1e-12")
    assert processes[0].stderr is not None
    assert processes[0].stderr.readline().startswith("Curvature ")  # progress: both are at work
    assert all(process.poll() is None for process in processes)
    processes[1].kill()
    (code, _, errors), _ = finish(processes)  # the products alone would take hours
    assert code == 1
    assert errors.strip().splitlines()[-1].startswith("Error: ")
    assert "process 1 of 2 has ended: it was killed, or has crashed" in errors


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_with_as_many_processes_and_with_one(tmp_path, monkeypatch):
    """With as many to the same bits; and an evaluation by two is that by one."""
    command, whole, killed = COMMANDS["train"], tmp_path / "whole", tmp_path / "killed"
    arguments = command.arguments.split()
    for folder in (whole, killed):
        folder.mkdir()
        command.prepare(folder)
    (code, text, errors), *others = finish(start(2, *arguments, folder=whole))
    assert code == 0 and others == [(0, "", "")], (errors, others)
    assert text.startswith("SAMRec on small, seed 0: best at epoch ") and text.endswith("checkpoint.pt\n")

    processes, history = start(2, *arguments, folder=killed), killed / "run" / "history.csv"
    while not history.exists() or history.read_text().count("\n") < 3:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)
    processes[1].kill()
    (code, _, errors), _ = finish(processes)
    assert code == 1 and errors.endswith("Error: process 1 of 2 has ended: it was killed, or has crashed\n")
    one = tmp_path / "one"
    shutil.copytree(killed, one)
    assert [code for code, _, _ in finish(start(2, *arguments, folder=killed))] == [0, 0]
    assert command.values(killed) == command.values(whole)

    monkeypatch.chdir(one)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0 and result.stdout == text
    found, expected = (load_checkpoint(folder / "run" / "checkpoint.pt") for folder in (one, whole))
    assert found.metrics == expected.metrics
    (code, table, _), (_, nothing, _) = finish(start(2, "evaluate", "run/checkpoint.pt", "--json", folder=one))
    assert (code, nothing) == (0, "")
    assert table == CliRunner().invoke(main, ["evaluate", "run/checkpoint.pt", "--json"]).stdout


@pytest.mark.slow
def test_two_processes_compute_a_study(tmp_path):
    """Each its runs, one of them with all that is measured, to the bits of one process; one report."""
    command = COMMANDS["study"]
    two, one = tmp_path / "two", tmp_path / "one"
    for folder in (two, one):
        folder.mkdir()
        command.prepare(folder)
        with (folder / "study.toml").open("a") as file:
            file.write(SEARCH)
    arguments = ["study", "study.toml", "--out", "out", "--device", "cpu", "--only", "sasrec", "--only", "seed7"]
    (code, text, errors), *others = finish(start(2, *arguments, folder=two))
    assert code == 0 and others == [(0, "", "")], (errors, others)
    assert "3 of 4 runs are finished" in text and text.count("report.html") == 1
    assert finish(start(1, *arguments, "--jobs", "1", folder=one))[0][0] == 0
    found, expected = command.values(two), command.values(one)
    assert found.keys() == expected.keys() and len(found) == 6
    assert found == expected
    assert not (two / "out" / ".processes").exists()


@pytest.mark.slow
def test_torchrun_itself(checkpoint, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "landscape"]
    arguments = ["curvature", checkpoint, "--top", "1", *FEW, "--out", tmp_path / "page.html"]
    result = subprocess.run(
        [*command, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Curvature(") == 1 and (tmp_path / "page.html").exists()


def test_a_process_alone_shares_nothing(tmp_path):
    alone = Launch()
    assert alone.share([1, 2, 3]) == [1, 2, 3] and alone.group() is None
    assert alone.private_copy(tmp_path) == tmp_path
    assert [Launch(rank, 3).share("abcdefg") for rank in range(3)] == [["a", "d", "g"], ["b", "e"], ["c", "f"]]
