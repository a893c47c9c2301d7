"""Add attendees to a room and remove them."""

import hashlib
import hmac

from talkd.areas.mail.address_model import is_address
from talkd.areas.settings import service as settings
from talkd.areas.sip.model import require_number, without_end
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import Member
from talkd.conversation import attendee_store, ban_store, room_store, session_store
from talkd.conversation.participant import Attendee, Participant, invited_name
from talkd.conversation.room import Room
from talkd.core import clock, ids
from talkd.core.actor import EMAILS, GROUPS, GUESTS, PHONES, USERS, Actor
from talkd.core.constants import ParticipantType, RoomType
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.core.events import AttendeeAdded, AttendeeRemoved
from talkd.core.names import folded
from talkd.storage.database import Tx


async def add_user(
    tx: Tx,
    room: Room,
    actor: Actor,
    user_id: str,
    name: str,
    *,
    type: ParticipantType = ParticipantType.USER,
    quiet: bool = False,
    favorite: bool = False,
) -> int:
    """Add a user to the room and return the attendee's id. A self-joined user becomes a member.

    Does nothing for a user who is already a member. Raises Forbidden("ban") if a banned user adds themselves, and
    Invalid("ban") if somebody else adds a banned user.
    """
    present = await attendee_store.find_attendee(tx, room.id, USERS, user_id)
    if present is not None:
        if present.is_self_joined and type != ParticipantType.USER_SELF_JOINED:
            await _make_member(tx, room, actor, present, type, quiet=quiet)
        return present.id
    if await ban_store.is_banned(tx, room.id, USERS, user_id):
        raise Forbidden("ban") if actor.is_same(USERS, user_id) else Invalid("ban")
    return await _add(
        tx,
        room,
        actor,
        Actor(USERS, user_id, name),
        type=type,
        quiet=quiet or type == ParticipantType.USER_SELF_JOINED,
        favorite=int(favorite),
    )


async def _make_member(
    tx: Tx, room: Room, actor: Actor, present: Attendee, type: ParticipantType, *, quiet: bool = False
) -> None:
    """Make a self-joined user a member."""
    await attendee_store.set_attendee(tx, room.id, present.id, "type", type, clock.now())
    await tx.emit(AttendeeAdded(room.id, actor, present.id, present.actor, quiet, was_there=True))


async def add_group(
    tx: Tx, room: Room, actor: Actor, group_id: str, *, after: str = "", at_most: int
) -> tuple[int, str]:
    """Add a group and up to `at_most` of its members, from those whose ids come after `after`.

    Banned users are skipped. If `after` is set and the group is no longer in the room, nobody is added.

    Return the number of members that were processed, and the id of the last one, or "" if no members are left. Raises
    NotFound("new-participant") for an unknown group.
    """
    group = await groups.lock_group_to_read(tx, group_id)
    if group is None:
        raise NotFound("new-participant")
    if await attendee_store.find_attendee(tx, room.id, GROUPS, group_id) is None:
        if after:
            return 0, ""
        await _add(tx, room, actor, Actor(GROUPS, group_id, group.display_name or group_id), type=ParticipantType.USER)
    members = await groups.list_next_members(tx, group_id, after, at_most)
    banned = await list_banned(tx, room.id, USERS)
    new = {member.id: member for member in members if member.enabled and folded(member.id) not in banned}
    for present in await attendee_store.find_attendees(tx, room.id, USERS, list(new)):
        del new[present.actor_id]
        if present.is_self_joined:
            await _make_member(tx, room, actor, present, ParticipantType.USER)
    for member in new.values():
        target = Actor(USERS, member.id, member.display_name)
        await _add(tx, room, actor, target, type=ParticipantType.USER)
    return len(members), _last_id(members, at_most)


def _last_id(members: list[Member], at_most: int) -> str:
    """Return the id after which further members come, or "" if there are none."""
    return members[-1].id if len(members) == at_most else ""


async def list_banned(tx: Tx, room_id: int, actor_type: str) -> set[str]:
    """Return the ids of banned actors of one type, in lower case."""
    return {folded(ban.actor_id) for ban in await ban_store.list_bans(tx, room_id) if ban.actor_type == actor_type}


