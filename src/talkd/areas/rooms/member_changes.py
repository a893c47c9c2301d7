"""Finish changes of members, portion by portion."""

import asyncio
from functools import partial

import msgspec

from talkd.areas.rooms import member_service as members
from talkd.areas.rooms.member_model import ChangeKey, Progress
from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Throttled
from talkd.storage.database import Database


class MemberChanges:
    """Finishes the changes that requests begin, and those left by an earlier process or a command."""

    def __init__(self, db: Database, talk_settings: TalkSettings) -> None:
        self._db = db
        self._talk_settings = talk_settings
        self._running: dict[ChangeKey, asyncio.Task[Progress]] = {}

    async def finish(self, first: Progress) -> Progress:
        """Finish the change of which `first` is the first portion. Return the result of all portions."""
        key = first.unfinished
        if key is None:
            return first
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.ensure_future(self._run(key))
            task.add_done_callback(lambda _: self._running.pop(key))
        return _joined(first, await asyncio.shield(task))

    async def _run(self, key: ChangeKey) -> Progress:
        progress = Progress(key)
        while progress.unfinished:
            portion = await self._db.write(partial(members.run_portion, key=key, talk_settings=self._talk_settings))
            progress = _joined(progress, portion)
        return progress

    async def resume(self) -> None:
        """Finish all changes in the database, except invitations that their sender is not allowed to send yet."""
        for key in await self._db.read(members.list_unfinished):
            try:
                await self.finish(Progress(key))
            except Throttled:
                continue

    async def close(self) -> None:
        """Stop after the current portions. The next start finishes the changes."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _joined(first: Progress, then: Progress) -> Progress:
    """Return the result of two consecutive portions."""
    return msgspec.structs.replace(
        then, refused=first.refused + then.refused, room_type=first.room_type or then.room_type
    )
