"""Finishing changes of members, portion by portion."""

import asyncio
from functools import partial

import msgspec

from talkd.areas.rooms import member_change_service as service
from talkd.areas.rooms.member_change_model import Progress
from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Throttled
from talkd.storage.database import Database


class MemberChanges:
    """Finishes the changes that requests begin, and those that an earlier process or a command has left."""

    def __init__(self, db: Database, settings: TalkSettings) -> None:
        self._db = db
        self._settings = settings
        self._running: dict[int, asyncio.Task[Progress]] = {}

    async def finish(self, first: Progress) -> Progress:
        """Do everything that the first portion has left. Return what came of all portions."""
        change_id = first.change_id
        if not change_id:
            return first
        task = self._running.get(change_id)
        if task is None:
            task = self._running[change_id] = asyncio.ensure_future(self._run(change_id))
            task.add_done_callback(lambda _: self._running.pop(change_id))
        return _together(first, await asyncio.shield(task))

    async def _run(self, change_id: int) -> Progress:
        progress = Progress(change_id)
        while progress.change_id:
            portion = await self._db.write(partial(service.go_on, change_id=change_id, settings=self._settings))
            progress = _together(progress, portion)
        return progress

    async def resume(self) -> None:
        """Finish what is left of all changes, apart from invitations that their sender may not have sent yet."""
        for change_id in await self._db.read(service.list_unfinished):
            try:
                await self.finish(Progress(change_id))
            except Throttled:
                continue

    async def close(self) -> None:
        """Stop after the current portions. The next start finishes the changes."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _together(first: Progress, then: Progress) -> Progress:
    """Return what came of two portions, the second of which was the last so far."""
    return msgspec.structs.replace(
        then, refused=first.refused + then.refused, room_type=first.room_type or then.room_type
    )
