"""What administrators do from the command line: in any room, without being in it."""

from collections.abc import Callable, Iterable, Sequence

from talkd.areas.participants import attendee_service as attendees
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import departure_service as departures
from talkd.areas.rooms import listing_service, rule_service, service
from talkd.areas.rooms import member_change_service as changes
from talkd.areas.rooms.member_change_model import Newcomer, Progress
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.conversation import attendee_store, room_store
from talkd.conversation.participant import Attendee, Participant, is_self_joined
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
    """Return the conversation of a token, of whatever kind. Raises NotFound."""
    room = await room_store.get_room(tx, token)
    if room is None:
        raise NotFound(message=f"Room with token {token} not found")
    return room


async def find_room(tx: Tx, token: str) -> Room:
    """The group or public conversation of a token. Raises NotFound, and Invalid for other kinds."""
    room = await room_store.get_room(tx, token)
    if room is None:
        raise NotFound(message="Room not found.")
    if not room.is_shared:
        raise Invalid("type", message="Room is no group call.")
    return room


def administrator_of(room: Room) -> Participant:
    """Somebody who may do everything in the room but is not in it: no attendee has the id 0."""
    return Participant(
        room,
        Attendee(
            room_id=room.id,
            id=0,
            actor_type=CLI.type,
            actor_id=CLI.id,
            display_name=CLI.name,
            type=ParticipantType.OWNER,
            permissions=0,
            favorite=0,
            notification_level=0,
            notification_calls=0,
            archived=0,
            important=0,
            sensitive=0,
            last_read=0,
            last_mention=0,
            last_mention_direct=0,
            read_privacy=0,
            access_token="",
            invited_address="",
            pin="",
            phone_number="",
            call_id="",
            in_call_since=0,
            notified=0,
        ),
    )


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
    """A conversation, with an owner only if one is named. Raises Invalid or NotFound."""
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
    """Return the text as a room keeps it. Raises Invalid with the words that scripts know."""
    try:
        return check(text, "text")
    except Invalid as error:
        error.message = message
        raise


async def rename(tx: Tx, room: Room, name: str) -> None:
    """Give the room another name. Raises Invalid."""
    await service.rename(tx, administrator_of(room), _require(require_name, name, "Invalid room name."))


async def set_description(tx: Tx, room: Room, description: str) -> None:
    """Say what the room is for. Raises Invalid."""
    text = _require(require_description, description, "Invalid room description.")
    await service.set_description(tx, administrator_of(room), text)


async def set_password(tx: Tx, room: Room, password_hash: str) -> None:
    """Give the room a password, or none (empty). Raises Invalid."""
    if password_hash and room.type != RoomType.PUBLIC:
        raise Invalid("password", message=PRIVATE_WITH_PASSWORD)
    if room.type == RoomType.PUBLIC:
        await service.set_password(tx, administrator_of(room), password_hash)


async def set_public(tx: Tx, room: Room, public: bool) -> None:
    """Open the room to everybody who has the link, or to members only."""
    if public:
        await service.allow_guests(tx, room, CLI)
    else:
        await service.disallow_guests(tx, room, CLI)


async def set_listable(tx: Tx, room: Room, scope: int) -> None:
    """Say who finds the room by searching. Raises Invalid."""
    await listing_service.set_listable(tx, administrator_of(room), scope)


async def set_message_expiration(tx: Tx, room: Room, seconds: int) -> None:
    """Let new messages vanish after so many seconds. Raises Invalid."""
    await rule_service.set_message_expiration(tx, administrator_of(room), seconds)


async def set_owner(tx: Tx, room: Room, owner: str) -> None:
    """Make a user the only owner, or (empty) let the room have none; former owners become users. Raises NotFound."""
    owner = next(iter(await _require_users(tx, [owner] if owner else [])), "")
    for attendee in await attendee_store.list_attendees(tx, room.id):
        if attendee.type == ParticipantType.OWNER and not attendee.actor.is_same(USERS, owner):
            await attendee_store.set_attendee(tx, room.id, attendee.id, "type", ParticipantType.MODERATOR, clock.now())
            await attendees.demote(tx, administrator_of(room), attendee.id)
    if owner:
        await add_users(tx, room, [owner])
        await _set_role(tx, room, await _find_user(tx, room, owner), ParticipantType.OWNER)


