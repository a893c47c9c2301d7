"""`talkd config`: the settings of Talk in the database. A running server applies a change to the next request."""

from typing import Annotated

import typer

from talkd.areas.settings import service as settings
from talkd.cli import command
from talkd.cli.command import ConfigCommand, ConfigContext
from talkd.cli.database import read, write

app = typer.Typer(
    help="Settings of Talk (the app `spreed`). A running server applies changes at once.", no_args_is_help=True
)
Key = Annotated[str, typer.Argument(help="Name of the setting, for example start_calls.")]


@app.command("get", cls=ConfigCommand)
def get_setting(ctx: ConfigContext, key: Key) -> None:
    """Print the value of a setting, including secrets. Status 1 if it is not set."""
    values = read(ctx.config, settings.get_all)
    if key not in values:
        command.fail(f"{key} is not set")
    typer.echo(values[key])


@app.command("set", cls=ConfigCommand)
def set_setting(ctx: ConfigContext, key: Key, value: Annotated[str, typer.Argument(help="New value.")]) -> None:
    """Change a setting. Status 1 if talkd does not know the setting or the value is wrong."""
    write(ctx.config, lambda tx: settings.set_value(tx, key, value))


@app.command("list", cls=ConfigCommand)
def list_settings(
    ctx: ConfigContext, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the settings that are set. Secrets are hidden."""
    values = read(ctx.config, settings.get_shown)
    if as_json:
        command.show_json(values)
    else:
        command.show(sorted(values.items()), headers=("SETTING", "VALUE"))


@app.command("delete", cls=ConfigCommand)
def delete_setting(ctx: ConfigContext, key: Key) -> None:
    """Reset a setting to its default."""
    write(ctx.config, lambda tx: settings.delete_value(tx, key))
