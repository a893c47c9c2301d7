"""Use cases of administrators on the command line, in rooms that they need not be in."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from talkd.areas.participants import attendee_service as attendees
from talkd.areas.participants import service as participants
from talkd.areas.rooms import admin_store
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms import service as rooms
from talkd.areas.rooms import setting_service as room_settings
from talkd.areas.rooms.admin_model import RoomMeasures
from talkd.areas.rooms.member_model import Newcomer, Progress
from talkd.areas.settings import service as settings
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.conversation import attendee_store, room_store
from talkd.conversation.participant import Attendee, require_permissions
from talkd.conversation.room import Attributes, Room, require_description, require_name
from talkd.core import clock
from talkd.core.actor import CLI, GROUPS, USERS, Actor
from talkd.core.constants import MODERATOR_TYPES, Listable, ParticipantType, RoomType
from talkd.core.errors import Invalid, NotFound
from talkd.core.events import RoomCreated
from talkd.storage.database import Tx

PRIVATE_WITH_PASSWORD = "Unable to add password protection to private room."


class RoomChanges(msgspec.Struct, frozen=True):
    """What to change in a room. None keeps a value as it is."""

    name: str | None = None
    description: str | None = None
    is_read_only: bool | None = None
    is_public: bool | None = None
    listable: int | None = None
    message_expiration: int | None = None
    password_hash: str | None = None
    """Empty to remove the password."""
    owner: str | None = None
    """Empty for no owner."""


async def find_any_room(tx: Tx, token: str) -> Room:
    """Return the room of a token, of any type. Raises NotFound."""
    room = await room_store.get_room(tx, token)
    if room is None:
        raise NotFound(message=f"Room with token {token} not found")
    return room


async def _find_room(tx: Tx, token: str) -> Room:
    """Return the group or public room of a token. Raises NotFound, and Invalid for rooms of other types."""
    room = await room_store.get_room(tx, token)
    if room is None:
        raise NotFound(message="Room not found.")
    if not room.is_shared:
        raise Invalid("type", message="Room is no group call.")
    return room


async def create(
    tx: Tx,
    *,
    name: str,
    description: str,
    is_public: bool,
    password_hash: str,
    is_read_only: bool,
    listable: int,
    message_expiration: int,
    owner: str,
    user_ids: Sequence[str],
    moderator_ids: Sequence[str],
    group_ids: Sequence[str],
    most: int,
) -> tuple[Room, Progress]:
    """Create a group or public room with its members. It has no owner if `owner` is empty.

    Return it, and the progress of adding the groups. Raises Invalid, NotFound, and TooLarge if the room would
    have more than `most` attendees.
    """
    if listable not in tuple(Listable):
        raise Invalid("listable", message='Invalid value for option "--listable" given.')
    if password_hash and not is_public:
        raise Invalid("password", message=PRIVATE_WITH_PASSWORD)
    permissions = (await settings.get_settings(tx)).default_permissions
    room = await room_store.add_room(
        tx,
        token=await creation.new_token(tx),
        type=RoomType.PUBLIC if is_public else RoomType.GROUP,
        name=_require_name(name),
        description=_require_description(description),
        password_hash=password_hash,
        attributes=Attributes(
            read_only=int(is_read_only),
            listable=listable,
            message_expiration=message_expiration,
            default_permissions=require_permissions(permissions, "permissions"),
        ),
        now=clock.now(),
    )
    await tx.emit(RoomCreated(room.id, CLI))
    if owner:
        await _set_owner(tx, room, owner)
    await _add_users(tx, room, [*user_ids, *moderator_ids])
    progress = await _add_groups(tx, room, group_ids, most=most)
    await _promote(tx, room, moderator_ids)
    return room, progress


async def update(tx: Tx, token: str, changes: RoomChanges) -> None:
    """Change a group or public room. Raises NotFound, and Invalid with a message for the first impossible change."""
    room = await _find_room(tx, token)
    if changes.name is not None:
        await room_settings.rename(tx, room, CLI, _require_name(changes.name))
    if changes.description is not None:
        await room_settings.set_description(tx, room, CLI, _require_description(changes.description))
    if changes.is_read_only is not None:
        await room_settings.set_read_only(tx, room, CLI, int(changes.is_read_only))
    if changes.is_public is not None:
        set_public = room_settings.allow_guests if changes.is_public else room_settings.disallow_guests
        await set_public(tx, room, CLI)
    if changes.listable is not None:
        await room_settings.set_listable(tx, room, CLI, changes.listable)
    if changes.message_expiration is not None:
        await room_settings.set_message_expiration(tx, room, CLI, changes.message_expiration)
    if changes.password_hash is not None:
        await _set_password(tx, await _find_room(tx, token), changes.password_hash)
    if changes.owner is not None:
        await _set_owner(tx, room, changes.owner)


async def delete(tx: Tx, token: str, by: Actor = CLI) -> None:
    """Delete a group or public room. Raises NotFound, and Invalid for rooms of other types."""
    await rooms.remove(tx, await _find_room(tx, token), by)


async def list_measured(tx: Tx, search: str, order: str, limit: int, offset: int) -> list[RoomMeasures]:
    """List rooms by `activity`, `messages` or `people`, the largest first. Raises Invalid for any other order.

    `search` is a part of their tokens. This may take long in a large database.
    """
    if order not in admin_store.ORDERS:
        raise Invalid("order", message=f"The order is one of {', '.join(admin_store.ORDERS)}.")
    return await admin_store.list_measured(tx, search, order, max(limit, 0), max(offset, 0))


def _require_name(name: str) -> str:
    return _require(require_name, name, "Invalid room name.")


def _require_description(description: str) -> str:
    return _require(require_description, description, "Invalid room description.")


def _require(check: Callable[[str, str], str], text: str, message: str) -> str:
    """Return the text as it is stored. Raises Invalid with the message of Nextcloud's `occ`."""
    try:
        return check(text, "text")
    except Invalid as error:
        error.message = message
        raise


