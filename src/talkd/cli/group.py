"""`talkd group`: groups of accounts."""

from typing import Annotated

import typer

from talkd.areas.users import group_service as groups
from talkd.cli import command
from talkd.cli.command import ConfigCommand, ConfigContext
from talkd.cli.database import read, write, write_in_portions
from talkd.core.actor import CLI
from talkd.core.errors import NotFound
from talkd.storage.database import Tx

app = typer.Typer(help="Groups of accounts. Members of the group admin are administrators.", no_args_is_help=True)
Group = Annotated[str, typer.Argument(help="Id of the group.")]
Member = Annotated[str, typer.Argument(help="Name of the account.")]


@app.command("add", cls=ConfigCommand)
def add_group(
    ctx: ConfigContext, group: Group, display_name: Annotated[str, typer.Option(help="Display name.")] = ""
) -> None:
    """Create a group."""
    write(ctx.config, lambda tx: groups.create_group(tx, group, display_name))
    typer.echo(f"Group {group} created")


@app.command("list", cls=ConfigCommand)
def list_groups(
    ctx: ConfigContext,
    members_of: Annotated[str, typer.Argument(metavar="[GROUP]", help="List the members of this group.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List all groups, or the members of one group."""
    if members_of:
        names = read(ctx.config, lambda tx: _members(tx, members_of))
        if as_json:
            command.show_json(names)
        else:
            command.show([(name,) for name in names], headers=("NAME",))
        return
    known = read(ctx.config, groups.list_groups)
    if as_json:
        command.show_json(known)
    else:
        rows: list[tuple[str, ...]] = [(group.id, group.display_name, str(group.members)) for group in known]
        command.show(rows, headers=("GROUP", "DISPLAY NAME", "MEMBERS"))


@app.command("delete", cls=ConfigCommand)
def delete_group(
    ctx: ConfigContext,
    group: Group,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a group. The accounts of its members stay."""
    read(ctx.config, lambda tx: _members(tx, group))
    if not yes:
        typer.confirm(f"Delete the group {group}? This cannot be undone.", abort=True)
    write_in_portions(ctx.config, lambda tx: groups.delete_group(tx, group, by=CLI))
    typer.echo(f"Group {group} deleted")


@app.command("join", cls=ConfigCommand)
def join_group(ctx: ConfigContext, group: Group, name: Member) -> None:
    """Add an account to a group."""
    write(ctx.config, lambda tx: groups.add_member(tx, group, name, by=CLI))
    typer.echo(f"{name} added to group {group}")


@app.command("leave", cls=ConfigCommand)
def leave_group(ctx: ConfigContext, group: Group, name: Member) -> None:
    """Remove an account from a group."""
    write(ctx.config, lambda tx: groups.remove_member(tx, group, name, by=CLI))
    typer.echo(f"{name} removed from group {group}")


async def _members(tx: Tx, group: str) -> list[str]:
    if all(known.id != group for known in await groups.list_groups(tx)):
        raise NotFound(message=f"there is no group {group}")
    return await groups.list_members(tx, group)
