"""Who belongs to a room: finding, adding, removing.

`access_participant` is the way from a token to a room that one is in; who is not in it gets the same NotFound as if
it were not there.
"""

import hashlib
import hmac

from talkd.areas.mail.address_model import is_address
from talkd.areas.settings import service as settings
from talkd.areas.sip.model import require_number, without_end
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import Member
from talkd.conversation import access, attendee_store, ban_store, session_store
from talkd.conversation.participant import Attendee, Participant, invited_name, is_self_joined
from talkd.conversation.room import Room, pair
from talkd.core import clock, ids
from talkd.core.actor import EMAILS, GROUPS, GUESTS, PHONES, USERS, Actor
from talkd.core.constants import SESSION_KILL, ParticipantType, RoomType
from talkd.core.errors import NULL, Forbidden, Invalid, NotFound
from talkd.core.events import AttendeeAdded, AttendeeRemoved, GuestRenamed
from talkd.core.names import cleaned, folded
from talkd.storage.database import Tx

MAX_GUEST_NAME_LENGTH = 64


async def list_online(tx: Tx, user_ids: list[str]) -> set[str]:
    """Those of the users who have some conversation open right now."""
    return await attendee_store.list_online(tx, user_ids, clock.steady() - SESSION_KILL) if user_ids else set()


async def list_attendees(tx: Tx, room_id: int) -> list[Attendee]:
    """Everybody, in the order in which they came."""
    return await attendee_store.list_attendees(tx, room_id)


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
    """Make an account an attendee; its id. Somebody who had joined by himself becomes a member.

    Nothing happens to whoever is there already. Who is banned cannot be added: raises Forbidden("ban") for
    oneself, Invalid("ban") for others.
    """
    present = await attendee_store.find_attendee(tx, room.id, USERS, user_id)
    if present is not None:
        if present.type == ParticipantType.USER_SELF_JOINED and type != ParticipantType.USER_SELF_JOINED:
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
    """Make somebody who had joined by themselves a member."""
    await attendee_store.set_attendee(tx, room.id, present.id, "type", type, clock.now())
    await tx.emit(AttendeeAdded(room.id, actor, present.id, present.actor, quiet, was_there=True))


async def add_group(
    tx: Tx, room: Room, actor: Actor, group_id: str, *, after: str = "", at_most: int
) -> tuple[int, str]:
    """Make a group an attendee, and up to `at_most` of its members whose ids come after `after`, but for the banned.

    Return how many members were looked at, and the id of the last one, or "" if no members are left. Nobody is added
    any more once the group has left the room. Raises NotFound("new-participant") for an unknown group.
    """
    group = await groups.hold_group(tx, group_id)
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
        if present.type == ParticipantType.USER_SELF_JOINED:
            await _make_member(tx, room, actor, present, ParticipantType.USER)
    for member in new.values():
        target = Actor(USERS, member.id, member.display_name)
        await _add(tx, room, actor, target, type=ParticipantType.USER)
    return len(members), _last_id(members, at_most)


def _last_id(members: list[Member], at_most: int) -> str:
    """Return the id after which further members come, or "" if there are none."""
    return members[-1].id if len(members) == at_most else ""


async def count_attendees(tx: Tx, room_id: int) -> int:
    """Return how many users, groups, guests and others are in the room."""
    return await attendee_store.count_attendees(tx, room_id)


async def list_banned(tx: Tx, room_id: int, actor_type: str) -> set[str]:
    """Return the ids of banned actors of a kind, in lower case."""
    return {folded(ban.actor_id) for ban in await ban_store.list_bans(tx, room_id) if ban.actor_type == actor_type}


async def add_email(tx: Tx, room: Room, actor: Actor, address: str, name: str = "") -> bool:
    """Invite somebody by e-mail address; whether the room must open to the public for that, as all do but the divided.

    Raises Invalid: "new-participant" for what is no address, "ban" for who is banned.
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
    return room.opens_by_mail


async def add_phone(tx: Tx, room: Room, actor: Actor, number: str) -> None:
    """Make a phone number an attendee. Raises Invalid("new-participant") for what is no number.

    What everybody sees of it, name and id, does not tell the number; who knows the id of a number in one room
    does not recognise it in another.
    """
    number = require_number(number)
    key = await settings.get_secret(tx, "phones")
    actor_id = hmac.new(key.encode(), f"{room.token} {number}".encode(), hashlib.sha256).hexdigest()
    if await attendee_store.find_attendee(tx, room.id, PHONES, actor_id) is None:
        target = Actor(PHONES, actor_id, without_end(number))
        await _add(tx, room, actor, target, type=ParticipantType.USER, phone_number=number)


async def add_guest(tx: Tx, room: Room, guest_id: str) -> int:
    """A visitor comes in by the link; the attendee's id."""
    actor = Actor(GUESTS, guest_id)
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
    newest = await access.lock_room(tx, room.id)
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
    )
    if attendee_id is None:
        raise NotFound("new-participant")  # the account was deleted in the same moment
    await tx.emit(AttendeeAdded(room.id, actor, attendee_id, target, quiet))
    return attendee_id


