"""The parts that all commands share: loading the settings, reporting errors, and printing results."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

import click
import msgspec
from click.exceptions import Exit

import talkd.config
from talkd.config import Config, ConfigError
from talkd.core.errors import TalkError, Unavailable

T = TypeVar("T")
Decorator = Callable[[click.Command], click.Command]

config_file = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings file (TOML).",
    envvar="TALKD_CONFIG",
    show_envvar=True,
)
data = click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR", help="Folder for everything stored in files."
)
database = click.option("--database", metavar="URL", help="postgresql://…; without it, SQLite in the data folder.")
bus = click.option("--bus", metavar="URL", help="nats://…; for several processes on one PostgreSQL database.")
workers = click.option("--workers", type=click.IntRange(1, 256), help="Processes that answer on this machine.")
host = click.option("--host", help="Address to listen on.")
port = click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
unix_socket = click.option(
    "--unix-socket", metavar="PATH", help="Unix socket to listen on instead of an address and port."
)
dev = click.option(
    "--dev", is_flag=True, default=None, help="For testing only: temporary data, sample accounts, no throttling."
)
dev_exposed = click.option(
    "--dev-exposed", is_flag=True, default=None, help="Allow --dev to listen on addresses that other machines reach."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def fail(reason: str) -> NoReturn:
    """Print the reason to standard error and end the command with status 1."""
    click.echo(f"talkd: {reason}", err=True)
    raise Exit(1)


def refusal(error: TalkError) -> str:
    """Return the text that explains a refusal."""
    return error.message or f"refused: {error.reason or type(error).__name__}"


class ConfigCommand(click.Command):
    """A command with the options --config, --data and --database. Its function takes the settings as `config`.

    If the function raises TalkError, the command prints the message, without a stack trace, and ends with status 1.
    """

    common_options: ClassVar[tuple[Decorator, ...]] = (config_file, data, database)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for option in self.common_options:
            option(self)

    def invoke(self, ctx: click.Context) -> Any:
        from talkd import logs

        given = ctx.params
        given["config"] = load(given.pop("config_file"), given.pop("data"), given.pop("database"))
        try:
            with logs.silenced():
                return super().invoke(ctx)
        except TalkError as error:
            self.refuse(refusal(error))

    def refuse(self, reason: str) -> NoReturn:
        """Print the reason and end the command with status 1."""
        fail(reason)


class Group(click.Group):
    """A group of commands that lists them in the order of the code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base class has it
        return list(self.commands)


class ConfigGroup(Group):
    """A group whose commands are ConfigCommands."""

    command_class = ConfigCommand


def load(config_file: Path | None, data: Path | None = None, database: str | None = None, **more: Any) -> Config:
    """Load the settings. Ends the command if one is wrong. The names in `more` have the form `group__option`."""
    chosen = {("data",): str(data) if data else None, ("database", "url"): database}
    chosen |= {tuple(name.split("__")): value for name, value in more.items()}
    given = {path: value for path, value in chosen.items() if value is not None}
    for warning in talkd.config.warnings():
        click.echo(f"talkd: warning: {warning}", err=True)
    try:
        return talkd.config.load(config_file, os.environ, given)
    except ConfigError as error:
        fail(str(error))


def database_of(config: Config) -> str:
    """Return a name of the database to print. It contains no password."""
    return database_name(config.database.url, Path(config.data))


def database_name(url: str, folder: Path) -> str:
    """Return a name to print, without a password. Without a URL, the database is SQLite in the folder."""
    if not url:
        return f"SQLite in {folder.resolve()}"
    scheme, _, rest = url.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def run(work: Awaitable[T]) -> T:
    """Run asynchronous work and return its result. Ends the command with a message if the database cannot be used.

    Raises TalkError if the work is refused.
    """

    async def main() -> T:
        return await work

    try:
        return asyncio.run(main())
    except Exception as error:
        if isinstance(error, TalkError) and not isinstance(error, Unavailable):
            raise
        from talkd.cli.database import explain

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
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def size_text(size: int) -> str:
    """Return a number of bytes in the unit that people read."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"
