"""``python -m tests.torture COMMAND… --kills N --seed S``: kill commands at random moments, and repeat them.

A command is started as a child and ended by a signal, most often SIGKILL, at a random moment of the time that it takes
undisturbed; then the same command is started again, until it ends by itself. Then its files have to be those of the
undisturbed run: bit for bit where the command promises it, otherwise by value. After each kill every file there is
has to be whole, and files that belong together of one age.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: children are forked, and bits depend on the number of threads

import importlib
import json
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from landscape.cli import main as cli
from landscape.launch import JOINED
from tests.fuzz.__main__ import table
from tests.torture.commands import COMMANDS, Command, Values

LOADED = (  # once, here: a forked child then spends its time on its work
    "landscape.figures.export",
    "landscape.figures.study",
    "landscape.training.analysis.comparison",
    "landscape.training.checkpoints.import_s3rec",
    "landscape.training.data.raw.prepare",
    "landscape.training.loop.trainer",
    "landscape.training.study.command",
)
SIGNALS = (signal.SIGKILL,) * 7 + (signal.SIGTERM, signal.SIGINT, signal.SIGINT)
STOPS = 30.0  # seconds within which a command must end after SIGTERM or SIGINT
COLUMNS = ("kills", "SIGTERM, SIGINT", "finished", "differences", "halves", "leftovers", "failed", "did not stop")


Children = dict[int, int | None]  # by process id, the exit code (minus a signal's number) of those that have ended


def started(command: Command, folder: Path, step: int = 0) -> Children:
    """Fork children that run the command in ``folder``, and kill themselves before their ``step``-th change of a file.

    Returns:
        One, or those of a command that several processes share.
    """
    (folder.parent / "output").write_text("")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        meeting = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1])}
    if command.processes == 1:
        return {_forked(command, folder, step, {}): None}
    common = meeting | {"WORLD_SIZE": str(command.processes)}
    ranks = map(str, range(command.processes))
    return {_forked(command, folder, step, common | {"RANK": rank, "LOCAL_RANK": rank}): None for rank in ranks}


def _forked(command: Command, folder: Path, step: int, environment: dict[str, str]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        os.environ.update(environment)
        os.chdir(folder.parent / folder.name)
        output = os.open(folder.parent / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(output, stream)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        _kill_at(step)
        sys.argv = ["landscape", *command.arguments.split()]
        cli(sys.argv[1:])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(70)


def _kill_at(step: int) -> None:
    """Have this process kill itself before a call that changes what is on disk, counted from 1; 0 for none."""
    calls = 0

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*arguments, **named)

        return call

    for name in ("replace", "fsync", "unlink", "chmod", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))


def running(children: Children) -> list[int]:
    """Those that have not ended."""
    for child, code in children.items():
        if code is None:
            done, status = os.waitpid(child, os.WNOHANG)
            children[child] = os.waitstatus_to_exitcode(status) if done else None
    return [child for child, code in children.items() if code is None]


def ended(children: Children, within: float) -> int | None:
    """The exit code of the first child whose code is not 0, or None if one still runs after so many seconds."""
    until = time.monotonic() + within
    while True:
        if not running(children):
            return next(filter(None, children.values()), 0)
        if time.monotonic() >= until:
            return None
        time.sleep(min(0.002, within))


class Torture:
    """Kills of one command."""

    def __init__(self, name: str, seed: int, folder: Path) -> None:
        self.name = name
        self.command = COMMANDS[name]
        self.random = random.Random(f"{name}/{seed}")
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []

    def run(self, kills: int) -> None:
        """Learn what the undisturbed command gives, then kill it so many times at random moments."""
        expected, names, allowed, took = self._undisturbed()
        work = self._fresh()
        while self.counts["kills"] < kills:
            code = self._killed(work, took)
            self._check_files(work, allowed)
            if code == 0 or (code == 1 and self.command.done and self.command.done in self._output()):
                self._compare(work, expected, names)
                work = self._fresh()
            elif code is not None:
                self._note("failed", f"exit {code}: {self._output()[-300:]}")
                work = self._fresh()
        while (code := ended(started(self.command, work), 600)) not in (0, 1):  # what was killed last
            self._note("failed", f"exit {code}: {self._output()[-300:]}")
            work = self._fresh()
        self._compare(work, expected, names)

    def step(self, every: int) -> None:
        """Kill the command before each ``every``-th change of a file, which is the same in every run."""
        expected, names, allowed, _ = self._undisturbed()
        for step in range(every, 10_000, every):
            work = self._fresh()
            if ended(started(self.command, work, step), 600) != -signal.SIGKILL:
                return  # it has fewer changes
            self.counts["kills"] += 1
            self._check_files(work, allowed)
            code = ended(started(self.command, work), 600)
            if code not in (0, 1 if self.command.done and self.command.done in self._output() else 0):
                self._note("failed", f"after {step} changes: exit {code}: {self._output()[-300:]}")
            else:
                self._compare(work, expected, names)

    def _undisturbed(self) -> tuple[Values, set[str], list[Any], float]:
        """What the command gives: values, names of files, what a set of files may be; and how long it takes."""
        work = self._fresh()
        before = self.command.sets(work) if self.command.sets else None
        begun = time.monotonic()
        code = ended(started(self.command, work), 600)
        if code != 0:
            raise click.ClickException(f"{self.name} undisturbed ends with {code}: {self._output()}")
        took = time.monotonic() - begun
        expected, names = self.command.values(work), _names(work)
        allowed = [before, self.command.sets(work)] if self.command.sets else []
        return expected, names, allowed, took

    def _killed(self, work: Path, took: float) -> int | None:
        """Start the command and end it at a random moment; its exit code if it ended by itself before."""
        before, children = _names(work), started(self.command, work)
        if self.random.random() < 0.5:
            code = ended(children, self.random.uniform(0.005, 1.02 * took))
        else:  # while files are written, which is the shorter part of most commands
            changes, code = self.random.choice((1, 1, 2, 3, 5, 8)), None
            while changes and (code := ended(children, 0)) is None:
                if (now := _names(work)) != before:
                    before, changes = now, changes - 1
                time.sleep(0.002)
        if code is not None:
            return code
        number = self.random.choice(SIGNALS)
        if not (left := running(children)):
            return ended(children, 0)
        os.kill(self.random.choice(left), number)
        self.counts["kills"] += 1
        self.counts["SIGTERM, SIGINT"] += number != signal.SIGKILL
        # Where the first process dies before it listens, only torchrun's agent knows at once; the others wait for it.
        if ended(children, STOPS if len(children) == 1 else STOPS + JOINED) is None:
            for child in running(children):
                os.kill(child, signal.SIGKILL)
            ended(children, STOPS)
            self._note("did not stop", f"after {signal.Signals(number).name}")
        return None

    def _check_files(self, work: Path, allowed: list[Any]) -> None:
        for path in sorted(work.rglob("*")):
            if path.is_file() and (problem := half(path)):
                self._note("halves", f"{path.relative_to(work)}: {problem}")
        now = self.command.sets(work) if self.command.sets else {}
        # Readers open the main file first, here the first: without it they find no set, and the next run completes it.
        if next(iter(now.values()), None) is not None and now not in allowed:
            there = {name: "missing" if content is None else f"{len(content)} bytes" for name, content in now.items()}
            self._note("halves", f"files of different ages: {there}")

    def _compare(self, work: Path, expected: Values, names: set[str]) -> None:
        self.counts["finished"] += 1
        try:
            values = self.command.values(work)
        except Exception as problem:
            self._note("differences", f"not to be read: {problem!r}")
            return
        differing = [name for name in expected.keys() | values.keys() if expected.get(name) != values.get(name)]
        if differing:
            self._note("differences", ", ".join(sorted(differing)))
        if extra := _names(work) - names:
            self._note("leftovers", ", ".join(sorted(extra)))

    def _note(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        self.notes.append(f"{self.name}: {kind}: {text}")

    def _fresh(self) -> Path:
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        self.command.prepare(work)
        return work

    def _output(self) -> str:
        return (self.folder / "output").read_text(errors="replace").strip()


def half(path: Path) -> str | None:
    """What shows that a file was not written to its end; None where nothing does."""
    if path.name.startswith(".") or path.suffix == ".part":
        return None
    try:
        match path.suffix:
            case ".pt":
                torch.load(path, weights_only=True)
            case ".npz":
                with np.load(path) as arrays:
                    for name in arrays:
                        arrays[name]
            case ".json":
                json.loads(path.read_text())
            case ".html":
                return None if path.read_text().rstrip().endswith("</html>") else "no end"
            case ".txt" | ".csv":
                return None if path.read_text().endswith("\n") else "no end"
    except Exception as problem:
        return repr(problem)[:100]
    return None


def _names(work: Path) -> set[str]:
    return {str(path.relative_to(work)) for path in work.rglob("*") if path.is_file()}


@click.command()
@click.argument("names", nargs=-1, metavar="[COMMAND]...")
@click.option("--kills", default=50, show_default=True, help="Of each command.")
@click.option("--seed", default=0, show_default=True, help="Of the moments and signals.")
@click.option("--every", type=click.IntRange(1), help="Kill before every N-th change of a file in place of that.")
def main(names: tuple[str, ...], kills: int, seed: int, every: int | None) -> None:
    """Kill the commands (all by default) at random moments; exit 1 if anything is not as undisturbed."""
    if unknown := set(names) - set(COMMANDS):
        raise click.UsageError(f"no command {', '.join(unknown)}; there are {', '.join(COMMANDS)}")
    for module in LOADED:
        importlib.import_module(module)
    rows, notes = [["", *COLUMNS]], []
    for name in names or COMMANDS:
        with tempfile.TemporaryDirectory(prefix="torture-") as folder:
            torture = Torture(name, seed, Path(folder))
            if every is None:
                torture.run(kills)
            else:
                torture.step(every)
        rows.append([name, *(str(torture.counts[column]) for column in COLUMNS)])
        notes += [f"{count:>4}  {note}" for note, count in Counter(torture.notes).most_common()]
        click.echo(table([rows[0], rows[-1]]), err=True)
    click.echo("\n".join([table(rows), *notes]))
    sys.exit(bool(notes))


if __name__ == "__main__":
    main()
