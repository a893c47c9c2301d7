"""Statements about where clients of the signaling sockets live."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import live_rooms, peers, processes, sessions
from talkd.storage.statements import Statement, bind, insert, one_of


class Claimed(NamedTuple):
    """The process that has a room, and the transient data of the room as they were stored last."""

    process: int
    transient: str


class Stored(NamedTuple):
    """A peer as it is stored, and the process where it lives if that one serves the database."""

    content: str
    process: int
    serving: int | None


_ME = bind("me", live_rooms.c.process.type)
_HAS = sa.literal_column("live_rooms.process", live_rooms.c.process.type)  # SQLAlchemy would join the table again
_IS_SERVED = sa.exists().where(processes.c.id == _HAS)
_CLAIMED = shape_of(Claimed, live_rooms.c.process, live_rooms.c.transient)
_CLAIM = Query(
    insert(live_rooms)
    .values(room_id=bind("room_id"), process=_ME)
    .on_conflict_do_update(
        index_elements=["room_id"], set_={"process": sa.case((_IS_SERVED, live_rooms.c.process), else_=_ME)}
    )
    .returning(live_rooms.c.process, live_rooms.c.transient),
    _CLAIMED,
)
_mine = one_of(live_rooms.c.room_id, "room_ids"), live_rooms.c.process == bind("me")
_CLAIMED_BY_ME = Statement(sa.select(live_rooms.c.room_id).where(*_mine))
_LEAVE = Statement(sa.delete(live_rooms).where(*_mine))
_SET_TRANSIENT = Statement(
    sa.update(live_rooms)
    .values(transient=bind("transient"))
    .where(live_rooms.c.room_id == bind("id"), live_rooms.c.process == bind("me"))
)
_PUT = Statement(
    insert(peers)
    .values(id=bind("id"), resume=bind("resume"), process=bind("process"), content=bind("content"))
    .on_conflict_do_update(
        index_elements=["id"],
        set_={"process": bind("process", peers.c.process.type), "content": bind("content", peers.c.content.type)},
    )
)
_REMOVE = Statement(sa.delete(peers).where(one_of(peers.c.id, "ids"), peers.c.process == bind("me")))
_SERVING = sa.select(processes.c.id).where(processes.c.id == peers.c.process).scalar_subquery()
_FOUND = shape_of(Stored, peers.c.content, peers.c.process, _SERVING)
_STORED = sa.select(*_FOUND)
_FIND = Query(_STORED.where(peers.c.id == bind("id")), _FOUND)
_FIND_RESUMABLE = Query(_STORED.where(peers.c.resume == bind("resume")), _FOUND)
_SESSIONS = Statement(sa.select(sessions.c.session_id).where(sessions.c.room_id == bind("room_id")))
_UNSERVED = Statement(
    sa.union(
        *(
            sa.select(table.c.process).where(~sa.exists().where(processes.c.id == table.c.process))
            for table in (peers, live_rooms)
        )
    )
)
_FORGET_PEERS = Statement(sa.delete(peers).where(one_of(peers.c.process, "ids")))
_FORGET_ROOMS = Statement(sa.delete(live_rooms).where(one_of(live_rooms.c.process, "ids")))


async def claim(tx: Tx, room_id: int, me: int) -> Claimed:
    """Give a room to this process, unless a process that serves the database has it. Return the one that has it."""
    return await tx.create(_CLAIM, room_id=room_id, me=me)


async def list_claimed(tx: Tx, room_ids: Sequence[int], me: int) -> list[int]:
    """Return those of the rooms that this process has."""
    return await tx.values(_CLAIMED_BY_ME, room_ids=tx.many(room_ids), me=me)


async def leave(tx: Tx, room_ids: Sequence[int], me: int) -> None:
    """Give up rooms that this process has."""
    await tx.run(_LEAVE, room_ids=tx.many(room_ids), me=me)


async def set_transient(tx: Tx, room_id: int, me: int, transient: str) -> None:
    """Store the transient data of a room that this process has."""
    await tx.run(_SET_TRANSIENT, id=room_id, me=me, transient=transient)


async def put_peer(tx: Tx, peer_id: str, resume: str, process: int, content: str) -> None:
    """Store a peer that lives at a process."""
    await tx.run(_PUT, id=peer_id, resume=resume, process=process, content=content)


async def remove_peers(tx: Tx, peer_ids: Sequence[str], me: int) -> None:
    """Remove peers that have ended, unless they live at another process by now."""
    await tx.run(_REMOVE, ids=tx.many(peer_ids), me=me)


async def find_peer(tx: Tx, peer_id: str) -> Stored | None:
    """Return a peer, or None."""
    return await tx.find(_FIND, id=peer_id)


async def find_resumable(tx: Tx, resume: str) -> Stored | None:
    """Return the peer whose client resumes with the secret of this fingerprint, or None."""
    return await tx.find(_FIND_RESUMABLE, resume=resume)


async def list_sessions(tx: Tx, room_id: int) -> list[str]:
    """Return the ids of all sessions in a room."""
    return await tx.values(_SESSIONS, room_id=room_id)


async def list_unserved(tx: Tx) -> list[int]:
    """Return the processes that have peers or rooms and do not serve the database any more."""
    return await tx.values(_UNSERVED)


async def forget_processes(tx: Tx, process_ids: Sequence[int]) -> None:
    """Delete the peers of processes, and give up their rooms."""
    await tx.run(_FORGET_PEERS, ids=tx.many(process_ids))
    await tx.run(_FORGET_ROOMS, ids=tx.many(process_ids))
