"""`talkd config`: the settings of Talk itself, which work for the very next request."""

from typing import Annotated

import typer

from talkd.areas.settings import service
from talkd.cli import command
from talkd.cli.command import ConfigCommand, ConfigContext
from talkd.cli.database import read, write

app = typer.Typer(help="Settings of Talk (the app `spreed`), changed while the server runs.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(help="Name of the setting, for example start_calls.")]


@app.command("get", cls=ConfigCommand)
def get_setting(ctx: ConfigContext, key: Key) -> None:
    """Print a setting, with the secrets in it; status 1 when it is at its default."""
    values = read(ctx.config, service.get_all)
    if key not in values:
        command.fail(f"{key} is not set")
    typer.echo(values[key])


@app.command("set", cls=ConfigCommand)
def set_setting(ctx: ConfigContext, key: Key, value: Annotated[str, typer.Argument(help="Its new value.")]) -> None:
    """Change a setting. A setting that talkd does not have, or a value it cannot obey, is refused."""
    write(ctx.config, lambda tx: service.set_value(tx, key, value))


@app.command("list", cls=ConfigCommand)
def list_settings(
    ctx: ConfigContext, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Print all settings that are not at their default, without the secrets in them."""
    values = read(ctx.config, service.get_shown)
    if as_json:
        command.show_json(values)
    else:
        command.show(sorted(values.items()), headers=("SETTING", "VALUE"))


@app.command("delete", cls=ConfigCommand)
def delete_setting(ctx: ConfigContext, key: Key) -> None:
    """Put a setting back to its default."""
    write(ctx.config, lambda tx: service.delete_value(tx, key))
