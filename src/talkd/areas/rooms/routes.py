"""Operations of the conversation API."""

from typing import Any

import msgspec

from talkd.areas.messages import service as messages
from talkd.areas.overviews import rendering, view
from talkd.areas.overviews import service as overviews
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import listing_service as listings
from talkd.areas.rooms import newcomer_service as newcomers
from talkd.areas.rooms import service
from talkd.areas.users import password_model as policy
from talkd.areas.users import passwords
from talkd.core import clock
from talkd.core.constants import RoomType
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import find_participant, hold_room_again
from talkd.web.ocs import Reply
from talkd.web.routing import ANY_MODERATOR, USER_MODERATOR, Access, Guard, Routes

routes = Routes("conversation")
V4 = ("v4",)
HASH = "X-Nextcloud-Talk-Hash"
MODIFIED_BEFORE = "X-Nextcloud-Talk-Modified-Before"
COMMIT_SECONDS = 1
"""A change may be committed so much later than its time, when clients have already been told a later time."""


class ListParams(msgspec.Struct, frozen=True):
    """Which rooms, and how much of them."""

    noStatusUpdate: int = 0
    includeStatus: bool = False
    modifiedSince: int = 0
    includeLastMessage: bool = True


class NameParams(msgspec.Struct, frozen=True):
    """A new name."""

    roomName: str


class DescriptionParams(msgspec.Struct, frozen=True):
    """A new description."""

    description: str


class PasswordParams(msgspec.Struct, frozen=True):
    """A new password; empty for none."""

    password: str


class OptionalPasswordParams(msgspec.Struct, frozen=True):
    """A password to set along with it."""

    password: str = ""


class StateParams(msgspec.Struct, frozen=True):
    """Locked (1) or not (0)."""

    state: int


# --- finding --------------------------------------------------------------------------------
@routes.add("GET", "room", Guard.USER, versions=V4, params=ListParams, access=Access.OWN, returns=list[RoomView])
async def list_rooms(call: Call[ListParams]) -> Reply:
    """List all conversations of the user; who looks for the first time finds some."""
    db, settings = call.world.db, call.world.settings
    reply = await db.read(lambda tx: _list_rooms(tx, call))
    if reply is None:
        with_changelog = settings.has_changelog
        await call.write_if_possible(lambda tx: newcomers.welcome(tx, call.caller.actor, with_changelog=with_changelog))
        reply = await db.read(lambda tx: _list_rooms(tx, call, is_welcomed=True))
    assert reply is not None, "nobody is welcomed twice"
    return reply


_WELCOMING = (RoomType.CHANGELOG, RoomType.NOTE_TO_SELF)


async def _list_rooms(tx: Tx, call: Call[ListParams], *, is_welcomed: bool = False) -> Reply | None:
    """Return the list, or None for a newcomer. A user with a welcome room is none, at no extra query."""
    params = call.params
    now = clock.now()
    found = await overviews.list_overviews(
        tx,
        call.user_id,
        browser=call.caller.browser,
        since=params.modifiedSince,
        one_to_one_too=params.includeStatus,
    )
    is_known = is_welcomed or params.modifiedSince > 0
    is_known = is_known or any(overview.me.room.type in _WELCOMING for overview in found)
    if not is_known and await newcomers.is_newcomer(tx, call.user_id):
        return None
    shown = [overview.last_message for overview in found if overview.last_message is not None]
    names = await messages.get_names(tx, shown) if params.includeLastMessage else {}
    online = await rendering.list_online_partners(tx, found, call.user_id) if params.includeStatus else None
    defaults = call.world.settings.room_defaults
    data = [
        view.room(overview, defaults, names, with_last_message=params.includeLastMessage, online=online)
        for overview in found
    ]
    return Reply(data, 200, {**_hash(call), MODIFIED_BEFORE: str(now - COMMIT_SECONDS)})


@routes.add("GET", "room/note-to-self", Guard.USER, versions=V4, access=Access.WRITE, returns=RoomView)
async def get_note_to_self(tx: Tx, call: Call[Any]) -> Reply:
    """Get the user's conversation with himself, making it when it is missing."""
    room, attendee_id = await creation.get_note_to_self(tx, call.caller.actor)
    return Reply(await rendering.render(tx, call, room.id, attendee_id), 200, _hash(call))


