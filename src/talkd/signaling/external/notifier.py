"""Tell external signaling servers what happens in rooms, without making any request wait.

The news of a room are collected for a moment, and sent in order, one request after the other. If a server cannot be
reached, they are lost after some attempts: clients fetch rooms, messages and participants again by themselves.
"""

import asyncio
from typing import Any

import msgspec
from prometheus_client import Counter

from talkd.areas.chat.feed import Feed
from talkd.areas.signaling import server_service as servers
from talkd.conversation import room_store
from talkd.conversation.room import Room
from talkd.conversation.signaling_servers import SignalingServer
from talkd.core.actor import Actor
from talkd.core.errors import Unavailable
from talkd.core.log import Log
from talkd.signaling.external.bodies import Notification, list_notifications
from talkd.signaling.external.news import News
from talkd.signaling.external.portions import divide, fits
from talkd.signaling.external.sending import post
from talkd.storage.database import Tx
from talkd.web import outgoing
from talkd.web.call import World
from talkd.web.metrics import registry

log = Log(__name__)

PAUSE = 0.05
"""Seconds in which the news of a room are collected."""
MAX_ROOMS = 10_000
"""How many rooms may have news that were not sent. Those of further rooms are lost."""
AT_ONCE = 8
"""How many requests are sent at the same time."""
ATTEMPTS = 3
RETRY = 0.5
"""Seconds before the second attempt, and half of those before the third."""
MAX_COMMENTS = 20
"""How many chat messages are sent at once. If there are more, clients are asked to fetch them."""

_sent = Counter(
    "talkd_signaling_notifications_total",
    "Notifications of external signaling servers, by what became of them.",
    ("result",),
    registry=registry,
)
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Comment(msgspec.Struct):
    """What is read of a chat message."""

    id: int


class Notifier:
    """The news of all rooms, and the tasks that send them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._news: dict[int, News] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        """By room: the task that sends its news."""
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._unreachable: set[str] = set()
        """The servers whose outage was logged."""

    def news_of(self, room_id: int) -> News | None:
        """Return the news of a room to add to, which are sent soon; None if there is nobody to tell."""
        if not self._world.talk_settings.signaling.servers:
            return None
        news = self._news.get(room_id)
        if news is None:
            if len(self._tasks) >= MAX_ROOMS and room_id not in self._tasks:
                _sent.labels("dropped").inc()
                return None
            news = self._news[room_id] = News()
            if room_id not in self._tasks:
                self._tasks[room_id] = asyncio.ensure_future(self._send_news(room_id))
        return news

    async def stop(self) -> None:
        """Send nothing more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_news(self, room_id: int) -> None:
        """Send the news of a room, and those that come in the meantime."""
        told = 0
        try:
            while room_id in self._news:
                await asyncio.sleep(PAUSE)
                news = self._news.pop(room_id)
                if news.chat_from is not None:
                    news.chat_from = max(news.chat_from, told)  # a read may have seen what happened after its news
                found, notifications, last_told = await self._read(room_id, news)
                told = max(told, last_told)
                for each in notifications:
                    for portion in divide(each):
                        await self._send(found, portion)
        except Unavailable:
            _sent.labels("dropped").inc()  # the database has logged it
        except Exception:
            log.exception("signaling_notification_failed")
        finally:
            self._news.pop(room_id, None)  # news that came after the error would never be sent
            del self._tasks[room_id]

    async def _read(self, room_id: int, news: News) -> tuple[list[SignalingServer], list[Notification], int]:
        """Return the servers of a room, the notifications of its news, and the id of the last chat message in them."""
        talk = self._world.talk_settings

        async def work(tx: Tx) -> tuple[Room | None, list[SignalingServer], list[Notification]]:
            found = await servers.list_servers_of(tx, talk, room_id)
            room = await room_store.get_room_by_id(tx, room_id)
            return room, found, await list_notifications(tx, room, news) if room is not None else []

        room, found, made = await self._world.db.read(work)
        if room is None:
            users = list(news.deleted_from or ())
            return found, [Notification(news.token, "delete", {"userids": users})] if news.token else [], 0
        if news.chat_from is None:
            return found, made, 0
        chat, last_id = await self._chat(room, news.chat_from)
        return found, made + chat, last_id

    async def _chat(self, room: Room, known: int) -> tuple[list[Notification], int]:
        """Return the notifications about chat messages after `known`, and the id of the last message.

        People in the lobby get them too, so then they have no text.
        """
        found = await self._world[Feed].get_news(room, Actor("", ""), known=known, limit=MAX_COMMENTS + 1)
        comments = _read_list(found.body) if found is not None and not room.is_lobby_on else []
        if not comments or len(comments) > MAX_COMMENTS:
            return [_chat_notification(room, {"refresh": True})], known
        told = [_chat_notification(room, {"refresh": True, "comment": comment}) for comment in comments]
        last_id = msgspec.json.decode(comments[-1], type=_Comment).id
        return [each if fits(each) else _chat_notification(room, {"refresh": True}) for each in told], last_id

    async def _send(self, found: list[SignalingServer], notification: Notification) -> None:
        """Send one notification. Each attempt goes to another server of the list, if there are several.

        A server that did not answer the last notification is tried once, so that later ones do not wait for it.
        """
        out = set(self._unreachable)
        for attempt in range(ATTEMPTS if found else 0):
            server = found[attempt % len(found)]
            if server.server in out and attempt >= len(found):
                continue
            await asyncio.sleep(0 if server.server in out else RETRY * attempt)
            async with self._turns:
                status = await self._post(server, notification)
            if status == 200:
                _sent.labels("sent").inc()
                return
            if 400 <= status < 500 and status != 429:
                log.warning("signaling_refused", server=server.server, status=status, type=notification.type)
                break
        _sent.labels("failed").inc()

    async def _post(self, server: SignalingServer, notification: Notification) -> int:
        """Return the status of the answer, or 0 if there is none."""
        try:
            answer = await post(self._world, server, notification.token, notification.body)
        except outgoing.Unreachable as error:
            if server.server not in self._unreachable:
                self._unreachable.add(server.server)
                log.warning("signaling_unreachable", server=server.server, reason=str(error))
            return 0
        if server.server in self._unreachable:
            self._unreachable.discard(server.server)
            log.info("signaling_reached", server=server.server)
        return answer.status


def _chat_notification(room: Room, chat: dict[str, Any]) -> Notification:
    return Notification(room.token, "message", {"data": {"type": "chat", "chat": chat}})
