"""`talkd occ config:app:*` and `status`: settings of Talk, and the version that clients see."""

from typing import Annotated

import typer

from talkd.areas.capabilities import view
from talkd.areas.settings import service as settings
from talkd.cli.command import ConfigContext
from talkd.cli.database import read, write
from talkd.cli.occ import Form, OccCommand, Output, refuse, show
from talkd.conversation.setting_values import masked
from talkd.core.errors import TalkError

commands = typer.Typer()

App = Annotated[str, typer.Argument(help="Id of the app: spreed or core.")]
Key = Annotated[str, typer.Argument(metavar="NAME", help="Name of the setting.")]


def _require(app: str) -> None:
    try:
        settings.require_app(app)
    except TalkError:
        refuse(f"talkd has no settings of the app {app}, only of spreed and core")


@commands.command("config:app:set", cls=OccCommand)
def set_value(
    ctx: ConfigContext,
    app: App,
    name: Key,
    value: Annotated[str, typer.Option(help="New value.")],
    update_only: Annotated[
        bool, typer.Option("--update-only", help="Change the setting only if it is already set.")
    ] = False,
    type_: Annotated[str, typer.Option("--type", hidden=True)] = "",
    sensitive: Annotated[bool, typer.Option("--sensitive", hidden=True)] = False,
    lazy: Annotated[bool, typer.Option("--lazy", hidden=True)] = False,
) -> None:
    """Change a setting of an app. A running server applies it to the next request."""
    del type_, sensitive, lazy  # accepted for scripts, without effect
    _require(app)
    if update_only and name not in read(ctx.config, lambda tx: settings.get_all(tx, app)):
        refuse(f"Config value {name} for app {app} not updated, as it has not been set before.")
    write(ctx.config, lambda tx: settings.set_value(tx, name, value, app))
    typer.echo(f"Config value '{name}' for app '{app}' is now set to '{masked(name, value)}'")


@commands.command("config:app:get", cls=OccCommand)
def get_value(
    ctx: ConfigContext,
    app: App,
    name: Key,
    default_value: Annotated[str | None, typer.Option(help="Value to print if the setting is not set.")] = None,
    output: Output = Form.PLAIN,
) -> None:
    """Print a setting of an app. Secrets are hidden. Status 1 if it is not set."""
    _require(app)
    value = read(ctx.config, lambda tx: settings.get_shown(tx, app)).get(name, default_value)
    if value is None:
        raise typer.Exit(1)
    show(value, output)


@commands.command("config:app:delete", cls=OccCommand)
def delete_value(
    ctx: ConfigContext,
    app: App,
    name: Key,
    error_if_not_exists: Annotated[
        bool, typer.Option("--error-if-not-exists", help="Status 1 if the setting is not set.")
    ] = False,
) -> None:
    """Reset a setting of an app to its default."""
    _require(app)
    if error_if_not_exists and name not in read(ctx.config, lambda tx: settings.get_all(tx, app)):
        refuse(f"Config {name} of app {app} could not be deleted because it did not exist")
    write(ctx.config, lambda tx: settings.delete_value(tx, name, app))
    typer.echo(f"Config value {name} of app {app} deleted")


@commands.command("status", cls=OccCommand)
def show_status(ctx: ConfigContext, output: Output = Form.PLAIN) -> None:
    """Show the content of `/status.php`."""
    show(view.status(ctx.config.identity), output)
