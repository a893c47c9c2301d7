"""`talkd occ`: commands with the names, options, output and exit codes of Nextcloud's `occ`, for existing scripts.

docs/admin/occ.md lists them.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from typer.core import TyperGroup

from talkd.cli.command import ConfigCommand, parameters_of

_WITH_VALUE = ("--output", "--config", "--data", "--database")


class _OptionsFirst(TyperGroup):
    """Accepts the options of a command in front of its name, where some scripts write them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words, before = list(args), []
        while words and words[0].startswith("-") and words[0] != "--help":
            count = 2 if words[0] in _WITH_VALUE else 1
            before += words[:count]
            del words[:count]
        return super().parse_args(ctx, [*words[:1], *before, *words[1:]])


app = typer.Typer(
    cls=_OptionsFirst,
    help="Administration commands with the names and options of Nextcloud's occ.",
    no_args_is_help=True,
)


class Form(StrEnum):
    """The output format of a result."""

    PLAIN = "plain"
    JSON = "json"
    JSON_PRETTY = "json_pretty"


Output = Annotated[Form, typer.Option("--output", help="Output format.")]
Limit = Annotated[int, typer.Option("--limit", "-l", min=0, help="Maximum number of entries.")]
Offset = Annotated[int, typer.Option("--offset", "-o", min=0, help="Number of entries to skip.")]

_UNUSED = {"hidden": True, "expose_value": False}


def _occ_options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing; only set the exit status.")] = False,
    no_interaction: Annotated[bool, typer.Option("--no-interaction", "-n", **_UNUSED)] = False,
    no_ansi: Annotated[bool, typer.Option("--no-ansi", **_UNUSED)] = False,
    ansi: Annotated[bool, typer.Option("--ansi", **_UNUSED)] = False,
    no_warnings: Annotated[bool, typer.Option("--no-warnings", **_UNUSED)] = False,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, **_UNUSED)] = 0,
) -> None:
    """Declare the options of every OccCommand. Scripts pass the hidden ones to any command; they change nothing."""


class OccCommand(ConfigCommand):
    """A ConfigCommand with the options that scripts pass to every `occ` command."""

    occ_options = parameters_of(_occ_options)

    def __init__(self, *args: Any, params: list[Any], **more: Any) -> None:
        super().__init__(*args, params=[*params, *self.occ_options], **more)

    def invoke(self, ctx: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()) if ctx.params.pop("quiet") else contextlib.nullcontext():
            return super().invoke(ctx)

    def refuse(self, reason: str) -> NoReturn:
        refuse(reason)


def refuse(reason: str) -> NoReturn:
    """Print the reason to standard output, where scripts expect it, and end the command with status 1."""
    typer.echo(reason)
    raise typer.Exit(1)


def show(value: Mapping[str, Any] | Sequence[Any], form: Form) -> None:
    """Print a result as JSON, or in the plain form: a text as it is, everything else as an indented list.

    An empty mapping is `[]` in JSON, as PHP writes it.
    """
    if form is Form.PLAIN:
        if isinstance(value, str):
            typer.echo(value)
        else:
            _show_plain(value, "  ")
        return
    encoded = msgspec.json.encode(value or [] if isinstance(value, Mapping) else value)
    typer.echo((msgspec.json.format(encoded, indent=4) if form is Form.JSON_PRETTY else encoded).decode())


def _show_plain(value: Mapping[str, Any] | Sequence[Any], indent: str) -> None:
    items = value.items() if isinstance(value, Mapping) else [(None, each) for each in value]
    for key, each in items:
        start = f"{indent}- " if key is None else f"{indent}- {key}:"
        if isinstance(each, Mapping | list | tuple):
            typer.echo(start.rstrip())
            _show_plain(each, indent + "  ")
        else:
            typer.echo(f"{start}{_word(each)}" if key is None else f"{start} {_word(each)}")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
