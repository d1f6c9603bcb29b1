"""Commands with a user's own model: problems, their weights and settings, and files to start from."""

import json
import runpy

import pytest
import torch
from torch import nn

from landscape.figures.captions.conditions import conditions
from landscape.problems.start import LIKE
from landscape.results.storage.save_load import load_surface
from tests.project.test_cli import refused, run
from tests.support.transformers_library import transformers

TEXT = """
import torch
import torch.nn.functional as F
from torch import nn
import landscape

print("made")

def objective(width: int = 3, name: str = "a"):
    model = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))
    x = torch.randn(8, 2)
    loss = landscape.supervised(F.cross_entropy)
    one = landscape.Objective(model, loss, [(x[:4], (x[:4, 0] > 0).long()), (x[4:], (x[4:, 0] > 0).long())])
    return one, {"length": lambda params: params.norm()}

def failing():
    return landscape.Objective(nn.Linear(1, 1), lambda model, x: (model(x).sum() + x.missing, 1), [torch.ones(1, 1)])

def infinite():
    return landscape.Objective(nn.Linear(1, 1), lambda model, x: (model(x).sum() / 0, 1), [torch.ones(1, 1)])

def on_a_gpu():
    return nn.Linear(1, 1).to("cuda:99")
"""
SMALL = ["--points", "3", "--grid"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with problem.py and the weights a.pt and b.pt, as the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "problem.py").write_text(TEXT)
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        state = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)).state_dict()
        torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, f"{name}.pt")
    return tmp_path


def test_a_surface_of_a_problem_is_drawn_and_found_again(here):
    shown = run("surface", "problem.py", "--weights", "a.pt", *SMALL, "--metric", "length")
    page, stored = map(here.joinpath, shown.stdout.splitlines()[-2:])
    assert shown.stdout.startswith("a.pt on problem: Surface(3×3, loss ") and "made" in shown.stderr
    assert page.parent == here / "results" and page.name.startswith("surface-problem-")
    assert "None" not in page.read_text().partition("<body")[2].partition("<script")[0]
    when = stored.stat().st_mtime_ns
    again = json.loads(
        run("surface", "problem.py:objective", "--weights", "a.pt", *SMALL, "--metric", "length", "--json").stdout
    )
    assert stored.stat().st_mtime_ns == when
    assert again["metadata"]["title"] == "a.pt on problem"
    found = load_surface(stored)
    assert found.metadata["objective"]["settings"] == {"width": 3, "name": "a"}
    assert found.metadata["checkpoint"]["file"] == "a.pt"
    said = conditions(found)
    assert said["losses"].startswith("problem.py (width=3, name=a) ") and said["seeds of the loss"] == "0"
    assert "splits" not in said and "numbers of users" not in said


def test_a_curvature_of_a_problem_stands_on_the_page_of_its_surface(here):
    run("curvature", "problem.py", "--top", "1", "--operator", "fisher", "--no-checks")
    shown = run("curvature", "problem.py", "--top", "1", "--by-block", "--out", "c.html").stdout
    assert shown.startswith("problem: Curvature(")
    page = run("surface", "problem.py", *SMALL).stdout.splitlines()[-2]
    assert "Curvature at the centre" in (here / page).read_text()
    assert run("surface", "c.npz", code=1).stderr.startswith("Error: ")


