"""`talkd occ status`."""

import typer

from talkd.areas.capabilities import view
from talkd.cli.occ import Form, Output, occ, show
from talkd.config import Config

commands = typer.Typer()


@occ(commands, "status")
def show_status(config: Config, output: Output = Form.PLAIN) -> None:
    """Show what `/status.php` tells clients."""
    show(view.status(config.identity), output)
