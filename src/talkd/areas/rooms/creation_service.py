"""Create rooms: one-to-one, group, public, notes to self, and the first rooms of a new user."""

import msgspec

from talkd.areas.avatars import room_service as room_avatars
from talkd.areas.messages import service as messages
from talkd.areas.participants import service as participants
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms.creation_model import Created, NewRoom
from talkd.areas.rooms.member_model import TEAMS, Newcomer
from talkd.areas.settings import service as settings
from talkd.areas.sip import service as sip
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.conversation import access, room_store
from talkd.conversation.room import (
    CHANGELOG_NAME,
    EXTENDED,
    INCOMING,
    NOTE_TO_SELF,
    PHONE_CALL,
    UNNAMED,
    WITHOUT_PIN,
    Attributes,
    Room,
    pair,
    require_description,
    require_name,
    require_object,
)
from talkd.conversation.settings import TalkSettings
from talkd.core import clock, ids
from talkd.core.actor import BOTS, GROUPS, SYSTEM, Actor
from talkd.core.constants import ParticipantType, ReadOnly, RoomType
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.core.events import RoomCreated
from talkd.storage.database import Tx

CHANGELOG = Actor(BOTS, "changelog", CHANGELOG_NAME)
TEXTS = (
    "## Welcome!\nHere you read what is new on this server. You can leave this conversation at any time.",
    """## Good to know
- *Note to self* is a conversation that only you see: for lists, links and drafts
- Write `@` to call for somebody's attention, or `@all` for everybody's
- Messages understand Markdown
- A public conversation can be joined by everybody who has its link, without an account""",
)
"""The messages of a new changelog."""


async def create_one_to_one(tx: Tx, actor: Actor, partner_id: str) -> tuple[int, int, bool]:
    """Return the ids of the one-to-one room of two users and of the caller's attendee in it; True if it is new.

    Every user may create one-to-ones. Raises NotFound("invite") for an unknown partner. Raises Forbidden("invite") for
    the caller themselves, and if the settings do not let the caller look up the partner and the two have no one-to-one
    yet.
    """
    partner_id = await users.resolve_id(tx, partner_id)
    if partner_id == actor.id:
        raise Forbidden("invite")
    if partner_id not in await users.get_names(tx, [partner_id]):
        raise NotFound("invite")
    user_a, user_b = pair(actor.id, partner_id)
    room = await room_store.find_pair(tx, user_a, user_b)
    is_new = room is None
    if room is None:
        enumeration = await settings.get_enumeration(tx)
        if not enumeration.can_address(shares_group=await groups.shares_group(tx, actor.id, partner_id)):
            raise Forbidden("invite")
        room = await room_store.add_room(
            tx, token=await new_token(tx), type=RoomType.ONE_TO_ONE, name="", users=(user_a, user_b), now=clock.now()
        )
        await tx.emit(RoomCreated(room.id, actor))
    return room.id, await _add_owner(tx, room, actor), is_new


async def create_shared(tx: Tx, actor: Actor, new: NewRoom, talk_settings: TalkSettings, *, most: int) -> Created:
    """Create a group or public room, and add the first portion of its members (`member_service.add`).

    Raises Forbidden("permissions") if the caller may not create rooms, NotFound("invite") for an unknown group and if
    none of the newcomers can be added, Invalid with the reason if `new` is not valid, and TooLarge for more than `most`
    attendees.
    """
    if not await users.is_allowed(tx, talk_settings.start_conversations, actor.id):
        raise Forbidden("permissions")
    if new.invited and new.source in TEAMS:
        raise NotFound("invite")
    group = await groups.get_group(tx, new.invited) if new.invited else None
    if new.invited and group is None:
        raise NotFound("invite")
    unnamed = UNNAMED if group is None else group.display_name or group.id
    name = require_name(new.name, "name") if new.name else unnamed
    attributes = new.attributes
    if attributes.sip_enabled and not await sip.can_enable_dial_in(tx, talk_settings, actor.id):
        attributes = msgspec.structs.replace(attributes, sip_enabled=0)
    new = msgspec.structs.replace(new, name=name, attributes=attributes)
    room = await _add_room(tx, actor, new, is_dialable=talk_settings.can_dial_in)
    attendee_id = await _add_owner(tx, room, actor)
    newcomers = [*([Newcomer(GROUPS, new.invited)] if group is not None else []), *new.newcomers]
    progress = await members.add(tx, room, actor, newcomers, talk_settings, most=most)
    if newcomers and progress.unfinished is None and len(progress.refused) == len(newcomers):
        raise NotFound("invite")
    return Created(room, attendee_id, progress)


