"""Statements about sessions."""

import sqlalchemy as sa

from talkd.conversation.attendee_store import ATTENDEE, SESSION
from talkd.conversation.participant import Attendee, Session
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query
from talkd.storage.schema import app_passwords, attendees, group_members, rooms, sessions, web_sessions
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, one_of, word

_ADD = Query(
    sa.insert(sessions)
    .values(
        room_id=bind("room_id"),
        attendee_id=bind("attendee_id"),
        session_id=bind("session_id"),
        browser=bind("browser"),
        last_ping=bind("now"),
        created_at=bind("now"),
        address=bind("address"),
        network=bind("network"),
        login=bind("login"),
    )
    .returning(*SESSION),
    SESSION,
)
_DELETE = Statement(sa.delete(sessions).where(sessions.c.room_id == bind("room_id"), sessions.c.id == bind("id")))
_OF_ATTENDEE = Query(
    sa.select(*SESSION).where(sessions.c.room_id == bind("room_id"), sessions.c.attendee_id == bind("attendee_id")),
    SESSION,
)
_ADDRESSES = Statement(
    sa.select(sessions.c.address)
    .distinct()
    .where(
        sessions.c.room_id == bind("room_id"),
        sessions.c.attendee_id == bind("attendee_id"),
        sessions.c.address != EMPTY,
    )
    .order_by(sessions.c.address)
)
_OF_NETWORK = Statement(
    sa.select(ONE)
    .where(sessions.c.network == bind("network"), sessions.c.network != EMPTY)
    .limit(bind("limit", sa.Integer))
)
_OF_ROOM = Query(sa.select(*SESSION).where(sessions.c.room_id == bind("room_id")).order_by(sessions.c.id), SESSION)
_JOINED_ATTENDEE = (
    sa.select(*SESSION, *ATTENDEE)
    .join(attendees, sa.and_(attendees.c.room_id == sessions.c.room_id, attendees.c.id == sessions.c.attendee_id))
    .order_by(sessions.c.id)
)
_WITH_ATTENDEES = Query(
    _JOINED_ATTENDEE.where(sessions.c.room_id == bind("room_id"), sessions.c.last_ping >= bind("since")),
    SESSION,
    ATTENDEE,
)
_BY_SESSION_ID = Query(_JOINED_ATTENDEE.where(sessions.c.session_id == bind("session_id")), SESSION, ATTENDEE)
_TIMED_OUT = Query(
    _JOINED_ATTENDEE.where(sessions.c.last_ping < bind("before"))
    .order_by(None)
    .order_by(sessions.c.last_ping)
    .limit(bind("limit", sa.Integer)),
    SESSION,
    ATTENDEE,
)
_of_account = _JOINED_ATTENDEE.where(attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id"))
_OF_USER = Query(_of_account, SESSION, ATTENDEE)
_LOGGED_OUT = Query(
    _of_account.where(
        sessions.c.login.not_in([bind("password", sa.Text), EMPTY]),
        ~sa.exists().where(
            app_passwords.c.fingerprint == sessions.c.login,
            app_passwords.c.user_id == attendees.c.actor_id,
            app_passwords.c.wipe == ZERO,
        ),
        ~sa.exists().where(
            web_sessions.c.fingerprint == sessions.c.login, web_sessions.c.user_id == attendees.c.actor_id
        ),
    ),
    SESSION,
    ATTENDEE,
)
_USERS_OUTSIDE = Statement(
    sa.select(attendees.c.actor_id)
    .distinct()
    .join(sessions, sa.and_(sessions.c.room_id == attendees.c.room_id, sessions.c.attendee_id == attendees.c.id))
    .where(
        attendees.c.actor_type == word(USERS),
        ~sa.exists().where(
            group_members.c.user_id == attendees.c.actor_id, one_of(group_members.c.group_id, "group_ids")
        ),
    )
    .order_by(attendees.c.actor_id)
)
_PING = Statement(
    sa.update(sessions)
    .where(one_of(sessions.c.session_id, "session_ids"), sessions.c.last_ping < bind("now"))
    .values(last_ping=bind("now"))
)
_SET_CALL = Statement(
    sa.update(sessions)
    .where(sessions.c.room_id == bind("room_id"), sessions.c.id == bind("id"))
    .values(in_call=bind("in_call"), last_ping=bind("now"))
)
_SET_STATE = Statement(
    sa.update(sessions)
    .where(sessions.c.room_id == bind("room_id"), sessions.c.id == bind("id"))
    .values(state=bind("state"))
)
_END_CALL = Statement(
    sa.update(sessions).where(sessions.c.room_id == bind("room_id"), sessions.c.in_call > ZERO).values(in_call=ZERO)
)
_MOVE = Statement(sa.update(sessions).where(sessions.c.browser == bind("old")).values(browser=bind("new", sa.Text)))
_opened = (
    sa.select(rooms.c.token)
    .select_from(sessions)
    .join(attendees, sa.and_(attendees.c.room_id == sessions.c.room_id, attendees.c.id == sessions.c.attendee_id))
    .join(rooms, rooms.c.id == sessions.c.room_id)
    .order_by(sessions.c.id.desc())
    .limit(ONE)
)
_of_user = (attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id"))
_LOGIN = Statement(
    sa.select(sessions.c.login).where(sessions.c.room_id == bind("room_id"), sessions.c.id == bind("id"))
)
_OPENED_BY_USER = Statement(_opened.where(*_of_user))
_OPENED_IN_BROWSER = Statement(_opened.where(*_of_user, sessions.c.browser == bind("browser")))
_OPENED_BY_GUEST = Statement(
    _opened.where(sessions.c.browser == bind("browser"), attendees.c.actor_type != word(USERS))
)


async def add_session(
    tx: Tx,
    *,
    room_id: int,
    attendee_id: int,
    session_id: str,
    browser: str,
    now: int,
    address: str = "",
    network: str = "",
    login: str = "",
) -> Session:
    """Store a new session and return it. Pass `login` for a user, and `address` and `network` for a guest."""
    return await tx.create(
        _ADD,
        room_id=room_id,
        attendee_id=attendee_id,
        session_id=session_id,
        browser=browser,
        now=now,
        address=address,
        network=network,
        login=login,
    )


async def count_of_network(tx: Tx, network: str, most: int) -> int:
    """Return the number of sessions of guests from a network, but at most `most`."""
    return len(await tx.all(_OF_NETWORK, network=network, limit=most))


async def delete_session(tx: Tx, session: Session) -> None:
    """Delete a session."""
    await tx.run(_DELETE, room_id=session.room_id, id=session.id)


async def list_sessions_of(tx: Tx, room_id: int, attendee_id: int) -> list[Session]:
    """Return the sessions of an attendee."""
    return await tx.list(_OF_ATTENDEE, room_id=room_id, attendee_id=attendee_id)


async def list_addresses(tx: Tx, room_id: int, attendee_id: int) -> list[str]:
    """Return the IP addresses of a guest's sessions. Those of users are not stored."""
    return await tx.values(_ADDRESSES, room_id=room_id, attendee_id=attendee_id)


async def list_sessions(tx: Tx, room_id: int) -> list[Session]:
    """Return the sessions of a room, oldest first."""
    return await tx.list(_OF_ROOM, room_id=room_id)


async def list_active(tx: Tx, room_id: int, since: int) -> list[tuple[Session, Attendee]]:
    """Return the sessions of a room with a ping since `since`, each with its attendee."""
    return await tx.list(_WITH_ATTENDEES, room_id=room_id, since=since)


async def find_session(tx: Tx, session_id: str) -> tuple[Session, Attendee] | None:
    """Return a session by its public id, with its attendee."""
    return await tx.find(_BY_SESSION_ID, session_id=session_id)


async def get_newest_token(tx: Tx, user_id: str | None, browser: str) -> str:
    """Return the token of the room that a device joined last and has not left, or "".

    For a user without a cookie (`browser` is ""), all sessions of the user count.
    """
    if user_id is not None:
        if browser:
            token = await tx.value(_OPENED_IN_BROWSER, user_id=user_id, browser=browser)
        else:
            token = await tx.value(_OPENED_BY_USER, user_id=user_id)
    else:
        token = await tx.value(_OPENED_BY_GUEST, browser=browser) if browser else None
    return token or ""


async def get_login(tx: Tx, session: Session) -> str:
    """Return the credential with which a user joined, or the cookie with which a guest did; "" if there was none."""
    login: str = await tx.value(_LOGIN, room_id=session.room_id, id=session.id) or ""
    return login


async def list_timed_out(tx: Tx, before: int, limit: int) -> list[tuple[Session, Attendee]]:
    """Return the sessions without a ping since `before`, the longest first, each with its attendee."""
    return await tx.list(_TIMED_OUT, before=before, limit=limit)


async def list_of_user(tx: Tx, user_id: str) -> list[tuple[Session, Attendee]]:
    """Return the sessions of a user in all rooms, each with its attendee."""
    return await tx.list(_OF_USER, user_id=user_id)


async def list_logged_out(tx: Tx, user_id: str, password: str) -> list[tuple[Session, Attendee]]:
    """Return the sessions of a user whose login has ended.

    `password` is the secret (`login.Credential`) of the user's password logins, which have not ended.
    """
    return await tx.list(_LOGGED_OUT, user_id=user_id, password=password)


async def list_users_outside_groups(tx: Tx, group_ids: list[str]) -> list[str]:
    """Return the users with a session who are not in any of the groups."""
    return await tx.values(_USERS_OUTSIDE, group_ids=tx.many(group_ids))


async def ping(tx: Tx, session_ids: list[str], now: int) -> None:
    """Set the time of the last ping of these sessions."""
    await tx.run(_PING, session_ids=tx.many(session_ids), now=now)


async def set_in_call(tx: Tx, session: Session, in_call: int, now: int) -> None:
    """Set the call flags of a session."""
    await tx.run(_SET_CALL, room_id=session.room_id, id=session.id, in_call=in_call, now=now)


async def set_state(tx: Tx, session: Session, state: int) -> None:
    """Set whether the session is active (1) or inactive (0)."""
    await tx.run(_SET_STATE, room_id=session.room_id, id=session.id, state=state)


async def end_call(tx: Tx, room_id: int) -> None:
    """Remove all sessions of the room from the call."""
    await tx.run(_END_CALL, room_id=room_id)


async def move_browser(tx: Tx, old: str, new: str) -> None:
    """Move the sessions of a browser to its new id."""
    await tx.run(_MOVE, old=old, new=new)
