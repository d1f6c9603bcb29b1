"""What all commands share: errors as one line, signals, standard streams, and ``~`` in paths."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from landscape.launch import launch

# Commands that torchrun may start in several processes.
SHARED = ("train", "evaluate", "surface", "curvature", "compare", "study")
INTERRUPTED, TERMINATED = 130, 143  # the shell's codes for SIGINT (Ctrl-C) and SIGTERM
PASSED_ON = (click.ClickException, click.exceptions.Exit, SystemExit, GeneratorExit, BrokenPipeError)


class TerminatedError(KeyboardInterrupt):
    """SIGTERM has come: a batch system's limit of time, for example. What is finished is kept, as at Ctrl-C."""


class CommandGroup(click.Group):
    """Commands that end with one line where something is wrong, and keep what is finished when they are stopped."""

    _blameless = False  # whether this process ends because another one has, or because it was stopped
    _said = False  # whether another process says why

    def main(self, args: Sequence[str] | None = None, *arguments: Any, **keywords: Any) -> Any:
        """Run a command of the command line; see the module's text."""
        _open_streams()
        given = sys.argv[1:] if args is None else args
        with launch().one_voice(lambda: self._blameless, lambda: self._said):
            return super().main([_expanded(text) for text in given], *arguments, **keywords)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of several processes, only some commands can make use."""
        _reject_empty(args)
        name, command, rest = super().resolve_command(ctx, args)
        if launch().count > 1 and name not in SHARED:
            raise click.UsageError(f"{name} is not shared out among processes ({', '.join(SHARED)} are); start one")
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            ClickException: Something is wrong that the user can mend, or, as the last resort, anything else.
        """
        try:
            with _termination(), _plain_warnings():
                return super().invoke(ctx)
        except PASSED_ON:
            raise  # of click itself; a broken pipe: the reader of the output has closed it
        except (KeyboardInterrupt, click.Abort) as stopped:
            self._blameless = True
            if isinstance(stopped, TerminatedError) and (reason := launch().end_of_another()):
                raise click.ClickException(reason) from None  # torchrun stops the others
            click.echo(
                "Stopped. Finished parts are saved; the same command continues (train: with --resume).", err=True
            )
            ctx.exit(TERMINATED if isinstance(stopped, TerminatedError) else INTERRUPTED)
        except BaseException as problem:  # a panic of a library is no Exception
            if ctx.params.get("debug"):
                raise
            from landscape.results.storage.files import format_error

            text = format_error(problem)
            if launch().count > 1:
                from landscape.processes import OtherProcessError

                causes = [*_causes(problem)]
                self._said = any(isinstance(cause, OtherProcessError) for cause in causes)
                self._blameless = self._said or any(isinstance(cause, ConnectionError) for cause in causes)
                if any(isinstance(cause, ConnectionError) for cause in causes):
                    text = launch().end_of_another(or_stopped=True) or text
            if not isinstance(problem, (ValueError, OSError, MemoryError)) and not self._said:
                text = f"{type(problem).__name__}: {text}; this is a defect: `landscape --debug …` shows where it is"
            raise click.ClickException(text) from None


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """Yield an error, the one that it was raised from, and so on."""
    cause: BaseException | None = problem
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _reject_empty(args: Sequence[str]) -> None:
    """Refuse empty arguments, which a shell makes of a variable that is not set: ``--out "$FOLDER"``."""
    for place, text in enumerate(args):
        option, equals, value = text.partition("=") if text.startswith("--") else ("", "", text)
        if not value and (equals or not option):
            where = option or (args[place - 1] if place else "landscape")
            raise click.UsageError(f"the argument after {where} is empty; is a variable of the shell not set?")


def _expanded(text: str) -> str:
    """Return an argument with ``~`` for the user's folder, also after ``--option=``, where shells leave it."""
    option, equals, value = text.partition("=") if text.startswith("--") else ("", "", text)
    return option + equals + (os.path.expanduser(value) if value.startswith("~") else value)


def _open_streams() -> None:
    """Open what the caller has closed of the three standard streams, so that no file gets their descriptors.

    Names of files that the terminal's encoding lacks are written with escapes.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 (open until the process ends)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show a warning as one line, without the place in the code that it comes from."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        from landscape.results.display.printable import printable

        click.echo(f"Warning: {printable(message)}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def _termination() -> Iterator[None]:
    """Raise ``TerminatedError`` in the block when SIGTERM comes."""

    def terminate(*_: object) -> None:
        raise TerminatedError

    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
