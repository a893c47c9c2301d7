"""Remember where clients of the signaling sockets live, so that each process finds them."""

from collections.abc import Mapping, Sequence

import msgspec

from talkd.areas.signaling import home_store as store
from talkd.areas.signaling.home_model import Found, KnownPeer
from talkd.core import ids
from talkd.storage.database import Tx

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(KnownPeer).decode


async def claim(tx: Tx, room_id: int, me: int) -> tuple[int, str]:
    """Return the process that has a room, and its transient data as JSON. It is this one if no other has it."""
    claimed = await store.claim(tx, room_id, me)
    return claimed.process, claimed.transient


async def list_lost(tx: Tx, room_ids: Sequence[int], me: int) -> set[int]:
    """Return those of the rooms that this process does not have any more."""
    return set(room_ids) - set(await store.list_claimed(tx, room_ids, me))


async def keep(
    tx: Tx,
    me: int,
    *,
    peers: Sequence[KnownPeer],
    ended: Sequence[str],
    transient: Mapping[int, str],
    left: Sequence[int],
) -> None:
    """Store what has changed at this process. `ended` are ids of peers, and `left` rooms that are empty now."""
    for peer in peers:
        await store.put_peer(tx, peer.identity.id, peer.resume, me, _encode(peer).decode())
    if ended:
        await store.remove_peers(tx, ended, me)
    for room_id, content in transient.items():
        await store.set_transient(tx, room_id, me, content)
    if left:
        await store.leave(tx, left, me)


async def list_sessions(tx: Tx, room_id: int) -> set[str]:
    """Return the ids of all sessions in a room."""
    return set(await store.list_sessions(tx, room_id))


async def find(tx: Tx, peer_id: str) -> Found | None:
    """Return a peer, or None."""
    return _found(await store.find_peer(tx, peer_id))


async def find_resumable(tx: Tx, resume_id: str) -> Found | None:
    """Return the peer of the client that resumes with this secret, or None."""
    return _found(await store.find_resumable(tx, ids.fingerprint(resume_id)))


def _found(stored: store.Stored | None) -> Found | None:
    if stored is None:
        return None
    return Found(_decode(stored.content), stored.process, stored.serving is not None)


async def forget_unserved(tx: Tx, known: Sequence[int]) -> list[int]:
    """Delete the peers and rooms of processes that were gone at the last call already. Return all that are gone now."""
    unserved = await store.list_unserved(tx)
    gone = [each for each in unserved if each in known]
    if gone:
        await store.forget_processes(tx, gone)
    return unserved
