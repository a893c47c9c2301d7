"""Statements about actors: find them, and remove deleted accounts from messages."""

from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from talkd.conversation.message import Names, Reference, detached, plain
from talkd.conversation.message_store import names_actor
from talkd.core import names
from talkd.core.actor import DELETED_USERS, EMAILS, GROUPS, GUESTS, SYSTEM_ID, USERS
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, attendees, groups, messages, users
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, folded, one_of, word


class KnownActor(NamedTuple):
    """An actor that exists. `enabled` is 0 for users with a disabled account, and `room_id` is 0 for all but guests."""

    type: str
    id: str
    name: str
    enabled: int
    room_id: int


class Position(NamedTuple):
    """A message, in the order in which all messages are read: by room and id."""

    room_id: int
    message_id: int


class _Naming(NamedTuple):
    """A message that may name a deleted account. `parameters` is JSON."""

    room_id: int
    message_id: int
    text: str
    parameters: str
    plain: str


_USER = shape_of(KnownActor, word(USERS), users.c.id, users.c.display_name, users.c.enabled, ZERO)
_ACTORS = Query(
    sa.union_all(
        sa.select(*_USER).where(one_of(folded(users.c.id), "users")),
        sa.select(word(GROUPS), groups.c.id, groups.c.display_name, ONE, ZERO).where(one_of(groups.c.id, "groups")),
        sa.select(
            attendees.c.actor_type, attendees.c.actor_id, attendees.c.display_name, ONE, attendees.c.room_id
        ).where(
            attendees.c.actor_type.in_((word(GUESTS), word(EMAILS))),
            one_of(attendees.c.actor_id, "guests"),
        ),
    ),
    _USER,
)

_deleted_user = word(DELETED_USERS)
_is_one_of_found = sa.and_(one_of(messages.c.room_id, "room_ids"), one_of(messages.c.id, "message_ids"))
_FORGET_AUTHOR = Statement(
    sa.update(messages)
    .where(_is_one_of_found, messages.c.actor_type == word(USERS), messages.c.actor_id == bind("user_id"))
    .values(actor_type=_deleted_user, actor_id=_deleted_user, actor_name=EMPTY)
)
_FORGET_EDITOR = Statement(
    sa.update(messages)
    .where(_is_one_of_found, messages.c.edited_by_type == word(USERS), messages.c.edited_by_id == bind("user_id"))
    .values(edited_by_type=_deleted_user, edited_by_id=_deleted_user, edited_by_name=EMPTY)
)
_position = sa.tuple_(messages.c.room_id, messages.c.id)
_after = _position > sa.tuple_(bind("after_room", Int), bind("after_id", Int))
_in_order = shape_of(Position, messages.c.room_id, messages.c.id)
_LAST_EXAMINED = Query(
    sa.select(*_in_order).where(_after).order_by(*_in_order).limit(ONE).offset(bind("skipped", sa.Integer)), _in_order
)
_FOUND = shape_of(_Naming, *_in_order, messages.c.message, messages.c.parameters, messages.c.plain)
_NAMING = Query(
    sa.select(*_FOUND)
    .where(_after, _position <= sa.tuple_(bind("last_room", Int), bind("last_id", Int)), names_actor(messages))
    .order_by(*_in_order)
    .limit(bind("limit", sa.Integer)),
    _FOUND,
)
_SET_REFERENCES = Statement(
    sa.update(messages)
    .where(messages.c.room_id == bind("in_room"), messages.c.id == bind("message_id"))
    .values(parameters=bind("parameters"), plain=bind("plain"))
)


async def list_actors(tx: Tx, actors: set[tuple[str, str]]) -> list[KnownActor]:
    """Return those of the actors that exist, a guest once for each of their rooms. The case of user ids is ignored."""
    by_kind: dict[str, list[str]] = {USERS: [], GROUPS: [], GUESTS: []}
    for kind, actor_id in actors:
        kind = GUESTS if kind == EMAILS else kind
        if kind in by_kind and actor_id != SYSTEM_ID:
            by_kind[kind].append(actor_id)
    if not any(by_kind.values()):
        return []
    user_ids = [names.folded(user_id) for user_id in by_kind[USERS]]
    return await tx.list(
        _ACTORS, users=tx.many(user_ids), groups=tx.many(by_kind[GROUPS]), guests=tx.many(by_kind[GUESTS])
    )


async def get_names(tx: Tx, actors: set[tuple[str, str]]) -> Names:
    """Return the current names of the actors that exist."""
    return {(actor.type, actor.id): actor.name for actor in await list_actors(tx, actors)}


async def forget_after(tx: Tx, user_id: str, position: Position, *, limit: int, examined: int) -> Position | None:
    """Remove the id and names of a deleted account from messages: as author, as editor, and in mentions.

    A new account with the same id must not become the author of these messages. One call reads up to `examined`
    messages after `position` and changes up to `limit` of them.

    Return the position of the last message that was read, or None at the end.
    """
    after = {"after_room": position.room_id, "after_id": position.message_id}
    end = await tx.find(_LAST_EXAMINED, **after, skipped=examined - 1)
    last = end or Position(ABOVE_ALL_IDS, ABOVE_ALL_IDS)
    reference = reference_text(USERS, user_id)
    found = await tx.list(
        _NAMING,
        **after,
        last_room=last.room_id,
        last_id=last.message_id,
        limit=limit,
        actor_type=USERS,
        actor_id=user_id,
        reference=reference,
    )
    room_ids, message_ids = sorted({each.room_id for each in found}), [each.message_id for each in found]
    keys = {"room_ids": tx.many(room_ids), "message_ids": tx.many(message_ids)}
    await tx.run(_FORGET_AUTHOR, user_id=user_id, **keys)
    await tx.run(_FORGET_EDITOR, user_id=user_id, **keys)
    for each in found:
        if reference not in each.parameters:
            continue
        references = detached(
            msgspec.json.decode(each.parameters, type=dict[str, Reference]),
            lambda known: (known.type, known.id) == (USERS, user_id),
        )
        await tx.run(
            _SET_REFERENCES,
            in_room=each.room_id,
            message_id=each.message_id,
            parameters=msgspec.json.encode(references).decode(),
            plain=plain(each.text, references) if each.plain else "",
        )
    if len(found) == limit:
        return Position(found[-1].room_id, found[-1].message_id)
    return None if end is None else last


def reference_text(kind: str, actor_id: str) -> str:
    """Return the beginning of a reference's stored JSON. The name after it is left out, because it may be outdated."""
    return msgspec.json.encode(Reference(kind, actor_id)).decode().removesuffix("}")
