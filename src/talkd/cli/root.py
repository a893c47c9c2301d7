"""The tree of commands. A command imports large modules when it runs, so that `talkd --help` is fast."""

import typer

from talkd import __version__
from talkd.cli import (
    doctor,
    group,
    occ,
    occ_calls,
    occ_config,
    occ_groups,
    occ_phones,
    occ_rooms,
    occ_signaling,
    occ_user_setting,
    occ_users,
    serve,
    settings,
    signaling,
    user,
)
from talkd.cli.command import ConfigCommand

app = typer.Typer(
    name="talkd",
    help="A conversation server that speaks the API of the Nextcloud Talk apps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command(cls=ConfigCommand)(doctor.doctor)
app.command(cls=ConfigCommand)(serve.migrate)
app.command()(serve.openapi)
app.add_typer(user.app, name="user")
app.add_typer(group.app, name="group")
app.add_typer(settings.app, name="config")
app.add_typer(signaling.app, name="signaling")
for part in (occ_rooms, occ_calls, occ_signaling, occ_config, occ_users, occ_user_setting, occ_groups, occ_phones):
    occ.app.add_typer(part.commands)
app.add_typer(occ.app, name="occ")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"talkd {__version__}")
