"""Which external signaling servers a room uses, and how administrators change the list of servers."""

import msgspec

from talkd.areas.settings import service as settings
from talkd.areas.signaling import server_store as store
from talkd.conversation import room_store
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.conversation.signaling_servers import NO_SERVERS, SignalingServer, SignalingServers, parse_signaling_servers
from talkd.core import ids
from talkd.core.errors import Invalid, NotFound
from talkd.storage.database import Tx

_SETTING = "signaling_servers"


async def choose_server(tx: Tx, talk: TalkSettings, room: Room | None) -> SignalingServer | None:
    """Return the server for a client that is about to join a room (or None, if it names none); None without servers.

    Servers that know each other are chosen at random. With conversation clusters, a room is assigned to a server once,
    and keeps it as long as the server is in the list. Clients without a room use the first server.
    """
    found = talk.signaling
    if not found.servers:
        return None
    if not talk.has_signaling_clusters:
        return ids.source.choice(found.servers)
    if room is None:
        return found.servers[0]
    await room_store.lock_room(tx, room.id)  # so that two clients at once are not sent to two servers
    assigned = found.find(await store.get_server(tx, room.id))
    if assigned is None:
        assigned = ids.source.choice(found.servers)
        await store.set_server(tx, room.id, assigned.server)
    return assigned


async def list_servers_of(tx: Tx, talk: TalkSettings, room_id: int) -> list[SignalingServer]:
    """Return the servers that can be told what happens in a room: each of them can tell everybody in it.

    A room without an assigned server has nobody in it. Its users without a room are on the first server.
    """
    found = talk.signaling
    if not talk.has_signaling_clusters:
        return found.servers
    return [found.find(await store.get_server(tx, room_id)) or found.servers[0]] if found.servers else []


async def get_servers(tx: Tx) -> SignalingServers:
    """Return the servers of the setting, whether clients use them or not."""
    return parse_signaling_servers((await settings.get_all(tx)).get(_SETTING, "")) or NO_SERVERS


async def add_server(tx: Tx, server: SignalingServer, secret: str) -> int:
    """Add a server, or replace the one with this address. Its secret becomes that of all servers.

    Returns how many other servers had another secret until now. Raises Invalid("url") for an address that no server
    can have, and for an empty secret.
    """
    if not (server.is_possible and secret):
        raise Invalid("url", message="a signaling server needs a URL like https://signaling.example.org, and a secret")
    known = await get_servers(tx)
    others = [each for each in known.servers if each.server != server.server]
    await _store(tx, SignalingServers([*others, server], secret))
    return len(others) if known.secret != secret else 0


async def remove_server(tx: Tx, address: str) -> None:
    """Remove a server. Raises NotFound if there is none with this address."""
    known = await get_servers(tx)
    if known.find(address) is None:
        raise NotFound(message=f"there is no signaling server {address}")
    await _store(tx, SignalingServers([each for each in known.servers if each.server != address], known.secret))


async def _store(tx: Tx, servers: SignalingServers) -> None:
    await settings.set_value(tx, _SETTING, msgspec.json.encode(servers).decode())
