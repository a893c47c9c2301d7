"""The parts that all commands share: loading the settings, reporting errors, and printing results."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer
from typer.core import TyperCommand

import talkd.config
from talkd.config import Config, ConfigError
from talkd.core.errors import TalkError, Unavailable

T = TypeVar("T")

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file (TOML).", envvar="TALKD_CONFIG")
]
DataFolder = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder for everything stored in files.")
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="postgresql://…; without it, SQLite in the data folder.")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65535)]
UnixSocket = Annotated[
    str | None, typer.Option(metavar="PATH", help="Unix socket to listen on instead of an address and port.")
]
Dev = Annotated[
    bool | None, typer.Option("--dev", help="For testing only: temporary data, sample accounts, no throttling.")
]
DevExposed = Annotated[
    bool | None,
    typer.Option("--dev-exposed", help="Allow --dev to listen on addresses that other machines reach."),
]


def fail(reason: str) -> NoReturn:
    """Print the reason to standard error and end the command with status 1."""
    typer.echo(f"talkd: {reason}", err=True)
    raise typer.Exit(1)


def refusal(error: TalkError) -> str:
    """Return the text that explains a refusal."""
    return error.message or f"refused: {error.reason or type(error).__name__}"


class ConfigContext(typer.Context):
    """The context of a ConfigCommand. `config` holds the settings."""

    config: Config


def _config_options(config_file: ConfigFile = None, data: DataFolder = None, database: DatabaseUrl = None) -> None:
    """Declare the options of every ConfigCommand."""


def parameters_of(function: Callable[..., None]) -> list[Any]:
    """Return the command-line parameters that Typer makes from the parameters of a function."""
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return typer.main.get_command(app).params


class ConfigCommand(TyperCommand):
    """A command with the options --config, --data and --database.

    Its function takes a ConfigContext. If the function raises TalkError, the command prints the message, without a
    stack trace, and ends with status 1.
    """

    context_class = ConfigContext
    config_options = parameters_of(_config_options)

    def __init__(self, *args: Any, params: list[Any], **more: Any) -> None:
        super().__init__(*args, params=[*params, *self.config_options], **more)

    def invoke(self, ctx: Any) -> Any:
        from talkd import logs

        ctx.config = load(**{option.name: ctx.params.pop(option.name) for option in self.config_options})
        try:
            with logs.silenced():
                return super().invoke(ctx)
        except TalkError as error:
            self.refuse(refusal(error))

    def refuse(self, reason: str) -> NoReturn:
        """Print the reason and end the command with status 1."""
        fail(reason)


def load(config_file: Path | None, data: Path | None = None, database: str | None = None, **more: Any) -> Config:
    """Load the settings. Ends the command if one is wrong. The names in `more` have the form `group__option`."""
    chosen = {("data",): str(data) if data else None, ("database", "url"): database}
    chosen |= {tuple(name.split("__")): value for name, value in more.items()}
    given = {path: value for path, value in chosen.items() if value is not None}
    for warning in talkd.config.warnings():
        typer.echo(f"talkd: warning: {warning}", err=True)
    try:
        return talkd.config.load(config_file, os.environ, given)
    except ConfigError as error:
        fail(str(error))


def database_of(config: Config) -> str:
    """Return a name of the database to print. It contains no password."""
    url = config.database.url
    if not url:
        return f"SQLite in {Path(config.data).resolve()}"
    scheme, _, rest = url.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def run(work: Awaitable[T]) -> T:
    """Run asynchronous work and return its result. Ends the command with a message if the database cannot be used.

    Raises TalkError if the work is refused.
    """
    from talkd.cli.database import explain

    async def main() -> T:
        return await work

    try:
        return asyncio.run(main())
    except Exception as error:
        if isinstance(error, TalkError) and not isinstance(error, Unavailable):
            raise
        reason = explain(error)
        if reason is None:
            raise
        fail(reason)


def shows_color() -> bool:
    """Return True if standard output is a terminal with colours and the variable `NO_COLOR` is not set."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return not plain and sys.stdout.isatty()


def show(rows: list[tuple[str, ...]], *, headers: tuple[str, ...]) -> None:
    """Print a table with aligned columns."""
    widths = [max(len(row[column]) for row in [headers, *rows]) for column in range(len(headers))]
    for row in [headers, *rows]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_json(value: Any) -> None:
    """Print a value as indented JSON."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