async def _set_role(tx: Tx, room: Room, attendee: Attendee, role: ParticipantType) -> None:
    """Owner or moderator; only who has not moderated before is announced."""
    if not attendee.is_moderator:
        await attendees.promote(tx, administrator_of(room), attendee.id)
    await attendee_store.set_attendee(tx, room.id, attendee.id, "type", role, clock.now())


# --- members --------------------------------------------------------------------------------
async def add_users(tx: Tx, room: Room, user_ids: Sequence[str]) -> None:
    """Make users members. Raises NotFound for who does not exist, before anybody is added."""
    names = await _require_users(tx, user_ids)
    for user_id, name in names.items():
        await participants.add_user(tx, room, CLI, user_id, name)


async def add_groups(tx: Tx, room: Room, group_ids: Sequence[str], *, most: int) -> Progress:
    """Make groups and the first portion of their members members.

    Raises NotFound, Invalid for a breakout room, and TooLarge if the room would have more than `most` attendees.
    """
    if room.is_breakout_room and group_ids:
        raise Invalid("source", message="Groups cannot be added to a breakout room.")
    for group_id in group_ids:
        if await groups.get_group(tx, group_id) is None:
            raise NotFound(message=f"Group '{group_id}' not found.")
    newcomers = [Newcomer(GROUPS, group_id) for group_id in group_ids]
    return await changes.add(tx, room, CLI, newcomers, TalkSettings(), most=most)


async def remove_users(tx: Tx, room: Room, user_ids: Iterable[str]) -> None:
    """Remove members. Raises NotFound if a user is not a member."""
    leaving = {attendee.id: attendee for attendee in [await _find_user(tx, room, user_id) for user_id in user_ids]}
    for attendee in leaving.values():
        await participants.remove(tx, room, CLI, attendee)


async def promote(tx: Tx, room: Room, user_ids: Iterable[str]) -> None:
    """Make members moderators; those who are stay so. Raises NotFound for who is no member."""
    for user_id in user_ids:
        attendee = await _find_user(tx, room, user_id)
        if attendee.type not in MODERATORS:
            await attendees.promote(tx, administrator_of(room), attendee.id)


async def demote(tx: Tx, room: Room, user_ids: Iterable[str]) -> None:
    """Make moderators users; owners and users keep their role. Raises NotFound if a user is not a member."""
    for user_id in user_ids:
        attendee = await _find_user(tx, room, user_id)
        if attendee.type == ParticipantType.MODERATOR:
            await attendees.demote(tx, administrator_of(room), attendee.id)


async def _find_user(tx: Tx, room: Room, user_id: str) -> Attendee:
    attendee = await attendee_store.find_attendee(tx, room.id, USERS, await users.resolve_id(tx, user_id))
    if attendee is None:
        raise NotFound(message=f"User '{user_id}' is no participant.")
    return attendee


async def _require_users(tx: Tx, user_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of accounts by id; the case of a given id does not matter. Raises NotFound."""
    known = await users.resolve_ids(tx, user_ids)
    names = await users.get_names(tx, list(known.values()))
    for typed, user_id in known.items():
        if user_id not in names:
            raise NotFound(message=f"User '{typed}' not found.")
    return {user_id: names[user_id] for user_id in known.values()}


# --- all rooms of somebody ------------------------------------------------------------------
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

    await departures.remove_from_rooms(tx, CLI, account.id, account.display_name or account.id, is_affected=is_affected)


async def transfer(tx: Tx, source: str, target: str, *, members_too: bool, remove_source: bool) -> int:
    """Give a user the roles that another one has. Return in how many rooms they were added or promoted.

    With `members_too` also where the other one does not moderate. Raises NotFound and Invalid.
    """
    source, target = await users.resolve_id(tx, source), await users.resolve_id(tx, target)
    if await users.get_account(tx, target) is None:
        raise NotFound(message="Destination user could not be found.")
    await _require_users(tx, [source, target])
    if source == target:
        raise Invalid("target", message="Source and destination are the same user.")
    transferred = 0
    async for attendee, room in departures.list_rooms_of(tx, source):
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
