"""`talkd occ config:app:*` and `status`: settings of Talk, and the version that clients see."""

import click
from click.exceptions import Exit

from talkd.areas.capabilities import view
from talkd.areas.settings import service as settings
from talkd.cli.database import read, write
from talkd.cli.occ import Form, OccGroup, output, refuse, show, unused
from talkd.config import Config
from talkd.conversation.setting_values import masked
from talkd.core.errors import TalkError

commands = OccGroup()

app = click.argument("app", help="Id of the app: spreed or core.")
name = click.argument("name", help="Name of the setting.")


def _require(app: str) -> None:
    try:
        settings.require_app(app)
    except TalkError:
        refuse(f"talkd has no settings of the app {app}, only of spreed and core")


@commands.command("config:app:set")
@app
@name
@click.option("--value", required=True, help="New value.")
@click.option("--update-only", is_flag=True, help="Change the setting only if it is already set.")
@unused("--type")
@unused("--sensitive", is_flag=True)
@unused("--lazy", is_flag=True)
def set_value(config: Config, app: str, name: str, value: str, update_only: bool) -> None:
    """Change a setting of an app. A running server applies it to the next request."""
    _require(app)
    if update_only and name not in read(config, lambda tx: settings.get_all(tx, app)):
        refuse(f"Config value {name} for app {app} not updated, as it has not been set before.")
    write(config, lambda tx: settings.set_value(tx, name, value, app))
    click.echo(f"Config value '{name}' for app '{app}' is now set to '{masked(name, value)}'")


@commands.command("config:app:get")
@app
@name
@click.option("--default-value", help="Value to print if the setting is not set.")
@output
def get_value(config: Config, app: str, name: str, default_value: str | None, output: Form) -> None:
    """Print a setting of an app. Secrets are hidden. Status 1 if it is not set."""
    _require(app)
    value = read(config, lambda tx: settings.get_shown(tx, app)).get(name, default_value)
    if value is None:
        raise Exit(1)
    show(value, output)


@commands.command("config:app:delete")
@app
@name
@click.option("--error-if-not-exists", is_flag=True, help="Status 1 if the setting is not set.")
def delete_value(config: Config, app: str, name: str, error_if_not_exists: bool) -> None:
    """Reset a setting of an app to its default."""
    _require(app)
    if error_if_not_exists and name not in read(config, lambda tx: settings.get_all(tx, app)):
        refuse(f"Config {name} of app {app} could not be deleted because it did not exist")
    write(config, lambda tx: settings.delete_value(tx, name, app))
    click.echo(f"Config value {name} of app {app} deleted")


@commands.command("status")
@output
def show_status(config: Config, output: Form) -> None:
    """Show the content of `/status.php`."""
    show(view.status(config.identity), output)
