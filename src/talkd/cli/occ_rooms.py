"""`talkd occ talk:room:*` and `talk:user:*`: rooms and their participants."""

import re
from typing import Annotated

import typer

from talkd.areas.rooms import admin_service as admin
from talkd.areas.rooms.admin_service import RoomChanges
from talkd.areas.rooms.member_model import Progress
from talkd.areas.users import password_model as policy
from talkd.areas.users import service as users
from talkd.areas.users.passwords import hash_password_now
from talkd.cli.command import ConfigContext
from talkd.cli.database import change_members, write
from talkd.cli.occ import Form, OccCommand, Output, refuse, show
from talkd.config import Config
from talkd.core.errors import TalkError
from talkd.storage.database import Tx

commands = typer.Typer()

Token = Annotated[str, typer.Argument(help="Token of the room.")]
Participants = Annotated[list[str], typer.Argument(metavar="PARTICIPANT...", help="Names of accounts.")]
Users = Annotated[list[str] | None, typer.Option("--user", help="Account to add; may be repeated.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="Group to add; may be repeated.")]
ON_OFF = {"1": True, "0": False}


@commands.command("talk:room:create", cls=OccCommand)
def create_room(
    ctx: ConfigContext,
    name: Annotated[str, typer.Argument(help="Name of the room.")],
    description: Annotated[str, typer.Option(help="Description of the room.")] = "",
    user: Users = None,
    group: Groups = None,
    public: Annotated[
        bool, typer.Option("--public", help="Make the room public: guests can join with its link.")
    ] = False,
    readonly: Annotated[bool, typer.Option("--readonly", help="Make the room read-only.")] = False,
    listable: Annotated[str, typer.Option(help="Who can find the room: 0 participants, 1 users, 2 everyone.")] = "0",
    password: Annotated[str, typer.Option(help="Password of the room.")] = "",
    owner: Annotated[str, typer.Option(help="Account that owns the room.")] = "",
    moderator: Annotated[list[str] | None, typer.Option(help="Account to make a moderator; may be repeated.")] = None,
    message_expiration: Annotated[str, typer.Option(help="Seconds after which messages expire; 0 for never.")] = "0",
    output: Output = Form.PLAIN,
) -> None:
    """Create a room."""
    scope = _listable(listable)
    seconds = _seconds(message_expiration)
    password_hash = _hash_of(ctx.config, password)

    async def work(tx: Tx) -> tuple[str, Progress]:
        room, progress = await admin.create(
            tx,
            name=name,
            description=description,
            is_public=public,
            password_hash=password_hash,
            is_read_only=readonly,
            listable=scope or 0,
            message_expiration=seconds or 0,
            owner=owner,
            user_ids=user or (),
            moderator_ids=moderator or (),
            group_ids=group or (),
            most=ctx.config.sizes.attendees,
        )
        return room.token, progress

    token = change_members(ctx.config, work)
    if output is Form.PLAIN:
        typer.echo(f"Room token: {token}\nRoom successfully created.")
    else:
        show({"token": token}, output)


@commands.command("talk:room:update", cls=OccCommand)
def update_room(
    ctx: ConfigContext,
    token: Token,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    description: Annotated[str | None, typer.Option(help="New description.")] = None,
    public: Annotated[str | None, typer.Option(help="1 makes the room public, 0 private.")] = None,
    readonly: Annotated[str | None, typer.Option(help="1 makes the room read-only, 0 writable.")] = None,
    listable: Annotated[
        str | None, typer.Option(help="Who can find the room: 0 participants, 1 users, 2 everyone.")
    ] = None,
    password: Annotated[str | None, typer.Option(help="New password; empty for none.")] = None,
    owner: Annotated[str | None, typer.Option(help="New owner; empty for none.")] = None,
    message_expiration: Annotated[
        str | None, typer.Option(help="Seconds after which messages expire; 0 for never.")
    ] = None,
) -> None:
    """Change a room."""
    changes = RoomChanges(
        name=name,
        description=description,
        is_public=_on_off("--public", public),
        is_read_only=_on_off("--readonly", readonly),
        listable=_listable(listable),
        message_expiration=_seconds(message_expiration),
        password_hash=None if password is None else _hash_of(ctx.config, password),
        owner=owner,
    )
    write(ctx.config, lambda tx: admin.update(tx, token, changes))
    typer.echo("Room successfully updated.")


def _hash_of(config: Config, password: str | None) -> str:
    """Return the hash of a room's password, or "" without one. Ends the command if it is too short."""
    if not password:
        return ""
    try:
        policy.require_room_password(password, config.security)
    except TalkError as error:
        refuse(error.message)
    return hash_password_now(password)


def _on_off(option: str, value: str | None) -> bool | None:
    if value is not None and value not in ON_OFF:
        refuse(f'Invalid value for option "{option}" given.')
    return None if value is None else ON_OFF[value]


def _listable(value: str | None) -> int | None:
    if value not in (None, "0", "1", "2"):
        refuse('Invalid value for option "--listable" given.')
    return None if value is None else int(value)


def _seconds(value: str | None) -> int | None:
    if value is not None and not re.fullmatch("[0-9]{1,10}", value):
        refuse("Unable to change message expiration.")
    return None if value is None else int(value)


@commands.command("talk:room:delete", cls=OccCommand)
def delete_room(ctx: ConfigContext, token: Token) -> None:
    """Delete a room."""
    write(ctx.config, lambda tx: admin.delete(tx, token))
    typer.echo("Room successfully deleted.")


@commands.command("talk:room:add", cls=OccCommand)
def add_to_room(ctx: ConfigContext, token: Token, user: Users = None, group: Groups = None) -> None:
    """Add accounts and groups to a room."""

    async def work(tx: Tx) -> tuple[None, Progress]:
        return None, await admin.add(tx, token, user or (), group or (), most=ctx.config.sizes.attendees)

    change_members(ctx.config, work)
    typer.echo("Users successfully added to room.")


@commands.command("talk:room:remove", cls=OccCommand)
def remove_from_room(ctx: ConfigContext, token: Token, participant: Participants) -> None:
    """Remove accounts from a room."""
    write(ctx.config, lambda tx: admin.remove_users(tx, token, participant))
    typer.echo("Users successfully removed from room.")


@commands.command("talk:room:promote", cls=OccCommand)
def promote(ctx: ConfigContext, token: Token, participant: Participants) -> None:
    """Make participants of a room moderators."""
    write(ctx.config, lambda tx: admin.promote(tx, token, participant))
    typer.echo("Participants successfully promoted to moderators.")


@commands.command("talk:room:demote", cls=OccCommand)
def demote(ctx: ConfigContext, token: Token, participant: Participants) -> None:
    """Make moderators of a room regular participants."""
    write(ctx.config, lambda tx: admin.demote(tx, token, participant))
    typer.echo("Participants successfully demoted to regular users.")


@commands.command("talk:user:remove", cls=OccCommand)
def remove_user(
    ctx: ConfigContext,
    user: Annotated[list[str], typer.Option("--user", help="Account to remove; may be repeated.")],
    private_only: Annotated[
        bool, typer.Option("--private-only", help="Skip one-to-one, public and listed rooms.")
    ] = False,
) -> None:
    """Remove accounts from all their rooms."""

    async def work(tx: Tx) -> None:
        for user_id in user:
            await admin.remove_everywhere(tx, user_id, private_only=private_only)

    write(ctx.config, work)
    typer.echo("Users successfully removed from all rooms.")


@commands.command("talk:user:transfer-ownership", cls=OccCommand)
def transfer_ownership(
    ctx: ConfigContext,
    source_user: Annotated[str, typer.Argument(help="Account that owns or moderates the rooms.")],
    destination_user: Annotated[str, typer.Argument(help="Account that gets the rooms.")],
    include_non_moderator: Annotated[
        bool,
        typer.Option("--include-non-moderator", help="Also transfer rooms that the source account does not moderate."),
    ] = False,
    remove_source_user: Annotated[
        bool, typer.Option("--remove-source-user", help="Remove the source account from the rooms.")
    ] = False,
) -> None:
    """Transfer the rooms that an account owns or moderates to another account."""

    async def work(tx: Tx) -> tuple[int, str]:
        count = await admin.transfer(
            tx,
            source_user,
            destination_user,
            members_too=include_non_moderator,
            remove_source=remove_source_user,
        )
        return count, await users.resolve_id(tx, destination_user)

    count, added = write(ctx.config, work)
    typer.echo(f"Added or promoted user {added} in {count} rooms.")
