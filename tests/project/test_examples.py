"""The programs and notebooks of examples/ run and say what they should; notebooks are stored without their outputs."""

import contextlib
import copy
import importlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from landscape.cli import main
from tests.project.test_docs import blocks, shows
from tests.support.transformers_library import transformers

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
NOTEBOOKS = {"vision": ["sklearn"], "language": ["transformers", "accelerate"], "recommender": []}  # and what they need


def output_of(main, **settings):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main(**settings)
    return out.getvalue()


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Import an example by its name, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module
    for path in EXAMPLES.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def language_model(program):
    transformers()
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    return program("language_model")


@pytest.mark.slow
def test_the_convolutional_example_prints_what_the_readme_shows(program):
    printed = output_of(program("convolutional").main)
    start = "$ python examples/convolutional.py\n"
    (block,) = [text for _, text in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if text.startswith(start)]
    assert shows(block.removeprefix(start), printed)


@pytest.mark.slow
def test_the_curvature_example_finds_derivatives_that_agree(program):
    printed = output_of(program("curvature").main)
    agrees = re.findall(r"^ +(?:loss|slope|curvature)\b.* (yes|no)\s*$", printed, re.MULTILINE)
    assert len(agrees) == 6
    assert {*agrees} == {"yes"}
    assert "Gauss-Newton" in printed


@pytest.mark.slow
def test_the_language_example_compares_three_ways_to_train(language_model):
    printed = output_of(language_model.main, steps=3, seeds=(0,), measured=4, page="page.html")
    names = ["AdamW", "AdamW, twice the steps", "SAM, ρ = 0.1"]
    rows = {line[:24].strip(): line[24:].split() for line in printed.splitlines()}
    assert all(len(rows[name]) == 5 and float(rows[name][3]) > 0 for name in names)
    text = Path("page.html").read_text(encoding="utf-8")
    assert all(name in text for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("accumulated", [1, 2])
def test_steps_of_the_trainer_are_sams_formula(language_model, tmp_path, accumulated):
    rho, lr, steps = 0.5, 0.1, 2
    pieces = language_model.windows()[0][:8]
    model = language_model.train(pieces, rho=0.0, steps=1, seed=0).double()
    plain = copy.deepcopy(model)
    arguments = language_model.TrainingArguments(
        output_dir=str(tmp_path), max_steps=steps, per_device_train_batch_size=8 // accumulated,
        gradient_accumulation_steps=accumulated, learning_rate=lr, optim="sgd", lr_scheduler_type="constant",
        max_grad_norm=0.0, save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True,
    )  # fmt: skip
    trainer = language_model.SAMTrainer(model, arguments, train_dataset=pieces, rho=rho)
    trainer.train()

    (batch,) = language_model.batches(pieces, 8)
    weights = [*plain.parameters()]
    for _ in range(steps):
        g = torch.autograd.grad(plain(**batch).loss, weights)
        length = torch.cat([part.flatten() for part in g]).norm()
        starts = [w.detach().clone() for w in weights]
        for w, part in zip(weights, g, strict=True):
            w.data += rho * part / length
        second = torch.autograd.grad(plain(**batch).loss, weights)
        for w, start, part in zip(weights, starts, second, strict=True):
            w.data = start - lr * part
    for ours, theirs in zip(model.parameters(), weights, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)  # the loss itself is in float32
    assert trainer.optimizer.optimizer.steps == steps


def test_every_notebook_is_run_and_stored_without_outputs():
    assert {path.stem for path in EXAMPLES.glob("*.ipynb")} == {*NOTEBOOKS}
    for path in EXAMPLES.glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert len(code) > 3
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code), path.name


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    for needed in ("ipykernel", *NOTEBOOKS[name]):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    if "transformers" in NOTEBOOKS[name]:
        transformers()
    for path in EXAMPLES.glob("*.py"):
        shutil.copy(path, tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    cells = [*notebook.cells]
    if sys.modules.get("torchvision", ...) is None:  # hidden from Transformers here, and so in the notebook's process
        hide = nbformat.v4.new_code_cell("import sys\nsys.modules['torchvision'] = None")
        notebook.cells.insert(0, hide)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    results = [output for cell in cells for output in cell.get("outputs", ()) if output.output_type == "execute_result"]
    assert len(results) >= 1
    assert all("<table" in output.data.get("text/html", "<table") for output in results)
    assert any("text/html" in output.data for output in results)
    page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    assert "SAM" in page


BLOCK = "trm_encoder.layer.0."
LAYERS = [*(f"multi_head_attention.{name}" for name in ("query", "key", "value", "dense", "LayerNorm"))]
LAYERS += [*(f"feed_forward.{name}" for name in ("dense_1", "dense_2", "LayerNorm"))]
RECBOLE = ["item_embedding.weight", "position_embedding.weight"]  # the names in a checkpoint of RecBole 1.2.1
LAYERS = ["LayerNorm", *(BLOCK + name for name in LAYERS)]
RECBOLE += [f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias")]


def test_weights_of_recbole_have_a_curvature_from_the_command_line(tmp_path):
    generator = np.random.default_rng(0)
    rows = [f"u{user}\ti{generator.integers(30)}\t{time}" for user in range(12) for time in range(6)]
    data = tmp_path / "tiny.inter"
    data.write_text("user_id:token\titem_id:token\ttimestamp:float\n" + "\n".join(rows) + "\n")
    items = len({row.split("\t")[1] for row in rows}) + 1
    shapes = {"item_embedding.weight": (items, 8), "position_embedding.weight": (5, 8), "dense_1.weight": (16, 8)}
    shapes |= {"dense_1.bias": (16,), "dense_2.weight": (8, 16)}
    state = {}
    for name in RECBOLE:
        short = next((end for end in shapes if name.endswith(end)), "")
        square = (8, 8) if name.endswith("weight") and "LayerNorm" not in name else (8,)
        state[name] = torch.from_numpy(generator.normal(size=shapes.get(short, square))).float()
    torch.save(state, tmp_path / "weights.pt")
    settings = [f"data={data}", "length=5", "width=8", "inner=16", "layers=1", "heads=2", "users=12"]
    arguments = [
        "curvature",
        str(ROOT / "examples" / "recbole.py"),
        "--weights",
        str(tmp_path / "weights.pt"),
        "--json",
    ]
    arguments += [part for setting in settings for part in ("--set", setting)]
    result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "page.html")])
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["loss"] > 0 and values["eigenvalues"][0] > 0 and (tmp_path / "page.html").exists()


@pytest.mark.slow
def test_the_sharded_example_prints_what_the_guide_shows_with_any_number_of_processes(tmp_path):
    guide = (ROOT / "docs" / "guides" / "curvature.md").read_text(encoding="utf-8")
    start = "$ torchrun --nproc-per-node 2 examples/sharded.py\n"
    (block,) = [text for _, text in blocks(guide) if text.startswith(start)]
    shown = block.removeprefix(start)
    printed = {}
    for count in (1, 2):
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
        ran = subprocess.run(
            [*torchrun, str(EXAMPLES / "sharded.py")],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *sys.path]))},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert ran.returncode == 0, ran.stderr
        printed[count] = ran.stdout.splitlines()
        assert len(printed[count]) == 3  # one process speaks for all
    assert printed[2][:2] == shown.splitlines()[:2]
    assert printed[1][1:2] == printed[2][1:2]
    largest = [re.findall(r"-?\d+\.\d+", lines[2]) for lines in (printed[1], printed[2], shown.splitlines())]
    np.testing.assert_allclose(np.array(largest, float)[:, 0], float(largest[2][0]), atol=2e-6)
