"""Progress on standard error: a bar with the time left on a terminal, now and then a line in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

Report = Callable[[int, int, str], None]  # done, total, what to say beside the bar

SECONDS_A_LINE = 10.0  # in a log


def silent(done: int, total: int, text: str = "") -> None:
    """Report nothing."""


@contextmanager
def progress(task: str) -> Iterator[Report]:
    """Show how far a task is.

    Args:
        task: A word or two, such as ``Surface``.

    Yields:
        A function of (done, total, text) to call as often as there is something to say.
    """
    if not sys.stderr.isatty():
        yield _log(task)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"))
    with Progress(
        *columns, TimeRemainingColumn(), TextColumn("{task.fields[text]}"), console=Console(stderr=True)
    ) as bar:
        handle = bar.add_task(task, total=1, text="")

        def report(done: int, total: int, text: str = "") -> None:
            bar.update(handle, completed=done, total=total, text=text)

        yield report


def _log(task: str) -> Report:
    started = last = time.monotonic()

    def report(done: int, total: int, text: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SECONDS_A_LINE:
            return
        last = now
        left = (now - started) / done * (total - done) if done else float("nan")
        print(f"{task} {done}/{total}, {left:.0f} s left. {text}", file=sys.stderr, flush=True)

    return report
