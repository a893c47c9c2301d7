"""`talkd occ talk:signaling:*`: external signaling servers."""

from typing import Annotated

import typer

from talkd.areas.signaling import server_service as servers
from talkd.cli.command import ConfigContext
from talkd.cli.database import read, write
from talkd.cli.occ import Form, OccCommand, Output, refuse, show
from talkd.conversation.setting_values import MASK
from talkd.conversation.signaling_servers import SignalingServer
from talkd.core.errors import Invalid, NotFound

commands = typer.Typer()

Server = Annotated[str, typer.Argument(metavar="SERVER", help="Address of the server, as clients reach it.")]


@commands.command("talk:signaling:add", cls=OccCommand)
def add_server(
    ctx: ConfigContext,
    server: Server,
    secret: Annotated[str, typer.Argument(metavar="SECRET", help="Secret shared with all servers.")],
    verify: Annotated[bool, typer.Option("--verify", help="The server's certificate must be valid.")] = False,
) -> None:
    """Add an external signaling server."""
    try:
        write(ctx.config, lambda tx: servers.add_server(tx, SignalingServer(server, verify), secret))
    except Invalid:
        refuse("A signaling server needs a URL and a secret")
    typer.echo(f"Added signaling server {server}.")


@commands.command("talk:signaling:list", cls=OccCommand)
def list_servers(ctx: ConfigContext, output: Output = Form.PLAIN) -> None:
    """List the external signaling servers. The secret is hidden."""
    found = read(ctx.config, servers.get_servers)
    entries = [{"server": each.server, "verify": each.verify} for each in found.servers]
    show({"secret": MASK if found.secret else "", "servers": entries}, output)


@commands.command("talk:signaling:delete", cls=OccCommand)
def remove_server(ctx: ConfigContext, server: Server) -> None:
    """Remove an external signaling server."""
    try:
        write(ctx.config, lambda tx: servers.remove_server(tx, server))
    except NotFound:
        typer.echo("There is nothing to delete.")
    else:
        typer.echo(f"Deleted {server}.")
