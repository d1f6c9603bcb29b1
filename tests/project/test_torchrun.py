"""Commands in several processes, as torchrun starts them: one process's result, one voice."""

from __future__ import annotations

import json
import os
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
from landscape.results.storage import load_curvature, load_surface

TINY = ["--epochs", "1", "--width", "8", "--layers", "1", "--max-length", "10", "--batch-size", "512"]
FEW = ["--users", "60"]
PROBLEM = """
import torch
import landscape

def objective(rows: int = 12):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)).double()
    batches = [(torch.randn(rows, 4).double(), torch.randint(3, (rows,))) for _ in range(5)]
    return landscape.Objective(model, landscape.supervised(torch.nn.functional.cross_entropy), batches)
"""


def start(count: int, *arguments: object) -> list[subprocess.Popen[str]]:
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
        (["evaluate", checkpoint], 2, "evaluate is not shared out among processes"),
        (["study", "paper"], 2, "study is not shared out among processes (surface, curvature, compare are)"),
    ):
        first, second = finish(start(2, *arguments))
        assert first[0] == second[0] == code
        assert first[1] == second[1] == second[2] == ""
        assert text in first[2] and first[2].count("Error: ") == 1


@pytest.mark.slow
def test_a_process_that_dies_ends_the_others_within_seconds(checkpoint, tmp_path):
    processes = start(2, "curvature", checkpoint, "--top", "50", "--max-products", "600", "--tolerance", "1e-12", *FEW)
    time.sleep(12)
    assert all(process.poll() is None for process in processes)
    processes[1].kill()
    started = time.monotonic()
    (code, _, errors), _ = finish(processes)
    assert code == 1 and time.monotonic() - started < 20
    assert errors.strip().splitlines()[-1].startswith("Error: ")
    assert "another of the 2 processes has ended" in errors


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
