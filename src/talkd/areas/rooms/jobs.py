"""Finish changes of members that were interrupted."""

from talkd.area import Job, Runs
from talkd.areas.rooms.member_changes import MemberChanges
from talkd.web.call import World


async def finish_changes(world: World) -> None:
    """Finish the changes of members that an earlier process or a command has left unfinished."""
    await world[MemberChanges].resume()


JOBS = (Job("finish_member_changes", every=1, run=finish_changes, where=Runs.ONCE),)
