"""The statement that reads rooms and unread counts as their attendees see them, for the room list and one room."""

import sqlalchemy as sa

from talkd.areas.overviews.model import Figures, Overview
from talkd.conversation.attendee_store import PARTICIPANT, PARTNER_NAME, own_session, with_partner
from talkd.conversation.message_store import COMMON_READ, MESSAGE, NEWEST_VISIBLE_ID, is_visible
from talkd.core import clock
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.storage.database import Tx
from talkd.storage.queries import Query, Shape, combined, optional, shape_of
from talkd.storage.schema import Int, attendees, messages, rooms, sessions
from talkd.storage.statements import EMPTY, ONE, ZERO, bind, number, word

_unread = (
    sa.select(sa.func.count())
    .where(
        messages.c.room_id == attendees.c.room_id,
        messages.c.id
        > sa.case((attendees.c.last_read > rooms.c.cleared_id, attendees.c.last_read), else_=rooms.c.cleared_id),
        messages.c.countable == ONE,
        is_visible(messages, rooms.c.cleared_id),
    )
    .correlate(attendees, rooms)
    .scalar_subquery()
)
"""The unread count: visible messages after the attendee's read marker, without system messages
(`conversation/message.py`, COUNTABLE)."""


def _is_unread(marker: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Return 1 if the marked message is unread and visible, else 0."""
    shown = (
        sa.select(ONE)
        .where(
            messages.c.room_id == attendees.c.room_id,
            messages.c.id == marker,
            is_visible(messages, rooms.c.cleared_id),
        )
        .correlate(attendees, rooms)
        .scalar_subquery()
    )
    return sa.case((marker <= attendees.c.last_read, ZERO), else_=sa.func.coalesce(shown, ZERO))


_last, _expiring = messages.alias("last"), messages.alias("expiring")
_LAST = Shape(
    [EMPTY if column.name == "reference_id" else _last.c[column.name] for column in MESSAGE.columns], MESSAGE.reader
)
"""The last message without its reference id, which only the client that sent the message gets."""

_FIGURES = shape_of(
    Figures,
    sa.case((attendees.c.last_read >= rooms.c.last_message_id, ZERO), else_=_unread),
    _is_unread(attendees.c.last_mention),
    _is_unread(attendees.c.last_mention_direct),
    sa.func.coalesce(COMMON_READ, ZERO),
    PARTNER_NAME,
)
_OVERVIEW = combined(Overview, PARTICIPANT, _FIGURES, optional(_LAST))

_select = (
    sa.select(*_OVERVIEW)
    .select_from(with_partner(attendees.join(rooms, rooms.c.id == attendees.c.room_id)))
    .outerjoin(sessions, sa.and_(sessions.c.room_id == attendees.c.room_id, own_session))
    .outerjoin(
        _last,
        sa.and_(
            _last.c.room_id == rooms.c.id,
            _last.c.id == NEWEST_VISIBLE_ID,
            is_visible(_last, rooms.c.cleared_id),
        ),
    )
)
_since, _now = bind("since", Int), bind("now", Int)
_has_expired = sa.exists(
    sa.select(ONE).where(
        _expiring.c.room_id == rooms.c.id,
        _expiring.c.expires_at > ZERO,
        _expiring.c.expires_at >= _since,
        _expiring.c.expires_at <= _now,
    )
)
_has_changed = sa.or_(
    rooms.c.modified_at >= _since,
    attendees.c.modified_at >= _since,
    rooms.c.call_started_at > ZERO,
    sessions.c.last_ping >= bind("since_seen", Int),
    sa.and_(rooms.c.lobby_timer > ZERO, rooms.c.lobby_timer >= _since, rooms.c.lobby_timer <= _now),
    sa.and_(bind("statuses", sa.Integer) == ONE, rooms.c.type == number(RoomType.ONE_TO_ONE)),
    _has_expired,
)
"""True if the user may see the room differently than before `since`: after a write (see `schema.py` and
`modified_store.py`), because time passed (expired messages, the lobby timer), or because the room has a call or a
status, which are always reported."""
_OF_USER = Query(
    _select.where(
        attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id"), _has_changed
    ).order_by(attendees.c.room_id),  # the order of the index
    _OVERVIEW,
)
_ONE = Query(_select.where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id")), _OVERVIEW)


async def list_overviews(
    tx: Tx, user_id: str, *, browser: str, since: int, with_one_to_ones: bool, now: int
) -> list[Overview]:
    """Return the rooms of a user that changed since `since`; `with_one_to_ones` adds all one-to-one rooms."""
    return await tx.list(
        _OF_USER,
        user_id=user_id,
        browser=browser,
        since=since,
        since_seen=clock.moment_of(since),
        statuses=int(with_one_to_ones),
        now=now,
    )


async def get_overview(tx: Tx, room_id: int, attendee_id: int, *, browser: str, now: int) -> Overview | None:
    """Return a room as one attendee sees it, or None."""
    return await tx.find(_ONE, room_id=room_id, attendee_id=attendee_id, browser=browser, now=now)