async def _set_password(tx: Tx, room: Room, password_hash: str) -> None:
    """Set the password of a public room, or remove it (""). Raises Invalid for a password in a group room."""
    if password_hash and room.type != RoomType.PUBLIC:
        raise Invalid("password", message=PRIVATE_WITH_PASSWORD)
    if room.type == RoomType.PUBLIC:
        await room_settings.set_password(tx, room, CLI, password_hash)


async def _set_owner(tx: Tx, room: Room, owner: str) -> None:
    """Make a user the only owner, or leave the room without owner (""). Other owners become users. Raises NotFound."""
    owner = next(iter(await _require_users(tx, [owner] if owner else [])), "")
    for attendee in await attendee_store.list_attendees(tx, room.id):
        if attendee.type == ParticipantType.OWNER and not attendee.actor.is_same(USERS, owner):
            await attendees.set_user(tx, room, CLI, attendee)
    if owner:
        await _add_users(tx, room, [owner])
        await _set_role(tx, room, await _find_user(tx, room, owner), ParticipantType.OWNER)


async def _set_role(tx: Tx, room: Room, attendee: Attendee, role: ParticipantType) -> None:
    """Make an attendee owner or moderator. Post a system message unless they are a moderator already."""
    if not attendee.is_moderator:
        await attendees.set_moderator(tx, room, CLI, attendee)
    await attendee_store.set_attendee(tx, room.id, attendee.id, "type", role, clock.now())


# --- members --------------------------------------------------------------------------------
async def add(tx: Tx, token: str, user_ids: Sequence[str], group_ids: Sequence[str], *, most: int) -> Progress:
    """Add users, groups, and the first portion of the groups' members.

    Raises NotFound if one of them does not exist, Invalid for groups in a breakout room, and TooLarge if the room would
    have more than `most` attendees.
    """
    room = await _find_room(tx, token)
    await _add_users(tx, room, user_ids)
    return await _add_groups(tx, room, group_ids, most=most)


async def _add_users(tx: Tx, room: Room, user_ids: Sequence[str]) -> None:
    names = await _require_users(tx, user_ids)
    for user_id, name in names.items():
        await participants.add_user(tx, room, CLI, user_id, name)


async def _add_groups(tx: Tx, room: Room, group_ids: Sequence[str], *, most: int) -> Progress:
    if room.is_breakout_room and group_ids:
        raise Invalid("source", message="Groups cannot be added to a breakout room.")
    for group_id in group_ids:
        if await groups.get_group(tx, group_id) is None:
            raise NotFound(message=f"Group '{group_id}' not found.")
    newcomers = [Newcomer(GROUPS, group_id) for group_id in group_ids]
    return await members.add(tx, room, CLI, newcomers, await settings.get_settings(tx), most=most)


