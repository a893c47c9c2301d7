"""`talkd occ`: commands with the names, options, output and exit codes of Nextcloud's `occ`, for existing scripts.

docs/admin/occ.md lists them.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, NoReturn, get_args

import click
import msgspec
from click.exceptions import Exit

from talkd.cli.command import ConfigCommand, Group

Form = Literal["plain", "json", "json_pretty"]
"""The output format of a result."""

output = click.option(
    "--output", type=click.Choice(get_args(Form)), default="plain", show_default=True, help="Output format."
)
limit = click.option(
    "--limit",
    "-l",
    type=click.IntRange(min=0),
    default=500,
    show_default=True,
    help="Maximum number of entries.",
)
offset = click.option(
    "--offset", "-o", type=click.IntRange(min=0), default=0, show_default=True, help="Number of entries to skip."
)
unused = partial(click.option, hidden=True, expose_value=False)
"""Declare an option that scripts pass, and that changes nothing."""


class OccCommand(ConfigCommand):
    """A ConfigCommand with the options that scripts pass to every `occ` command."""

    common_options = (
        click.option("--quiet", "-q", is_flag=True, help="Print nothing; only set the exit status."),
        unused("--no-interaction", "-n", is_flag=True),
        unused("--no-ansi", is_flag=True),
        unused("--ansi", is_flag=True),
        unused("--no-warnings", is_flag=True),
        unused("--verbose", "-v", count=True),
        *ConfigCommand.common_options,
    )

    def invoke(self, ctx: click.Context) -> Any:
        with contextlib.redirect_stdout(io.StringIO()) if ctx.params.pop("quiet") else contextlib.nullcontext():
            return super().invoke(ctx)

    def refuse(self, reason: str) -> NoReturn:
        refuse(reason)


class OccGroup(Group):
    """A group whose commands are OccCommands."""

    command_class = OccCommand


def refuse(reason: str) -> NoReturn:
    """Print the reason to standard output, where scripts expect it, and end the command with status 1."""
    click.echo(reason)
    raise Exit(1)


def show(value: Mapping[str, Any] | Sequence[Any], form: Form) -> None:
    """Print a result as JSON, or in the plain form: a text as it is, everything else as an indented list.

    An empty mapping is `[]` in JSON, as PHP writes it.
    """
    if form == "plain":
        if isinstance(value, str):
            click.echo(value)
        else:
            _show_plain(value, "  ")
        return
    encoded = msgspec.json.encode(value or [] if isinstance(value, Mapping) else value)
    click.echo((msgspec.json.format(encoded, indent=4) if form == "json_pretty" else encoded).decode())


def _show_plain(value: Mapping[str, Any] | Sequence[Any], indent: str) -> None:
    items = value.items() if isinstance(value, Mapping) else [(None, each) for each in value]
    for key, each in items:
        start = f"{indent}- " if key is None else f"{indent}- {key}:"
        if isinstance(each, Mapping | list | tuple):
            click.echo(start.rstrip())
            _show_plain(each, indent + "  ")
        else:
            click.echo(f"{start}{_word(each)}" if key is None else f"{start} {_word(each)}")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
