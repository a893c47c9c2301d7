"""Statements about signaling messages."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import app_passwords, sessions, signaling_messages, web_sessions
from talkd.storage.statements import ZERO, Statement, bind


class Waiting(NamedTuple):
    """A message that waits for its recipient."""

    id: int
    message: str


_ADD = Statement(
    sa.insert(signaling_messages).from_select(
        ["room_id", "recipient", "message", "created_at"],
        sa.select(
            sessions.c.room_id,
            sessions.c.session_id,
            bind("message", sa.Text),
            bind("now", signaling_messages.c.created_at.type),
        ).where(sessions.c.room_id == bind("room_id"), sessions.c.session_id == bind("recipient")),
    )
)
_for_session = (
    signaling_messages.c.room_id == bind("room_id"),
    signaling_messages.c.recipient == bind("recipient"),
)
_WAITING_MESSAGE = shape_of(Waiting, signaling_messages.c.id, signaling_messages.c.message)
_WAITING = Query(
    sa.select(*_WAITING_MESSAGE).where(*_for_session).order_by(signaling_messages.c.id),
    _WAITING_MESSAGE,
)
_TAKE = Query(
    sa.delete(signaling_messages).where(*_for_session).returning(*_WAITING_MESSAGE),
    _WAITING_MESSAGE,
)
_this_session = sessions.c.room_id == bind("room_id"), sessions.c.session_id == bind("session_id")
_BEGIN_POLL = Statement(sa.update(sessions).where(*_this_session).values(poll=bind("newest", sa.Text)))
_POLL = Statement(sa.select(sessions.c.poll).where(*_this_session))
_POLL_OF = Statement(sa.select(sessions.c.poll).where(sessions.c.session_id == bind("session_id")))
_DELETE_OLD = Statement(sa.delete(signaling_messages).where(signaling_messages.c.created_at < bind("before")))
_DELETE_OF = Statement(sa.delete(signaling_messages).where(*_for_session))
_LOGINS = Statement(
    sa.select(app_passwords.c.fingerprint)
    .where(app_passwords.c.user_id == bind("user_id"), app_passwords.c.wipe == ZERO)
    .union_all(sa.select(web_sessions.c.fingerprint).where(web_sessions.c.user_id == bind("user_id")))
)


async def add_message(tx: Tx, room_id: int, recipient: str, message: str, now: int) -> bool:
    """Store a message for a session of the room. Return False if the room has no such session."""
    return await tx.run(_ADD, room_id=room_id, recipient=recipient, message=message, now=now) > 0


async def list_messages(tx: Tx, room_id: int, recipient: str) -> list[Waiting]:
    """Return the messages for a session, oldest first."""
    return await tx.list(_WAITING, room_id=room_id, recipient=recipient)


async def take_messages(tx: Tx, room_id: int, recipient: str) -> list[Waiting]:
    """Delete the messages for a session and return them, oldest first."""
    # One statement, because on PostgreSQL a message with a lower id may be committed between two.
    return sorted(await tx.list(_TAKE, room_id=room_id, recipient=recipient))


async def set_poll(tx: Tx, room_id: int, session_id: str, poll: str) -> None:
    """Store the newest poll of a session."""
    await tx.run(_BEGIN_POLL, room_id=room_id, session_id=session_id, newest=poll)


async def get_poll(tx: Tx, room_id: int, session_id: str) -> str:
    """Return the newest poll of a session of the room, or an empty text."""
    return await tx.value(_POLL, room_id=room_id, session_id=session_id) or ""


async def find_poll(tx: Tx, session_id: str) -> str:
    """Return the newest poll of a session of any room, or an empty text."""
    return await tx.value(_POLL_OF, session_id=session_id) or ""


async def delete_messages_of(tx: Tx, room_id: int, recipient: str) -> None:
    """Delete all messages for a session."""
    await tx.run(_DELETE_OF, room_id=room_id, recipient=recipient)


async def delete_old(tx: Tx, before: int) -> None:
    """Delete the messages that were stored before a moment."""
    await tx.run(_DELETE_OLD, before=before)


async def list_logins(tx: Tx, user_id: str) -> list[str]:
    """Return the secrets of the app passwords and browsers that a user is logged in with."""
    return await tx.values(_LOGINS, user_id=user_id)