async def remove_users(tx: Tx, token: str, user_ids: Iterable[str]) -> None:
    """Remove members. Raises NotFound if a user is not a member."""
    room = await _find_room(tx, token)
    leaving = {attendee.id: attendee for attendee in [await _find_user(tx, room, user_id) for user_id in user_ids]}
    for attendee in leaving.values():
        await participants.remove(tx, room, CLI, attendee)


async def promote(tx: Tx, token: str, user_ids: Iterable[str]) -> None:
    """Make members moderators; moderators and owners keep their role. Raises NotFound if a user is not a member."""
    await _promote(tx, await _find_room(tx, token), user_ids)


async def _promote(tx: Tx, room: Room, user_ids: Iterable[str]) -> None:
    for user_id in user_ids:
        attendee = await _find_user(tx, room, user_id)
        if attendee.type not in MODERATOR_TYPES:
            await attendees.set_moderator(tx, room, CLI, attendee)


async def demote(tx: Tx, token: str, user_ids: Iterable[str]) -> None:
    """Make moderators users; owners and users keep their role. Raises NotFound if a user is not a member."""
    room = await _find_room(tx, token)
    for user_id in user_ids:
        attendee = await _find_user(tx, room, user_id)
        if attendee.type == ParticipantType.MODERATOR:
            await attendees.set_user(tx, room, CLI, attendee)


async def _find_user(tx: Tx, room: Room, user_id: str) -> Attendee:
    attendee = await attendee_store.find_attendee(tx, room.id, USERS, await users.resolve_id(tx, user_id))
    if attendee is None:
        raise NotFound(message=f"User '{user_id}' is no participant.")
    return attendee


async def _require_users(tx: Tx, user_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of accounts by id. The given ids may be in any case. Raises NotFound."""
    known = await users.resolve_ids(tx, user_ids)
    names = await users.get_names(tx, list(known.values()))
    for typed, user_id in known.items():
        if user_id not in names:
            raise NotFound(message=f"User '{typed}' not found.")
    return {user_id: names[user_id] for user_id in known.values()}


# --- all rooms of a user --------------------------------------------------------------------
async def remove_everywhere(tx: Tx, user_id: str, *, private_only: bool = False) -> None:
    """Remove a user from all group, public and one-to-one rooms. Raises NotFound for an unknown account.

    With `private_only` they stay in one-to-ones and in rooms that others can join: public and listed ones.
    """
    account = await users.get_account(tx, user_id)
    if account is None:
        raise NotFound(message=f"User '{user_id}' not found.")

    def is_affected(room: Room) -> bool:
        if private_only:
            return room.type == RoomType.GROUP and not room.is_listed
        return room.is_shared or room.is_one_to_one

    await rooms.remove_from_rooms(tx, CLI, account.id, account.display_name or account.id, is_affected=is_affected)


async def transfer(tx: Tx, source: str, target: str, *, members_too: bool, remove_source: bool) -> int:
    """Give the target the source's roles in all rooms. Return in how many the target was added or promoted.

    Rooms in which the source does not moderate are left out, unless `members_too`. Raises NotFound and Invalid.
    """
    source, target = await users.resolve_id(tx, source), await users.resolve_id(tx, target)
    if await users.get_account(tx, target) is None:
        raise NotFound(message="Destination user could not be found.")
    await _require_users(tx, [source, target])
    if source == target:
        raise Invalid("target", message="Source and destination are the same user.")
    transferred = 0
    async for attendee, room in rooms.list_rooms_of(tx, source):
        if not room.is_shared or attendee.is_self_joined or not (members_too or attendee.is_moderator):
            continue
        known = await attendee_store.find_attendee(tx, room.id, USERS, target)
        await _add_users(tx, room, [target])
        new = await _find_user(tx, room, target)
        is_changed = known is None or known.type != new.type
        if attendee.is_moderator and attendee.type < new.type:
            await _set_role(tx, room, new, ParticipantType(attendee.type))
            is_changed = True
        if remove_source:
            await participants.remove(tx, room, CLI, attendee)
        transferred += is_changed
    return transferred
