"""What all commands share: one line for any error, signals that keep what is finished, streams, and ``~``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner

from landscape.cli import main
from landscape.command_group import CommandGroup
from landscape.training.data.catalogue import find

ROOT = Path(__file__).resolve().parents[2]


def commands(action):
    @click.group(cls=CommandGroup)
    @click.option("--debug", is_flag=True)
    def group(debug):
        pass

    @group.command()
    @click.argument("path", default="")
    @click.option("--out", default="")
    def act(path, out):
        action(path, out)

    return group


def run(action, *arguments):
    return CliRunner().invoke(commands(action), [*arguments[:0], *(arguments or ("act",))])


def raising(problem):
    def action(path, out):
        raise problem

    return action


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (ValueError("two\nlines"), "Error: two lines\n"),
        (FileNotFoundError(2, "No such file or directory", "a.pt"), "Error: a.pt: No such file or directory\n"),
        (KeyError("x"), "Error: KeyError: 'x'; this is a defect: `landscape --debug …` shows where it is\n"),
        (pl.exceptions.PanicException("a panic"), "Error: PanicException: a panic; this is a defect: "),
        (AssertionError(), "Error: AssertionError: AssertionError; this is a defect: "),
    ],
)
def test_any_error_is_one_line(problem, line):
    result = run(raising(problem))
    assert result.exit_code == 1
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    with pytest.raises(type(problem)):
        CliRunner().invoke(commands(raising(problem)), ["--debug", "act"], catch_exceptions=False)


@pytest.mark.filterwarnings("always:two")
def test_a_warning_is_one_line_without_code():
    result = run(lambda path, out: warnings.warn("two\nlines", stacklevel=1))
    assert (result.exit_code, result.stderr) == (0, "Warning: two\\nlines\n")


def test_the_words_of_click_stay():
    assert run(raising(click.UsageError("wrong"))).exit_code == 2
    assert run(raising(click.exceptions.Exit(5))).exit_code == 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_a_command_as_an_interruption(number, code):
    kept = []
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # as it is in a shell's background jobs

    def action(path, out):
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)  # ends at once: another thread may have been given the signal first
        finally:
            kept.append("points")

    before = signal.getsignal(signal.SIGTERM)
    result = run(action)
    assert (result.exit_code, kept) == (code, ["points"])
    assert "the same command continues" in result.stderr
    assert signal.getsignal(signal.SIGTERM) is before
    signal.signal(signal.SIGINT, ignored)


def test_the_users_folder_is_known_everywhere(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = []
    run(lambda *given: seen.append(given), "act", "~/a.pt", "--out=~/b")
    assert seen == [(f"{tmp_path}/a.pt", f"{tmp_path}/b")]
    (tmp_path / "c.txt").write_text("1 1 2 3\n")
    assert find("~/c.txt") == tmp_path / "c.txt"


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["train", "--out", ""], "--out"),
        (["train", "--out="], "--out"),
        (["data", "prepare", ""], "prepare"),
        (["surface", "a.pt", "", "b.pt"], "a.pt"),
        (["surface", "problem.py", "--set", ""], "--set"),
        ([""], "landscape"),
    ],
)
def test_an_empty_argument_is_refused_before_anything_is_done(words, where, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(main, words)
    assert ended.exit_code == 2
    assert f"the argument after {where} is empty; is a variable of the shell not set?" in ended.stderr
    assert not [*tmp_path.iterdir()]


def test_data_need_a_name():
    with pytest.raises(ValueError, match="the name of the data is empty"):
        find("")


@pytest.mark.parametrize("closed", ["2>&-", "0<&-", "1>&- 2>&-"])
def test_closed_streams_change_nothing(closed, tmp_path):
    command = f"{sys.executable} -m landscape data list --data-dir . {closed}"
    result = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert result.returncode == 0
    assert ("Beauty" in result.stdout) == ("1>" not in closed)
