"""What all commands have in common: where the settings come from, and how failure is told."""

import asyncio
import functools
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer

from talkd import config as settings
from talkd.config import Config, ConfigError
from talkd.core.errors import TalkError, Unavailable

T = TypeVar("T")

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file (TOML).", envvar="TALKD_CONFIG")
]
DataFolder = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of everything that is kept in files.")
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="postgresql://…; without it SQLite in the data folder.")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65535)]
Dev = Annotated[
    bool | None, typer.Option("--dev", help="Throw-away data, sample users, no throttles: for testing only.")
]
DevExposed = Annotated[
    bool | None,
    typer.Option("--dev-exposed", help="Let --dev listen where other machines reach it, with its known passwords."),
]
_OPTIONS: dict[str, Any] = {"config_file": ConfigFile, "data": DataFolder, "database": DatabaseUrl}


def fail(reason: str) -> NoReturn:
    """End the command with status 1, saying why on standard error."""
    typer.echo(f"talkd: {reason}", err=True)
    raise typer.Exit(1)


def refusal(error: TalkError) -> str:
    """Return what to say of work that was refused."""
    return error.message or f"refused: {error.reason or type(error).__name__}"


def with_config(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function of (config, …): it gains --config, --data and --database.

    What is wrong with settings, database or input is told in a sentence, never as a stack trace.
    """
    signature = inspect.signature(function)
    given = list(signature.parameters.values())[1:]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        from talkd import logs

        where = {name: values.pop(name) for name in _OPTIONS}
        config = load(where["config_file"], where["data"], where["database"])
        try:
            with logs.silenced():
                function(config, **values)
        except TalkError as error:
            fail(refusal(error))

    command.__signature__ = signature.replace(parameters=[*given, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*given, *added]}
    del command.__wrapped__
    return command


def load(config_file: Path | None, data: Path | None = None, database: str | None = None, **more: Any) -> Config:
    """The settings for this command; ends it when they are wrong. `more` has `group__option` names."""
    chosen = {("data",): str(data) if data else None, ("database", "url"): database}
    chosen |= {tuple(name.split("__")): value for name, value in more.items()}
    given = {path: value for path, value in chosen.items() if value is not None}
    for warning in settings.warnings():
        typer.echo(f"talkd: warning: {warning}", err=True)
    try:
        return settings.load(config_file, os.environ, given)
    except ConfigError as error:
        fail(str(error))


def database_of(config: Config) -> str:
    """How the database is called towards people: without what may hold a password."""
    url = config.database.url
    if not url:
        return f"SQLite in {Path(config.data).resolve()}"
    scheme, _, rest = url.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def run(work: Awaitable[T]) -> T:
    """Run asynchronous work to its end. Ends the command with a sentence if the database cannot be used.

    Raises TalkError when the work is refused.
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
    """Return True if standard output is a terminal with colours and nobody has set the variable `NO_COLOR`."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return not plain and sys.stdout.isatty()


def show(rows: list[tuple[str, ...]], *, headers: tuple[str, ...]) -> None:
    """A table in plain columns, as other programs like to read it."""
    widths = [max(len(row[column]) for row in [headers, *rows]) for column in range(len(headers))]
    for row in [headers, *rows]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_json(value: Any) -> None:
    """The same for programs."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
