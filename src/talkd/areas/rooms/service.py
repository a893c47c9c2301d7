"""List, find, leave and delete rooms, and remove people from them."""

from collections.abc import AsyncIterator, Callable

import msgspec

from talkd.areas.messages import service as messages
from talkd.areas.overviews import service as overviews
from talkd.areas.overviews.model import Overview
from talkd.areas.participants import service as participants
from talkd.areas.removal import service as removal
from talkd.areas.rooms import store
from talkd.areas.settings import service as settings
from talkd.conversation import access, attendee_store, ban_store, room_store
from talkd.conversation.message import Names
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import Room
from talkd.core.actor import USERS, Actor
from talkd.core.constants import RoomType
from talkd.core.errors import NULL, Forbidden, Invalid, NotFound, UnknownRoom
from talkd.core.events import ReadOnlySet, RoomDeleted
from talkd.storage.database import Tx

_WELCOME_ROOMS = (RoomType.CHANGELOG, RoomType.NOTE_TO_SELF)


class RoomList(msgspec.Struct, frozen=True):
    """The rooms of a user, the names in their last messages, and the partners in one-to-one rooms who are online."""

    overviews: list[Overview]
    names: Names
    online: set[str] | None


# --- finding --------------------------------------------------------------------------------
async def list_rooms(
    tx: Tx,
    user_id: str,
    *,
    browser: str,
    since: int,
    with_last_message: bool,
    with_status: bool,
    is_welcomed: bool = False,
) -> RoomList | None:
    """Return the rooms of a user that changed since the time `since`; 0 for all rooms.

    Return None for a new user, whose welcome rooms must be created before (`creation_service.welcome`).
    """
    found = await overviews.list_overviews(tx, user_id, browser=browser, since=since, with_one_to_ones=with_status)
    is_known = is_welcomed or since > 0
    # A user who already has a welcome room is not new; skip the lookup.
    is_known = is_known or any(overview.me.room.type in _WELCOME_ROOMS for overview in found)
    if not is_known and not await settings.is_welcomed(tx, user_id):
        return None
    if not found and not is_known:  # another request may have created the welcome rooms after this one looked
        found = await overviews.list_overviews(tx, user_id, browser=browser, since=since, with_one_to_ones=with_status)
    last = [overview.last_message for overview in found if overview.last_message is not None]
    names = await messages.get_names(tx, last) if with_last_message else {}
    online = await overviews.list_online_partners(tx, found, user_id) if with_status else None
    return RoomList(found, names, online)


async def list_listed(tx: Tx, user_id: str, term: str) -> list[Room]:
    """Return the listed rooms that the user is not in and whose name contains the term; all of them if it is empty."""
    return [room for room in await store.list_listed(tx, user_id, term.strip()) if room.is_listed]


async def access_from_outside(
    tx: Tx, token: str, user_id: str | None, *, browser: str, address: str
) -> tuple[Room, bool]:
    """Return a room that the caller is not in, and whether they may see its name and description.

    They may if the room is listed, unless they are banned or must know its password. Raises UnknownRoom unless the
    room is public, or listed and the caller has an account.
    """
    room = await room_store.get_room(tx, token)
    if room is None or not (room.type == RoomType.PUBLIC or (room.is_listed and user_id is not None)):
        raise UnknownRoom
    if not room.is_listed or room.password_hash_for(user_id):
        return room, False
    if user_id is not None:
        return room, not await ban_store.is_banned(tx, room.id, USERS, user_id)
    return room, not await ban_store.is_guest_banned(tx, room.id, browser=browser, address=address)


async def get_for_bridge(tx: Tx, token: str) -> Room:
    """Return a room that somebody wants to dial in to. Raises NotFound."""
    room = await room_store.get_room(tx, token)
    if room is None:
        raise NotFound
    return room


# --- leaving and removing -------------------------------------------------------------------
async def leave(tx: Tx, me: Participant, *, deletes_one_to_one: bool, may_abandon: bool = False) -> None:
    """Leave for good. Raises Invalid("last-moderator"), unless the caller `may_abandon` the room.

    The room is deleted with its last member. With `deletes_one_to_one` a one-to-one is deleted for both users.
    """
    if (deletes_one_to_one and me.room.is_one_to_one) or await participants.leave(tx, me, may_abandon=may_abandon):
        await remove(tx, me.room, me.actor)


async def remove_attendee(tx: Tx, me: Participant, attendee_id: int) -> Attendee:
    """Remove an attendee and return them. Users who remove themselves leave the room.

    A removed group's members stay; `member_service.remove_attendee` removes them too. Raises NotFound,
    Forbidden("owner") or Invalid.
    """
    attendee = await access.access_attendee(tx, me, attendee_id)
    if me.room.is_one_to_one:
        raise Invalid("room-type")
    if attendee.id == me.attendee.id and not me.is_guest:
        await leave(tx, me, deletes_one_to_one=False)
    else:
        await participants.remove_other(tx, me, attendee)
    return attendee


async def list_rooms_of(tx: Tx, user_id: str) -> AsyncIterator[tuple[Attendee, Room]]:
    """Yield the rooms of a user, locked, with the user's attendee.

    The loop's body may remove the user from each. That also removes them from its breakout rooms, which are then
    skipped.
    """
    for attendee in await attendee_store.list_of_user(tx, user_id):
        if await attendee_store.get_attendee(tx, attendee.room_id, attendee.id) is not None:
            yield attendee, await room_store.lock_room(tx, attendee.room_id)


async def remove_from_rooms(
    tx: Tx, actor: Actor, user_id: str, name: str, *, is_affected: Callable[[Room], bool]
) -> None:
    """Remove a user from all rooms for which `is_affected` is true. A room is deleted with its last member.

    A one-to-one becomes a former one-to-one, even if the user left it before: it is locked and gets the name `name`. A
    later user with the same id cannot open it.
    """
    async for attendee, room in list_rooms_of(tx, user_id):
        if not is_affected(room):
            continue
        if await participants.is_last_member(tx, attendee):
            await remove(tx, room, actor)
        else:
            await participants.remove(tx, room, actor, attendee)
    for room in await room_store.list_pairs_of(tx, user_id):
        if is_affected(room):
            await room_store.end_pair(tx, room.id, RoomType.ONE_TO_ONE_FORMER, name)
            await tx.emit(ReadOnlySet(room.id, actor, True))


# --- deleting -------------------------------------------------------------------------------
async def delete(tx: Tx, me: Participant, *, one_to_one_too: bool) -> None:
    """Delete the room for everybody.

    Raises Forbidden for guest moderators. Raises Invalid for a one-to-one, unless `one_to_one_too`.
    """
    if me.is_guest:
        raise Forbidden
    if me.room.is_one_to_one and not one_to_one_too:
        raise Invalid("type", data=NULL)
    await remove(tx, me.room, me.actor)


async def remove(tx: Tx, room: Room, actor: Actor) -> None:
    """Delete the room with everything in it. Does not check what the actor may do."""
    was_in = await removal.delete_room(tx, room.id)
    await tx.emit(RoomDeleted(room.id, actor, was_in.attendee_ids, was_in.session_ids, room.token, was_in.user_ids))
