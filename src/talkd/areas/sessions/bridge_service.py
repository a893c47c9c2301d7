"""Sessions of people without a client, whom a telephone bridge brings into a room."""

from talkd.areas.calls import service as calls
from talkd.conversation import attendee_store, room_store, session_store
from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core import clock, ids
from talkd.core.actor import Actor
from talkd.core.constants import InCall
from talkd.core.errors import Forbidden, NotFound
from talkd.core.events import SessionJoined
from talkd.storage.database import Tx

MAX_ID_LENGTH = 512


async def keep(
    tx: Tx, token: str, target: Actor, session_id: str, in_call: int | None, talk_settings: TalkSettings
) -> Participant:
    """Begin a session of an attendee if it has not begun, and set its flags in the call; None leaves them.

    While the lobby keeps the attendee out, the session is not in the call. Raises NotFound if there is no such room or
    attendee, or if the session is somebody else's, Forbidden if the attendee may not start the call or the room is
    locked, and Invalid("type") if the room has no calls.
    """
    room = await room_store.get_room(tx, token, lock=True)
    attendee = await attendee_store.find_attendee(tx, room.id, target.type, target.id) if room is not None else None
    if room is None or attendee is None:
        raise NotFound
    me = Participant(room, attendee, await _keep_session(tx, room, attendee, session_id))
    if in_call is not None and me.can_pass_lobby:
        await _set_flags(tx, me, in_call, talk_settings)
    return me


async def _keep_session(tx: Tx, room: Room, attendee: Attendee, session_id: str) -> Session:
    if not (session_id.isascii() and session_id.isprintable() and 0 < len(session_id) <= MAX_ID_LENGTH):
        raise NotFound
    found = await session_store.find_session(tx, session_id)
    if found is not None:
        session, owner = found
        if (session.room_id, owner.id) != (room.id, attendee.id):
            raise NotFound
        return session
    session = await session_store.add_session(
        tx,
        room_id=room.id,
        attendee_id=attendee.id,
        session_id=session_id,
        browser=ids.new_secret(),  # no browser has it, so nobody else acts with this session
        now=clock.steady(),
    )
    await tx.emit(SessionJoined(room.id, attendee.actor, attendee.id, session_id))
    return session


async def _set_flags(tx: Tx, me: Participant, in_call: int, talk_settings: TalkSettings) -> None:
    assert me.session is not None, "it was just kept"
    if in_call & InCall.IN_CALL and in_call != me.session.in_call:
        if not me.room.is_writable:
            raise Forbidden
        await calls.join(tx, me, in_call, silent=False, has_consented=True, talk_settings=talk_settings)
    elif not in_call and me.session.in_call:
        await calls.leave(tx, me, for_everyone=False)
