"""Keep connections and sessions alive, and end those that are dead."""

from talkd.area import Job, Runs
from talkd.conversation.pings import Pings
from talkd.signaling.dispatch import Signaling
from talkd.web.call import World


async def sweep(world: World) -> None:
    """Ping silent clients, and end those that are gone."""
    world[Signaling].sweep()


async def keep_sessions(world: World) -> None:
    """Note a sign of life of all sessions whose clients are connected, or may still resume."""
    pings = world[Pings]
    for peer in world[Signaling].registry:
        for each in (peer, *peer.virtual.values()):
            if each.session_id:
                pings.note(each.session_id)


async def look_after_homes(world: World) -> None:
    """Go on without homes that are gone, and let clients of rooms begin anew whose home is another process by now."""
    signaling = world[Signaling]
    signaling.elsewhere.passages.look()
    for room_id in await signaling.homes.list_lost_rooms():
        room = signaling.registry.find_room(room_id)
        for peer in room.list_all() if room is not None else ():
            signaling.renew(peer)


async def forget_peers(world: World) -> None:
    """Delete what is stored of the peers of processes that ended some time ago."""
    await world[Signaling].homes.forget_unserved()


JOBS = (
    Job("look_after_homes", every=5, run=look_after_homes, where=Runs.EVERYWHERE),
    Job("forget_peers", every=60, run=forget_peers, where=Runs.ONCE),
    Job("sweep_signaling", every=1, run=sweep, where=Runs.EVERYWHERE),
    Job("keep_signaling_sessions", every=15, run=keep_sessions, where=Runs.EVERYWHERE),
)
