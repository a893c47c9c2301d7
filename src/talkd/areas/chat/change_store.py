"""Statements that change and delete messages."""

import msgspec
import sqlalchemy as sa

from talkd.conversation.message import DELETED, Message, Reference
from talkd.core.constants import NEVER_READ
from talkd.storage.database import Tx
from talkd.storage.queries import Query, single
from talkd.storage.schema import attendees, messages
from talkd.storage.statements import EMPTY, ZERO, Statement, bind, number, word

_one = sa.and_(messages.c.room_id == bind("in_room"), messages.c.id == bind("message_id"))

_EDIT = Statement(
    sa.update(messages)
    .where(_one)
    .values(
        message=bind("text"),
        plain=bind("plain"),
        parameters=bind("references"),
        edited_by_type=bind("by_type"),
        edited_by_id=bind("by_id"),
        edited_by_name=bind("by_name"),
        edited_at=bind("now"),
    )
)
_DELETE = Statement(
    sa.update(messages)
    .where(_one)
    .values(
        kind=word(DELETED),
        system=EMPTY,
        countable=ZERO,
        message=EMPTY,
        plain=EMPTY,
        parameters=bind("references"),
        edited_by_type=EMPTY,
        edited_by_id=EMPTY,
        edited_by_name=EMPTY,
        edited_at=ZERO,
        reactions=EMPTY,
        object_type=EMPTY,
        object_id=EMPTY,
        meta=EMPTY,
        shared_as=EMPTY,
    )
)
_CLOSINGS = Query(
    sa.select(messages.c.id, messages.c.parameters).where(
        messages.c.room_id == bind("in_room"),
        messages.c.id > bind("message_id"),
        messages.c.system == word("poll_closed"),
    ),
    single(messages.c.id),
    single(messages.c.parameters),
)
_RESET_MARKERS = Statement(
    sa.update(attendees)
    .where(attendees.c.room_id == bind("in_room"))
    .values(last_read=number(NEVER_READ), last_mention=ZERO, last_mention_direct=ZERO)
)


async def edit_message(
    tx: Tx, room_id: int, message_id: int, *, text: str, plain: str, references: str, by: tuple[str, str, str], now: int
) -> None:
    """Replace the text of a message. `by` is type, id and name of the editor, `plain` the text for searches."""
    by_type, by_id, by_name = by
    await tx.run(
        _EDIT,
        in_room=room_id,
        message_id=message_id,
        text=text,
        plain=plain,
        references=references,
        by_type=by_type,
        by_id=by_id,
        by_name=by_name,
        now=now,
    )


async def delete_message(tx: Tx, room_id: int, message_id: int, references: str) -> None:
    """Delete the content of a message. `references` names who deleted it."""
    await tx.run(_DELETE, in_room=room_id, message_id=message_id, references=references)


async def list_closings(tx: Tx, message: Message) -> list[int]:
    """Return the ids of the system messages that report the end of the message's poll; none if it shows no poll."""
    shown = message.references().get("object")
    if shown is None:
        return []
    found = await tx.list(_CLOSINGS, in_room=message.room_id, message_id=message.id)
    closed = ((id_, msgspec.json.decode(parameters, type=dict[str, Reference])["poll"]) for id_, parameters in found)
    return [closing_id for closing_id, poll in closed if (poll.type, poll.id) == (shown.type, shown.id)]


async def reset_markers(tx: Tx, room_id: int) -> None:
    """Move every read marker of a room before the first message, and clear all mentions."""
    await tx.run(_RESET_MARKERS, in_room=room_id)
