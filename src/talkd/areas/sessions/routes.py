"""Operations that join and leave a room with a device."""

from typing import Any

import msgspec

from talkd.areas.invitations.link import require_invited
from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.sessions import join_service as joining
from talkd.areas.sessions import service as sessions
from talkd.areas.sessions.join_service import Device
from talkd.areas.users import passwords
from talkd.core import ids
from talkd.core.networks import subnet_of
from talkd.storage.database import Tx
from talkd.web.auth import is_own_page, new_cookie
from talkd.web.call import Call
from talkd.web.guards import find_participant, require_login_still
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("session")
V4 = ("v4",)
ROOM_PASSWORD = "talkRoomPassword"
"""The brute-force action of wrong room passwords."""


class JoinParams(msgspec.Struct, frozen=True):
    """The room's password, or the address and personal token of an invitation by e-mail.

    The token is needed once: later requests send the cookie of the answer instead. `force` has no effect: an earlier
    session of this device always ends, even if it is in a call, and sessions of other devices do not.
    """

    password: str = ""
    force: bool = True
    email: str = ""
    access: str = ""


@routes.add(
    "POST",
    "room/{token}/participants/active",
    Guard.NO_LOGIN,
    versions=V4,
    params=JoinParams,
    access=Access.OWN,
    limit=Limit.GUEST_JOINS,
    returns=RoomView,
)
async def join(call: Call[JoinParams]) -> Reply:
    """Join a conversation with this device."""
    params, caller = call.params, call.caller
    if params.access and caller.user_id is None:
        await require_invited(call, call.token, params.email, params.access)
    password_is_right = bool(params.password) and await _check_password(call)
    cookie = _new_cookie(call)
    device = Device(
        browser=ids.fingerprint(cookie) if cookie else caller.browser,
        old_browser=caller.browser,
        user=caller.actor if caller.user_id is not None else None,
        login=caller.login,
        password_is_right=password_is_right,
        address=caller.address,
        network=subnet_of(caller.address),
        invited_address=params.email,
        access_token=params.access,
    )
    config = call.world.config
    most_visitors = config.limits.guest_sessions if config.security.throttle else 0

    async def work(tx: Tx) -> RoomView:
        await require_login_still(tx, call)
        joined = await joining.join(tx, call.token, device, most_visitors=most_visitors)
        me = joined.me
        view = await rendering.render(tx, call, me.room.id, me.attendee.id, browser=device.browser)
        # As the real server answers (docs/api/compatibility.md, Sessions and guests).
        return msgspec.structs.replace(view, notificationCalls=0) if joined.is_first_visit else view

    return Reply(await call.world.db.write(work), 200, session_cookie=cookie)


def _new_cookie(call: Call[JoinParams]) -> str | None:
    """Return the session cookie that the answer sets, if any.

    A visitor gets a new one with each join: an attacker who planted the old one in the browser must not be in the room
    as the same guest. A user's device keeps its cookie, except when a password is sent without a login by cookie.
    """
    caller = call.caller
    if caller.by_cookie or (caller.browser and caller.user_id is not None and not call.params.password):
        return None
    return new_cookie(keep=caller if is_own_page(caller, call.header("requesttoken")) else None)


async def _check_password(call: Call[JoinParams]) -> bool:
    """Return True if the password is the one that the room requires of the caller. Raises Throttled.

    Nothing is hashed if none is required, so an unknown room takes as long as one that the caller may not join.
    """
    caller, password = call.caller, call.params.password
    required = await call.world.db.read(lambda tx: joining.get_required_password(tx, call.token, caller.user_id))
    if not required:
        return False
    async with call.world.throttle.attempt(ROOM_PASSWORD, caller.address) as attempt:
        is_right = await passwords.is_password(required, password)
        if not is_right:
            attempt.failed()
    return is_right


@routes.add("DELETE", "room/{token}/participants/active", Guard.NO_LOGIN, versions=V4)
async def leave(tx: Tx, call: Call[Any]) -> None:
    """Leave a conversation with this device. Succeeds also if the device has not joined."""
    me = await find_participant(tx, call)
    if me is not None:
        await sessions.leave(tx, me)