async def ensure_both(tx: Tx, room: Room) -> None:
    """In a one-to-one conversation whoever is missing comes back before something is said."""
    if room.type != RoomType.ONE_TO_ONE or room.user_a is None or room.user_b is None:
        return
    present = await attendee_store.find_attendees(tx, room.id, USERS, [room.user_a, room.user_b])
    if len(present) == 2:
        return
    missing = {room.user_a, room.user_b} - {attendee.actor_id for attendee in present}
    for user_id, name in (await users.get_names(tx, sorted(missing))).items():
        await add_user(tx, room, Actor(USERS, user_id, name), user_id, name, type=ParticipantType.OWNER, quiet=True)


async def open_one_to_one(tx: Tx, room: Room, user_id: str, name: str) -> None:
    """Make one of the two an attendee again."""
    if user_id not in pair(room.user_a or "", room.user_b or ""):
        raise NotFound
    await add_user(tx, room, Actor(USERS, user_id, name), user_id, name, type=ParticipantType.OWNER, quiet=True)


# --- removing -------------------------------------------------------------------------------
async def leave(tx: Tx, me: Participant, *, may_abandon: bool = False) -> bool:
    """Leave for good. Return True if no users are left, so that the room must be deleted, one-to-one or not.

    Raises Invalid("last-moderator") if others would stay without a moderator, unless the caller `may_abandon` them.
    """
    await access.lock_room(tx, me.room.id)  # so that the last two moderators do not leave at once
    people, moderators = await attendee_store.count_people(tx, me.room.id)
    is_last = me.is_moderator and not me.is_guest and moderators == 1 and not me.room.is_one_to_one
    if is_last and people > 1 and not may_abandon:
        raise Invalid("last-moderator")
    await remove(tx, me.room, me.actor, me.attendee)
    return _is_last(me.attendee, people)


async def is_last_member(tx: Tx, attendee: Attendee) -> bool:
    """Whether nobody else is a member of the room."""
    people, _ = await attendee_store.count_people(tx, attendee.room_id)
    return _is_last(attendee, people)


def _is_last(attendee: Attendee, people: int) -> bool:
    return people == 1 and attendee.actor_type == USERS and not is_self_joined(attendee)


async def remove_other(tx: Tx, me: Participant, attendee: Attendee) -> None:
    """Remove another attendee. The members of a group stay: see `remove_members`. Raises Forbidden("owner")."""
    if attendee.type == ParticipantType.OWNER:
        raise Forbidden("owner")
    await remove(tx, me.room, me.actor, attendee)


async def remove_members(
    tx: Tx, room: Room, actor: Actor, group_id: str, *, after: str, at_most: int
) -> tuple[int, str]:
    """Remove up to `at_most` members of a group that has left the room, whose ids come after `after`.

    Moderators stay, and members whom a group in the room holds. Return how many were looked at, and the id of the
    last one, or "" if no members are left.
    """
    members = await groups.list_next_members(tx, group_id, after, at_most)
    holding = set(await attendee_store.list_groups(tx, room.id))
    groups_of = await groups.get_groups_of(tx, [member.id for member in members])
    leaving = [user_id for user_id, theirs in groups_of.items() if holding.isdisjoint(theirs)]
    for attendee in await attendee_store.find_attendees(tx, room.id, USERS, leaving):
        if not attendee.is_moderator:
            await remove(tx, room, actor, attendee)
    return len(members), _last_id(members, at_most)


async def remove(tx: Tx, room: Room, actor: Actor, attendee: Attendee, *, quiet: bool = False) -> None:
    """The attendee and all its joins are gone, at once everywhere. Nothing happens to whoever has just gone."""
    joins = await session_store.list_sessions_of(tx, room.id, attendee.id)
    if not await attendee_store.delete_attendee(tx, room.id, attendee.id):
        return
    quiet = quiet or attendee.actor_type == GUESTS or room.is_one_to_one or room.type == RoomType.NOTE_TO_SELF
    quiet = quiet or (attendee.type == ParticipantType.USER_SELF_JOINED and actor == attendee.actor)
    await tx.emit(
        AttendeeRemoved(room.id, actor, attendee.id, attendee.actor, tuple(join.session_id for join in joins), quiet)
    )


# --- names ----------------------------------------------------------------------------------
async def rename_guest(tx: Tx, me: Participant, name: str) -> Participant:
    """A guest says what to be called. Raises Forbidden for members and Invalid("name") when it is too long."""
    if not me.is_guest:
        raise Forbidden(data=NULL)
    name = cleaned(name)
    if len(name) > MAX_GUEST_NAME_LENGTH:
        raise Invalid("name")
    await attendee_store.set_attendee(tx, me.room.id, me.attendee.id, "display_name", name, clock.now())
    await tx.emit(GuestRenamed(me.room.id, me.actor, me.attendee.id))
    renamed = await attendee_store.get_attendee(tx, me.room.id, me.attendee.id)
    assert renamed is not None, "it was there a moment ago"
    return Participant(me.room, renamed, me.session)
