"""`talkd group`: groups of accounts."""

import click

from talkd.areas.users import group_service as groups
from talkd.cli import command
from talkd.cli.database import read, write, write_in_portions
from talkd.config import Config
from talkd.core.actor import CLI
from talkd.core.errors import NotFound
from talkd.storage.database import Tx

app = command.ConfigGroup()
group = click.argument("group", help="Id of the group.")
member = click.argument("name", help="Name of the account.")


@app.command("add")
@group
@click.option("--display-name", default="", help="Display name.")
def add_group(config: Config, group: str, display_name: str) -> None:
    """Create a group."""
    write(config, lambda tx: groups.create_group(tx, group, display_name))
    click.echo(f"Group {group} created")


@app.command("list")
@click.argument("group", default="", help="List the members of this group.")
@command.as_json
def list_groups(config: Config, group: str, as_json: bool) -> None:
    """List all groups, or the members of one group."""
    if group:
        names = read(config, lambda tx: _members(tx, group))
        if as_json:
            command.show_json(names)
        else:
            command.show([(name,) for name in names], headers=("NAME",))
        return
    known = read(config, groups.list_groups)
    if as_json:
        command.show_json(known)
    else:
        rows: list[tuple[str, ...]] = [(each.id, each.display_name, str(each.members)) for each in known]
        command.show(rows, headers=("GROUP", "DISPLAY NAME", "MEMBERS"))


@app.command("delete")
@group
@command.yes
def delete_group(config: Config, group: str, yes: bool) -> None:
    """Delete a group. The accounts of its members stay."""
    read(config, lambda tx: _members(tx, group))
    if not yes:
        click.confirm(f"Delete the group {group}? This cannot be undone.", abort=True)
    write_in_portions(config, lambda tx: groups.delete_group(tx, group, by=CLI))
    click.echo(f"Group {group} deleted")


@app.command("join")
@group
@member
def join_group(config: Config, group: str, name: str) -> None:
    """Add an account to a group."""
    write(config, lambda tx: groups.add_member(tx, group, name, by=CLI))
    click.echo(f"{name} added to group {group}")


@app.command("leave")
@group
@member
def leave_group(config: Config, group: str, name: str) -> None:
    """Remove an account from a group."""
    write(config, lambda tx: groups.remove_member(tx, group, name, by=CLI))
    click.echo(f"{name} removed from group {group}")


async def _members(tx: Tx, group: str) -> list[str]:
    if all(known.id != group for known in await groups.list_groups(tx)):
        raise NotFound(message=f"there is no group {group}")
    return await groups.list_members(tx, group)
