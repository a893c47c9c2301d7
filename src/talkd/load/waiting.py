"""How users get the messages of their open room: with polls, as the apps do, or with a WebSocket."""

import abc
import asyncio
import time
from typing import Any

import msgspec

from talkd.load.calls import Calls
from talkd.load.crowd import LoadedRoom
from talkd.load.http import Answer, Failed
from talkd.load.sockets import CHAT_RELAY, Incoming, Socket
from talkd.load.target import TALK
from talkd.load.user import Refused, Seen, User, read_page

POLL_SECONDS = 30
PAUSE_SECONDS = 1.0
"""How long a client waits after a failure before it asks again."""
PAGE = 100
COMMON_READ = "x-chat-last-common-read"


class Waiter(abc.ABC):
    """How a user waits for messages."""

    def __init__(self, user: User) -> None:
        self.user = user

    @abc.abstractmethod
    async def enter(self, room: LoadedRoom) -> None:
        """Wait in a room that the user has joined over HTTP. Raises Refused or Failed."""

    @abc.abstractmethod
    async def leave(self) -> None:
        """Wait no longer."""

    async def close(self) -> None:
        """Wait no longer, and close all connections."""
        await self.leave()
        self.user.line.close()
        self.user.waiting_line.close()

    async def read_history(self, room: LoadedRoom, *, overlaps: bool) -> None:
        """Read the newest messages. From now on, the user is owed all that come after them."""
        user = self.user
        path = f"{TALK}/v1/chat/{room.token}?lookIntoFuture=0&limit={PAGE}&setReadMarker=0"
        page = read_page(await user.ask("history", "GET", path, wanted=(200, 304)))
        user.room = room
        user.stay = room.ledger.begin(page[0].id if page else 0, overlaps=overlaps)
        user.newest = next((each.id for each in page if not each.systemMessage), 0)
        user.oldest = page[-1].id if page else 0


class Polls(Waiter):
    """Waits with one request after the other."""

    def __init__(self, user: User) -> None:
        super().__init__(user)
        self._task: asyncio.Task[None] | None = None

    async def enter(self, room: LoadedRoom) -> None:
        await self.read_history(room, overlaps=False)
        self._task = asyncio.create_task(self._poll(room))

    async def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self.user.leave()

    async def _poll(self, room: LoadedRoom) -> None:
        user, common = self.user, "0"
        while user.stay is not None:
            path = (
                f"{TALK}/v1/chat/{room.token}?lookIntoFuture=1&timeout={POLL_SECONDS}&limit={PAGE}"
                f"&lastKnownMessageId={user.stay.last}&lastCommonReadId={common}"
            )
            answer = await poll(user, path)
            if answer is None:
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                common = answer.headers.get(COMMON_READ, common)


async def poll(user: User, path: str) -> Answer | None:
    """Ask once for new messages, and take them. Return None if that failed, which is counted."""
    try:
        answer = await user.waiting_line.ask("GET", path, seconds=POLL_SECONDS + 30)
        page = read_page(answer) if answer.status in (200, 304) else []
    except Failed as error:
        user.measures.failed("poll", error.reason)
        return None
    if answer.status not in (200, 304):
        user.measures.failed("poll", answer.status)
        return None
    for each in page:
        user.take(each, answer.at)
    return answer


class Sockets(Waiter):
    """Waits with a WebSocket, which brings messages or a hint to fetch them."""

    def __init__(self, user: User) -> None:
        super().__init__(user)
        self._socket = Socket(self._take, self._lose)
        self.calls = Calls(user, self._socket)
        self._room: LoadedRoom | None = None
        self._held: list[tuple[Seen, float]] | None = None
        """What has arrived before the history was read."""
        self._fetching: asyncio.Task[None] | None = None
        self._must_fetch = False

    async def enter(self, room: LoadedRoom) -> None:
        user = self.user
        if not self._socket.is_open:
            await self._connect(room)
        self._room, self._held = room, []
        began = time.perf_counter()
        try:
            await self._socket.join(room.token, user.session)
        except Failed as error:
            user.measures.failed("socket", error.reason)
            raise
        user.measures.succeeded("socket", time.perf_counter() - began)
        await self.read_history(room, overlaps=True)
        held, self._held = self._held or [], None
        for seen, at in held:
            user.take(seen, at)
        room.callers[self._socket.session] = user

    async def leave(self) -> None:
        if self._room is not None:
            self._room.callers.pop(self._socket.session, None)
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        self._room, self._held, self._fetching = None, None, None
        self.user.leave()

    async def close(self) -> None:
        await self.calls.close()
        await super().close()
        await self._socket.close()

    async def _connect(self, room: LoadedRoom) -> None:
        user = self.user
        path = f"{TALK}/v3/signaling/settings?token={room.token}"
        settings = (await user.ask("settings", "GET", path)).data()
        server = str(settings.get("server") or "")
        if not server:
            user.measures.failed("socket", "none")
            raise Refused("the server has no signaling sockets")
        url = server.replace("http", "ws", 1).rstrip("/") + "/spreed"
        backend = f"{user.plan.url}{TALK}/v3/signaling/backend"
        await self._socket.close()
        try:
            await self._socket.open(url, backend, settings["helloAuthParams"]["1.0"], user.address)
        except Failed as error:
            user.measures.failed("socket", error.reason)
            raise

    def _take(self, message: Incoming, at: float) -> None:
        if message.type == "message":
            self.calls.take(message.message, at)
            return
        event = message.event
        if event.get("target") != "room" or event.get("type") != "message" or self._room is None:
            return
        content: dict[str, Any] = event["message"]
        chat = content.get("data", {}).get("chat", {})
        if content.get("roomid") != self._room.token:
            return
        if "comment" in chat:
            seen = msgspec.convert(chat["comment"], Seen)
            if self._held is not None:
                self._held.append((seen, at))
            else:
                self.user.take(seen, at)
        elif CHAT_RELAY not in self._socket.features:
            self._fetch_soon()

    def _fetch_soon(self) -> None:
        self._must_fetch = True
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        """Fetch what the server has hinted at, until there was no hint meanwhile."""
        user = self.user
        while self._must_fetch and self._room is not None and user.stay is not None:
            self._must_fetch = False
            path = f"{TALK}/v1/chat/{self._room.token}?lookIntoFuture=1&timeout=0&limit={PAGE}"
            if await poll(user, f"{path}&lastKnownMessageId={user.stay.last}") is None:
                self._must_fetch = True
                await asyncio.sleep(PAUSE_SECONDS)

    def _lose(self) -> None:
        """Note that the connection has ended. The user is in no room until they open one again."""
        if self._room is not None:
            self.user.measures.failed("socket", "closed")
            self._room.callers.pop(self._socket.session, None)
            self._room = None
            self.user.leave()
