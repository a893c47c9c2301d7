"""`talkd signaling`: external signaling servers. A running server uses them from the next request on."""

from typing import Annotated

import typer

from talkd.areas.signaling import server_service as servers
from talkd.cli import command
from talkd.cli.command import ConfigCommand, ConfigContext
from talkd.cli.database import read, write
from talkd.conversation.signaling_servers import SignalingServer

app = typer.Typer(
    help="External signaling servers for calls. Without any, talkd is the signaling server.", no_args_is_help=True
)
Url = Annotated[str, typer.Argument(metavar="URL", help="Address of the server, as clients reach it.")]


@app.command("add", cls=ConfigCommand)
def add_server(
    ctx: ConfigContext,
    url: Url,
    secret: Annotated[str, typer.Option(help="Secret shared with all servers.", envvar="TALKD_SIGNALING_SECRET")],
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Whether its certificate must be valid.")] = True,
) -> None:
    """Add a server, or change the one with this address. All servers have the same secret."""
    write(ctx.config, lambda tx: servers.add_server(tx, SignalingServer(url, verify), secret))
    if not ctx.config.server.public_url:
        typer.echo("talkd: set server.public_url, so that the server knows who tells it about calls", err=True)


@app.command("list", cls=ConfigCommand)
def list_servers(
    ctx: ConfigContext, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the servers. The secret is not shown."""
    found = read(ctx.config, servers.get_servers).servers
    if as_json:
        command.show_json([{"server": each.server, "verify": each.verify} for each in found])
    else:
        command.show([(each.server, "yes" if each.verify else "no") for each in found], headers=("SERVER", "VERIFY"))


@app.command("remove", cls=ConfigCommand)
def remove_server(ctx: ConfigContext, url: Url) -> None:
    """Remove a server. Without servers, clients use talkd's own signaling. Status 1 if there is no such server."""
    write(ctx.config, lambda tx: servers.remove_server(tx, url))
