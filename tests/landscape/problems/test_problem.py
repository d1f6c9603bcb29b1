"""A problem's file: what is run, what its function gets and returns, and how it is refused."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from landscape import Objective
from landscape.problems.problem import ProblemFile, again, load_problem
from landscape.problems.user_code import UserCode, UserCodeError

HEAD = "import torch\nfrom torch import nn\nimport landscape\n"
BODY = """
def loss(model, batch):
    return model(batch).square().sum(), len(batch)

def objective(width: int = 2):
    model = nn.Linear(width, 1)
    return landscape.Objective(model, loss, [torch.randn(3, width), torch.randn(2, width)])
"""


def written(folder, text=BODY, name="problem.py"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(HEAD + text)
    return path


def opened(path, function="objective", *settings, **options):
    return load_problem(ProblemFile(path, function, settings), **options)


def test_a_function_is_called_with_its_settings_and_the_same_random_numbers(tmp_path):
    path = written(tmp_path)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second, other = opened(path), opened(path), opened(path, "objective", "width=3")
    assert torch.equal(first.objective.params, second.objective.params)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    assert other.objective.space.size == 4
    assert (first.settings, other.settings) == ({"width": 2}, {"width": 3})
    assert (first.title, other.title) == ("problem", "problem (width=3)")
    x = torch.cat(first.objective.batches)
    expected = first.objective.model(x).detach().square().mean()
    assert first.objective.value() == pytest.approx(float(expected), rel=1e-6)


def test_hashes_change_with_what_they_are_of(tmp_path):
    path = written(tmp_path)
    one = opened(path)
    assert (one.weights_sha256(), one.batches_sha256()) == (
        opened(path).weights_sha256(),
        opened(path).batches_sha256(),
    )
    state = {name: tensor + 1 for name, tensor in one.objective.model.state_dict().items()}
    moved = opened(path, state=state)
    assert torch.equal(moved.objective.params, one.objective.params + 1)
    assert moved.weights_sha256() != one.weights_sha256()
    assert moved.batches_sha256() == one.batches_sha256()
    one.objective.batches[1][0] += 1
    assert one.batches_sha256() != moved.batches_sha256()


def test_buffers_and_frozen_parameters_are_part_of_the_weights(tmp_path):
    text = BODY.replace("nn.Linear(width, 1)", "nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, 1))")
    path = written(
        tmp_path, text.replace("    return landscape", "    model[1].bias.requires_grad_(False)\n    return landscape")
    )
    one = opened(path)
    state = one.objective.model.state_dict()
    for name in ("0.running_mean", "1.bias"):
        changed = opened(path, state={**state, name: state[name] + 1})
        assert torch.equal(changed.objective.params, one.objective.params)
        assert changed.objective.value() != one.objective.value()
        assert changed.weights_sha256() != one.weights_sha256()


def test_modules_of_the_folder_are_its_own_and_count_in_the_hash(tmp_path):
    text = "import helper\n" + BODY.replace("nn.Linear(width, 1)", "helper.model(width)")
    paths = []
    for name, bias in (("a", True), ("b", False)):
        paths.append(written(tmp_path / name, text))
        (tmp_path / name / "helper.py").write_text(
            f"from torch import nn\ndef model(width):\n    return nn.Linear(width, 1, bias={bias})\n"
        )
    path_before = [*sys.path]
    first, second = map(opened, paths)
    assert (first.objective.space.size, second.objective.space.size) == (3, 2)
    assert "helper" not in sys.modules and sys.path == path_before
    assert first.code.sha256 != second.code.sha256 != UserCode.run(written(tmp_path)).sha256


def test_a_module_that_is_imported_late_is_found_while_the_code_runs(tmp_path):
    (tmp_path / "late.py").write_text("FACTOR = 3.0\n")
    text = BODY.replace("    return model(batch)", "    import late\n    return late.FACTOR * model(batch)")
    problem = opened(written(tmp_path, text))
    with problem.code.running():
        value = problem.objective.value()
    assert value > 0 and "late" not in sys.modules


def test_prints_go_to_standard_error(tmp_path, capsys):
    opened(written(tmp_path, BODY.replace("    model =", "    print('making')\n    model =")))
    assert capsys.readouterr() == ("", "making\n")


def test_what_a_program_runs_alone_is_left_out(tmp_path):
    opened(written(tmp_path, BODY + "\nif __name__ == '__main__':\n    raise RuntimeError\n"))


def test_dataclasses_with_postponed_annotations_work(tmp_path):
    path = tmp_path / "problem.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass, KW_ONLY\n" + HEAD
        + "@dataclass\nclass Sizes:\n    _: KW_ONLY\n    width: int = 2\n" + BODY
    )  # fmt: skip
    assert opened(path).objective.space.size == 3


def test_an_objective_by_itself_and_metrics_are_taken(tmp_path):
    text = (
        BODY
        + "\nready = objective()\n"
        + (
            "def measured():\n    one = objective()\n"
            "    other = landscape.Objective(one.model, loss, one.batches[:1])\n"
            "    return one, {'norm': lambda params: params.norm(), 'other': other}\n"
        )
    )
    path = written(tmp_path, text)
    assert opened(path, "ready").objective.space.size == 3
    state = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
    found = opened(path, "measured", state=state)
    assert found.metrics["norm"](found.objective.params) == pytest.approx(2**0.5)
    assert torch.equal(found.metrics["other"].params, found.objective.params)


@pytest.mark.parametrize(
    ("text", "function", "message"),
    [
        ("def objective(:\n", "objective", "problem.py, line 4: SyntaxError: invalid syntax"),
        ("\nimport nothing_like\n", "objective", "line 5: ModuleNotFoundError: No module named 'nothing_like'"),
        ("import sys\nsys.exit(3)\n", "objective", "problem.py, line 5: SystemExit: 3"),
        ("def objective():\n    return 1 / 0\n", "objective", "line 5: ZeroDivisionError: division by zero"),
        ("def objective():\n    raise KeyboardError from ValueError('x')\nclass KeyboardError(Exception): pass\n",
         "objective", "line 5: KeyboardError (because of ValueError: x)"),
        ("def objective():\n    return nn.Linear(1, 1)\n", "objective", "returned Linear; it has to return"),
        ("def objective():\n    return landscape.Objective(nn.Linear(1, 1), None, [])\n", "objective",
         "problem.py, line 5: ValueError: an objective needs at least one batch"),
        (BODY + "def bad():\n    return objective(), {'a': 1}\n", "bad", "the metric 'a' is int"),
        (BODY, "objektive", "has no function 'objektive'; it has loss, objective: write"),
        ("x = 1\n", "objective", "has no function 'objective'"),
        (BODY + "ready = objective()\n", "ready:width=1", "there is nothing to --set"),
        ("def objective():\n    return nn.Linear(1, 1).to('nonsense')\n", "objective", "line 5: RuntimeError"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line_with_its_place(text, function, message, tmp_path):
    function, _, setting = function.partition(":")
    with pytest.raises(ValueError, match=r"problem\.py") as refused:
        opened(written(tmp_path, text), function, *([setting] if setting else []))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_error_of_a_module_in_the_folder_names_that_module(tmp_path):
    (tmp_path / "helper.py").write_text("\n\nraise OSError('gone')\n")
    with pytest.raises(UserCodeError, match=r"helper\.py, line 3: OSError: gone"):
        opened(written(tmp_path, "import helper\n"))
    assert "helper" not in sys.modules


@pytest.mark.parametrize("content", [b"x = 1\0", b"x = '\xff'", "x = 'é".encode("latin-1")])
def test_a_file_that_is_no_text_is_refused(content, tmp_path):
    (tmp_path / "problem.py").write_bytes(content)
    with pytest.raises(UserCodeError, match=r"problem\.py, line 1: SyntaxError"):
        opened(tmp_path / "problem.py")


def test_errors_of_other_code_are_left_alone(tmp_path):
    code = UserCode.run(written(tmp_path))
    with pytest.raises(KeyError), code.running():
        raise KeyError("not of the file")


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`landscape new nothing\.py` writes one"):
        opened(tmp_path / "nothing.py")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(ValueError, match=r"folder\.py is a folder"):
        opened(tmp_path / "folder.py")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("problem.py", ("problem.py", "objective")),
        ("a/b.py:small", ("a/b.py", "small")),
        ("checkpoint.pt", None),
        ("x.pyc", None),
        ("run.py/checkpoint.pt", None),
    ],
)
def test_problems_are_known_by_their_names(text, parsed):
    assert ProblemFile.matches(text) is (parsed is not None)
    if parsed:
        one = ProblemFile.parse(text)
        assert (one.path, one.function, str(one)) == (Path(parsed[0]), parsed[1], text)


@pytest.mark.parametrize("text", ["problem.py:", "problem.py:1x", "problem.py:a b"])
def test_a_function_is_named_by_a_name(text):
    with pytest.raises(ValueError, match="write FILE.py or FILE.py:FUNCTION"):
        ProblemFile.parse(text)


def test_a_device_is_handed_to_a_function_that_takes_one(tmp_path):
    text = BODY.replace("width: int = 2", "device, width: int = 2").replace(
        "    model =", "    assert isinstance(device, torch.device)\n    model ="
    )
    assert opened(written(tmp_path, text), device="cpu").settings == {"width": 2}


def test_an_objective_made_again_keeps_what_it_is_made_of(tmp_path):
    handed_on = {
        "model",
        "loss",
        "batches",
        "space",
        "weights",
        "device",
        "training_mode_seed",
        "vmap",
        "process_group",
    }
    assert {*inspect.signature(Objective).parameters} == handed_on, "`again` has to hand it on"
    one = opened(written(tmp_path)).objective
    made = again(one, training_mode_seed=3)
    assert made.training_mode_seed == 3 and made.space is one.space and made.batches is not one.batches
    assert again(made).training_mode_seed == 3
    assert made.value() == one.value()
