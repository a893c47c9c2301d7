"""How users with a socket call each other: they join the call, and exchange what browsers exchange to connect.

The messages are as long as real ones, but have types of their own, so that no media gateway takes them for real.
"""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any

from talkd.load.crowd import LoadedRoom
from talkd.load.http import Failed
from talkd.load.sockets import Socket
from talkd.load.target import TALK
from talkd.load.user import Refused, User

OFFER, ANSWER, CANDIDATE = "bench-offer", "bench-answer", "bench-candidate"
OFFER_SIZE, CANDIDATE_SIZE = 3_000, 200
CANDIDATES = 5
"""How many of them each side sends."""
CALLED = 3
"""How many others in the room a caller calls."""
SECONDS = 3.0
"""How long each stays in the call."""
ALL_MEDIA = 7


class Calls:
    """The calls of a user."""

    def __init__(self, user: User, socket: Socket) -> None:
        self._user, self._socket = user, socket
        self._offered: dict[str, float] = {}
        """When offers were sent that are not answered, by session."""
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Join the call of the open room for a while, and call some who are there."""
        if not self._user.in_call and self._user.room is not None:
            self._user.in_call = True
            self._spawn(self._call(self._user.room, calls_others=True))

    def take(self, message: dict[str, Any], at: float) -> None:
        """Take what another user has sent."""
        sender = str(message.get("sender", {}).get("sessionid", ""))
        data = message.get("data")
        kind = data.get("type") if isinstance(data, dict) else ""
        if kind == OFFER:
            self._spawn(self._answer(sender))
        elif kind == ANSWER and sender in self._offered:
            self._user.measures.succeeded("signal", at - self._offered.pop(sender))
            self._spawn(self._send_candidates(sender))

    async def close(self) -> None:
        """End all calls."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._forgive(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _forgive(work: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(Failed, Refused):  # it was counted
            await work

    async def _call(self, room: LoadedRoom, *, calls_others: bool) -> None:
        user, path = self._user, f"{TALK}/v4/call/{room.token}"
        try:
            await user.ask("call", "POST", path, {"flags": ALL_MEDIA})
            if calls_others:
                others = sorted(session for session in room.callers if session != self._socket.session)
                for session in user.numbers.sample(others, min(CALLED, len(others))):
                    await self._send_offer(session)
            await asyncio.sleep(SECONDS)
            for session in [*self._offered]:
                del self._offered[session]
                if session in room.callers:
                    user.measures.failed("signal", "unanswered")
            if user.room is room:
                await user.ask("hang up", "DELETE", path)
        finally:
            user.in_call = False

    async def _send_offer(self, session: str) -> None:
        self._offered[session] = time.perf_counter()
        await self._socket.tell(session, {"type": OFFER, "payload": "x" * OFFER_SIZE})

    async def _answer(self, session: str) -> None:
        await self._socket.tell(session, {"type": ANSWER, "payload": "x" * OFFER_SIZE})
        await self._send_candidates(session)
        room = self._user.room
        if not self._user.in_call and room is not None:
            self._user.in_call = True
            await self._call(room, calls_others=False)

    async def _send_candidates(self, session: str) -> None:
        for _ in range(CANDIDATES):
            await self._socket.tell(session, {"type": CANDIDATE, "payload": "x" * CANDIDATE_SIZE})
