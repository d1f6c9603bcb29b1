"""Dataclasses of settings as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, TypeVar

import click

from landscape.training.config.fields import Config

Made = TypeVar("Made")


class Setting(click.Option):
    """An option that is a field of an ``Config`` dataclass, under its section's heading."""

    def __init__(self, *arguments: Any, section: str, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.section = section


class Sectioned(click.Command):
    """A command whose help shows the settings under their sections' headings, after the other options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each under its heading."""
        records: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                records.setdefault(getattr(parameter, "section", "Options"), []).append(record)
        for heading, rows in records.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def settings_options(kind: type[Config]) -> Callable[..., Any]:
    """An option for each field of a dataclass of settings, in their order.

    Types are read as they are written: the dataclass's module has ``from __future__ import annotations``.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for each in reversed(fields(kind)):  # type: ignore[arg-type]  # a dataclass
            if "help" in each.metadata:
                command = _setting(each)(command)
        return command

    return decorate


def _setting(each: Field[Any]) -> Callable[..., Any]:
    told, parse = each.metadata["default"], each.metadata["parse"]
    name = each.metadata["flag"] or each.name.replace("_", "-")
    keywords: dict[str, Any] = {"default": each.default, "metavar": each.metadata["metavar"]}
    if parse is not None:
        if each.default and told is None:
            told = ",".join(map(str, each.default)) if isinstance(each.default, tuple) else str(each.default)
        keywords |= {"default": None, "callback": _parsed(each.default, parse)}
    elif each.type == "bool":
        keywords |= {"is_flag": True}
        name = f"{name}/--no-{name}" if each.default else name
    elif each.type == "tuple[str, ...]":
        keywords |= {"multiple": True}
    else:
        keywords |= {"type": {"int": int, "float": float}.get(str(each.type).removesuffix(" | None"), str)}
    text = each.metadata["help"] + (f"  [default: {told}]" if told else "")
    return click.option(f"--{name}", each.name, cls=Setting, section=each.metadata["section"], help=text, **keywords)


def _parsed(default: Any, parse: Callable[[str], Any]) -> Callable[..., Any]:
    def callback(ctx: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        try:
            return default if text is None else parse(text)
        except ValueError as problem:
            raise click.BadParameter(str(problem)) from None

    return callback


def made(kind: type[Made], given: dict[str, Any]) -> Made:
    """A dataclass of settings from those of the options that are its own."""
    return kind(**{each.name: given[each.name] for each in fields(kind) if each.name in given})  # type: ignore[arg-type]
