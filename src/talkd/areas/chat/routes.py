"""Operations of the chat API."""

from typing import Any

import msgspec

from talkd.areas.chat import legacy, legacy_routes, service, waiting
from talkd.areas.chat.feed import Feed, News
from talkd.areas.chat.legacy_routes import CountingParams
from talkd.areas.messages import service as messages
from talkd.areas.messages import view as message_view
from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.conversation.message import SentMessage
from talkd.core.constants import MAX_CHAT_LIMIT, MAX_POLL_SECONDS
from talkd.core.networks import subnet_of
from talkd.realtime.changes import marker_topic
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import require_unmoved
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import PAST_LOBBY, SPEAKING, Access, Guard, Routes

routes = Routes("chat")
V1 = ("v1",)
LAST_GIVEN = "X-Chat-Last-Given"
COMMON_READ = "X-Chat-Last-Common-Read"


class SendParams(msgspec.Struct, frozen=True):
    """A message to send."""

    message: str
    actorDisplayName: str = ""
    referenceId: str = ""
    replyTo: int = 0
    silent: bool = False


class ReceiveParams(CountingParams, frozen=True):
    """Which messages to get, and whether to wait for new ones.

    Without `lookIntoFuture` the parameters are those of 2018: `offset`, `notOlderThanTimestamp` and `timeout`.
    """

    lookIntoFuture: int | None = None
    limit: int = 100
    lastKnownMessageId: int = 0
    lastCommonReadId: int = 0
    setReadMarker: int = 1
    includeLastKnown: int = 0
    noStatusUpdate: int = 0
    markNotificationsAsRead: int = 1


class ReadParams(msgspec.Struct, frozen=True):
    """The id of the last message that was read. Null means the newest message."""

    lastReadMessage: int | None = None


def page_size(wanted: int, most: int = MAX_CHAT_LIMIT) -> int:
    """Return the size of a page: at most `most`, and exactly `most` if `wanted` is below 1, as on the real server."""
    return most if wanted < 1 else min(wanted, most)


@routes.add(
    "POST",
    "chat/{token}",
    *SPEAKING,
    versions=V1,
    params=SendParams,
    limit=Limit.GUEST_MESSAGES,
    returns=message_view.MessageView,
    notifies_first=False,
    is_brief=True,
)
async def send(tx: Tx, call: Call[SendParams]) -> Reply:
    """Send a message."""
    params, me = call.params, call.me
    sent = await messages.send(
        tx,
        me,
        params.message,
        reply_to=params.replyTo,
        reference_id=params.referenceId,
        silent=params.silent,
        guest_name=params.actorDisplayName,
        network=_network(call),
    )
    if not sent.is_new:
        call.uncount()
    return show_sent(call, sent, 201)


def _network(call: Call[SendParams]) -> str:
    """Return the network for which a guest's mentions are counted; "" for users, or if the throttle is off."""
    counts = call.me.is_guest and call.world.config.security.throttle
    return subnet_of(call.caller.address) if counts else ""


@routes.add(
    "GET",
    "chat/{token}",
    *PAST_LOBBY,
    versions=V1,
    params=ReceiveParams,
    access=Access.OWN,
    returns=list[message_view.MessageView] | list[legacy.OldMessageView],
)
async def receive(call: Call[ReceiveParams]) -> Reply:
    """Get older messages, or wait for newer ones."""
    if legacy.counts_messages(call.raw):
        return await legacy_routes.receive(call, call.params)
    if call.params.lookIntoFuture:
        return await _wait_for_news(call)
    return await _history(call)


async def _history(call: Call[ReceiveParams]) -> Reply:
    params, me, db, feed = call.params, call.me, call.world.db, call.world[Feed]
    known, including, limit = params.lastKnownMessageId, bool(params.includeLastKnown), page_size(params.limit)
    old = await db.read_replica(
        lambda tx: service.get_history_of_replica(tx, me, known=known, including=including, limit=limit),
        unchanged_since=feed.changed_at(me.room.id),
    )
    if old is not None:
        page, common = old, await feed.get_common_read(me.room.id) if me.attendee.sees_common_read else None
    else:
        page, common = await db.read(
            lambda tx: service.get_history(tx, me, known=known, including=including, limit=limit)
        )
    if page.messages:
        return Reply(message_view.messages(page, me.room, me.actor), 200, headers(common, page.messages[-1].id))
    return _moved(params, common) or Reply(None, 304)