async def add_email(tx: Tx, room: Room, actor: Actor, address: str, name: str = "") -> bool:
    """Invite an e-mail address. Return True if the room must become public (breakout parents never do).

    Raises Invalid("new-participant") if it is not an address, and Invalid("ban") if it is banned.
    """
    address = address.strip()
    if not is_address(address):
        raise Invalid("new-participant")
    actor_id = ids.email_id(address)
    if await ban_store.is_banned(tx, room.id, EMAILS, actor_id):
        raise Invalid("ban")
    if await attendee_store.find_attendee(tx, room.id, EMAILS, actor_id) is None:
        await _add(
            tx,
            room,
            actor,
            Actor(EMAILS, actor_id, invited_name(name, address)),
            type=ParticipantType.GUEST,
            quiet=True,
            access_token=ids.new_secret(),
            invited_address=address,
        )
    return room.becomes_public_by_email


async def add_phone(tx: Tx, room: Room, actor: Actor, number: str) -> None:
    """Add a phone number. Raises Invalid("new-participant") if it is not a number.

    The actor's id and name, which all attendees see, do not reveal the number. The same number has another id in each
    room, so that nobody recognises it from another room.
    """
    number = require_number(number)
    key = await settings.get_secret(tx, "phones")
    actor_id = hmac.new(key.encode(), f"{room.token} {number}".encode(), hashlib.sha256).hexdigest()
    if await attendee_store.find_attendee(tx, room.id, PHONES, actor_id) is None:
        target = Actor(PHONES, actor_id, without_end(number))
        await _add(tx, room, actor, target, type=ParticipantType.USER, phone_number=number)


async def add_guest(tx: Tx, room: Room, guest_id: str, name: str = "") -> int:
    """Add a guest who opened the room's link or called by telephone. Return the attendee's id."""
    actor = Actor(GUESTS, guest_id, name)
    return await _add(tx, room, actor, actor, type=ParticipantType.GUEST, quiet=True)


async def _add(
    tx: Tx,
    room: Room,
    actor: Actor,
    target: Actor,
    *,
    type: ParticipantType,
    quiet: bool = False,
    favorite: int = 0,
    access_token: str = "",
    invited_address: str = "",
    phone_number: str = "",
) -> int:
    newest = await room_store.lock_room(tx, room.id)
    has_pin = newest.sip_enabled and target.type in (USERS, EMAILS)
    attendee_id = await attendee_store.add_attendee(
        tx,
        room_id=room.id,
        actor_type=target.type,
        actor_id=target.id,
        display_name=target.name,
        type=type,
        last_read=newest.last_message_id,
        now=clock.now(),
        favorite=favorite,
        access_token=access_token,
        invited_address=invited_address,
        phone_number=phone_number,
        pin=await _new_pin(tx, room.id) if has_pin else "",
    )
    if attendee_id is None:
        raise NotFound("new-participant")  # the account was deleted in the meantime
    await tx.emit(AttendeeAdded(room.id, actor, attendee_id, target, quiet))
    return attendee_id


async def add_pins(tx: Tx, room_id: int) -> None:
    """Give a PIN for dialling in to the users and invited people of the room who have none."""
    for attendee in await attendee_store.list_attendees(tx, room_id):
        if not attendee.pin and attendee.actor_type in (USERS, EMAILS):
            pin = await _new_pin(tx, room_id)
            await attendee_store.set_attendee(tx, room_id, attendee.id, "pin", pin, clock.now())


async def _new_pin(tx: Tx, room_id: int) -> str:
    """Return a PIN that nobody in the room has."""
    pin = ids.new_pin()
    while await attendee_store.find_by_text(tx, room_id, "pin", pin) is not None:
        pin = ids.new_pin()
    return pin


async def ensure_both(tx: Tx, room: Room) -> None:
    """Add the users of a one-to-one room who have left it. Called before a message or a call reaches them."""
    if room.type != RoomType.ONE_TO_ONE or room.user_a is None or room.user_b is None:
        return
    present = await attendee_store.find_attendees(tx, room.id, USERS, [room.user_a, room.user_b])
    if len(present) == 2:
        return
    missing = {room.user_a, room.user_b} - {attendee.actor_id for attendee in present}
    for user_id, name in (await users.get_names(tx, sorted(missing))).items():
        await _restore_owner(tx, room, user_id, name)


