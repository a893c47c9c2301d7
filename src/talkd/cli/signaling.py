"""`talkd signaling`: external signaling servers. A running server uses them from the next request on."""

import click

from talkd.areas.signaling import server_service as servers
from talkd.cli import command
from talkd.cli.database import read, write
from talkd.config import Config
from talkd.conversation.signaling_servers import SignalingServer

app = command.ConfigGroup()
url = click.argument("url", help="Address of the server, as clients reach it.")


@app.command("add")
@url
@click.option(
    "--secret",
    required=True,
    help="Secret shared with all servers.",
    envvar="TALKD_SIGNALING_SECRET",
    show_envvar=True,
)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Whether its certificate must be valid.")
def add_server(config: Config, url: str, secret: str, verify: bool) -> None:
    """Add a server, or change the one with this address. All servers have the same secret."""
    changed = write(config, lambda tx: servers.add_server(tx, SignalingServer(url, verify), secret))
    if changed:
        click.echo(f"talkd: this changed the secret of {changed} other server(s): set it there as well", err=True)
    if not config.server.public_url:
        click.echo("talkd: set server.public_url, so that the server knows who tells it about calls", err=True)


@app.command("list")
@command.as_json
def list_servers(config: Config, as_json: bool) -> None:
    """List the servers. The secret is not shown."""
    found = read(config, servers.get_servers).servers
    if as_json:
        command.show_json([{"server": each.server, "verify": each.verify} for each in found])
    else:
        command.show([(each.server, "yes" if each.verify else "no") for each in found], headers=("SERVER", "VERIFY"))


@app.command("remove")
@url
def remove_server(config: Config, url: str) -> None:
    """Remove a server. Without servers, clients use talkd's own signaling. Status 1 if there is no such server."""
    write(config, lambda tx: servers.remove_server(tx, url))