async def _wait_for_news(call: Call[ReceiveParams]) -> Reply:
    seconds = max(0, min(call.params.timeout, MAX_POLL_SECONDS))
    others = (marker_topic(call.me.room.id),) if call.params.lastCommonReadId else ()
    return await waiting.wait_for(call, _arrive, _look, seconds, *others) or Reply(None, 304)


async def _look(call: Call[ReceiveParams]) -> Reply | None:
    params, me, world = call.params, call.me, call.world
    known, limit = params.lastKnownMessageId, page_size(params.limit)
    if params.includeLastKnown:
        known, limit = known - 1, max(limit, 2)  # so that a new message fits in beside the known one
    news: News | None = await world[Feed].get_news(me.room, me.actor, known=known, limit=limit)
    if news is not None and news.last_id <= params.lastKnownMessageId:
        news = None  # the known message alone is no news
    if news is not None and news.marks is not None:
        await require_unmoved(call, news.marks)
    sees_common_read = me.attendee.sees_common_read
    if news is None and not (sees_common_read and params.lastCommonReadId):
        return None
    common = await world[Feed].get_common_read(me.room.id) if sees_common_read else None
    if news is not None:
        if common not in news.answers:
            news.answers[common] = Reply(news.body, 200, headers(common, news.last_id), responses={})
        reply: Reply = news.answers[common]
        return reply
    return _moved(params, common)


def _moved(params: ReceiveParams, common: int | None) -> Reply | None:
    """Return an empty list if the common read marker has moved since the client asked; else None."""
    is_news = params.lastCommonReadId and common not in (None, params.lastCommonReadId)
    return Reply([], 200, headers(common)) if is_news else None


async def _arrive(call: Call[ReceiveParams]) -> None:
    """Keep the session alive, mark the known message as read, and dismiss notifications, if the client wants it."""
    params = call.params
    if not params.noStatusUpdate:
        waiting.note_presence(call)
    read = params.lastKnownMessageId if params.setReadMarker else 0
    await waiting.note_arrival(call, read=read, dismisses=bool(params.markNotificationsAsRead))


@routes.add(
    "POST",
    "chat/{token}/read",
    Guard.NO_LOGIN,
    Guard.IDENTIFIED,
    versions=V1,
    params=ReadParams,
    returns=RoomView,
    notifies_first=False,
    is_brief=True,
)
async def mark_read(tx: Tx, call: Call[ReadParams]) -> Reply:
    """Mark messages as read."""
    common = await service.mark_read(tx, call.me, call.params.lastReadMessage)
    return Reply(await rendering.render_mine(tx, call), 200, headers(common))


@routes.add("DELETE", "chat/{token}/read", Guard.NO_LOGIN, Guard.IDENTIFIED, versions=V1, returns=RoomView)
async def mark_unread(tx: Tx, call: Call[Any]) -> Reply:
    """Mark the newest message as unread."""
    common = await service.mark_unread(tx, call.me)
    return Reply(await rendering.render_mine(tx, call), 200, headers(common))


def show_sent(call: Call[Any], sent: SentMessage, status: int = 200) -> Reply:
    """Answer with one message."""
    me = call.me
    return Reply(message_view.messages(sent.page, me.room, me.actor)[0], status, headers(sent.common_read))


def headers(common: int | None = None, last_given: int | None = None) -> dict[str, str]:
    """Return the headers of an answer with messages: the common read marker, if any, and the last message id."""
    known = {} if last_given is None else {LAST_GIVEN: str(last_given)}
    return known if common is None else {**known, COMMON_READ: str(common)}
