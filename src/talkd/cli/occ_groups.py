"""`talkd occ group:*`."""

from typing import Annotated

import typer

from talkd.areas.users import group_service as groups
from talkd.areas.users import group_store
from talkd.areas.users import service as users
from talkd.areas.users.model import Group, GroupSize
from talkd.cli.database import read, write, write_in_portions
from talkd.cli.occ import Form, Limit, Offset, Output, occ, refuse, show
from talkd.config import Config
from talkd.core.actor import CLI
from talkd.storage.database import Tx

commands = typer.Typer()

GroupId = Annotated[str, typer.Argument(metavar="GROUPID", help="Id of the group.")]
User = Annotated[str, typer.Argument(help="Name of the account.")]


def _find(config: Config, group_id: str) -> Group:
    group = read(config, lambda tx: groups.get_group(tx, group_id))
    if group is None:
        refuse(f'Group "{group_id}" does not exist.')
    return group


def _require_member(config: Config, group_id: str, user_id: str) -> None:
    if read(config, lambda tx: groups.get_group(tx, group_id)) is None:
        refuse("group not found")
    if read(config, lambda tx: users.get_account(tx, user_id)) is None:
        refuse("user not found")


@occ(commands, "group:add")
def add_group(
    config: Config,
    groupid: GroupId,
    display_name: Annotated[str, typer.Option(help="Name that others see.")] = "",
) -> None:
    """Create a group."""
    if read(config, lambda tx: group_store.is_taken(tx, groupid)):
        refuse(f'Group "{groupid}" already exists.')
    write(config, lambda tx: groups.create_group(tx, groupid, display_name))
    typer.echo(f'Created group "{groupid}"')


@occ(commands, "group:delete")
def delete_group(config: Config, groupid: GroupId) -> None:
    """Delete a group; its members stay."""
    _find(config, groupid)
    write_in_portions(config, lambda tx: groups.delete_group(tx, groupid, by=CLI))
    typer.echo(f'Group "{groupid}" was removed')


@occ(commands, "group:list")
def list_groups(
    config: Config,
    searchstring: Annotated[str, typer.Argument(help="Text in id or name.")] = "",
    limit: Limit = 500,
    offset: Offset = 0,
    info: Annotated[bool, typer.Option("--info", "-i", help="Show names as well.")] = False,
    output: Output = Form.PLAIN,
) -> None:
    """List groups and their members."""

    async def work(tx: Tx) -> dict[str, object]:
        shown: dict[str, object] = {}
        for group in await groups.list_groups(tx, searchstring, limit, offset):
            members = await groups.list_members(tx, group.id)
            shown[group.id] = _details(group) | {"users": members} if info else members
        return shown

    show(read(config, work), output)


@occ(commands, "group:info")
def show_group(config: Config, groupid: GroupId, output: Output = Form.PLAIN) -> None:
    """Show a group."""
    group = _find(config, groupid)
    show({"groupID": group.id, **_details(group)}, output)


def _details(group: Group | GroupSize) -> dict[str, object]:
    return {"displayName": group.display_name or group.id, "backends": ["Database"]}


@occ(commands, "group:adduser")
def add_member(config: Config, group: GroupId, user: User) -> None:
    """Put an account into a group."""
    _require_member(config, group, user)
    write(config, lambda tx: groups.add_member(tx, group, user, by=CLI))


@occ(commands, "group:removeuser")
def remove_member(config: Config, group: GroupId, user: User) -> None:
    """Take an account out of a group."""
    _require_member(config, group, user)
    write(config, lambda tx: groups.remove_member(tx, group, user, by=CLI))
