"""`talkd occ group:*`: groups of accounts."""

import click

from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import EXISTS, Group, GroupSize
from talkd.cli.database import read, write, write_in_portions
from talkd.cli.occ import Form, OccGroup, limit, offset, output, refuse, show
from talkd.config import Config
from talkd.core.actor import CLI
from talkd.core.errors import Rejected
from talkd.storage.database import Tx

commands = OccGroup()

group_id = click.argument("groupid", help="Id of the group.")
user = click.argument("user", help="Name of the account.")


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


@commands.command("group:add")
@group_id
@click.option("--display-name", default="", help="Display name.")
def add_group(config: Config, groupid: str, display_name: str) -> None:
    """Create a group."""
    try:
        write(config, lambda tx: groups.create_group(tx, groupid, display_name))
    except Rejected as error:
        if error.code == EXISTS:
            refuse(f'Group "{groupid}" already exists.')
        raise
    click.echo(f'Created group "{groupid}"')


@commands.command("group:delete")
@group_id
def delete_group(config: Config, groupid: str) -> None:
    """Delete a group. The accounts of its members stay."""
    _find(config, groupid)
    write_in_portions(config, lambda tx: groups.delete_group(tx, groupid, by=CLI))
    click.echo(f'Group "{groupid}" was removed')


@commands.command("group:list")
@click.argument("searchstring", default="", help="Only groups with this text in the id or display name.")
@limit
@offset
@click.option("--info", "-i", is_flag=True, help="Also show the display names.")
@output
def list_groups(config: Config, searchstring: str, limit: int, offset: int, info: bool, output: Form) -> None:
    """List groups and their members."""

    async def work(tx: Tx) -> dict[str, object]:
        shown: dict[str, object] = {}
        for group in await groups.list_groups(tx, searchstring, limit, offset):
            members = await groups.list_members(tx, group.id)
            shown[group.id] = _details(group) | {"users": members} if info else members
        return shown

    show(read(config, work), output)


@commands.command("group:info")
@group_id
@output
def show_group(config: Config, groupid: str, output: Form) -> None:
    """Show a group."""
    group = _find(config, groupid)
    show({"groupID": group.id, **_details(group)}, output)


def _details(group: Group | GroupSize) -> dict[str, object]:
    return {"displayName": group.display_name or group.id, "backends": ["Database"]}


@commands.command("group:adduser")
@group_id
@user
def add_member(config: Config, groupid: str, user: str) -> None:
    """Add an account to a group."""
    _require_both(config, groupid, user)
    write(config, lambda tx: groups.add_member(tx, groupid, user, by=CLI))


@commands.command("group:removeuser")
@group_id
@user
def remove_member(config: Config, groupid: str, user: str) -> None:
    """Remove an account from a group."""
    _require_both(config, groupid, user)
    write(config, lambda tx: groups.remove_member(tx, groupid, user, by=CLI))
