"""The commands as a user meets them: what they print, what they write, and how they refuse."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from landscape.cli import main
from landscape.results.storage.save_load import load_curvature, load_surface

ROOT = Path(__file__).resolve().parents[2]
TINY = ["--epochs", "2", "--width", "8", "--layers", "1", "--max-length", "10", "--batch-size", "512"]
FEW = ["--users", "50"]


def run(*arguments, code=0):
    """Run a command in this process."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def refused(*arguments, code=1):
    """The one line that a refusal consists of."""
    result = run(*arguments, code=code)
    assert not isinstance(result.exception, (ValueError, OSError)), "a traceback"
    if code == 1:
        lines = result.stderr.strip().splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("Error: ")
    assert result.stdout == ""
    return result.stderr


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A SASRec and a SAMRec, trained for a moment on the built-in data."""
    folder = tmp_path_factory.mktemp("runs")
    for method in ("sasrec", "samrec"):
        run("train", method, "--out", folder / method, *TINY)
    return folder


def all_commands(group=main, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from all_commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize(("path", "command"), [pytest.param(*pair, id=" ".join(pair[0])) for pair in all_commands()])
def test_every_command_has_help_an_example_and_explained_options(path, command):
    shown = run(*path, "--help").output
    assert f"landscape {' '.join(path)}" in shown.split("Example", 1)[1]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.slow
def test_train_writes_a_run_and_tells_where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("train", "samrec", *TINY, "--seed", "3")
    folder = tmp_path / "runs" / "samrec-synthetic-seed3"
    assert {path.name for path in folder.iterdir()} >= {"checkpoint.pt", "last.pt", "history.csv", "config.json"}
    assert result.stdout.splitlines()[-1] == "runs/samrec-synthetic-seed3/checkpoint.pt"
    config = json.loads((folder / "config.json").read_text())
    assert (config["sam"], config["rho"], config["seed"]) == ("sam", 0.5, 3)


@pytest.mark.slow
def test_training_can_be_resumed_and_is_not_overwritten(runs):
    assert "holds a run already; add --resume" in refused("train", "sasrec", "--out", runs / "sasrec", *TINY)
    run("train", "sasrec", "--out", runs / "sasrec", *TINY, "--resume")
    line = refused("train", "sasrec", "--out", runs / "sasrec", *TINY, "--resume", "--lr", "0.5")
    assert "lr was 0.001 and is 0.5" in line


@pytest.mark.slow
def test_s3rec_keeps_both_stages_and_fine_tunes_again(runs, tmp_path):
    few = [*TINY, "--train-fraction", "0.1"]
    run("train", "s3rec", "--pretrain-epochs", "1", "--out", tmp_path / "both", *few)
    start = tmp_path / "both" / "pretrained.pt"
    shown = json.loads(run("info", start, "--json").stdout)
    assert (shown["stage"], shown["settings"]["pretrain_epochs"]) == ("pretrained", 1)
    run("train", "s3rec", "--pretrained", start, "--out", tmp_path / "fine", *few)
    both, fine = (
        json.loads(run("evaluate", tmp_path / name / "checkpoint.pt", "--json").stdout) for name in ("both", "fine")
    )
    assert both["NDCG@10"] == fine["NDCG@10"]
    run("train", "s3rec", "--pretrained", start, "--out", tmp_path / "fine", *few, "--resume")
    other = runs / "sasrec" / "checkpoint.pt"
    line = refused("train", "s3rec", "--pretrained", other, "--out", tmp_path / "fine", *few, "--resume")
    assert "is not a pre-trained checkpoint" in line
    found = json.loads(run("surface", start, *FEW, "--objective", "own", "--points", "3", "--grid", "--json").stdout)
    assert found["metadata"]["objective"]["loss"] == "own"
    json.loads(run("curvature", start, *FEW, "--objective", "sp", "--top", "1", "--max-products", "2", "--json").stdout)


@pytest.mark.slow
def test_cl4srec_trains_with_sam_and_names_itself(tmp_path):
    options = ["--sam", "looksam", "--rho", "0.05", "--similarity", "cosine", "--operators", "crop,reorder"]
    shown = run("train", "cl4srec", *options, "--out", tmp_path / "run", *TINY).stdout
    assert shown.startswith("CL4SRec + LookSAM on synthetic, seed 0: best at epoch")
    columns = (tmp_path / "run" / "history.csv").read_text().splitlines()[0].split(",")
    assert {"recommendation", "contrastive", "gradient_norm", "ascent_norm", "loss_rise"} <= set(columns)


@pytest.mark.slow
def test_published_weights_are_imported_and_looked_at(tmp_path, fixtures_folder, data_folder):
    out = tmp_path / "s3rec.pt"
    weights = fixtures_folder / "s3rec_Beauty_pretrained.pt"
    shown = run("import", "s3rec", weights, "--data", "Beauty", "--data-dir", data_folder, "--out", out).stdout
    assert shown.splitlines() == ["S3Rec (pretrained) on Beauty, seed 0, stage pretrained", str(out)]
    surface = ["surface", out, "--objective", "map", "--users", "40", "--points", "3", "--grid", "--json"]
    assert json.loads(run(*surface).stdout)["metadata"]["objective"]["loss"] == "map"


@pytest.mark.slow
def test_evaluate_gives_metrics_baselines_and_the_best_possible(runs):
    found = json.loads(run("evaluate", runs / "sasrec" / "checkpoint.pt", "--json").stdout)
    assert {"HR@5", "HR@10", "NDCG@10", "MRR"} <= found.keys()
    assert {"popularity", "successors"} == found["baselines"].keys()
    assert found["HR@10"] < found["best_possible"]["HR@10"]
    text = run("evaluate", runs / "sasrec" / "checkpoint.pt", runs / "samrec" / "checkpoint.pt").stdout
    assert "user by user" in text
    both = json.loads(
        run("evaluate", runs / "sasrec" / "checkpoint.pt", runs / "samrec" / "checkpoint.pt", "--json").stdout
    )
    gain = both["differences"]["HR@10"]
    assert gain["mean"] == pytest.approx(both["models"][1]["HR@10"] - both["models"][0]["HR@10"])
    assert gain["low"] <= gain["mean"] <= gain["high"]


@pytest.mark.slow
def test_surface_writes_page_data_and_pictures(runs, tmp_path):
    page, png, pdf = (tmp_path / f"s.{suffix}" for suffix in ("html", "png", "pdf"))
    result = run(
        "surface", runs / "samrec" / "checkpoint.pt", *FEW, "--out", page, "--png", png, "--pdf", pdf, "--json"
    )
    found = json.loads(result.stdout)
    assert found["error"]["relative"] <= 1e-3
    assert found["files"] == [str(path) for path in (page, page.with_suffix(".npz"), png, pdf)]
    surface = load_surface(page.with_suffix(".npz"))
    assert surface.loss.shape == (51, 51)
    assert found["loss"]["centre"] == surface.centre
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert surface.metadata["checkpoint"]["sha256"] in page.read_text()
    run("surface", page.with_suffix(".npz"), "--out", tmp_path / "again.html")
    assert (tmp_path / "again.html").exists()


@pytest.mark.slow
def test_surface_by_default_writes_beside_the_checkpoint(runs):
    result = run("surface", runs / "sasrec" / "checkpoint.pt", *FEW, "--points", "5x3", "--grid")
    page = Path(result.stdout.splitlines()[-2])
    assert page.parent == runs / "sasrec" / "results"
    assert load_surface(page.with_suffix(".npz")).loss.shape == (3, 5)


@pytest.mark.slow
@pytest.mark.parametrize("points", ["1", "1x5", "2"])
def test_degenerate_grids_are_drawn(points, runs, tmp_path):
    run("surface", runs / "sasrec" / "checkpoint.pt", *FEW, "--points", points, "--grid", "--out", tmp_path / "s.html")
    assert (tmp_path / "s.html").stat().st_size > 10_000


@pytest.mark.slow
def test_curvature_writes_values_and_vectors(runs, tmp_path):
    page = tmp_path / "c.html"
    command = ("curvature", runs / "samrec" / "checkpoint.pt", *FEW, "--top", "2", "--out", page, "--json")
    found = json.loads(run(*command).stdout)
    assert len(found["eigenvalues"]) == 2
    assert all(found["converged"])
    assert found["bottom"]["eigenvalues"][0] < found["eigenvalues"][-1]
    stored = load_curvature(page.with_suffix(".json"))
    assert stored.pairs.values.tolist() == found["eigenvalues"]
    assert stored.pairs.vectors.shape[0] == 2
    run("curvature", page.with_suffix(".json"), "--out", tmp_path / "again.html")


@pytest.mark.slow
def test_a_curvature_of_everything(runs, tmp_path):
    options = ["--all", "--top", "2", "--probes", "2", "--steps", "5", "--trace-products", "9", "--rhos", "0.1,0.5"]
    path = runs / "samrec" / "checkpoint.pt"
    text = run("curvature", path, *FEW, *options, "--draws", "2", "--out", tmp_path / "c.html").stdout
    for title in ("Eigenvalues (Hessian)", "by block", "by item popularity", "Spectrum", "Rise of the loss", "Checks"):
        assert title in text
    found = json.loads(run("curvature", tmp_path / "c.json", "--json").stdout)
    assert found["spectrum"]["size"] == found["metadata"]["parameters_taking_part"]
    assert found["negative_share"]["least"] <= found["negative_share"]["mean"] <= found["negative_share"]["most"]
    assert {row["what"] for row in map(dict, found["checks"]["checks"])} >= {"loss, evaluated twice"}


@pytest.mark.slow
def test_surfaces_of_all_kinds_of_planes(runs, tmp_path):
    one, other = (runs / name / "checkpoint.pt" for name in ("sasrec", "samrec"))
    out = ["--out", tmp_path / "s.html", "--json"]
    few = [*FEW, "--points", "5", "--grid"]
    found = json.loads(run("surface", one, *few, "--toward", other, *out).stdout)
    assert found["barrier"]["height"] >= 0
    found = json.loads(run("surface", one, *few, "--eigen", "1,-1", *out).stdout)
    assert len(found["quadratic"]["hessian"]) == 2
    found = json.loads(run("surface", one, *few, "--repeats", "2", "--line", *out).stdout)
    assert found["radial_profile"]["repeats"] == 2
    metrics = ["--metric", "valid", "--metric", "NDCG@10", "--metric-points", "3"]
    found = json.loads(run("surface", one, *few, *metrics, *out).stdout)
    assert {"validation loss", "validation NDCG@10"} == found["metrics"].keys()
    run("train", "sasrec", "--out", tmp_path / "run", *TINY, "--snapshots", "1")
    path = ["surface", tmp_path / "run" / "checkpoint.pt", *few, "--trajectory", tmp_path / "run"]
    found = json.loads(run(*path, *out).stdout)
    assert found["trajectory"]["names"] == ["epoch 0", "epoch 1", "epoch 2"]


@pytest.mark.slow
def test_several_results_are_one_json_list(runs):
    paths = [runs / name / "checkpoint.pt" for name in ("sasrec", "samrec")]
    found = json.loads(run("surface", *paths, *FEW, "--points", "3", "--grid", "--json").stdout)
    assert [one["metadata"]["checkpoint"]["method"] for one in found] == ["sasrec", "samrec"]


@pytest.mark.slow
def test_compare_writes_one_page_for_checkpoints_and_results(runs, tmp_path):
    one, other = (runs / name / "checkpoint.pt" for name in ("sasrec", "samrec"))
    few = [*FEW, "--points", "3", "--grid", "--top", "1"]
    text = run("compare", one, other, *few, "--out", tmp_path / "both.html", "--png", tmp_path / "both.png").stdout
    assert [line.split(":")[0] for line in text.splitlines()[:2]] == ["SASRec", "SAMRec"]
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    assert "SAMRec" in (tmp_path / "both.html").read_text()
    run("surface", one, *FEW, "--points", "3", "--grid", "--out", tmp_path / "s.html")
    told = json.loads(run("compare", tmp_path / "s.npz", other, *few, "--out", tmp_path / "x.html", "--json").stdout)
    assert told["models"]["SASRec"]["curvature"] is None
    assert told["models"]["SAMRec"]["curvature"]["eigenvalues"]
    assert "nowhere" in refused("compare", one, "--out", tmp_path / "nowhere" / "x.html")


def test_info_tells_what_is_in_a_file(runs):
    assert json.loads(run("info", runs / "sasrec" / "checkpoint.pt", "--json").stdout)["method"] == "sasrec"
    assert "weights" not in run("info", runs / "sasrec" / "checkpoint.pt").stdout


def test_data_is_prepared_listed_and_trained_on(tmp_path):
    rows = [f"{user},{(user * 7 + step * step) % 9},{step}" for user in range(12) for step in range(6)]
    (tmp_path / "raw.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    out = tmp_path / "prepared"
    out.mkdir()
    shown = run("data", "prepare", tmp_path / "raw.csv", "--name", "mine", "--out", out, "--core", "2").stdout
    assert "users" in shown
    assert "mine" in run("data", "list", "--data-dir", out).stdout
    run("train", "sasrec", "--data", "mine", "--data-dir", out, "--out", tmp_path / "run", *TINY)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "samrek"], "did you mean samrec?"),
        (["train", "--data", "Beaty"], "did you mean Beauty?"),
        (["train", "--rho", "nan"], "rho must be"),
        (["train", "--rho", "-1"], "rho must be"),
        (["train", "--lr", "0"], "lr must be"),
        (["train", "--dropout", "1"], "dropout must be"),
        (["train", "--train-fraction", "1.5"], "train_fraction must be"),
        (["train", "--heads", "3"], "width 64 is not a multiple of heads 3"),
        (["train", "--device", "cuda"], "pass --device cpu"),
        (["train", "--device", "tpu"], "the device must be one of"),
        (["train", "--sam", "asam2"], "sam must be"),
        (["train", "--sam-every", "0"], "sam_every must be"),
        (["train", "--rho-schedule", "step"], "rho_schedule must be"),
        (["train", "--loss", "softmax"], "did you mean sampled-softmax?"),
        (["train", "--negatives", "9"], "other numbers go with --loss sampled-softmax"),
        (["train", "s3rec", "--pretrained", "missing.pt"], "there is no file missing.pt"),
        (["train", "s3rec", "--pretrained", "CKPT"], "checkpoint.pt: SASRec on synthetic, seed 0 is not a pre-trained"),
        (["train", "s3rec", "--pretrained", "CKPT", "--pretrain-epochs", "3"], "leave out --pretrain-epochs"),
        (["train", "s3rec", "--mip", "-1"], "mip must be"),
        (["train", "cl4srec", "--temperature", "0"], "temperature must be"),
        (["train", "cl4srec", "--operators", "crop"], "or add --same-operator"),
        (["train", "cl4srec", "--crop", "2"], "crop must be"),
        (["surface", "CKPT", "--objective", "loss"], "objective must be one of"),
        (["surface", "CKPT", "--objective", "aap"], "has none of its heads"),
        (["curvature", "CKPT", "--objective", "contrastive", "--split", "test"], "has no held-out targets"),
        (["import", "s3rec", "CKPT", "--data", "synthetic", "--out", "x.pt"], "is not a state dict of S3Rec"),
        (["import", "s3rec", "missing.pt", "--data", "synthetic", "--out", "x.pt"], "there is no file missing.pt"),
        (["import", "s3rec", "CKPT", "--data", "synthetic", "--out", "no/x.pt"], "the folder no of x.pt"),
        (["surface", "CKPT", "--extent", "nan"], "extent"),
        (["surface", "CKPT", "--extent", "0"], "extent"),
        (["surface", "CKPT", "--tolerance", "nan"], "tolerance"),
        (["surface", "CKPT", "--tolerance", "-1"], "tolerance"),
        (["surface", "CKPT", "--normalize", "filters"], "did you mean filter?"),
        (["surface", "CKPT", "--vectors", "drop"], "vectors must be one of"),
        (["surface", "CKPT", "--split", "tst"], "did you mean test?"),
        (["surface", "CKPT", "--users", "0"], "at least 1"),
        (["surface", "CKPT", "--users", "1000000"], "exceeds"),
        (["surface", "CKPT", "--users", "9", "--precision", "1%"], "--precision 0.01 goes with --users auto"),
        (["surface", "CKPT", "--users", "auto", "--precision", "0"], "precision must be above 0 and below 1, got 0.0"),
        (["surface", "CKPT", "--users", "auto", "--precision", "-1%"], "above 0 and below 1, got -0.01"),
        (["surface", "CKPT", "--users", "auto", "--precision", "nan"], "above 0 and below 1, got nan"),
        (["surface", "CKPT", "--out", "nowhere/s.html"], "the folder nowhere of s.html does not exist"),
        (["surface", "CKPT", "--out", "CKPT"], "--out must be a file that ends in .html"),
        (["surface", "CKPT", "--png", "s.pdf"], "--png must be a file that ends in .png"),
        (["curvature", "CKPT", "--out", "c.json"], "--out must be a file that ends in .html"),
        (["compare", "CKPT", "--out", "CKPT"], "--out must be a file that ends in .html"),
        (["compare", "CKPT", "--svg", "nowhere/c.svg"], "the folder nowhere of c.svg does not exist"),
        (["surface", "missing.pt"], "there is no file missing.pt"),
        (["surface", "CKPT", "--eigen", "1,1"], "--eigen takes one or two different numbers"),
        (["surface", "CKPT", "--eigen", "1", "--toward", "CKPT"], "--eigen and --toward are different planes"),
        (
            ["surface", "CKPT", "--toward", "CKPT"],
            "checkpoint.pt: SASRec on synthetic, seed 0 (1), SASRec on synthetic, seed 0 (2) do not span a line",
        ),
        (["surface", "CKPT", "--toward", "missing.pt"], "missing.pt"),
        (["surface", "CKPT", "--trajectory", "nowhere"], "nowhere has no snapshots"),
        (["surface", "CKPT", "--metric", "HR@9"], "did you mean HR@5?"),
        (["surface", "CKPT", "--blocks", "item.*"], "did you mean items.*"),
        (["surface", "CKPT", "--repeats", "0"], "repeats must be"),
        (["train", "--snapshots", "0"], "at least 1, got 0"),
        (["curvature", "CKPT", "--operator", "fischer"], "did you mean fisher?"),
        (["curvature", "CKPT", "--memory", "10k"], "memory"),
        (["curvature", "CKPT", "--density", "--probes", "0"], "probes must be"),
        (["curvature", "CKPT", "--sharpness", "--rhos", "0"], "rhos must be"),
        (["curvature", "CKPT", "--top", "0"], "top must be"),
        (["curvature", "CKPT", "--tolerance", "0"], "tolerance"),
        (["curvature", "CKPT", "--max-products", "1"], "max_products must be"),
        (["evaluate", "CKPT", "--split", "train"], "the split to rank on must be one of"),
        (["info", "missing.npz"], "missing.npz"),
        (["data", "fetch", "Beuty"], "did you mean Beauty?"),
        (["data", "prepare", "missing.csv"], "missing.csv"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, message, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANDSCAPE_DATA", str(tmp_path))
    if "cuda" in arguments:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    arguments = [runs / "sasrec" / "checkpoint.pt" if word == "CKPT" else word for word in arguments]
    if arguments[0] in ("surface", "curvature") and "--users" not in arguments:
        arguments += FEW
    assert message in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--epochs", "x"], "'x' is not a valid integer"),
        (["train", "sasrec", "--crop", "0.5"], "--crop has no effect here; it is an option of: "),
        (["train", "sasrec", "--rho", "0.5"], "--rho has no effect here; it is an option of: "),
        (["train", "cl4srec", "--pretrained", "x.pt"], "--pretrained has no effect here; it is an option of: "),
        (["nonsense"], "No such command 'nonsense'"),
        (["surface"], "Missing argument"),
        (["surface", "a", "--points", "0x2"], "'0x2' is neither a number of points"),
        (["surface", "a", "--eigen", "1,x"], "'1,x' is not a list of whole numbers separated by commas"),
        (["curvature", "a", "--memory", "lots"], "'lots' is not an amount of memory such as 500M or 4G"),
        (["compare", "a", "--rho", "nan"], "Invalid value for '--rho': "),
        (["surface", "a", "--rho", "inf"], "Invalid value for '--rho': "),
        (["surface", "a", "--rho", "-1"], "Invalid value for '--rho': "),
        (["curvature", "a", "--rhos", "small"], "'small' is not a list of numbers separated by commas"),
        (["import", "s3rec", "a"], "Missing option '--data'"),
        (["surface", "a", "--lines"], "No such option"),
        (["surface", "x.pt", "--users", "some"], "'some' is neither a number of users nor auto"),
        (["curvature", "x.pt", "--users", "auto", "--precision", "5"], "5 is 500%; write 5% or 0.05"),
        (["compare", "x.pt", "--users", "auto", "--precision", "x"], "'x' is not a share such as 1% or 0.01"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(arguments, message):
    said = refused(*arguments, code=2)
    assert message in said
    assert ("No such option" in said) is (message == "No such option")


@pytest.mark.slow
def test_a_result_of_the_other_kind_is_named_as_such(results):
    surface, curvature = results / "sasrec.npz", results / "sasrec-curvature.json"
    assert "sasrec.npz is not a curvature, which is stored as FILE.json" in refused("curvature", surface)
    assert "sasrec-curvature.json is not a surface, which is stored as FILE.npz" in refused("surface", curvature)


@pytest.mark.parametrize("option", [["--out", "x.html"], ["--svg", "x.svg"]])
def test_one_name_is_not_for_two_results(option):
    result = run("surface", "a.npz", "b.npz", *option, code=2)
    assert f"{option[1]} can hold one result; leave it out to write beside each of the 2 inputs" in result.stderr


def edited(source, place, **entries):
    """A copy of a surface, a curvature or a checkpoint with other entries."""
    if place.suffix == ".pt":
        torch.save({**torch.load(source, weights_only=True), **entries}, place)
    elif place.suffix == ".json":
        place.write_text(json.dumps({**json.loads(source.read_text()), **entries}))
    else:
        np.savez(place, **{**np.load(source), **entries})
    return place


@pytest.fixture(scope="module")
def results(runs, tmp_path_factory):
    """A surface and a curvature of each run: sasrec.npz, sasrec-curvature.json and so on."""
    folder = tmp_path_factory.mktemp("results")
    for name in ("sasrec", "samrec"):
        checkpoint = runs / name / "checkpoint.pt"
        run("surface", checkpoint, *FEW, "--points", "3", "--grid", "--out", folder / f"{name}.html")
        run("curvature", checkpoint, *FEW, "--top", "1", "--no-checks", "--out", folder / f"{name}-curvature.html")
    return folder


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("format.pt", {"format": "newest"}),
        ("method.pt", {"method": ["sasrec"]}),
        ("settings.pt", {"settings": None}),
        ("seed.pt", {"seed": "zero"}),
        ("data.pt", {"data": {}}),
        ("source.pt", {"data": {"name": "synthetic", "source": 3, "sha256": "0"}}),
        ("weights.pt", {"weights": None}),
        ("words.npz", {"loss": np.full((3, 3), "high")}),
        ("complex.npz", {"loss": np.full((3, 3), 1j)}),
        ("shape.npz", {"loss": np.zeros(3)}),
        ("axis.npz", {"alphas": np.full(3, np.nan)}),
        ("objects.npz", {"metadata": np.array([{}], dtype=object)}),
        ("none.json", {"eigenvalues": [], "residuals": [], "converged": []}),
        ("more.json", {"residuals": [1, 2]}),
        ("word.json", {"eigenvalues": ["large"]}),
        ("metadata.json", {"metadata": {"checkpoint": "that one"}}),
        ("objective.json", {"metadata": {"objective": ["own"]}}),
    ],
)
def test_a_file_with_something_else_in_it_is_refused_by_name(name, entries, runs, results, tmp_path):
    sources = {".pt": runs / "sasrec" / "checkpoint.pt", ".npz": results / "sasrec.npz"}
    source = sources.get(Path(name).suffix, results / "sasrec-curvature.json")
    assert name in refused("compare", edited(source, tmp_path / name, **entries), *FEW, "--out", tmp_path / "c.html")
    assert not (tmp_path / "c.html").exists()


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".json"])
def test_a_damaged_byte_or_end_is_noticed(suffix, runs, results, tmp_path):
    sources = {".pt": runs / "sasrec" / "checkpoint.pt", ".npz": results / "sasrec.npz"}
    content = sources.get(suffix, results / "sasrec-curvature.json").read_bytes()
    flipped = [content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :] for at in (200, len(content) // 3)]
    damaged = tmp_path / f"damaged{suffix}"
    for each in (content[: len(content) // 2], *flipped, b"[" * 100_000):
        damaged.write_bytes(each)
        assert damaged.name in refused("compare", damaged, *FEW, "--out", tmp_path / "c.html")


def test_a_model_that_diverged_is_said_to_be_so(runs, tmp_path):
    source = runs / "sasrec" / "checkpoint.pt"
    weights = {name: value * np.inf for name, value in torch.load(source, weights_only=True)["weights"].items()}
    diverged = edited(source, tmp_path / "diverged.pt", weights=weights)
    for command in ("surface", "curvature", "compare"):
        text = refused(command, diverged, *FEW)
        assert "diverged.pt" in text
        assert "are not finite" in text


@pytest.fixture
def overflowing(runs, tmp_path):
    """A checkpoint of finite weights whose products overflow: the scores of attention are inf - inf."""
    source = runs / "sasrec" / "checkpoint.pt"
    weights = torch.load(source, weights_only=True)["weights"]
    weights["norm.weight"] = torch.full_like(weights["norm.weight"], 1e18)
    for name in ("query", "key"):
        weight = f"blocks.0.attention.{name}.weight"
        weights[weight] = 1e18 * weights[weight].sign()
    return edited(source, tmp_path / "overflowing.pt", weights=weights)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["surface", "curvature", "compare"])
def test_a_loss_that_is_not_finite_at_the_centre_is_refused(command, overflowing, tmp_path):
    text = refused(command, overflowing, *FEW, "--out", tmp_path / "page.html")
    assert text.startswith(f"Error: {overflowing}: the loss is nan at the parameters themselves")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["overflowing.pt"]


def test_users_without_a_rank_are_counted(overflowing):
    text = run("evaluate", overflowing, "--split", "valid").stdout
    assert "2,500 of 2,500 users have no rank: the scores of SASRec on synthetic, seed 0 are not finite" in text
    values = json.loads(run("evaluate", overflowing, "--split", "valid", "--json").stdout)
    assert (values["unranked_users"], values["NDCG@10"]) == (2500, None)


def test_all_inputs_are_opened_before_the_first_is_computed(runs, tmp_path):
    shutil.copy(runs / "sasrec" / "checkpoint.pt", tmp_path)
    (tmp_path / "broken.npz").write_text("")
    for command, other in (("compare", "broken.npz"), ("surface", "missing.pt"), ("curvature", "missing.pt")):
        assert other in refused(command, tmp_path / "checkpoint.pt", tmp_path / other, *FEW)
        assert not (tmp_path / "results").exists()


def test_a_result_takes_the_place_of_no_other(results, tmp_path):
    for suffix in (".npz", "-curvature.json", "-curvature.npz"):
        shutil.copy(results / f"sasrec{suffix}", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert "sasrec.npz" in refused("curvature", results / "samrec-curvature.json", "--out", tmp_path / "sasrec.html")
    assert "sasrec-curvature.npz" in refused(
        "surface", results / "samrec.npz", "--out", tmp_path / "sasrec-curvature.html"
    )
    assert "another checkpoint" in refused("surface", results / "samrec.npz", "--out", tmp_path / "sasrec.html")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    run("surface", results / "sasrec.npz", "--out", tmp_path / "sasrec.html")


def test_a_device_is_not_replaced(results, tmp_path):
    os.mkfifo(tmp_path / "pipe.html")
    assert "choose another name" in refused("compare", results / "sasrec.npz", "--out", tmp_path / "pipe.html")
    assert (tmp_path / "pipe.html").is_fifo()


def test_a_page_may_have_the_longest_name(results, tmp_path):
    page = tmp_path / f"{'x' * 250}.html"
    run("compare", results / "sasrec.npz", "--out", page)
    assert page.exists()


@pytest.mark.slow
def test_models_of_one_name_are_told_apart(runs, results, tmp_path):
    twin = edited(runs / "samrec" / "checkpoint.pt", tmp_path / "twin.pt", method="sasrec", settings={})
    few = [*FEW, "--points", "3", "--grid", "--top", "1", "--json", "--out", tmp_path / "c.html"]
    told = json.loads(run("compare", results / "sasrec.npz", twin, *few).stdout)["models"]
    assert list(told) == ["SASRec on synthetic, seed 0 (1)", "SASRec on synthetic, seed 0 (2)"]
    assert [bool(each["curvature"]) for each in told.values()] == [False, True]


@pytest.mark.slow
def test_no_result_of_a_checkpoint_is_dropped(runs, results, tmp_path):
    path = runs / "sasrec" / "checkpoint.pt"
    run("surface", path, *FEW, "--points", "3", "--grid", "--extent", "2", "--out", tmp_path / "wide.html")
    files = [results / "sasrec.npz", tmp_path / "wide.npz", results / "sasrec-curvature.json", results / "sasrec.npz"]
    told = json.loads(run("compare", *files, "--json", "--out", tmp_path / "c.html").stdout)["models"]
    assert [(bool(each["surface"]), bool(each["curvature"])) for each in told.values()] == [(True, True), (True, False)]


@pytest.mark.slow
@pytest.mark.parametrize("points", ["1", "1x3", "3x1"])
def test_lines_and_points_are_compared(points, runs, tmp_path):
    few = [*FEW, "--points", points, "--grid", "--top", "1"]
    run("compare", runs / "sasrec" / "checkpoint.pt", *few, "--out", tmp_path / "c.html")
    assert (tmp_path / "c.html").stat().st_size > 10_000


def with_metadata(results, folder, **changes):
    """A surface and a curvature whose metadata say something else."""
    stored = json.loads((results / "sasrec-curvature.json").read_text())
    metadata = {**stored["metadata"], **changes}
    (folder / "odd.json").write_text(json.dumps({**stored, "metadata": metadata}))
    with np.load(results / "sasrec.npz") as arrays:
        described = json.loads(str(arrays["metadata"]))
    described["metadata"] |= changes
    surface = edited(results / "sasrec.npz", folder / "odd.npz", metadata=np.array(json.dumps(described)))
    return surface, folder / "odd.json"


@pytest.mark.slow
@pytest.mark.parametrize("title", [None, "", "\ud800", "[/b]<b>x\x1b[31m"])
def test_any_title_is_drawn(title, results, tmp_path):
    surface, curvature = with_metadata(results, tmp_path, title=title)
    run("surface", surface, "--out", tmp_path / "s.html")
    run("curvature", curvature, "--out", tmp_path / "k.html")
    run("compare", surface, curvature, results / "samrec.npz", "--out", tmp_path / "c.html")
    assert "\x1b" not in (tmp_path / "c.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": 3}, "metadata.title is"),
        ({"title": ["a"]}, "metadata.title is a list, not a text"),
        ({"objective": {"users": "some"}}, "metadata.objective.users is the text 'some', not a whole number"),
        ({"plane": {"kind": ["odd"]}}, "metadata.plane.kind is"),
    ],
)
def test_metadata_of_other_types_are_refused(changes, message, results, tmp_path):
    surface, _ = with_metadata(results, tmp_path, **changes)
    assert message in refused("surface", surface, "--out", tmp_path / "s.html")


def test_a_picture_of_no_plane_is_refused(results, tmp_path):
    files = ["--out", tmp_path / "c.html", "--png", tmp_path / "c.png"]
    told = refused("compare", results / "sasrec-curvature.json", *files, "--picture", "3d")
    assert "has no surface to draw" in told


@pytest.mark.slow
def test_a_damaged_part_of_a_result_is_named(runs, tmp_path):
    shutil.copy(runs / "sasrec" / "checkpoint.pt", tmp_path)
    command = ["curvature", tmp_path / "checkpoint.pt", *FEW, "--top", "1", "--no-checks", "--trace"]
    run(*command, "--trace-products", "9")
    for result in (tmp_path / "results").glob("curvature-*"):
        result.unlink()
    (part,) = (tmp_path / "results").glob("traceestimate-*.json")
    part.write_text("{")
    assert part.name in refused(*command, "--trace-products", "9")


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error(results, tmp_path):
    script = "import sys; sys.path.insert(0, sys.argv.pop(1)); from landscape.cli import main; main()"
    command = [sys.executable, "-c", script, str(ROOT), "compare", str(results / "sasrec.npz"), "--out", "c.html"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_folder_that_cannot_be_written_to_is_said_to_be_so(runs, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in refused("train", "--out", tmp_path / "file" / "run", *TINY)


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_file(runs, tmp_path):
    """A limit on the size of files stands in for a full disk: writing fails in the middle."""
    script = "import sys; sys.path.insert(0, sys.argv.pop(1)); from landscape.cli import main; main()"
    command = [sys.executable, "-c", script, str(ROOT), "train", "sasrec", "--out", str(tmp_path / "run"), *TINY]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in result.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {".lock", "config.json"}


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_the_run_continues(tmp_path):
    folder = tmp_path / "run"
    script = "import sys; sys.path.insert(0, sys.argv.pop(1)); from landscape.cli import main; main()"
    command = [sys.executable, "-c", script, str(ROOT), "train", "samrec", "--out", str(folder), *TINY]
    command += ["--epochs", "400", "--patience", "400", "--resume"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as process:
        while not (folder / "history.csv").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == ""
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith("Stopped.")
    epochs = len((folder / "history.csv").read_text().splitlines()) - 1
    run(
        "train", "samrec", "--out", folder, *TINY, "--epochs", "400", "--patience", str(400), code=1
    )  # without --resume
    assert len((folder / "history.csv").read_text().splitlines()) - 1 == epochs


def test_debug_shows_the_traceback():
    result = CliRunner().invoke(main, ["--debug", "train", "samrek"])
    assert isinstance(result.exception, ValueError)
