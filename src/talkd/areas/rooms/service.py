"""Making conversations and changing their settings."""

from collections.abc import Mapping, Sequence

import msgspec

from talkd.areas.avatars import room_service as avatars
from talkd.areas.participants import service as participants
from talkd.areas.participants import store as attendees
from talkd.areas.participants.model import Participant
from talkd.areas.rooms import store
from talkd.areas.rooms.creation_model import NO_ATTRIBUTES, Attributes, Picture
from talkd.areas.rooms.model import (
    EXTENDED,
    NOTE_TO_SELF,
    UNNAMED,
    Room,
    pair,
    require_description,
    require_name,
    require_object,
)
from talkd.areas.rooms.store import Overview
from talkd.areas.users import group_store as groups
from talkd.areas.users import store as users
from talkd.core import clock, ids
from talkd.core.actor import USERS, Actor
from talkd.core.constants import ParticipantType, ReadOnly, RoomType
from talkd.core.errors import Forbidden, Invalid, NotAvailable, NotFound
from talkd.core.events import (
    DescriptionSet,
    GuestsAllowed,
    GuestsDisallowed,
    PasswordSet,
    ReadOnlySet,
    RoomCreated,
    RoomDeleted,
    RoomRenamed,
)
from talkd.storage.database import Tx

Invitations = Mapping[str, Sequence[str]]
"""People to invite, by kind: users, groups, emails …"""


async def list_overviews(
    tx: Tx, user_id: str, *, browser: str, since: int = 0, one_to_one_too: bool = False
) -> list[Overview]:
    """All rooms of a user that changed since then (0: all), in one statement."""
    return await store.list_overviews(
        tx, user_id, browser=browser, since=since, one_to_one_too=one_to_one_too, now=clock.now()
    )


async def get_overview(tx: Tx, room_id: int, attendee_id: int, *, browser: str) -> Overview:
    """One room as one attendee sees it. Raises NotFound."""
    overview = await store.get_overview(tx, room_id, attendee_id, browser=browser, now=clock.now())
    if overview is None:
        raise NotFound
    return overview


# --- creating -------------------------------------------------------------------------------
async def require_may_create(tx: Tx, user_id: str, allowed_groups: Sequence[str]) -> None:
    """Raises Forbidden("permissions") when only some groups may begin conversations and the user is in none."""
    if not await users.is_allowed(tx, list(allowed_groups), user_id):
        raise Forbidden("permissions")


async def create_one_to_one(tx: Tx, actor: Actor, partner_id: str) -> tuple[Room, int, bool]:
    """The conversation of two users, the caller's attendee in it, and whether it is new.

    Raises NotFound("invite") for nobody and Forbidden("invite") for oneself.
    """
    if partner_id == actor.id:
        raise Forbidden("invite")
    if partner_id not in await users.get_names(tx, [partner_id]):
        raise NotFound("invite")
    user_a, user_b = pair(actor.id, partner_id)
    room = await store.find_pair(tx, user_a, user_b)
    is_new = room is None
    if room is None:
        room = await store.add_room(
            tx, token=await new_token(tx), type=RoomType.ONE_TO_ONE, name="", users=(user_a, user_b), now=clock.now()
        )
        await tx.emit(RoomCreated(room.id, actor))
    attendee_id = await participants.add_user(
        tx, room, actor, actor.id, actor.name, type=ParticipantType.OWNER, quiet=True
    )
    return room, attendee_id, is_new


