"""The statement that searches attendees to suggest."""

import sqlalchemy as sa

from talkd.areas.mentions.model import KINDS, UNNAMED, Suggestion
from talkd.conversation.message_store import CLEARED_ID
from talkd.core.actor import GROUPS, USERS
from talkd.core.search import like_pattern
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import attendees, messages
from talkd.storage.statements import EMPTY, ONE, ZERO, bind, number, word

RECENT = 1_000
"""How many of the newest messages are searched for each user's last one. The limit keeps long histories fast."""

_contains = bind("contains", sa.Text)
_kind = attendees.c.actor_type

_recent = (
    sa.select(messages.c.id, messages.c.actor_type, messages.c.actor_id)
    .where(messages.c.room_id == bind("room_id"), messages.c.id > CLEARED_ID)
    .order_by(messages.c.id.desc())
    .limit(number(RECENT))
    .subquery()
)
_spoken = (
    sa.select(_recent.c.actor_type, _recent.c.actor_id, sa.func.max(_recent.c.id).label("last"))
    .where(_recent.c.actor_type == word(USERS))
    .group_by(_recent.c.actor_type, _recent.c.actor_id)
    .subquery()
)
_has_known_id = _kind.in_((word(USERS), word(GROUPS)))
_name = sa.case(
    (attendees.c.display_name != EMPTY, attendees.c.display_name),
    (_has_known_id, attendees.c.actor_id),
    else_=word(UNNAMED),
)
_searched_name = sa.func.search_fold(_name)

_SUGGESTION = shape_of(Suggestion, _kind, attendees.c.actor_id, _name)
_SEARCH = Query(
    sa.select(*_SUGGESTION)
    .outerjoin_from(
        attendees, _spoken, sa.and_(_spoken.c.actor_type == _kind, _spoken.c.actor_id == attendees.c.actor_id)
    )
    .where(
        attendees.c.room_id == bind("room_id"),
        attendees.c.id != bind("excluded"),
        _kind.in_([word(kind) for kind in KINDS]),
        sa.or_(
            _searched_name.like(_contains, escape="\\"),
            sa.and_(_has_known_id, sa.func.search_fold(attendees.c.actor_id).like(_contains, escape="\\")),
        ),
    )
    .order_by(
        sa.case(
            *((_kind == word(kind), number(rank)) for rank, kind in enumerate(KINDS)),
        ),
        sa.case((_searched_name.like(bind("starting", sa.Text), escape="\\"), ZERO), else_=ONE),
        sa.func.coalesce(_spoken.c.last, ZERO).desc(),
        attendees.c.id,
    )
    .limit(bind("limit", sa.Integer)),
    _SUGGESTION,
)


async def search(tx: Tx, room_id: int, text: str, excluded: int, limit: int) -> list[Suggestion]:
    """Return attendees other than `excluded` whose name contains the text, or whose id does, for users and groups.

    They are sorted by kind (see KINDS), then names that begin with the text first, then users by their newest
    message or system message, then by when they joined.
    """
    contains = like_pattern(text)
    return await tx.list(
        _SEARCH, room_id=room_id, contains=contains, starting=contains.removeprefix("%"), excluded=excluded, limit=limit
    )
