"""The command reference, from what each command says of itself: ``make docs`` writes docs/commands.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from landscape.cli import main

PAGE = Path(__file__).with_name("commands.md")
WIDTH = 100  # of the help, whatever the terminal is
HEAD = """# Commands

What each command says with `--help`; made by `make docs`. By task: [train](guides/train.md),
[surfaces](guides/surface.md), [curvature](guides/curvature.md), [compare](guides/compare.md),
[studies](guides/study.md), [own data](guides/data.md), [own model](guides/problem.md), [the same
in Python](guides/library.md), [results elsewhere](guides/results.md), [SAM in your own loop](guides/sam.md).
"""


def commands(group: click.Group = main, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Every command, each after the group that it belongs to."""
    context = parent or click.Context(main, info_name="landscape", terminal_width=WIDTH, **main.context_settings)
    yield context
    for name, command in group.commands.items():
        below = click.Context(command, parent=context, info_name=name)
        yield from commands(command, below) if isinstance(command, click.Group) else [below]


def reference() -> str:
    """The page: a section a command."""
    sections = (f"\n## {context.command_path}\n\n```text\n{context.get_help()}\n```\n" for context in commands())
    return HEAD + "".join(sections)


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
