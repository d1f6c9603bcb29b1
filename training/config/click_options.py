"""The fields of ``Config`` dataclasses as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, TypeVar

import click

from landscape.training.config.fields import Config

C = TypeVar("C", bound=Config)


class ConfigOption(click.Option):
    """An option that is a field of a ``Config`` dataclass, listed under its section's heading."""

    def __init__(self, *arguments: Any, section: str, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help lists each ``ConfigOption`` under its section's heading, after the other options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every option under its heading."""
        records: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                records.setdefault(getattr(parameter, "section", "Options"), []).append(record)
        for heading, rows in records.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def config_options(config: type[Config]) -> Callable[..., Any]:
    """Return a decorator that gives a command an option for each field of a ``Config`` dataclass, in their order.

    Types are compared as texts: the dataclass's module has ``from __future__ import annotations``.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for field in reversed(fields(config)):  # type: ignore[arg-type]  # a dataclass
            if "help" in field.metadata:
                command = _option(field)(command)
        return command

    return decorate


def _option(field: Field[Any]) -> Callable[..., Any]:
    metadata, default = field.metadata, field.default
    default_help, parse = metadata["default_help"], metadata["parse"]
    name = metadata["flag"] or field.name.replace("_", "-")
    keywords: dict[str, Any] = {"default": default, "metavar": metadata["metavar"]}
    if parse is not None:
        if default and default_help is None:
            default_help = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
        keywords |= {"default": None, "callback": _parsing(default, parse)}
    elif field.type == "bool":
        keywords |= {"is_flag": True}
        name = f"{name}/--no-{name}" if default else name
    elif field.type == "tuple[str, ...]":
        keywords |= {"multiple": True}
    else:
        keywords |= {"type": {"int": int, "float": float}.get(str(field.type).removesuffix(" | None"), str)}
    text = metadata["help"] + (f"  [default: {default_help}]" if default_help else "")
    return click.option(f"--{name}", field.name, cls=ConfigOption, section=metadata["section"], help=text, **keywords)


def _parsing(default: Any, parse: Callable[[str], Any]) -> Callable[..., Any]:
    def callback(ctx: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        try:
            return default if text is None else parse(text)
        except ValueError as problem:
            raise click.BadParameter(str(problem)) from None

    return callback


def from_options(config: type[C], given: dict[str, Any]) -> C:
    """Return an instance of ``config`` made from those of a command's options that are fields of it.

    Raises:
        ValueError: A value is out of range or unknown.
    """
    names = [field.name for field in fields(config)]  # type: ignore[arg-type]  # a dataclass
    return config(**{name: given[name] for name in names if name in given})
