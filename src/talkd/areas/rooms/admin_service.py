"""What administrators do in any room from the command line, without being in it."""

from collections.abc import Callable, Iterable, Sequence

from talkd.areas.participants import attendee_service as attendees
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms import service as rooms
from talkd.areas.rooms import setting_service as room_settings
from talkd.areas.rooms.member_model import Newcomer, Progress
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.conversation import attendee_store, room_store
from talkd.conversation.participant import Attendee, is_self_joined
from talkd.conversation.room import Attributes, Room, require_description, require_name
from talkd.conversation.settings import TalkSettings
from talkd.core import clock
from talkd.core.actor import CLI, GROUPS, USERS
from talkd.core.constants import MODERATORS, Listable, ParticipantType, RoomType
from talkd.core.errors import Invalid, NotFound
from talkd.core.events import RoomCreated
from talkd.storage.database import Tx

PRIVATE_WITH_PASSWORD = "Unable to add password protection to private room."


async def find_any_room(tx: Tx, token: str) -> Room:
    """Return the room of a token, of any type. Raises NotFound."""
    room = await room_store.get_room(tx, token)
    if room is None:
        raise NotFound(message=f"Room with token {token} not found")
    return room


async def find_room(tx: Tx, token: str) -> Room:
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
    description: str = "",
    public: bool = False,
    password_hash: str = "",
    attributes: Attributes,
    owner: str = "",
) -> Room:
    """Create a group or public room. It has no owner if none is named. Raises Invalid or NotFound."""
    if attributes.listable not in tuple(Listable):
        raise Invalid("listable", message='Invalid value for option "--listable" given.')
    if password_hash and not public:
        raise Invalid("password", message=PRIVATE_WITH_PASSWORD)
    room = await room_store.add_room(
        tx,
        token=await creation.new_token(tx),
        type=RoomType.PUBLIC if public else RoomType.GROUP,
        name=_require(require_name, name, "Invalid room name."),
        description=_require(require_description, description, "Invalid room description."),
        password_hash=password_hash,
        attributes=attributes,
        now=clock.now(),
    )
    await tx.emit(RoomCreated(room.id, CLI))
    if owner:
        await set_owner(tx, room, owner)
    return room


def _require(check: Callable[[str, str], str], text: str, message: str) -> str:
    """Return the text as it is stored. Raises Invalid with the message that scripts know."""
    try:
        return check(text, "text")
    except Invalid as error:
        error.message = message
        raise


async def rename(tx: Tx, room: Room, name: str) -> None:
    """Rename the room. Raises Invalid."""
    await room_settings.rename(tx, room, CLI, _require(require_name, name, "Invalid room name."))


async def set_description(tx: Tx, room: Room, description: str) -> None:
    """Set the description. Raises Invalid."""
    text = _require(require_description, description, "Invalid room description.")
    await room_settings.set_description(tx, room, CLI, text)


async def set_password(tx: Tx, room: Room, password_hash: str) -> None:
    """Set the password of a public room, or remove it (""). Raises Invalid for a password in a group room."""
    if password_hash and room.type != RoomType.PUBLIC:
        raise Invalid("password", message=PRIVATE_WITH_PASSWORD)
    if room.type == RoomType.PUBLIC:
        await room_settings.set_password(tx, room, CLI, password_hash)


async def set_public(tx: Tx, room: Room, public: bool) -> None:
    """Let everybody who has the link join, or members only. Raises Invalid."""
    if public:
        await room_settings.allow_guests(tx, room, CLI)
    else:
        await room_settings.disallow_guests(tx, room, CLI)


async def set_owner(tx: Tx, room: Room, owner: str) -> None:
    """Make a user the only owner, or let the room have no owner (""). Other owners become users. Raises NotFound."""
    owner = next(iter(await _require_users(tx, [owner] if owner else [])), "")
    for attendee in await attendee_store.list_attendees(tx, room.id):
        if attendee.type == ParticipantType.OWNER and not attendee.actor.is_same(USERS, owner):
            await attendees.set_user(tx, room, CLI, attendee)
    if owner:
        await add_users(tx, room, [owner])
        await _set_role(tx, room, await _find_user(tx, room, owner), ParticipantType.OWNER)


async def _set_role(tx: Tx, room: Room, attendee: Attendee, role: ParticipantType) -> None:
    """Make an attendee owner or moderator. A system message says so unless they are a moderator already."""
    if not attendee.is_moderator:
        await attendees.set_moderator(tx, room, CLI, attendee)
    await attendee_store.set_attendee(tx, room.id, attendee.id, "type", role, clock.now())


# --- members --------------------------------------------------------------------------------
async def add_users(tx: Tx, room: Room, user_ids: Sequence[str]) -> None:
    """Make users members. Raises NotFound if one of them does not exist, before anybody is added."""
    names = await _require_users(tx, user_ids)
    for user_id, name in names.items():
        await participants.add_user(tx, room, CLI, user_id, name)


async def add_groups(tx: Tx, room: Room, group_ids: Sequence[str], *, most: int) -> Progress:
    """Add groups, and the first portion of their members.

    Raises NotFound, Invalid for a breakout room, and TooLarge if the room would have more than `most` attendees.
    """
    if room.is_breakout_room and group_ids:
        raise Invalid("source", message="Groups cannot be added to a breakout room.")
    for group_id in group_ids:
        if await groups.get_group(tx, group_id) is None:
            raise NotFound(message=f"Group '{group_id}' not found.")
    newcomers = [Newcomer(GROUPS, group_id) for group_id in group_ids]
    return await members.add(tx, room, CLI, newcomers, TalkSettings(), most=most)


async def remove_users(tx: Tx, room: Room, user_ids: Iterable[str]) -> None:
    """Remove members. Raises NotFound if a user is not a member."""
    leaving = {attendee.id: attendee for attendee in [await _find_user(tx, room, user_id) for user_id in user_ids]}
    for attendee in leaving.values():
        await participants.remove(tx, room, CLI, attendee)


async def promote(tx: Tx, room: Room, user_ids: Iterable[str]) -> None:
    """Make members moderators; moderators and owners keep their role. Raises NotFound if a user is not a member."""
    for user_id in user_ids:
        attendee = await _find_user(tx, room, user_id)
        if attendee.type not in MODERATORS:
            await attendees.set_moderator(tx, room, CLI, attendee)


async def demote(tx: Tx, room: Room, user_ids: Iterable[str]) -> None:
    """Make moderators users; owners and users keep their role. Raises NotFound if a user is not a member."""
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
        if not room.is_shared or is_self_joined(attendee) or not (members_too or attendee.is_moderator):
            continue
        known = await attendee_store.find_attendee(tx, room.id, USERS, target)
        await add_users(tx, room, [target])
        new = await _find_user(tx, room, target)
        is_changed = known is None or known.type != new.type
        if attendee.is_moderator and attendee.type < new.type:
            await _set_role(tx, room, new, ParticipantType(attendee.type))
            is_changed = True
        if remove_source:
            await participants.remove(tx, room, CLI, attendee)
        transferred += is_changed
    return transferred
