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
    help="Run folder of the SASRec to look at; trained if it is not there.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only benchmarks whose TASK/WAY matches, such as 'product/*'; others keep their results.",
)
@click.option(
    "--quick", is_flag=True, help="A small share of the data, to see that everything runs; seconds mean nothing."
)
@click.option(
    "--users",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="How many to estimate spectra and traces on.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads to compute with; as many as there are cores by default."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    help="Where the results go.  [default: benchmarks/results.json; not written with --quick]",
)
@click.option(
    "--table", "table_only", is_flag=True, help="Print the table of results that are there, and measure nothing."
)
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
    """Time and weigh everything on Amazon Beauty, beside the public ways."""
    from benchmarks.catalogue import BENCHMARKS, GROUPS
    from benchmarks.measure import machine
    from benchmarks.table import markdown
    from landscape.provenance import versions
    from landscape.results.files import write_json

    target = Path(out) if out else None if quick else HERE / "results.json"
    before = json.loads(target.read_text()) if target and target.exists() else {}
    if table_only:
        click.echo(markdown(before) if before else f"There are no results in {target} yet.")
        return
    chosen = [name for name in BENCHMARKS if not only or any(fnmatch(name, pattern) for pattern in only)]
    if not chosen:
        raise click.UsageError(f"no benchmark matches {', '.join(only)}; there are {', '.join(BENCHMARKS)}")
    request = {"data_dir": data_dir, "quick": quick, "users": users, "threads": threads or machine()["cores"]}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            request["checkpoint"] = str(_checkpoint(data_dir, Path(scratch) / "run" if quick else Path(run), quick))
        except FileNotFoundError as missing:
            click.echo(f"Skipped: {missing}")
            return
        report: dict[str, Any] = {
            "machine": machine() | {"threads": request["threads"]},
            "versions": versions() | {name: _version(name) for name in PEERS},
            "quick": quick,
            "ceilings": dict(before.get("ceilings", {})),
            "results": dict(before.get("results", {})),
        }
        for group, benchmarks in GROUPS.items():
            names = [name for name in benchmarks if name in chosen]
            if not names:
                continue
            ceilings = {"before": _in_a_process({**request, "name": "ceiling"})}
            for name in names:
                click.echo(f"{name} … ", nl=False, err=True)
                report["results"][name] = found = _in_a_process({**request, "name": name})
                click.echo(f"{found['seconds']:.3g} s" if "seconds" in found else found, err=True)
            ceilings["after"] = _in_a_process({**request, "name": "ceiling"})
            report["ceilings"][group] = ceilings
            speed = sum(one["gflops"] for one in ceilings.values()) / len(ceilings)
            for name in names:
                _add_share(report["results"][name], speed)
            report["results"] = {
                name: report["results"][name] for name in BENCHMARKS if name in report["results"]
            }
            if target:
                write_json(target, report)
    click.echo(markdown(report))


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
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _add_share(found: dict[str, Any], speed: float) -> None:
    """How near a benchmark's arithmetic comes to the matrix product's."""
    found["ceiling_gflops"] = speed  # of its own run: results of several runs can stand side by side
    if "flops" in found:
        found["gflops"] = found["flops"] / found.get("seconds_measured", found["seconds"]) / 1e9
        found["share_of_ceiling"] = found["gflops"] / speed


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
