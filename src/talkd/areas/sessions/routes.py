"""Operations that open and close a conversation on a device."""

from typing import Any

import msgspec

from talkd.areas.invitations import service as invitations
from talkd.areas.invitations import store as invitation_store
from talkd.areas.invitations.link import require_invited
from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.sessions import service
from talkd.areas.users import passwords
from talkd.conversation import attendee_store, room_store, session_store
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import Room
from talkd.core import ids
from talkd.core.errors import NULL, UnknownRoom
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
    """The room's password. `force` makes no difference: an earlier join of this device ends, also one that is in a
    call (small-print.md, the last section), and those of other devices go on.

    People invited by e-mail show their address and personal token once; the device is known after that.
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
    """Open a conversation on this device."""
    params, caller, db = call.params, call.caller, call.world.db
    if params.access and caller.user_id is None:
        await require_invited(call, call.token, params.email, params.access)
    is_right = bool(params.password) and await _is_right(call)
    # A visitor gets a new cookie each time they join, and their earlier joins move to it: somebody else may have
    # planted the old one, and must not be in the room as the same guest. A user's device keeps its cookie.
    keeps_cookie = caller.browser and caller.user_id is not None and not params.password
    cookie: str | None = None
    browser = caller.browser
    if not keeps_cookie and not caller.by_cookie:
        page = caller if is_own_page(caller, call.header("requesttoken")) else None
        cookie = new_cookie(keep=page)
        browser = ids.fingerprint(cookie)

    async def work(tx: Tx) -> RoomView:
        await require_login_still(tx, call)
        room = await room_store.get_room(tx, call.token, lock=True)
        if room is None:
            raise UnknownRoom(data=NULL)
        if cookie and caller.browser:
            await session_store.move_browser(tx, caller.browser, browser)
            await invitation_store.move_browser(tx, caller.browser, browser)
        me = await _join(tx, call, room, browser, is_right)
        shown = await rendering.render(tx, _as(call, browser), me.room.id, me.attendee.id)
        if me.is_guest and call.participant is None:
            return msgspec.structs.replace(shown, notificationCalls=0)  # as the real server says on a first visit
        return shown

    return Reply(await db.write(work), 200, session_cookie=cookie)


async def _is_right(call: Call[JoinParams]) -> bool:
    """Return True if the password is the one that the room asks the caller for. Raises Throttled.

    Where nothing is asked, nothing is hashed: an unknown room takes as long as one that the caller may not enter.
    """
    caller, password = call.caller, call.params.password
    asked = await call.world.db.read(lambda tx: service.get_asked_password(tx, call.token, caller.user_id))
    if not asked:
        return False
    async with call.world.throttle.attempt(ROOM_PASSWORD, caller.address) as attempt:
        is_right = await passwords.is_password(asked, password)
        if not is_right:
            attempt.failed()
    return is_right


async def _join(tx: Tx, call: Call[JoinParams], room: Room, browser: str, is_right: bool) -> Participant:
    caller = call.caller
    if caller.user_id is not None:
        login = caller.credential.secret if caller.credential is not None else ""
        return await service.join_user(tx, room, caller.actor, browser=browser, password_is_right=is_right, login=login)
    config = call.world.config
    return await service.join_visitor(
        tx,
        room,
        browser=browser,
        address=caller.address,
        password_is_right=is_right,
        known=await _find_known(tx, call, room, browser),
        session_id=ids.new_session_id(),
        old_browser=caller.browser,
        network=subnet_of(caller.address),
        most=config.limits.guest_sessions if config.security.throttle else 0,
    )


async def _find_known(tx: Tx, call: Call[JoinParams], room: Room, browser: str) -> Attendee | None:
    """Who the visitor is: by the personal token shown now, by a join of this device, or by a token shown before."""
    present = await attendee_store.find_visitor(tx, call.token, browser) if browser else None
    if call.params.access:
        invited = await invitations.open_door(tx, room, call.params.email, call.params.access, browser)
        if present is not None and present.attendee.id != invited.id:
            await service.leave(tx, present)
        return invited
    call.participant = present
    return present.attendee if present is not None else await invitations.find_invited(tx, room, browser)


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


@routes.add("DELETE", "room/{token}/participants/active", Guard.NO_LOGIN, versions=V4)
async def leave(tx: Tx, call: Call[Any]) -> None:
    """Close a conversation on this device. Never fails, whether it was open or not."""
    me = await find_participant(tx, call)
    if me is not None:
        await service.leave(tx, me)
