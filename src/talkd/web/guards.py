"""The checks behind the guards of a route: the caller's login first, then their participant in the room."""

from collections.abc import Callable
from typing import Any

from talkd.conversation import access, standing
from talkd.conversation.participant import Participant
from talkd.conversation.settings import TalkSettings
from talkd.conversation.standing import Marks
from talkd.core import checksums
from talkd.core.constants import Permission, StartCall
from talkd.core.errors import Forbidden, NotAuthenticated, NotFound, NotSigned, PreconditionFailed, TalkError
from talkd.storage.database import Tx
from talkd.web.auth import WRONG
from talkd.web.call import Call, Caller, World
from talkd.web.routing import ROOM_GUARDS, SHARING, TALK, Access, Guard, Route, Signer

_ROOM_CHECKS: dict[Guard, Callable[[Participant, TalkSettings], bool]] = {
    Guard.IDENTIFIED: lambda me, _: not me.is_guest,
    Guard.MODERATOR: lambda me, _: me.is_moderator,
    Guard.ACCOUNT: lambda me, _: not me.is_guest,
    Guard.CALLS_ENABLED: lambda _, talk_settings: talk_settings.start_calls != StartCall.NOBODY,
    Guard.READ_WRITE: lambda me, _: me.room.is_writable,
    Guard.PAST_LOBBY: lambda me, _: me.can_pass_lobby,
    Guard.MAY_CHAT: lambda me, _: me.may(Permission.CHAT),
}
"""What each guard requires of a participant."""
REFUSALS: dict[Guard, type[TalkError]] = {
    Guard.ADMIN: Forbidden,
    Guard.SUBADMIN: Forbidden,
    Guard.IDENTIFIED: NotFound,
    Guard.MODERATOR: Forbidden,
    Guard.ACCOUNT: Forbidden,
    Guard.CALLS_ENABLED: Forbidden,
    Guard.READ_WRITE: Forbidden,
    Guard.PAST_LOBBY: PreconditionFailed,
    Guard.MAY_CHAT: Forbidden,
}
"""The error for callers who are logged in, or in the room, but do not pass the guard."""

NOT_SIGNED = {
    "type": "error",
    "error": {"code": "invalid_request", "message": "The request could not be authenticated."},
}
"""The answer to a signaling or recording server that does not prove that it knows the shared secret."""
BRIDGE = Signer("talk-sipbridge", "talkSipBridgeSecret", lambda talk: talk.sip_secret)
"""The telephone bridge."""
RECORDER = Signer("talk-recording", "talkRecordingSecret", lambda talk: talk.recording_secret, NOT_SIGNED)
"""The recording server."""
SIGNALING_SERVER = Signer("spreed-signaling", "talkSignalingSecret", lambda talk: talk.signaling.secret, NOT_SIGNED)
"""An external signaling server."""
NOT_ADMIN = "Logged in account must be an admin"
NOT_SUBADMIN = "Logged in account must be at least a sub admin"


def require_login_guards(route: Route, caller: Caller) -> None:
    """Raises NotAuthenticated or Forbidden if the caller does not pass the guards about logins."""
    guards = route.guards
    if Guard.NO_LOGIN in guards:
        return
    if caller.user_id is None:
        raise NotAuthenticated
    if Guard.ADMIN in guards and not caller.is_admin:
        raise Forbidden(message=NOT_ADMIN)
    if Guard.SUBADMIN in guards and not caller.is_admin:
        raise Forbidden(message=NOT_SUBADMIN)


async def require_may_use_talk(tx: Tx, call: Call[Any]) -> None:
    """Raises Forbidden if the operation belongs to Talk and the caller may not use Talk."""
    user_id, route = call.caller.user_id, call.route
    if user_id is None or route is None or not is_of_talk(route):
        return
    if not await call.world.may_use_talk(tx, user_id):
        raise Forbidden


def is_of_talk(route: Route) -> bool:
    """Return True if the operation belongs to Talk or shares files in rooms, not to the Nextcloud server around it."""
    return route.path.startswith((TALK, SHARING))


def needs_room(route: Route) -> bool:
    """Return True if the caller must be in a room."""
    return not ROOM_GUARDS.isdisjoint(route.guards)


async def require_room(tx: Tx, route: Route, call: Call[Any], *, lock: bool = False) -> Participant:
    """Return the caller in the room of the path. Raises NotFound, Forbidden or PreconditionFailed."""
    me = await _access(tx, call, lock=lock)
    for guard in route.guards:
        check = _ROOM_CHECKS.get(guard)
        if check is not None and not check(me, call.world.talk_settings):
            raise REFUSALS[guard]
    return me


async def require_login_again(call: Call[Any]) -> None:
    """Check again, after a wait, that the caller is logged in and may use Talk.

    Visitors have no login, so they always pass. Raises NotAuthenticated and Forbidden.
    """
    await call.world.db.read(lambda tx: _require_login(tx, call))


