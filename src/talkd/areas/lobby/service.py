"""Closing and opening the lobby.

A timer that has run out counts as open at once, wherever a room is read (`Room.has_lobby`); `open_due`
only writes that down and says so in the room.
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
    """Let those who do not moderate wait, or in. Raises Invalid with the reason."""
    if me.room.is_breakout_room:
        raise Invalid("breakout-room")
    if not me.room.is_shared:
        raise Invalid("type")
    if me.room.object_type:
        raise Invalid("object")
    if state not in (Lobby.NONE, Lobby.NON_MODERATORS) or timer < 0:
        raise Invalid("value")
    await put_lobby(tx, me.room.id, me.actor, Lobby(state), timer)


async def put_lobby(tx: Tx, room_id: int, actor: Actor, state: Lobby, timer: int = 0) -> None:
    """The lobby is like this from now on, whatever kind of room it is. With a timer in the past it opens at once."""
    room = await _settle(tx, await room_store.lock_room(tx, room_id), actor)
    timer = timer if state == Lobby.NON_MODERATORS else 0
    if (state, timer) == (room.lobby_state, room.lobby_timer):
        return
    await store.set_lobby(tx, room.id, state, timer)
    await tx.emit(LobbySet(room.id, actor, bool(state), bool(room.lobby_state), timer))
    await _settle(tx, await room_store.lock_room(tx, room_id), actor)


async def open_due(tx: Tx) -> None:
    """Note the lobbies whose time has come, each once."""
    for room_id in await store.list_due(tx, clock.now()):
        try:
            room = await room_store.lock_room(tx, room_id)
        except NotFound:
            continue
        await _settle(tx, room, SYSTEM)


async def is_any_due(tx: Tx) -> bool:
    """Whether `open_due` would find something."""
    return bool(await store.list_due(tx, clock.now()))


async def _settle(tx: Tx, room: Room, actor: Actor) -> Room:
    if not room.is_lobby_over:
        return room
    await store.set_lobby(tx, room.id, Lobby.NONE, 0)
    await tx.emit(LobbyTimerReached(room.id, actor))
    return await room_store.lock_room(tx, room.id)
