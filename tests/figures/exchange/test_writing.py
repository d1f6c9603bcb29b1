"""``landscape export``: what it writes, what it says, what it leaves alone."""

import json
from dataclasses import fields

import click
import numpy as np
import pytest
from click.testing import CliRunner

from landscape.cli import main
from landscape.figures.exchange.formats import FORMATS, ExportOptions
from landscape.figures.exchange.writing import export_file
from landscape.results.along import AlongTraining
from landscape.results.storage.kinds import kind_of
from landscape.results.storage.save_load import save_curvature, save_surface
from tests.support.drawable import evaluated, full_curvature, marked


@pytest.fixture
def stored(tmp_path):
    """A surface, one with holes, a curvature, and a run's measurements."""
    save_surface(marked(), tmp_path / "plane.npz")
    save_surface(evaluated(spoil=True), tmp_path / "holes.npz")
    save_curvature(full_curvature(), tmp_path / "curvature.json")
    ones = {name: np.ones(2) for name in ("top", "top_residual", "trace", "trace_stderr", "loss", "loss_stderr")}
    along = AlongTraining(np.array([0, 5]), **ones, gradient_norm=np.ones(2), metric=np.array([np.nan, 0.3]))
    kind_of(AlongTraining).save(along, tmp_path / "along.json")
    return tmp_path


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["export", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_the_command_knows_all_formats_and_options():
    export = main.commands["export"]
    parameters = {parameter.name: parameter for parameter in export.params}
    given = export.make_context("export", ["a.npz", "--to", "stl"]).params
    assert isinstance(parameters["to"].type, click.Choice) and [*parameters["to"].type.choices] == [*FORMATS]
    for field in fields(ExportOptions):
        assert given[field.name] == field.default
    assert {name for format in FORMATS.values() for name in format.options} == {f.name for f in fields(ExportOptions)}


def test_each_kind_of_result_is_written(stored):
    lines = run(stored / "plane.npz", "--to", "csv").stdout.splitlines()
    assert lines[0].startswith("plane: grid (357 rows), radial profile (130 rows)")
    names = {
        "plane.csv",
        *(f"plane-{one}.csv" for one in ("radial-profile", "trajectory-1", "checks", "quadratic", "minima")),
    }
    assert {path.name for path in stored.glob("*.csv")} == names
    assert set(lines[1:]) == {str(stored / name) for name in names}
    told = json.loads(run(stored / "curvature.json", "--to", "json", "--json").stdout)
    assert told["files"] == [str(stored / "curvature-export.json")]
    assert json.loads((stored / "curvature-export.json").read_text())["kind"] == "curvature"
    assert run(stored / "along.json", "--to", "csv").stdout.startswith("along: table (2 rows)")
    assert (stored / "along.csv").read_text().splitlines()[1].startswith("0,1.0,1.0")
    assert "8 points of the grid without a finite height are cut out" in run(stored / "holes.npz", "--to", "vtp").stdout
    line = run(stored / "plane.npz", "--to", "stl", "--size", 50, "--height", 20, "--base", 2).stdout.splitlines()[0]
    assert line == "plane: 50 × 50 × 22 mm, 856 triangles; 1 mm is 0.04 of alpha, 0.04 of beta and 0.116 of loss"
    run(stored / "plane.npz", "--to", "stl", "--quantity", "NDCG@10", "--out", stored / "b.stl")
    assert (stored / "b.stl").stat().st_size < (stored / "plane.stl").stat().st_size


def test_nothing_is_replaced_unless_it_is_asked_for(stored):
    (stored / "plane-checks.csv").write_text("mine")
    before = {path: path.read_bytes() for path in stored.iterdir()}
    line = run(stored / "plane.npz", "--to", "csv", code=1).stderr
    assert "plane-checks.csv exists; add --overwrite to replace it, or give another name by --out" in line
    assert {path: path.read_bytes() for path in stored.iterdir()} == before
    run(stored / "plane.npz", "--to", "csv", "--overwrite")
    assert (stored / "plane-checks.csv").read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("curvature.json", "--to", "json", "--out", "curvature.json", "--overwrite"), "would replace the input"),
        (("curvature.json", "--to", "stl"), "stl takes a surface, and this holds: curvature; export it as csv or json"),
        (("holes.npz", "--to", "stl"), "holes.npz: 8 of 99 grid points have no loss that is finite"),
        (("plane.npz", "--to", "stl", "--quantity", "HR@5"), "no metric 'HR@5'; there are: HR@10, NDCG@10"),
        (("plane.npz", "--to", "stl", "--size", "nan"), "size=nan must be a positive number"),
        (("plane.npz", "--to", "vtp", "--out", "a.stl"), "--out must be a file that ends in .vtp"),
        (("plane.npz", "--to", "vtp", "--out", "no/a.vtp"), "does not exist; create it first"),
        (("nothing.npz", "--to", "csv"), "nothing.npz: No such file or directory"),
        (("plane.pt", "--to", "csv"), "plane.pt is not a result; `landscape surface` writes FILE.npz"),
        (("other.json", "--to", "csv"), "other.json is damaged or is not a curvature file"),
    ],
)
def test_what_cannot_be_written_is_one_line_and_leaves_nothing(stored, monkeypatch, arguments, message):
    monkeypatch.chdir(stored)
    (stored / "other.json").write_text("{}")
    before = sorted(stored.iterdir())
    line = run(*arguments, code=1).stderr
    assert message in line and line.count("\n") == 1
    assert sorted(stored.iterdir()) == before


def test_options_that_do_nothing_are_refused(stored):
    assert (
        "--size has no effect with --to vtp" in run(stored / "plane.npz", "--to", "vtp", "--size", "3", code=2).stderr
    )
    assert (
        "--scale has no effect with --to csv"
        in run(stored / "plane.npz", "--to", "csv", "--scale", "log", code=2).stderr
    )


def test_unknown_formats_and_scales_are_refused(stored):
    with pytest.raises(ValueError, match="format must be one of csv, json, vtp, stl, got 'obj'"):
        export_file(stored / "plane.npz", "obj")
    with pytest.raises(ValueError, match="scale must be one of linear, log, rise"):
        ExportOptions(scale="cube")
