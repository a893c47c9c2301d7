"""Operations that list, show and delete rooms."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from talkd.areas.overviews import rendering, view
from talkd.areas.overviews import service as overviews
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import service as rooms
from talkd.core import clock
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import BRIDGE, find_participant, is_from, require_signed
from talkd.web.ocs import Reply
from talkd.web.routing import ANY_MODERATOR, Access, Guard, Routes

routes = Routes("conversation")
V4 = ("v4",)
HASH = "X-Nextcloud-Talk-Hash"
MODIFIED_BEFORE = "X-Nextcloud-Talk-Modified-Before"
COMMIT_SECONDS = 1
"""A change may be committed this long after its timestamp. The header is earlier by that, so clients miss nothing."""


class ListParams(msgspec.Struct, frozen=True):
    """Filters of the room list: only rooms changed since a time, with or without statuses and last messages.

    `noStatusUpdate` has no effect.
    """

    noStatusUpdate: int = 0
    includeStatus: bool = False
    modifiedSince: int = 0
    includeLastMessage: bool = True


class SearchParams(msgspec.Struct, frozen=True):
    """A part of the name; empty for all rooms."""

    searchTerm: str = ""


@routes.add("GET", "room", Guard.USER, versions=V4, params=ListParams, access=Access.OWN, returns=list[RoomView])
async def list_rooms(call: Call[ListParams]) -> Reply:
    """List all conversations of the user. The first request creates a note to self and a changelog."""
    return await read_welcomed(call, lambda tx, is_welcomed: read_rooms(tx, call, is_welcomed=is_welcomed))


async def read_welcomed(call: Call[Any], work: Callable[[Tx, bool], Awaitable[Reply | None]]) -> Reply:
    """Run a read transaction that lists rooms. If it returns None, create the user's first rooms and run it again.

    The second argument of the work is True if the user has these rooms.
    """
    reply = await call.world.db.read(lambda tx: work(tx, False))
    if reply is None:
        user, with_changelog = call.caller.actor, call.world.talk_settings.has_changelog
        await call.write_if_possible(lambda tx: creation.welcome(tx, user, with_changelog=with_changelog))
        reply = await call.world.db.read(lambda tx: work(tx, True))
    assert reply is not None, "a welcomed user is not new"
    return reply


async def read_rooms(tx: Tx, call: Call[ListParams], *, is_welcomed: bool) -> Reply | None:
    """Return the list of the user's rooms, or None for a user who has never listed them and is not welcomed yet."""
    params = call.params
    now = clock.now()
    found = await rooms.list_rooms(
        tx,
        call.user_id,
        browser=call.caller.browser,
        since=params.modifiedSince,
        with_last_message=params.includeLastMessage,
        with_status=params.includeStatus,
        is_welcomed=is_welcomed,
    )
    if found is None:
        return None
    defaults = await overviews.get_defaults(tx, call.world.talk_settings, call.user_id)
    with_last_message = params.includeLastMessage
    data = [
        view.room(overview, defaults, found.names, with_last_message=with_last_message, online=found.online)
        for overview in found.overviews
    ]
    return Reply(data, 200, {**_hash(call), MODIFIED_BEFORE: str(now - COMMIT_SECONDS)})


@routes.add("GET", "room/note-to-self", Guard.USER, versions=V4, access=Access.WRITE, returns=RoomView)
async def get_note_to_self(tx: Tx, call: Call[Any]) -> Reply:
    """Get the user's conversation with themselves. It is created if it is missing."""
    room_id, attendee_id = await creation.get_note_to_self(tx, call.caller.actor)
    return Reply(await rendering.render(tx, call, room_id, attendee_id), 200, _hash(call))


@routes.add("GET", "room/{token}", Guard.NO_LOGIN, versions=V4, returns=RoomView, errors=(401,))
async def get_room(tx: Tx, call: Call[Any]) -> Reply:
    """Get one conversation. Callers who are not in it get fewer fields, and only if it is public or listed.

    The telephone bridge, which signs the token, may look at any conversation.
    """
    if is_from(BRIDGE, call):
        require_signed(BRIDGE, call.token.encode(), call)
        return Reply(view.seen_by_bridge(await rooms.get_for_bridge(tx, call.token)), 200, _hash(call))
    me = await find_participant(tx, call)
    if me is not None:
        return Reply(await rendering.render(tx, call, me.room.id, me.attendee.id), 200, _hash(call))
    caller = call.caller
    room, is_listed = await rooms.access_from_outside(
        tx, call.token, caller.user_id, browser=caller.browser, address=caller.address
    )
    return Reply(view.seen_from_outside(room, is_listed=is_listed), 200, _hash(call))


@routes.add("DELETE", "room/{token}", *ANY_MODERATOR, versions=V4)
async def delete_room(tx: Tx, call: Call[Any]) -> None:
    """Delete a conversation for everybody."""
    await rooms.delete(tx, call.me, one_to_one_too=call.world.talk_settings.can_delete_one_to_one)


@routes.add("GET", "listed-room", Guard.USER, versions=V4, params=SearchParams, returns=list[RoomView])
async def list_listed(tx: Tx, call: Call[SearchParams]) -> list[RoomView]:
    """Search the listed conversations that the user is not in."""
    found = await rooms.list_listed(tx, call.user_id, call.params.searchTerm)
    return [view.seen_from_outside(room, is_listed=True) for room in found]


def _hash(call: Call[Any]) -> dict[str, str]:
    return {HASH: call.world.talk_hash}
