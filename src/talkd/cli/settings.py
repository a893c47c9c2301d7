"""`talkd config`: the settings of Talk in the database. A running server applies a change to the next request."""

import click

from talkd.areas.settings import service as settings
from talkd.cli import command
from talkd.cli.database import read, write
from talkd.config import Config

app = command.ConfigGroup()
key = click.argument("key", help="Name of the setting, for example start_calls.")


@app.command("get")
@key
def get_setting(config: Config, key: str) -> None:
    """Print the value of a setting, including secrets. Status 1 if it is not set."""
    values = read(config, settings.get_all)
    if key not in values:
        command.fail(f"{key} is not set")
    click.echo(values[key])


@app.command("set")
@key
@click.argument("value", help="New value.")
def set_setting(config: Config, key: str, value: str) -> None:
    """Change a setting. Status 1 if talkd does not know the setting or the value is wrong."""
    write(config, lambda tx: settings.set_value(tx, key, value))


@app.command("list")
@command.as_json
def list_settings(config: Config, as_json: bool) -> None:
    """List the settings that are set. Secrets are hidden."""
    values = read(config, settings.get_shown)
    if as_json:
        command.show_json(values)
    else:
        command.show(sorted(values.items()), headers=("SETTING", "VALUE"))


@app.command("delete")
@key
def delete_setting(config: Config, key: str) -> None:
    """Reset a setting to its default."""
    write(config, lambda tx: settings.delete_value(tx, key))
