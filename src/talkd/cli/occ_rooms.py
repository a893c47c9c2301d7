"""`talkd occ talk:room:*` and `talk:user:*`: rooms and their participants."""

import re

import click

from talkd.areas.rooms import admin_service as admin
from talkd.areas.rooms.admin_service import RoomChanges
from talkd.areas.rooms.member_model import Progress
from talkd.areas.users import password_model as policy
from talkd.areas.users import service as users
from talkd.areas.users.passwords import hash_password_now
from talkd.cli.database import change_members, write
from talkd.cli.occ import Form, OccGroup, output, refuse, show
from talkd.config import Config
from talkd.core.errors import TalkError
from talkd.storage.database import Tx

commands = OccGroup()

token = click.argument("token", help="Token of the room.")
participant = click.argument("participant", nargs=-1, required=True, help="Names of accounts.")
user = click.option("--user", multiple=True, help="Account to add; may be repeated.")
group = click.option("--group", multiple=True, help="Group to add; may be repeated.")
LISTABLE_HELP = "Who can find the room: 0 participants, 1 users, 2 everyone."
EXPIRATION_HELP = "Seconds after which messages expire; 0 for never."
ON_OFF = {"1": True, "0": False}


@commands.command("talk:room:create")
@click.argument("name", help="Name of the room.")
@click.option("--description", default="", help="Description of the room.")
@user
@group
@click.option("--public", is_flag=True, help="Make the room public: guests can join with its link.")
@click.option("--readonly", is_flag=True, help="Make the room read-only.")
@click.option("--listable", default="0", show_default=True, help=LISTABLE_HELP)
@click.option("--password", default="", help="Password of the room.")
@click.option("--owner", default="", help="Account that owns the room.")
@click.option("--moderator", multiple=True, help="Account to make a moderator; may be repeated.")
@click.option("--message-expiration", default="0", show_default=True, help=EXPIRATION_HELP)
@output
def create_room(
    config: Config,
    name: str,
    description: str,
    user: tuple[str, ...],
    group: tuple[str, ...],
    public: bool,
    readonly: bool,
    listable: str,
    password: str,
    owner: str,
    moderator: tuple[str, ...],
    message_expiration: str,
    output: Form,
) -> None:
    """Create a room."""
    scope = _listable(listable)
    seconds = _seconds(message_expiration)
    password_hash = _hash_of(config, password)

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
            user_ids=user,
            moderator_ids=moderator,
            group_ids=group,
            most=config.sizes.attendees,
        )
        return room.token, progress

    token = change_members(config, work)
    if output == "plain":
        click.echo(f"Room token: {token}\nRoom successfully created.")
    else:
        show({"token": token}, output)


@commands.command("talk:room:update")
@token
@click.option("--name", help="New name.")
@click.option("--description", help="New description.")
@click.option("--public", help="1 makes the room public, 0 private.")
@click.option("--readonly", help="1 makes the room read-only, 0 writable.")
@click.option("--listable", help=LISTABLE_HELP)
@click.option("--password", help="New password; empty for none.")
@click.option("--owner", help="New owner; empty for none.")
@click.option("--message-expiration", help=EXPIRATION_HELP)
def update_room(
    config: Config,
    token: str,
    name: str | None,
    description: str | None,
    public: str | None,
    readonly: str | None,
    listable: str | None,
    password: str | None,
    owner: str | None,
    message_expiration: str | None,
) -> None:
    """Change a room."""
    changes = RoomChanges(
        name=name,
        description=description,
        is_public=_on_off("--public", public),
        is_read_only=_on_off("--readonly", readonly),
        listable=_listable(listable),
        message_expiration=_seconds(message_expiration),
        password_hash=None if password is None else _hash_of(config, password),
        owner=owner,
    )
    write(config, lambda tx: admin.update(tx, token, changes))
    click.echo("Room successfully updated.")


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


@commands.command("talk:room:delete")
@token
def delete_room(config: Config, token: str) -> None:
    """Delete a room."""
    write(config, lambda tx: admin.delete(tx, token))
    click.echo("Room successfully deleted.")


@commands.command("talk:room:add")
@token
@user
@group
def add_to_room(config: Config, token: str, user: tuple[str, ...], group: tuple[str, ...]) -> None:
    """Add accounts and groups to a room."""

    async def work(tx: Tx) -> tuple[None, Progress]:
        return None, await admin.add(tx, token, user, group, most=config.sizes.attendees)

    change_members(config, work)
    click.echo("Users successfully added to room.")


@commands.command("talk:room:remove")
@token
@participant
def remove_from_room(config: Config, token: str, participant: tuple[str, ...]) -> None:
    """Remove accounts from a room."""
    write(config, lambda tx: admin.remove_users(tx, token, participant))
    click.echo("Users successfully removed from room.")


@commands.command("talk:room:promote")
@token
@participant
def promote(config: Config, token: str, participant: tuple[str, ...]) -> None:
    """Make participants of a room moderators."""
    write(config, lambda tx: admin.promote(tx, token, participant))
    click.echo("Participants successfully promoted to moderators.")


@commands.command("talk:room:demote")
@token
@participant
def demote(config: Config, token: str, participant: tuple[str, ...]) -> None:
    """Make moderators of a room regular participants."""
    write(config, lambda tx: admin.demote(tx, token, participant))
    click.echo("Participants successfully demoted to regular users.")


@commands.command("talk:user:remove")
@click.option("--user", multiple=True, required=True, help="Account to remove; may be repeated.")
@click.option("--private-only", is_flag=True, help="Skip one-to-one, public and listed rooms.")
def remove_user(config: Config, user: tuple[str, ...], private_only: bool) -> None:
    """Remove accounts from all their rooms."""

    async def work(tx: Tx) -> None:
        for user_id in user:
            await admin.remove_everywhere(tx, user_id, private_only=private_only)

    write(config, work)
    click.echo("Users successfully removed from all rooms.")


@commands.command("talk:user:transfer-ownership")
@click.argument("source_user", help="Account that owns or moderates the rooms.")
@click.argument("destination_user", help="Account that gets the rooms.")
@click.option(
    "--include-non-moderator", is_flag=True, help="Also transfer rooms that the source account does not moderate."
)
@click.option("--remove-source-user", is_flag=True, help="Remove the source account from the rooms.")
def transfer_ownership(
    config: Config, source_user: str, destination_user: str, include_non_moderator: bool, remove_source_user: bool
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

    count, added = write(config, work)
    click.echo(f"Added or promoted user {added} in {count} rooms.")
