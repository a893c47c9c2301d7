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


JOBS = (
    Job("sweep_signaling", every=1, run=sweep, where=Runs.EVERYWHERE),
    Job("keep_signaling_sessions", every=15, run=keep_sessions, where=Runs.EVERYWHERE),
)