async def create_room(
    tx: Tx,
    actor: Actor,
    *,
    type: RoomType,
    name: str,
    group_id: str = "",
    description: str = "",
    object_type: str = "",
    object_id: str = "",
    password_hash: str = "",
    attributes: Attributes = NO_ATTRIBUTES,
    picture: Picture | None = None,
) -> tuple[Room, int]:
    """A group or public conversation with its creator as owner, and the owner's attendee.

    With `group_id` the group's members are in it. Without a name it is called like the group, or `---`.
    Raises NotFound("invite") when there is no such group, and Invalid with the reason.
    """
    group = await groups.get_group(tx, group_id) if group_id else None
    if group_id and group is None:
        raise NotFound("invite")
    unnamed = UNNAMED if group is None else group.display_name or group_id
    name = require_name(name, "name") if name else unnamed
    description = require_description(description, "description")
    require_object(object_type, object_id)
    if object_type == EXTENDED:
        await _require_extendable(tx, actor, object_id)
    if password_hash and type != RoomType.PUBLIC:
        raise Invalid("password")
    room = await store.add_room(
        tx,
        token=await new_token(tx),
        type=type,
        name=name,
        description=description,
        object_type=object_type,
        object_id=object_id,
        password_hash=password_hash,
        attributes=attributes,
        now=clock.now(),
    )
    await tx.emit(RoomCreated(room.id, actor))
    if picture is not None:
        await avatars.set_emoji(tx, room, actor, picture.emoji, picture.color)
    attendee_id = await participants.add_user(
        tx, room, actor, actor.id, actor.name, type=ParticipantType.OWNER, quiet=True
    )
    if group_id:
        await participants.add_group(tx, room, actor, group_id)
    return room, attendee_id


async def _require_extendable(tx: Tx, actor: Actor, token: str) -> None:
    """Raises Invalid("object") when the conversation to go on from is none that the creator is in."""
    try:
        await participants.access_participant(tx, token, user_id=actor.id, browser="")
    except NotFound:
        raise Invalid("object") from None


async def get_note_to_self(tx: Tx, actor: Actor, *, by: Actor | None = None) -> tuple[Room, int]:
    """A user's conversation with himself, made (`by` himself unless said) when it is missing; and the attendee."""
    room = await store.find_object(tx, NOTE_TO_SELF, actor.id)
    if room is None:
        room = await store.add_room(
            tx,
            token=await new_token(tx),
            type=RoomType.NOTE_TO_SELF,
            name="Note to self",
            description="A place for your private notes, thoughts and ideas",
            object_type=NOTE_TO_SELF,
            object_id=actor.id,
            now=clock.now(),
        )
        await tx.emit(RoomCreated(room.id, by or actor))
    attendee_id = await participants.add_user(
        tx, room, actor, actor.id, actor.name, type=ParticipantType.OWNER, quiet=True, favorite=True
    )
    return room, attendee_id


async def invite(tx: Tx, room: Room, actor: Actor, invitations: Invitations) -> dict[str, list[str]]:
    """Add everybody of the lists; those who could not be added, by kind."""
    missed: dict[str, list[str]] = {}
    for kind, wanted in invitations.items():
        for who in dict.fromkeys(wanted):
            try:
                opened = await add_participant(tx, room, actor, who, kind)
                room = msgspec.structs.replace(room, type=opened or room.type)
            except (Invalid, NotAvailable, NotFound):
                missed.setdefault(kind, []).append(who)
    return missed


async def add_participant(tx: Tx, room: Room, actor: Actor, who: str, kind: str) -> RoomType | None:
    """Add a user, a group or an e-mail address; the new type of the room when that has changed.

    Raises Invalid or NotFound with the reason.
    """
    if not room.is_shared:
        raise Invalid("room-type")
    if room.is_breakout_room:
        await _require_of_parent(tx, room, who, kind)
    if kind == "users":
        names = await users.get_names(tx, [who])
        if who not in names:
            raise NotFound("new-participant")
        await participants.add_user(tx, room, actor, who, names[who])
    elif kind == "groups":
        await participants.add_group(tx, room, actor, who)
    elif kind == "emails":
        if await participants.add_email(tx, room, actor, who):
            await allow_guests(tx, room, actor)
            return RoomType.PUBLIC
    elif kind in ("circles", "teams"):
        raise NotFound("new-participant")  # talkd has no teams, so there is none of that name
    elif kind == "federated_users":
        raise NotAvailable("federation")
    elif kind == "phones":
        raise NotAvailable("sip")
    else:
        raise Invalid("source")
    return None


async def _require_of_parent(tx: Tx, part: Room, who: str, kind: str) -> None:
    if kind != "users":
        raise Invalid("source")
    parent = await attendees.get_room(tx, part.object_id)
    if parent is None or await attendees.find_attendee(tx, parent.id, USERS, who) is None:
        raise NotFound("new-participant")


