"""Bringing people of every kind into conversations."""

from talkd.areas.participants import service as participants
from talkd.areas.rooms.service import allow_guests
from talkd.areas.sip import service as dial_out
from talkd.areas.users import password_model as policy
from talkd.areas.users import service as users
from talkd.conversation import attendee_store, room_store
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core.actor import USERS, Actor
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid, NotAvailable, NotFound
from talkd.storage.database import Tx


def takes_groups(room: Room) -> bool:
    """Whether groups can be added to the room (`participants.add_group`)."""
    return room.is_shared and not room.is_breakout_room


async def add_participant(
    tx: Tx, room: Room, actor: Actor, who: str, kind: str, settings: TalkSettings, *, name: str = ""
) -> RoomType | None:
    """Add a user, an e-mail address, which may come with a name, or a phone number.

    Return the type of a room that is public after an invitation by e-mail, whether it was public before or not.
    Raises Invalid or NotFound with the reason, NotAvailable for kinds that the server is not set up for.
    """
    if not room.is_shared:
        raise Invalid("room-type")
    if room.is_breakout_room:
        await _require_assignable(tx, room, who, kind)
    if kind == USERS:
        await _add_user(tx, room, actor, await users.resolve_id(tx, who))
    elif kind == "emails":
        policy.require_door(is_open=room.opens_by_mail, has_password=False, is_forced=settings.force_passwords)
        if await participants.add_email(tx, room, actor, who, name):
            await allow_guests(tx, room, actor)
            return RoomType.PUBLIC
        return RoomType.PUBLIC if room.type == RoomType.PUBLIC else None
    elif kind in ("circles", "teams"):
        raise NotFound("new-participant")  # talkd has no teams, so there is none of that name
    elif kind == "federated_users":
        raise NotAvailable("federation")
    elif kind == "phones":
        if not await dial_out.is_possible(tx, settings, actor.id):
            raise NotAvailable("sip")
        await participants.add_phone(tx, room, actor, who)
    else:
        raise Invalid("source")
    return None


async def _add_user(tx: Tx, room: Room, actor: Actor, user_id: str) -> None:
    names = await users.get_names(tx, [user_id])
    if user_id not in names:
        raise NotFound("new-participant")
    await participants.add_user(tx, room, actor, user_id, names[user_id])


async def _require_assignable(tx: Tx, part: Room, who: str, kind: str) -> None:
    """Raises Invalid for anybody but users, and for moderators: those are in every breakout room already."""
    if kind != USERS:
        raise Invalid("source")
    parent = await room_store.get_room(tx, part.object_id)
    if parent is None:
        raise NotFound("new-participant")
    attendee = await attendee_store.find_attendee(tx, parent.id, USERS, await users.resolve_id(tx, who))
    if attendee is not None and attendee.is_moderator:
        raise Invalid("moderator")