def test_weights_and_results_of_a_problem_are_compared(here):
    run("surface", "problem.py", *SMALL, "--out", "first.html")
    shown = run(
        "compare", "problem.py", "first.npz", "--weights", "a.pt", "--weights", "b.pt", *SMALL, "--top", "1", "--json"
    )
    assert [*json.loads(shown.stdout)["models"]] == ["a.pt on problem", "b.pt on problem", "problem"]
    names = run("compare", "problem.py", "--weights", "a.pt", "--weights", "b.pt", *SMALL, "--top", "1").stdout
    assert [line.partition(":")[0] for line in names.splitlines()[:2]] == ["a.pt", "b.pt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["surface", "problem.py:failing"],
            "problem.py, line 17: AttributeError: 'Tensor' object has no attribute 'missing'",
        ),
        (["surface", "problem.py:infinite"], "the parameters themselves"),
        (["curvature", "problem.py:infinite"], "the parameters themselves"),
        (["curvature", "problem.py:on_a_gpu"], "problem.py, line 23: "),
        (
            ["surface", "problem.py:nothing"],
            "it has objective, failing, infinite, on_a_gpu: write problem.py:objective",
        ),
        (["surface", "problem.py", "--weights", "c.pt"], "there is no file of weights c.pt"),
        (["surface", "problem.py", "--weights", "a.pt", "--set", "width=4"], "a.pt: 0.weight has the shape (3, 2)"),
        (["surface", "problem.py", "--set", "with=4"], "did you mean width?"),
        (["surface", "problem.py", "--metric", "HR@10"], "the metric must be one of parts, length"),
        (["surface", "problem.py", "--toward", "problem.py"], "problem.py is"),
        (["surface", "problem.py", "--trajectory", "nowhere"], "nowhere is no folder with files of weights"),
        (["surface", "missing.py"], "`landscape new missing.py` writes one"),
        (["surface", "a.pt"], "`landscape new problem.py`, then give problem.py --weights a.pt"),
        (["surface", "x.pt", "--weights", "a.pt"], "--weights goes with a problem, a Python file"),
        (["curvature", "x.json", "--set", "a=1"], "--set goes with a problem, a Python file"),
        (["surface", "problem.py", "--out", "a.pt"], "--out must be a file that ends in .html"),
        (["new", "problem.py"], "problem.py exists; choose another name, or remove it"),
        (["new", "other.txt"], "other.txt must be a file that ends in .py"),
        (["new", "other.py", "--like", "visions"], "did you mean vision?"),
        (["new", "nowhere/other.py"], "the folder nowhere of other.py does not exist"),
    ],
)
def test_what_is_wrong_with_a_problem_is_said_in_one_line(arguments, message, here):
    (here / "problem.py").write_text(TEXT.replace('print("made")', ""))
    assert message in refused(*arguments)
    assert {path.name for path in here.iterdir()} <= {"problem.py", "a.pt", "b.pt", "__pycache__"}


@pytest.mark.parametrize(
    "option",
    [["--split", "train"], ["--users", "3"], ["--objective", "own"], ["--data", "Beauty"], ["--data-dir", "."]],
)
def test_options_about_recommenders_are_refused_by_name(option, here):
    said = refused("surface", "problem.py", *option, code=2)
    assert f"{option[0]} has no effect on problem.py" in said


def test_a_problem_has_no_run_to_go_along(here):
    assert "--along takes a run" in refused("curvature", "problem.py", "--along", "--weights", "a.pt", code=2)


def test_one_name_is_not_for_the_results_of_two_weights(here):
    said = refused("surface", "problem.py", "--weights", "a.pt", "--weights", "b.pt", "--out", "x.html", code=2)
    assert "x.html can hold one result" in said


def test_a_traceback_is_shown_when_asked_for(here):
    result = run("--debug", "surface", "problem.py:failing", code=1)
    assert isinstance(result.exception.__cause__.__cause__, AttributeError)


def test_safetensors_alone_are_no_checkpoint(here):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(torch.load("a.pt")["state_dict"], "a.safetensors")
    assert "problem.py --weights a.safetensors" in refused("surface", "a.safetensors")
    first = run("surface", "problem.py", "--weights", "a.pt", *SMALL).stdout.splitlines()[-1]
    assert run("surface", "problem.py", "--weights", "a.safetensors", *SMALL).stdout.splitlines()[-1] == first


@pytest.mark.slow
@pytest.mark.parametrize("like", LIKE)
def test_a_file_to_start_from_runs_as_it_is(like, tmp_path, monkeypatch):
    if like == "huggingface":
        transformers()
    monkeypatch.chdir(tmp_path)
    first, command = run("new", "mine.py", "--like", like).stdout.splitlines()
    assert (first, command) == ("mine.py", "landscape surface mine.py")
    assert "surface mine.py" in (tmp_path / "mine.py").read_text()
    shown = run("surface", "mine.py", *SMALL).stdout
    assert shown.startswith("mine: Surface(3×3")
    small = ["--top", "1", "--bottom", "0", "--max-products", "3", "--no-checks"]
    for operator in ("hessian", "gauss-newton", "fisher"):
        run("curvature", "mine.py", "--operator", operator, *small)


@pytest.mark.slow
def test_the_weights_that_a_start_saves_are_those_it_is_analysed_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("new", "my model.py")
    runpy.run_path("my model.py", run_name="__main__")
    shown = run(
        "surface", "my model.py", "--weights", "my model.pt", "--set", "epochs=0", *SMALL, "--metric", "accuracy"
    )
    assert shown.stdout.startswith("my model.pt on my model (epochs=0): Surface")
    accuracy = load_surface(shown.stdout.splitlines()[-1]).of("accuracy")
    assert accuracy.centre > 0.9
