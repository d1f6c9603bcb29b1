"""Progress on standard error: a bar with the time left on a terminal, or a line every few seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

from landscape.launch import launch

Progress = Callable[[float, int, str], None]  # (done, total, text beside the bar); a smaller `done` restarts the bar

SECONDS_PER_LINE = 10.0  # in a log


def silent(done: float, total: int, text: str = "") -> None:
    """Report nothing."""


@contextmanager
def progress_bar(task: str) -> Iterator[Progress]:
    """Show the progress of a task on standard error.

    Args:
        task: A word or two, such as ``Surface``.

    Yields:
        A function of (done, total, text). It may be called as often as there is something to report.
    """
    if not launch().first:
        yield silent
        return
    if not sys.stderr.isatty():
        yield _log(task)
        return
    # Without markup: the text has names of any kind, such as "[/b]".
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"))
    text = TextColumn("{task.fields[text]}", markup=False)
    bar = rich.progress.Progress(*columns, TimeRemainingColumn(), text, console=Console(stderr=True))
    handle = bar.add_task(task, total=1, text="")

    def report(done: float, total: int, text: str = "") -> None:
        bar.start()  # at the first report: nothing is shown where a result is read from a file
        if done < bar.tasks[0].completed:
            bar.reset(handle)
        bar.update(handle, completed=done, total=total, text=text)

    try:
        yield report
    finally:
        bar.stop()


def _log(task: str) -> Progress:
    printed = time.monotonic()  # when the last line was
    started, done_at_start, last_done = printed, 0.0, 0.0

    def report(done: float, total: int, text: str = "") -> None:
        nonlocal printed, started, done_at_start, last_done
        now = time.monotonic()
        if done < last_done or (last_done == 0 and done > 1):  # another task, or one that is continued
            started, done_at_start = now, done
        last_done = done
        if now - printed < SECONDS_PER_LINE:
            return
        printed = now
        new = done - done_at_start
        left = f", {(now - started) / new * (total - done):.0f} s left" if new > 0 else ""
        count = f"{done:.1f}".removesuffix(".0")
        print(f"{task} {count}/{total}{left}. {text}".rstrip(), file=sys.stderr, flush=True)

    return report
