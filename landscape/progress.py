"""Progress on standard error: a bar with the time left on a terminal, now and then a line in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

Progress = Callable[[float, int, str], None]  # done, total, what to say beside the bar; less done is a new beginning

SECONDS_A_LINE = 10.0  # in a log


def silent(done: float, total: int, text: str = "") -> None:
    """Report nothing."""


@contextmanager
def progress_bar(task: str) -> Iterator[Progress]:
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
    with rich.progress.Progress(
        *columns, TimeRemainingColumn(), TextColumn("{task.fields[text]}"), console=Console(stderr=True)
    ) as bar:
        handle = bar.add_task(task, total=1, text="")

        def report(done: float, total: int, text: str = "") -> None:
            if done < bar.tasks[0].completed:
                bar.reset(handle)
            bar.update(handle, completed=done, total=total, text=text)

        yield report


def _log(task: str) -> Progress:
    told = time.monotonic()
    begun, before, latest = told, 0.0, 0.0  # when, with how much done already, and how much is

    def report(done: float, total: int, text: str = "") -> None:
        nonlocal told, begun, before, latest
        now = time.monotonic()
        if done < latest or (latest == 0 and done > 1):
            begun, before = now, done
        latest = done
        if now - told < SECONDS_A_LINE:
            return
        told = now
        left = f", {(now - begun) / (done - before) * (total - done):.0f} s left" if done > before else ""
        part = f"{done:.1f}".removesuffix(".0")
        print(f"{task} {part}/{total}{left}. {text}".rstrip(), file=sys.stderr, flush=True)

    return report
