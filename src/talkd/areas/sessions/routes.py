"""Operations that open and close a conversation on a device."""

from typing import Any

import msgspec

from talkd.areas.participants import store as participants
from talkd.areas.participants.model import Participant
from talkd.areas.rooms import routes as rooms
from talkd.areas.rooms.view import RoomView
from talkd.areas.sessions import service, store
from talkd.areas.users import passwords
from talkd.core import ids
from talkd.core.errors import NULL, NotFound
from talkd.storage.database import Tx
from talkd.web.auth import COOKIE
from talkd.web.call import Call
from talkd.web.guards import find_participant
from talkd.web.ocs import Cookie, Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("session")
V4 = ("v4",)
ROOM_PASSWORD = "talkRoomPassword"
"""The brute-force action of wrong room passwords."""


class JoinParams(msgspec.Struct, frozen=True):
    """The room's password, and whether an earlier join of this device that is in a call may be ended."""

    password: str = ""
    force: bool = True


@routes.add(
    "POST",
    "room/{token}/participants/active",
    Guard.ANYONE,
    versions=V4,
    params=JoinParams,
    access=Access.OWN,
    throttle=ROOM_PASSWORD,
    returns=RoomView,
)
async def join(call: Call[JoinParams]) -> Reply:
    """Open a conversation on this device."""
    params, caller, db = call.params, call.caller, call.world.db
    room = await db.read(lambda tx: participants.get_room(tx, call.token))
    if room is None:
        raise NotFound(data=NULL if caller.user_id else None)
    is_right = bool(params.password) and await passwords.is_password(room.password_hash, params.password)
    # A device without a cookie gets one now; entering by password renews it (reliability.md, S7).
    secret = "" if caller.browser and not params.password else ids.new_secret()
    cookies = (Cookie(COOKIE, secret),) if secret and not caller.by_cookie else ()
    browser = ids.fingerprint(secret) if cookies else caller.browser

    async def work(tx: Tx) -> RoomView:
        room = await participants.get_room(tx, call.token)
        if room is None:
            raise NotFound(data=NULL)
        if cookies and caller.browser:
            await store.move_browser(tx, caller.browser, browser)
        me = await _join(tx, call, room, browser, is_right)
        shown = await rooms.render(tx, _as(call, browser), me.room.id, me.attendee.id)
        if me.is_guest and call.participant is None:
            return msgspec.structs.replace(shown, notificationCalls=0)  # as the real server says on a first visit
        return shown

    return Reply(await db.write(work), 200, cookies=cookies)


async def _join(tx: Tx, call: Call[JoinParams], room: Any, browser: str, is_right: bool) -> Participant:
    caller = call.caller
    if caller.user_id is not None:
        return await service.join_user(
            tx, room, caller.actor, browser=browser, password_is_right=is_right, force=call.params.force
        )
    call.participant = await participants.find_visitor(tx, call.token, browser) if browser else None
    return await service.join_visitor(
        tx,
        room,
        browser=browser,
        password_is_right=is_right,
        known=call.participant,
        session_id=ids.new_session_id(),
    )


def _as(call: Call[Any], browser: str) -> Call[Any]:
    """The same call from the browser with its new cookie."""
    caller = call.caller
    return Call(
        world=call.world,
        caller=type(caller)(
            user_id=caller.user_id, display_name=caller.display_name, is_admin=caller.is_admin, browser=browser
        ),
        params=call.params,
        base_url=call.base_url,
        token=call.token,
    )


@routes.add("DELETE", "room/{token}/participants/active", Guard.ANYONE, versions=V4)
async def leave(tx: Tx, call: Call[Any]) -> None:
    """Close a conversation on this device. Never fails, whether it was open or not."""
    me = await find_participant(tx, call)
    if me is not None:
        await service.leave(tx, me)
