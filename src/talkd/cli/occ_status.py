"""`talkd occ status`: the version that clients see."""

import typer

from talkd.areas.capabilities import view
from talkd.cli.command import ConfigContext
from talkd.cli.occ import Form, OccCommand, Output, show

commands = typer.Typer()


@commands.command("status", cls=OccCommand)
def show_status(ctx: ConfigContext, output: Output = Form.PLAIN) -> None:
    """Show the content of `/status.php`."""
    show(view.status(ctx.config.identity), output)
