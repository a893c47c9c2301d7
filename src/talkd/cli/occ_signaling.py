"""`talkd occ talk:signaling:*`: external signaling servers."""

import click

from talkd.areas.signaling import server_service as servers
from talkd.cli.database import read, write
from talkd.cli.occ import Form, OccGroup, output, refuse, show
from talkd.config import Config
from talkd.conversation.setting_values import MASK
from talkd.conversation.signaling_servers import SignalingServer
from talkd.core.errors import Invalid, NotFound

commands = OccGroup()

server = click.argument("server", help="Address of the server, as clients reach it.")


@commands.command("talk:signaling:add")
@server
@click.argument("secret", help="Secret shared with all servers.")
@click.option("--verify", is_flag=True, help="The server's certificate must be valid.")
def add_server(config: Config, server: str, secret: str, verify: bool) -> None:
    """Add an external signaling server."""
    try:
        write(config, lambda tx: servers.add_server(tx, SignalingServer(server, verify), secret))
    except Invalid:
        refuse("A signaling server needs a URL and a secret")
    click.echo(f"Added signaling server {server}.")


@commands.command("talk:signaling:list")
@output
def list_servers(config: Config, output: Form) -> None:
    """List the external signaling servers. The secret is hidden."""
    found = read(config, servers.get_servers)
    entries = [{"server": each.server, "verify": each.verify} for each in found.servers]
    show({"secret": MASK if found.secret else "", "servers": entries}, output)


@commands.command("talk:signaling:delete")
@server
def remove_server(config: Config, server: str) -> None:
    """Remove an external signaling server."""
    try:
        write(config, lambda tx: servers.remove_server(tx, server))
    except NotFound:
        click.echo("There is nothing to delete.")
    else:
        click.echo(f"Deleted {server}.")
