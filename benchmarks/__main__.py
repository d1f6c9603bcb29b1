"""``python -m benchmarks``: run all benchmarks, write results.json, print the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

HERE = Path(__file__).resolve().parent
PEERS = ("pyhessian", "hessian-eigenthings", "loss-landscapes")


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    help="Folder of Beauty.txt; $LANDSCAPE_DATA or the cache by default.",
)
@click.option(
    "--run",
    default="runs/sasrec-Beauty-seed0",
    show_default=True,
    help="Run folder of the SASRec to measure; it is trained if it does not exist.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only benchmarks whose TASK/WAY matches, such as 'product/*'; others keep their results.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="A small share of the data, to check that everything runs; the seconds are meaningless.",
)
@click.option(
    "--users",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Number of users for spectra and traces.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads to compute with; as many as there are cores by default."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    help="Where the results go.  [default: benchmarks/results.json; not written with --quick]",
)
@click.option("--table", "table_only", is_flag=True, help="Print the table of the stored results, and measure nothing.")
def main(
    data_dir: str | None,
    run: str,
    only: tuple[str, ...],
    quick: bool,
    users: int,
    threads: int | None,
    out: str | None,
    table_only: bool,
) -> None:
    """Time and weigh everything on Amazon Beauty, compared with public implementations."""
    from benchmarks.catalogue import BENCHMARKS, GROUPS
    from benchmarks.support.measure import machine
    from benchmarks.support.table import markdown
    from landscape.provenance import versions
    from landscape.results.storage.files import write_json

    target = Path(out) if out else None if quick else HERE / "results.json"
    before = json.loads(target.read_text()) if target and target.exists() else {}
    if table_only:
        click.echo(markdown(before) if before else f"There are no results in {target} yet.")
        return
    selected = [name for name in BENCHMARKS if not only or any(fnmatch(name, pattern) for pattern in only)]
    if not selected:
        raise click.UsageError(f"no benchmark matches {', '.join(only)}; there are {', '.join(BENCHMARKS)}")
    request = {"data_dir": data_dir, "quick": quick, "users": users, "threads": threads or machine()["cores"]}
    report: dict[str, Any] = {
        "machine": machine() | {"threads": request["threads"]},
        "versions": versions() | {name: _version(name) for name in PEERS},
        "quick": quick,
        "ceilings": dict(before.get("ceilings", {})),
        "results": dict(before.get("results", {})),
    }
    with tempfile.TemporaryDirectory() as scratch:
        try:
            request["checkpoint"] = str(_checkpoint(data_dir, Path(scratch) / "run" if quick else Path(run), quick))
        except FileNotFoundError as missing:
            click.echo(f"Skipped: {missing}")
            return
        for group, benchmarks in GROUPS.items():
            names = [name for name in benchmarks if name in selected]
            if names:
                _run_group(group, names, request, report)
                report["results"] = {name: report["results"][name] for name in BENCHMARKS if name in report["results"]}
            if names and target:
                write_json(target, report)
    click.echo(markdown(report))


def _run_group(group: str, names: list[str], request: dict[str, Any], report: dict[str, Any]) -> None:
    """Run some benchmarks, with the ceiling of the machine before and after, and add the results to the report."""
    before = _in_a_process({**request, "name": "ceiling"})
    for name in names:
        click.echo(f"{name} … ", nl=False, err=True)
        report["results"][name] = result = _in_a_process({**request, "name": name})
        click.echo(f"{result['seconds']:.3g} s" if "seconds" in result else result, err=True)
    after = _in_a_process({**request, "name": "ceiling"})
    report["ceilings"][group] = {"before": before, "after": after}
    for name in names:
        _add_share(report["results"][name], (before["gflops"] + after["gflops"]) / 2)


def _checkpoint(data_dir: str | None, folder: Path, quick: bool) -> Path:
    from benchmarks.ours import trained

    click.echo(f"The SASRec of {folder} …", err=True)
    return trained(data_dir, folder, quick=quick)


def _in_a_process(request: dict[str, Any]) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": str(request["threads"])}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.case", json.dumps(request)]
    ended = subprocess.run(command, cwd=HERE.parent, env=environment, capture_output=True, text=True)
    if ended.returncode:
        return {"failed": f"exit {ended.returncode}: {ended.stderr.strip().splitlines()[-1:]}"}
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return result


def _add_share(result: dict[str, Any], speed: float) -> None:
    """Add the speed of a benchmark's arithmetic, as a share of that of the matrix product."""
    result["ceiling_gflops"] = speed  # of its own run: results of several runs can stand side by side
    if "flops" in result:
        result["gflops"] = result["flops"] / result.get("seconds_measured", result["seconds"]) / 1e9
        result["share_of_ceiling"] = result["gflops"] / speed


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
