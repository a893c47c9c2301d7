"""Statements about accounts."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from talkd.areas.users.model import Account
from talkd.core.actor import USERS
from talkd.core.search import like_pattern
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape, single
from talkd.storage.schema import (
    Int,
    attendees,
    forgotten_accounts,
    group_members,
    login_flows,
    rooms,
    user_config,
    users,
    web_sessions,
)
from talkd.storage.statements import EMPTY, ONE, Statement, bind, folded, insert, one_of, word

_ACCOUNT = shape(Account, users)
_by_id = sa.select(*_ACCOUNT).where(folded(users.c.id) == bind("id", sa.Text))
_BY_ID = Query(_by_id, _ACCOUNT)
_BY_ID_LOCKED = Query(_by_id.with_for_update(key_share=True), _ACCOUNT)
_IDS = Statement(sa.select(users.c.id).where(one_of(folded(users.c.id), "ids")))
_EVERY_ID = Statement(sa.select(users.c.id))
_BY_EMAIL = Query(
    sa.select(*_ACCOUNT).where(folded(users.c.email) == folded(bind("email", sa.Text)), users.c.email != EMPTY),
    _ACCOUNT,
)
_IS_FORGOTTEN = Statement(
    sa.select(forgotten_accounts.c.user_id).where(folded(forgotten_accounts.c.user_id) == bind("id", sa.Text))
)
_NAMES = Query(
    sa.select(users.c.id, users.c.display_name).where(one_of(users.c.id, "ids"), users.c.enabled == ONE),
    single(users.c.id),
    single(users.c.display_name),
)
_IS_MEMBER_OF_ANY = Statement(
    sa.select(ONE).where(group_members.c.user_id == bind("user_id"), one_of(group_members.c.group_id, "group_ids"))
)
_by_name = (sa.func.search_fold(users.c.display_name), users.c.id)
_BY_IDS = Query(sa.select(*_ACCOUNT).where(one_of(users.c.id, "ids")).order_by(*_by_name), _ACCOUNT)
_ADD = Statement(
    insert(users)
    .values(
        id=bind("id"),
        display_name=bind("display_name"),
        email=bind("email"),
        password_hash=bind("password_hash"),
        language=bind("language"),
        created_at=bind("now"),
    )
    .on_conflict_do_nothing()
)
_CHANGEABLE = ("display_name", "email", "language", "locale", "timezone", "profile", "password_hash", "enabled")
_CHANGE = {
    name: Statement(sa.update(users).where(users.c.id == bind("user_id")).values({name: bind("value")}))
    for name in _CHANGEABLE
}
_LOCK_ROOMS = Statement(
    sa.select(rooms.c.id)
    .where(
        rooms.c.id.in_(
            sa.select(attendees.c.room_id).where(
                attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id")
            )
        )
    )
    .order_by(rooms.c.id)
    .with_for_update(of=rooms)
)
_DELETE = Statement(sa.delete(users).where(users.c.id == bind("user_id")))
_DELETE_BROWSERS = Statement(sa.delete(web_sessions).where(web_sessions.c.user_id == bind("user_id")))
_DELETE_FLOWS = Statement(sa.delete(login_flows).where(login_flows.c.user_id == bind("user_id")))
_DELETE_CONFIG = Statement(sa.delete(user_config).where(user_config.c.user_id == bind("user_id")))

_found = sa.or_(
    *(
        sa.func.search_fold(column).like(bind("pattern", sa.Text), escape="\\")
        for column in (users.c.id, users.c.display_name, users.c.email)
    )
)
_search = sa.select(*_ACCOUNT).where(_found).limit(bind("limit", Int)).offset(bind("offset", Int))
_SEARCH = Query(_search.order_by(*_by_name), _ACCOUNT)
_SEARCH_RECENT = Query(_search.order_by(users.c.last_login_at.desc(), *_by_name), _ACCOUNT)


async def get_account(tx: Tx, folded_id: str, *, lock: bool = False) -> Account | None:
    """Return the account with this id in lower case. `lock` locks it until the transaction ends."""
    return await tx.find(_BY_ID_LOCKED if lock else _BY_ID, id=folded_id)


async def list_ids(tx: Tx, folded_ids: Sequence[str]) -> list[str]:
    """List the ids of the accounts with these ids in lower case."""
    return await tx.values(_IDS, ids=tx.many(folded_ids))


async def list_every_id(tx: Tx) -> list[str]:
    """List the ids of all accounts."""
    return await tx.values(_EVERY_ID)


async def list_accounts(tx: Tx, user_ids: Sequence[str]) -> list[Account]:
    """List the accounts with these ids, sorted by name."""
    return await tx.list(_BY_IDS, ids=tx.many(user_ids))


async def list_accounts_by_email(tx: Tx, email: str) -> list[Account]:
    """List the accounts with this e-mail address, in any case."""
    return await tx.list(_BY_EMAIL, email=email)


async def search_accounts(tx: Tx, search: str, limit: int, offset: int, *, recent_first: bool = False) -> list[Account]:
    """List the accounts whose id, name or e-mail address contains the text, sorted by last login or by name."""
    query = _SEARCH_RECENT if recent_first else _SEARCH
    return await tx.list(query, pattern=like_pattern(search), limit=limit, offset=offset)


async def get_names(tx: Tx, user_ids: Sequence[str]) -> dict[str, str]:
    """Return the display names of the enabled accounts among these ids."""
    return dict(await tx.list(_NAMES, ids=tx.many(user_ids)))


async def is_member_of_any(tx: Tx, group_ids: Sequence[str], user_id: str) -> bool:
    """Return True if the account is in one of the groups."""
    return await tx.one(_IS_MEMBER_OF_ANY, group_ids=tx.many(group_ids), user_id=user_id) is not None


async def is_being_forgotten(tx: Tx, folded_id: str) -> bool:
    """Return True if an account with this id in lower case was deleted and some data still names it."""
    return await tx.one(_IS_FORGOTTEN, id=folded_id) is not None


async def add_account(
    tx: Tx, *, user_id: str, display_name: str, email: str, password_hash: str, language: str, now: int
) -> bool:
    """Store a new account. Return False if there is an account with this id."""
    rows = await tx.run(
        _ADD,
        id=user_id,
        display_name=display_name,
        email=email,
        password_hash=password_hash,
        language=language,
        now=now,
    )
    return rows > 0


async def set_column(tx: Tx, user_id: str, name: str, value: Any) -> None:
    """Set one of the columns in `_CHANGEABLE`."""
    await tx.run(_CHANGE[name], user_id=user_id, value=value)


async def delete_browsers(tx: Tx, user_id: str) -> None:
    """Delete all browser sessions of an account."""
    await tx.run(_DELETE_BROWSERS, user_id=user_id)


async def lock_rooms(tx: Tx, user_id: str) -> None:
    """Lock the user's rooms until the transaction ends."""
    await tx.lock(_LOCK_ROOMS, user_id=user_id)


async def delete_account(tx: Tx, user_id: str) -> None:
    """Delete an account and the rows that belong to it.

    Foreign keys delete its memberships, app passwords and phone numbers.
    """
    for statement in (_DELETE_BROWSERS, _DELETE_FLOWS, _DELETE_CONFIG, _DELETE):
        await tx.run(statement, user_id=user_id)