@routes.add("GET", "room/{token}", Guard.NO_LOGIN, versions=V4, returns=RoomView)
async def get_room(tx: Tx, call: Call[Any]) -> Reply:
    """Get one conversation; of a public or open one also what is seen from outside."""
    me = await find_participant(tx, call)
    if me is not None:
        return Reply(await rendering.render(tx, call, me.room.id, me.attendee.id), 200, _hash(call))
    caller = call.caller
    room, is_listed = await listings.access_from_outside(
        tx, call.token, caller.user_id, browser=caller.browser, address=caller.address
    )
    return Reply(view.seen_from_outside(room, is_listed=is_listed), 200, _hash(call))


def _hash(call: Call[Any]) -> dict[str, str]:
    return {HASH: call.world.talk_hash}


# --- settings -------------------------------------------------------------------------------
@routes.add("PUT", "room/{token}", *ANY_MODERATOR, versions=V4, params=NameParams, returns=RoomView)
async def rename_room(tx: Tx, call: Call[NameParams]) -> RoomView:
    """Rename a conversation."""
    await service.rename(tx, call.me, call.params.roomName)
    return await rendering.render_mine(tx, call)


@routes.add("DELETE", "room/{token}", *ANY_MODERATOR, versions=V4)
async def delete_room(tx: Tx, call: Call[Any]) -> None:
    """Delete a conversation for everybody."""
    await service.delete(tx, call.me, one_to_one_too=call.world.settings.can_delete_one_to_one)


@routes.add("PUT", "room/{token}/description", *ANY_MODERATOR, versions=V4, params=DescriptionParams, returns=RoomView)
async def set_description(tx: Tx, call: Call[DescriptionParams]) -> RoomView:
    """Describe a conversation."""
    await service.set_description(tx, call.me, call.params.description)
    return await rendering.render_mine(tx, call)


@routes.add(
    "POST",
    "room/{token}/public",
    *USER_MODERATOR,
    versions=V4,
    params=OptionalPasswordParams,
    access=Access.OWN,
    returns=RoomView,
)
async def allow_guests(call: Call[OptionalPasswordParams]) -> RoomView:
    """Open a conversation to everybody who has the link."""
    password_hash = await _hash_of(call, call.params.password, opens=call.me.room.type == RoomType.GROUP)

    async def work(tx: Tx) -> RoomView:
        await hold_room_again(tx, call)  # hashing takes its time
        await service.allow_guests(tx, call.me.room, call.me.actor)
        if password_hash:
            await hold_room_again(tx, call)
            await service.set_password(tx, call.me, password_hash)
        return await rendering.render_mine(tx, call)

    return await call.write(work)


async def _hash_of(call: Call[Any], password: str, *, opens: bool) -> str:
    """The hash of a password, empty for none; `opens` when without it everybody could walk in."""
    forced = call.world.settings.force_passwords
    policy.require_door(is_open=opens, has_password=bool(password), is_forced=forced)
    if not password:
        return ""
    policy.require_room_password(password, call.world.config.security)
    return await passwords.hash_password(password)


@routes.add("DELETE", "room/{token}/public", *USER_MODERATOR, versions=V4, returns=RoomView)
async def disallow_guests(tx: Tx, call: Call[Any]) -> RoomView:
    """Close a conversation to everybody but its members."""
    await service.disallow_guests(tx, call.me.room, call.me.actor)
    return await rendering.render_mine(tx, call)


@routes.add(
    "PUT",
    "room/{token}/password",
    *ANY_MODERATOR,
    versions=V4,
    params=PasswordParams,
    access=Access.OWN,
    returns=RoomView,
)
async def set_password(call: Call[PasswordParams]) -> RoomView:
    """Set or remove the password of a public conversation."""
    password_hash = await _hash_of(call, call.params.password, opens=call.me.room.type == RoomType.PUBLIC)

    async def work(tx: Tx) -> RoomView:
        await hold_room_again(tx, call)  # hashing takes its time
        await service.set_password(tx, call.me, password_hash)
        return await rendering.render_mine(tx, call)

    return await call.write(work)


@routes.add("PUT", "room/{token}/read-only", *USER_MODERATOR, versions=V4, params=StateParams, returns=RoomView)
async def set_read_only(tx: Tx, call: Call[StateParams]) -> RoomView:
    """Lock or unlock a conversation."""
    await service.set_read_only(tx, call.me, call.params.state)
    return await rendering.render_mine(tx, call)
