"""Making conversations."""

from collections.abc import Sequence

import msgspec

from talkd.areas.avatars import room_service as avatars
from talkd.areas.participants import service as participants
from talkd.areas.rooms.creation_model import Picture
from talkd.areas.settings import service as settings
from talkd.areas.sip import service as dial_in
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.conversation import access, room_store
from talkd.conversation.room import (
    EXTENDED,
    NO_ATTRIBUTES,
    NOTE_TO_SELF,
    UNNAMED,
    Attributes,
    Room,
    pair,
    require_description,
    require_name,
    require_object,
)
from talkd.conversation.settings import TalkSettings
from talkd.core import clock, ids
from talkd.core.actor import Actor
from talkd.core.constants import ParticipantType, RoomType
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.core.events import RoomCreated
from talkd.storage.database import Tx


async def require_may_create(tx: Tx, user_id: str, allowed_groups: Sequence[str]) -> None:
    """Raises Forbidden("permissions") when only some groups may begin conversations and the user is in none.

    One-to-one conversations are for everybody all the same.
    """
    if not await users.is_allowed(tx, list(allowed_groups), user_id):
        raise Forbidden("permissions")


async def create_one_to_one(tx: Tx, actor: Actor, partner_id: str) -> tuple[Room, int, bool]:
    """Return the one-to-one of two users, the caller's attendee in it, and whether it is new.

    Raises NotFound("invite") for an unknown user. Raises Forbidden("invite") for oneself, and for a user whom the
    settings keep the caller from looking up, unless the two have a one-to-one already.
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
    attendee_id = await participants.add_user(
        tx, room, actor, actor.id, actor.name, type=ParticipantType.OWNER, quiet=True
    )
    return room, attendee_id, is_new


async def restrict_attributes(tx: Tx, user_id: str, attributes: Attributes, settings: TalkSettings) -> Attributes:
    """Leave out what the creator cannot switch on: people dial in only where a bridge is set up for the creator."""
    if attributes.sip_enabled and not await dial_in.can_enable_dial_in(tx, settings, user_id):
        return msgspec.structs.replace(attributes, sip_enabled=0)
    return attributes


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

    Without a name it is called like the group whose id is given, or `---`. The group is not added.
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
    room = await room_store.add_room(
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
    return room, attendee_id


async def _require_extendable(tx: Tx, actor: Actor, token: str) -> None:
    """Raises Invalid("object") unless the token is of a one-to-one conversation of the creator."""
    try:
        me = await access.access_participant(tx, token, user_id=actor.id, browser="")
    except NotFound:
        raise Invalid("object") from None
    if me.room.type != RoomType.ONE_TO_ONE:
        raise Invalid("object")


async def get_note_to_self(tx: Tx, actor: Actor, *, by: Actor | None = None) -> tuple[Room, int]:
    """A user's conversation with himself, made (`by` himself unless said) when it is missing; and the attendee."""
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
    attendee_id = await participants.add_user(
        tx, room, actor, actor.id, actor.name, type=ParticipantType.OWNER, quiet=True, favorite=True
    )
    return room, attendee_id


async def new_token(tx: Tx) -> ids.Token:
    """A token for a new room."""
    token = ids.new_token()
    while await room_store.is_taken(tx, token):
        token = ids.new_token()
    return token
