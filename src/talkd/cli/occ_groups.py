"""`talkd occ group:*`: groups of accounts."""

from typing import Annotated

import typer

from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import EXISTS, Group, GroupSize
from talkd.cli.command import ConfigContext
from talkd.cli.database import read, write, write_in_portions
from talkd.cli.occ import Form, Limit, OccCommand, Offset, Output, refuse, show
from talkd.config import Config
from talkd.core.actor import CLI
from talkd.core.errors import Rejected
from talkd.storage.database import Tx

commands = typer.Typer()

GroupId = Annotated[str, typer.Argument(metavar="GROUPID", help="Id of the group.")]
User = Annotated[str, typer.Argument(help="Name of the account.")]


def _find(config: Config, group_id: str) -> Group:
    group = read(config, lambda tx: groups.get_group(tx, group_id))
    if group is None:
        refuse(f'Group "{group_id}" does not exist.')
    return group


def _require_both(config: Config, group_id: str, user_id: str) -> None:
    """End the command if the group or the account does not exist."""
    if read(config, lambda tx: groups.get_group(tx, group_id)) is None:
        refuse("group not found")
    if read(config, lambda tx: users.get_account(tx, user_id)) is None:
        refuse("user not found")


@commands.command("group:add", cls=OccCommand)
def add_group(
    ctx: ConfigContext,
    groupid: GroupId,
    display_name: Annotated[str, typer.Option(help="Display name.")] = "",
) -> None:
    """Create a group."""
    try:
        write(ctx.config, lambda tx: groups.create_group(tx, groupid, display_name))
    except Rejected as error:
        if error.code == EXISTS:
            refuse(f'Group "{groupid}" already exists.')
        raise
    typer.echo(f'Created group "{groupid}"')


@commands.command("group:delete", cls=OccCommand)
def delete_group(ctx: ConfigContext, groupid: GroupId) -> None:
    """Delete a group. The accounts of its members stay."""
    _find(ctx.config, groupid)
    write_in_portions(ctx.config, lambda tx: groups.delete_group(tx, groupid, by=CLI))
    typer.echo(f'Group "{groupid}" was removed')


@commands.command("group:list", cls=OccCommand)
def list_groups(
    ctx: ConfigContext,
    searchstring: Annotated[str, typer.Argument(help="Only groups with this text in the id or display name.")] = "",
    limit: Limit = 500,
    offset: Offset = 0,
    info: Annotated[bool, typer.Option("--info", "-i", help="Also show the display names.")] = False,
    output: Output = Form.PLAIN,
) -> None:
    """List groups and their members."""

    async def work(tx: Tx) -> dict[str, object]:
        shown: dict[str, object] = {}
        for group in await groups.list_groups(tx, searchstring, limit, offset):
            members = await groups.list_members(tx, group.id)
            shown[group.id] = _details(group) | {"users": members} if info else members
        return shown

    show(read(ctx.config, work), output)


@commands.command("group:info", cls=OccCommand)
def show_group(ctx: ConfigContext, groupid: GroupId, output: Output = Form.PLAIN) -> None:
    """Show a group."""
    group = _find(ctx.config, groupid)
    show({"groupID": group.id, **_details(group)}, output)


def _details(group: Group | GroupSize) -> dict[str, object]:
    return {"displayName": group.display_name or group.id, "backends": ["Database"]}


@commands.command("group:adduser", cls=OccCommand)
def add_member(ctx: ConfigContext, group: GroupId, user: User) -> None:
    """Add an account to a group."""
    _require_both(ctx.config, group, user)
    write(ctx.config, lambda tx: groups.add_member(tx, group, user, by=CLI))


@commands.command("group:removeuser", cls=OccCommand)
def remove_member(ctx: ConfigContext, group: GroupId, user: User) -> None:
    """Remove an account from a group."""
    _require_both(ctx.config, group, user)
    write(ctx.config, lambda tx: groups.remove_member(tx, group, user, by=CLI))