async def require_login_still(tx: Tx, call: Call[Any]) -> None:
    """Check again that the caller is logged in, if any login has ended since they were identified.

    Raises the same errors as `require_login_again`.
    """
    if may_have_logged_out(call):
        await _require_login(tx, call)


async def _require_login(tx: Tx, call: Call[Any]) -> None:
    caller = call.caller
    if caller.user_id is None or caller.credential is None:
        return
    if not await call.world.logins.is_valid(tx, caller.user_id, caller.credential):
        raise NotAuthenticated(message="" if caller.by_cookie else WRONG)
    await require_may_use_talk(tx, call)


def may_have_logged_out(call: Call[Any]) -> bool:
    """Return True if the login of any user has ended since the caller was identified."""
    return call.caller.generation != call.world.logins.generation


async def require_room_again(call: Call[Any]) -> None:
    """Check again, after a wait, that the caller may be in the room. Raises the same errors as `require_room`."""
    call.standing = call.world.changes.standing
    call.participant = await call.world.db.read(lambda tx: require_room(tx, _route(call), call))


async def require_still(call: Call[Any]) -> None:
    """Check again that the caller is logged in and in the room, if anything relevant has changed since the last check.

    Call this after reading. On PostgreSQL each statement sees the newest data, so a message that was sent after the
    caller was disabled or removed could reach them. Raises the same errors as `require_login_again` and `require_room`.
    """
    world, me = call.world, call.participant
    if may_have_logged_out(call):
        await require_login_again(call)
    if me is not None and call.standing != world.changes.standing:
        await require_room_again(call)
    if world.is_shared and not call.is_still and (me is not None or call.caller.user_id is not None):
        room_id = me.room.id if me is not None else 0
        await require_unmoved(call, await world.db.read(lambda tx: standing.get_marks(tx, room_id)))


async def require_unmoved(call: Call[Any], marks: Marks) -> None:
    """Check again that the caller is logged in and in the room, unless marks show that nothing has changed.

    The marks were read after what is answered. Other processes may have made a change of which this one has not heard.
    Raises the same errors as `require_still`.
    """
    if marks.epoch != call.world.epoch:
        await require_login_again(call)
    if call.participant is not None and marks.standing > call.participant.room.standing:
        await require_room_again(call)
    call.is_still = True


async def lock_room_again(tx: Tx, call: Call[Any]) -> None:
    """Check login and room again, after a wait, for an operation that then writes. Lock the room until `tx` ends."""
    await require_login_still(tx, call)
    call.participant = await require_room(tx, _route(call), call, lock=True)


def _route(call: Call[Any]) -> Route:
    assert call.route is not None, "a running operation has its route"
    return call.route


async def find_participant(tx: Tx, call: Call[Any]) -> Participant | None:
    """Return the caller in the room of the path, or None if they are not in it."""
    try:
        return await _access(tx, call)
    except NotFound:
        return None


async def is_signed(signer: Signer, signed: bytes, call: Call[Any]) -> bool:
    """Return True if the signer has signed `signed`. Count a wrong checksum."""
    error = _find_fault(signer, signed, call.world, call.header)
    if error is not None and error.action:
        await call.world.throttle.register(error.action, call.caller.address)
    return error is None


def is_from(signer: Signer, call: Call[Any]) -> bool:
    """Return True if the request claims to come from this part of the installation."""
    return bool(call.header(f"{signer.name}-checksum"))


def require_signed(signer: Signer, signed: bytes, call: Call[Any]) -> None:
    """Raises NotSigned unless the signer has signed `signed`, and Throttled after many wrong checksums."""
    require_checksum(signer, signed, call.world, call.header, call.caller.address)


def require_checksum(
    signer: Signer, signed: bytes, world: World, header: Callable[[str], str | None], address: str
) -> None:
    """Check a signature before the rest of the request is known. Raises the errors of `require_signed`."""
    world.throttle.check(signer.action, address)
    error = _find_fault(signer, signed, world, header)
    if error is not None:
        raise error


def _find_fault(signer: Signer, signed: bytes, world: World, header: Callable[[str], str | None]) -> NotSigned | None:
    """Return what is wrong with a signature (`core/checksums.py`), or None."""
    random, checksum = header(f"{signer.name}-random") or "", header(f"{signer.name}-checksum") or ""
    secret = signer.secret(world.talk_settings)
    if checksums.is_signed(signed, secret=secret, random=random, checksum=checksum):
        return None
    return NotSigned(signer.action if checksum else "", signer.refusal)


async def _access(tx: Tx, call: Call[Any], *, lock: bool = False) -> Participant:
    """Find the caller in the room. A route that writes locks the room, so that what the guards saw stays true."""
    lock = lock or (call.route is not None and call.route.access is Access.WRITE)
    caller = call.caller
    me = await access.access_participant(tx, call.token, user_id=caller.user_id, browser=caller.browser, lock=lock)
    if lock and (call.route is None or call.route.notifies_first):
        await call.world.before_writing(tx, me.room)
    return me