async def open_one_to_one(tx: Tx, room: Room, user_id: str, name: str) -> None:
    """Add a user to their one-to-one room again. Raises NotFound if they are not one of its two users."""
    if user_id not in (room.user_a, room.user_b):
        raise NotFound
    await _restore_owner(tx, room, user_id, name)


async def _restore_owner(tx: Tx, room: Room, user_id: str, name: str) -> None:
    await add_user(tx, room, Actor(USERS, user_id, name), user_id, name, type=ParticipantType.OWNER, quiet=True)


# --- removing -------------------------------------------------------------------------------
async def leave(tx: Tx, me: Participant, *, may_abandon: bool = False) -> bool:
    """Remove the caller. Return True if they were the last member: the room must be deleted, also a one-to-one room.

    Raises Invalid("last-moderator") if others would stay without a moderator, unless `may_abandon` is set.
    """
    await room_store.lock_room(tx, me.room.id)  # or the last two moderators could both leave at once
    members = await attendee_store.count_users(tx, me.room.id)
    is_last_moderator = me.is_moderator and not me.is_guest and members.moderators == 1 and not me.room.is_one_to_one
    if is_last_moderator and members.users > 1 and not may_abandon:
        raise Invalid("last-moderator")
    await remove(tx, me.room, me.actor, me.attendee)
    return _is_last(me.attendee, members.users)


async def is_last_member(tx: Tx, attendee: Attendee) -> bool:
    """Return True if the attendee is the only member of the room."""
    members = await attendee_store.count_users(tx, attendee.room_id)
    return _is_last(attendee, members.users)


def _is_last(attendee: Attendee, members: int) -> bool:
    return members == 1 and attendee.actor_type == USERS and not attendee.is_self_joined


async def remove_other(tx: Tx, me: Participant, attendee: Attendee) -> None:
    """Remove another attendee. Raises Forbidden("owner").

    If it is a group, its members stay: call `remove_members` next.
    """
    if attendee.type == ParticipantType.OWNER:
        raise Forbidden("owner")
    await remove(tx, me.room, me.actor, attendee)


async def remove_members(
    tx: Tx, room: Room, actor: Actor, group_id: str, *, after: str, at_most: int
) -> tuple[int, str]:
    """Remove up to `at_most` members of a group that was removed, from those whose ids come after `after`.

    Moderators stay, and so do members of another group in the room. Return the number of members that were processed,
    and the id of the last one, or "" if no members are left.
    """
    members = await groups.list_next_members(tx, group_id, after, at_most)
    remaining = set(await attendee_store.list_groups(tx, room.id))
    groups_of = await groups.get_groups_of(tx, [member.id for member in members])
    leaving = [user_id for user_id, theirs in groups_of.items() if remaining.isdisjoint(theirs)]
    for attendee in await attendee_store.find_attendees(tx, room.id, USERS, leaving):
        if not attendee.is_moderator:
            await remove(tx, room, actor, attendee)
    return len(members), _last_id(members, at_most)


async def remove(tx: Tx, room: Room, actor: Actor, attendee: Attendee, *, quiet: bool = False) -> None:
    """Remove an attendee and their sessions. Does nothing if they were removed in the meantime.

    `quiet` removals create no system message. Guests, self-joined users who leave, and attendees of one-to-one rooms
    and of the note to self are always removed quietly.
    """
    sessions = await session_store.list_sessions_of(tx, room.id, attendee.id)
    if not await attendee_store.delete_attendee(tx, room.id, attendee.id):
        return
    quiet = quiet or attendee.actor_type == GUESTS or room.is_one_to_one or room.type == RoomType.NOTE_TO_SELF
    quiet = quiet or (attendee.is_self_joined and actor == attendee.actor)
    await tx.emit(
        AttendeeRemoved(
            room.id, actor, attendee.id, attendee.actor, tuple(each.session_id for each in sessions), quiet, room.token
        )
    )
