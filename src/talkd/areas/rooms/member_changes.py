"""Finish changes of members, portion by portion."""

import asyncio
from functools import partial

import msgspec

from talkd.areas.rooms import member_service as members
from talkd.areas.rooms.member_model import ChangeKey, Progress
from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Throttled
from talkd.storage.database import Database

PATIENCE = 10
"""Seconds without a finished portion after which the process that runs a change counts as dead, if there are several.
Another one then goes on. It must not do so earlier, because the request that waits needs the results of all portions.
"""


class MemberChanges:
    """Finishes the changes that requests begin, and those left by a process that has ended or a command."""

    def __init__(self, db: Database, talk_settings: TalkSettings, *, is_alone: bool) -> None:
        """`is_alone`: whether this is the only process that may serve the database."""
        self._db = db
        self._talk_settings = talk_settings
        self._patience = 0 if is_alone else PATIENCE
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
        """Finish the changes in the database that nobody runs.

        Invitations that their sender is not allowed to send yet are left out.
        """
        for key in await self._db.read(partial(members.list_left, seconds=self._patience)):
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
