"""``python -m tests.fuzz NAME… --cases N --seed S [--corpus DIR]``: run fuzzers and print what they found."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import click

from tests.fuzz.fuzzers.catalogue import MODULES, fuzzer
from tests.fuzz.harness import FAULTS
from tests.fuzz.worker import Finding, Tally, Worker

CHUNK = 500  # cases that a child is asked for at a time


class Report:
    """What the cases of one fuzzer came to."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.tally = Tally()
        self.counts: dict[str, int] = {}  # by key
        self.smallest: dict[str, Finding] = {}

    def add(self, finding: Finding) -> None:
        """Count a fault, and keep the smallest case that shows it."""
        key = finding.outcome.key
        self.counts[key] = self.counts.get(key, 0) + 1
        known = self.smallest.get(key)
        if known is None or (finding.content and len(finding.content) < len(known.content)):
            self.smallest[key] = finding

    def save(self) -> list[str]:
        """Write the smallest case of each fault; a line for each."""
        lines = []
        for number, (key, finding) in enumerate(sorted(self.smallest.items()), start=1):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f"{self.name}-{number:03d}-{finding.outcome.kind.replace(' ', '-')}-{finding.name}"
            file.write_bytes(finding.content)
            outcome = finding.outcome
            lines.append(f"{self.counts[key]:>7}  {outcome.kind}: {outcome.where}: {outcome.what}  [{file.name}]")
        return lines

    def row(self) -> list[str]:
        """Name, cases, cases a second and core, read, refused, and the number of each kind of fault."""
        kinds = dict.fromkeys(FAULTS, 0)
        for key, count in self.counts.items():
            kinds[key.split("|")[0]] += count
        tally = self.tally
        speed = tally.cases / tally.seconds if tally.seconds else 0.0
        return [self.name, *map(str, (tally.cases, round(speed), tally.read, tally.refused, *kinds.values()))]


def fuzz(report: Report, cases: int, seed: int, workers: Sequence[Worker], corpus: Sequence[Path]) -> None:
    """Share the cases among the workers; each asks for a chunk at a time."""
    chunks: queue.SimpleQueue[int] = queue.SimpleQueue()
    for start in range(0, cases, CHUNK):
        chunks.put(start)
    lock = threading.Lock()

    def work(worker: Worker) -> None:
        tally = Tally()
        with suppress(queue.Empty):
            while True:
                start = chunks.get_nowait()
                for finding in worker.run(report.name, seed, start, min(cases, start + CHUNK), corpus, tally):
                    with lock:
                        report.add(finding)
        with lock:
            for name, value in vars(tally).items():
                setattr(report.tally, name, getattr(report.tally, name) + value)

    with ThreadPoolExecutor(len(workers)) as threads:
        for ended in [threads.submit(work, worker) for worker in workers]:
            ended.result()


def table(rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


@click.command()
@click.argument("names", nargs=-1)
@click.option("--cases", default=1000, show_default=True, help="For each fuzzer.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds give equal cases.")
@click.option("--corpus", type=click.Path(exists=True, path_type=Path), multiple=True, help="Folder of further seeds.")
@click.option(
    "--beside", type=click.Path(exists=True, path_type=Path), multiple=True, help="File that the corpus needs."
)
@click.option("--workers", default=2, show_default=True, help="Child processes.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("fuzz"), show_default=True, help="For failing cases."
)
def main(
    names: tuple[str, ...],
    cases: int,
    seed: int,
    corpus: tuple[Path, ...],
    beside: tuple[Path, ...],
    workers: int,
    out: Path,
) -> None:
    """Run the fuzzers NAMES, all by default; exit 1 if a case failed."""
    if unknown := set(names) - set(MODULES):
        raise click.UsageError(f"no fuzzer {', '.join(unknown)}; there are {', '.join(MODULES)}")
    files = sorted(path for folder in corpus for path in folder.iterdir() if path.is_file())
    rows = [["", "cases", "a second and core", "read", "refused", *FAULTS]]
    found: list[str] = []
    pool = [Worker(beside) for _ in range(workers)]
    try:
        for name in names or MODULES:
            report = Report(name, out)
            fuzz(report, cases, seed, pool, [path for path in files if path.name.endswith(fuzzer(name).suffixes)])
            rows.append(report.row())
            found += [f"{name}", *report.save()] if report.counts else []
            click.echo(table([rows[0], rows[-1]]), err=True)
    finally:
        for worker in pool:
            worker.__exit__()
    click.echo(table(rows))
    if found:
        click.echo("\n" + "\n".join(found) + f"\n\nThe smallest case of each is in {out}/.")
        sys.exit(1)


if __name__ == "__main__":
    main()
