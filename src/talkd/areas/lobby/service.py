"""Turn lobbies on and off.

`Room.is_lobby_on` is False as soon as the timer has expired. `turn_off_due` stores this and reports it, a moment later.
"""

from talkd.areas.lobby import store
from talkd.conversation import room_store
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import SYSTEM, Actor
from talkd.core.constants import Lobby
from talkd.core.errors import Invalid, NotFound
from talkd.core.events import LobbySet, LobbyTimerReached
from talkd.storage.database import Tx


async def set_lobby(tx: Tx, me: Participant, state: int, timer: int) -> None:
    """Turn the lobby on or off. With a timer in the past it is turned off at once. Raises Invalid with the reason."""
    if me.room.is_breakout_room:
        raise Invalid("breakout-room")
    if not me.room.is_shared:
        raise Invalid("type")
    if me.room.object_type:
        raise Invalid("object")
    if state not in (Lobby.NONE, Lobby.NON_MODERATORS) or timer < 0:
        raise Invalid("value")
    room = await _turn_off_if_due(tx, await room_store.lock_room(tx, me.room.id), me.actor)
    timer = timer if state == Lobby.NON_MODERATORS else 0
    if (state, timer) == (room.lobby_state, room.lobby_timer):
        return
    await store.set_lobby(tx, room.id, state, timer)
    await tx.emit(LobbySet(room.id, me.actor, bool(state), bool(room.lobby_state), timer))
    await _turn_off_if_due(tx, await room_store.lock_room(tx, room.id), me.actor)


async def turn_off_due(tx: Tx) -> None:
    """Turn off each lobby whose timer has expired, and report it."""
    for room_id in await store.list_due(tx, clock.now()):
        try:
            room = await room_store.lock_room(tx, room_id)
        except NotFound:
            continue
        await _turn_off_if_due(tx, room, SYSTEM)


async def is_any_due(tx: Tx) -> bool:
    """Return True if `turn_off_due` has something to do."""
    return bool(await store.list_due(tx, clock.now()))


async def _turn_off_if_due(tx: Tx, room: Room, actor: Actor) -> Room:
    """Turn the lobby off and report it, if its timer has expired. Return the room after this."""
    if not room.is_lobby_due:
        return room
    await store.set_lobby(tx, room.id, Lobby.NONE, 0)
    await tx.emit(LobbyTimerReached(room.id, actor))
    return await room_store.lock_room(tx, room.id)