async def new_token(tx: Tx) -> ids.Token:
    """A token for a new room."""
    token = ids.new_token()
    while await store.is_taken(tx, token):
        token = ids.new_token()
    return token


# --- settings -------------------------------------------------------------------------------
async def rename(tx: Tx, me: Participant, name: str) -> None:
    """Give the room another name. Raises Invalid with the reason."""
    name = require_name(name, "value")
    if me.room.is_one_to_one:
        raise Invalid("type")
    if me.room.object_type == "event":
        raise Invalid("event")
    if name == me.room.name:
        return
    await store.set_field(tx, me.room.id, "name", name)
    await tx.emit(RoomRenamed(me.room.id, me.actor, me.room.name, name))


async def set_description(tx: Tx, me: Participant, description: str) -> None:
    """Say what the room is for. Raises Invalid with the reason."""
    description = require_description(description, "value")
    if me.room.is_one_to_one:
        raise Invalid("type")
    if me.room.object_type == "event":
        raise Invalid("event")
    if description == me.room.description:
        return
    await store.set_field(tx, me.room.id, "description", description)
    await tx.emit(DescriptionSet(me.room.id, me.actor, description))


async def allow_guests(tx: Tx, room: Room, actor: Actor) -> None:
    """Open the room to everybody who has the link. Raises Invalid with the reason."""
    if room.is_breakout_room:
        raise Invalid("breakout-room")
    if room.type == RoomType.PUBLIC:
        return
    if room.type != RoomType.GROUP:
        raise Invalid("type")
    await store.set_field(tx, room.id, "type", RoomType.PUBLIC)
    await tx.emit(GuestsAllowed(room.id, actor))


async def disallow_guests(tx: Tx, room: Room, actor: Actor) -> None:
    """Members only: whoever came by the link has to go. Raises Invalid("type")."""
    if room.type == RoomType.GROUP:
        return
    if room.type != RoomType.PUBLIC:
        raise Invalid("type")
    await store.set_field(tx, room.id, "type", RoomType.GROUP)
    if room.password_hash:
        await store.set_field(tx, room.id, "password_hash", "")
    for attendee in await participants.list_attendees(tx, room.id):
        if attendee.is_guest or attendee.type == ParticipantType.USER_SELF_JOINED:
            await participants.remove(tx, room, actor, attendee, quiet=True)
    await tx.emit(GuestsDisallowed(room.id, actor))


async def set_password(tx: Tx, me: Participant, password_hash: str) -> None:
    """Ask for a password at the door, or no longer (empty). Raises Invalid("type")."""
    if me.room.type != RoomType.PUBLIC:
        raise Invalid("type")
    if not password_hash and not me.room.password_hash:
        return
    await store.set_field(tx, me.room.id, "password_hash", password_hash)
    await tx.emit(PasswordSet(me.room.id, me.actor, bool(password_hash)))


async def set_read_only(tx: Tx, me: Participant, state: int) -> None:
    """Lock or unlock the room. Raises Invalid with the reason."""
    if not me.room.is_shared:
        raise Invalid("type")
    if state not in (ReadOnly.READ_WRITE, ReadOnly.READ_ONLY):
        raise Invalid("value")
    if state == me.room.read_only:
        return
    await store.set_field(tx, me.room.id, "read_only", state)
    await tx.emit(ReadOnlySet(me.room.id, me.actor, state == ReadOnly.READ_ONLY))


async def delete(tx: Tx, me: Participant, *, one_to_one_too: bool) -> None:
    """Delete the room for everybody. Raises Invalid for one-to-one conversations unless they may be."""
    if me.room.is_one_to_one and not one_to_one_too:
        raise Invalid("type")
    await remove(tx, me.room, me.actor)


async def remove(tx: Tx, room: Room, actor: Actor) -> None:
    """The room and all in it are gone."""
    attendee_ids, session_ids = await store.delete_room(tx, room.id)
    await tx.emit(RoomDeleted(room.id, actor, attendee_ids, session_ids, room.token))