async def _add_room(tx: Tx, actor: Actor, new: NewRoom, *, is_dialable: bool) -> Room:
    description = require_description(new.description, "description")
    require_object(new.object_type, new.object_id)
    if new.object_type == EXTENDED:
        await _require_one_to_one(tx, actor, new.object_id)
    room = await room_store.add_room(
        tx,
        token=await new_token(tx, is_dialable=is_dialable),
        type=new.type,
        name=new.name,
        description=description,
        object_type=new.object_type,
        object_id=new.object_id,
        password_hash=new.password_hash,
        attributes=new.attributes,
        now=clock.now(),
    )
    await tx.emit(RoomCreated(room.id, actor))
    if new.picture is not None:
        await room_avatars.set_emoji(tx, room, actor, new.picture.emoji, new.picture.color)
    return room


async def _require_one_to_one(tx: Tx, actor: Actor, token: str) -> None:
    """Raises Invalid("object") unless the token is that of a one-to-one of the actor. No other room can be extended."""
    try:
        me = await access.access_participant(tx, token, user_id=actor.id, browser="")
    except NotFound:
        raise Invalid("object") from None
    if me.room.type != RoomType.ONE_TO_ONE:
        raise Invalid("object")


async def get_note_to_self(tx: Tx, actor: Actor, *, by: Actor | None = None) -> tuple[int, int]:
    """Return the ids of a user's note to self and of their attendee in it. Create it if it is missing.

    `by` is the actor of the system message, by default the user.
    """
    room = await room_store.find_object(tx, NOTE_TO_SELF, actor.id)
    if room is None:
        room = await room_store.add_room(
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
    return room.id, await _add_owner(tx, room, actor, favorite=True)


async def create_for_caller(tx: Tx, owner: Actor, name: str) -> Room:
    """Create a room for a telephone call to a user, named after the number of the caller."""
    room = await room_store.add_room(
        tx,
        token=await new_token(tx, is_dialable=True),
        type=RoomType.GROUP,
        name=name or UNNAMED,
        object_type=PHONE_CALL,
        object_id=INCOMING,
        attributes=Attributes(sip_enabled=WITHOUT_PIN),
        now=clock.now(),
    )
    await tx.emit(RoomCreated(room.id, owner))
    await _add_owner(tx, room, owner)
    return room


# --- first rooms of a user -------------------------------------------------------------------
async def welcome(tx: Tx, user: Actor, *, with_changelog: bool) -> None:
    """Create the first rooms of a user. Does nothing the second time."""
    if not await settings.add_welcomed(tx, user.id):
        return
    if with_changelog:
        await _add_changelog(tx, user)
    await get_note_to_self(tx, user, by=SYSTEM)


async def _add_changelog(tx: Tx, user: Actor) -> None:
    room = await room_store.add_room(
        tx,
        token=await new_token(tx),
        type=RoomType.CHANGELOG,
        name=user.id,
        attributes=Attributes(read_only=ReadOnly.READ_ONLY),
        now=clock.now(),
    )
    await tx.emit(RoomCreated(room.id, SYSTEM))
    await participants.add_user(tx, room, SYSTEM, user.id, user.name, quiet=True)
    for text in TEXTS:
        await messages.post(tx, room, CHANGELOG, text)


# --- shared steps ---------------------------------------------------------------------------
async def _add_owner(tx: Tx, room: Room, actor: Actor, *, favorite: bool = False) -> int:
    """Return the id of the actor's attendee. Add it as an owner, without a system message, if it is missing."""
    return await participants.add_user(
        tx, room, actor, actor.id, actor.name, type=ParticipantType.OWNER, quiet=True, favorite=favorite
    )


async def new_token(tx: Tx, *, is_dialable: bool = False) -> ids.Token:
    """Return a token that no room has. A dialable one can be typed on a telephone."""
    new = ids.new_dialable_token if is_dialable else ids.new_token
    token = new()
    while await room_store.is_taken(tx, token):
        token = new()
    return token
