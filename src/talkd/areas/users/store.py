"""Statements about accounts."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from talkd.areas.users.model import ADMIN_GROUP, Account
from talkd.core import names
from talkd.core.actor import USERS
from talkd.core.search import searchable
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape
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
from talkd.storage.statements import NOTHING, ONE, Statement, bind, folded, one_of, word

_ACCOUNT = shape(Account, users)
_BY_ID = Query(sa.select(*_ACCOUNT).where(folded(users.c.id) == bind("id", sa.Text)), _ACCOUNT)
_IDS = Statement(sa.select(users.c.id).where(one_of(folded(users.c.id), "ids")))
_BY_EMAIL = Query(
    sa.select(*_ACCOUNT).where(folded(users.c.email) == bind("email", sa.Text), users.c.email != NOTHING), _ACCOUNT
)
_IS_FORGOTTEN = Statement(
    sa.select(forgotten_accounts.c.user_id).where(folded(forgotten_accounts.c.user_id) == bind("id", sa.Text))
)
_NAMES = Statement(sa.select(users.c.id, users.c.display_name).where(one_of(users.c.id, "ids"), users.c.enabled == ONE))
_IS_MEMBER_OF_ANY = Statement(
    sa.select(ONE).where(group_members.c.user_id == bind("user_id"), one_of(group_members.c.group_id, "group_ids"))
)
_IS_MEMBER = Statement(
    sa.select(ONE).where(group_members.c.group_id == bind("group_id"), group_members.c.user_id == bind("user_id"))
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
_SEARCH = Query(
    sa.select(*_ACCOUNT).where(_found).order_by(*_by_name).limit(bind("limit", Int)).offset(bind("offset", Int)),
    _ACCOUNT,
)


async def get_account(tx: Tx, user_id: str) -> Account | None:
    """Return the account that an id means; its case does not matter."""
    return await tx.find(_BY_ID, id=names.folded(user_id))


async def resolve_ids(tx: Tx, typed: Iterable[str]) -> dict[str, str]:
    """Return the ids of the accounts that some texts mean, whatever their case; a text without account stays."""
    texts = list(typed)
    rows = await tx.all(_IDS, ids=tx.many([names.folded(text) for text in texts])) if texts else []
    known = {names.folded(row[0]): row[0] for row in rows}
    return {text: known.get(names.folded(text), text) for text in texts}


async def resolve_id(tx: Tx, typed: str) -> str:
    """Return the id of the account that a text means, whatever its case; the text itself when there is none."""
    return (await resolve_ids(tx, [typed]))[typed]


async def list_accounts_by_email(tx: Tx, email: str) -> list[Account]:
    """List the accounts with that address, whatever its case."""
    return await tx.list(_BY_EMAIL, email=names.folded(email))


async def get_names(tx: Tx, user_ids: list[str]) -> dict[str, str]:
    """Display names of those of the ids that are enabled accounts."""
    if not user_ids:
        return {}
    return {row[0]: row[1] for row in await tx.all(_NAMES, ids=tx.many(user_ids))}


async def is_allowed(tx: Tx, group_ids: list[str], user_id: str) -> bool:
    """Whether the account is in one of the groups that a setting names; when it names none, everybody is allowed."""
    if not group_ids:
        return True
    return await tx.one(_IS_MEMBER_OF_ANY, group_ids=tx.many(group_ids), user_id=user_id) is not None


async def is_member(tx: Tx, group_id: str, user_id: str) -> bool:
    """Whether the account is in the group."""
    return await tx.one(_IS_MEMBER, group_id=group_id, user_id=user_id) is not None


async def is_admin(tx: Tx, user_id: str) -> bool:
    """Whether the account administers the server."""
    return await is_member(tx, ADMIN_GROUP, user_id)


async def is_taken(tx: Tx, user_id: str) -> bool:
    """Whether there is an account of that id, upper and lower case being the same."""
    return await get_account(tx, user_id) is not None


async def is_being_forgotten(tx: Tx, user_id: str) -> bool:
    """Return True if an account of that id was deleted and is still named somewhere."""
    return await tx.one(_IS_FORGOTTEN, id=names.folded(user_id)) is not None


async def add_account(
    tx: Tx, *, user_id: str, display_name: str, email: str, password_hash: str, language: str, now: int
) -> bool:
    """Store a new account; false when somebody was faster with that id."""
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
    """Change one of the columns that may change."""
    await tx.run(_CHANGE[name], user_id=user_id, value=value)


async def delete_browsers(tx: Tx, user_id: str) -> None:
    """No browser is logged in to the account any more."""
    await tx.run(_DELETE_BROWSERS, user_id=user_id)


async def lock_rooms(tx: Tx, user_id: str) -> None:
    """The conversations of a user are held until the transaction ends: what follows there must not be overtaken."""
    await tx.lock(_LOCK_ROOMS, user_id=user_id)


async def delete_account(tx: Tx, user_id: str) -> None:
    """Delete the account and what hangs on it; memberships, app passwords, phone numbers and picture go by their
    foreign keys.
    """
    for statement in (_DELETE_BROWSERS, _DELETE_FLOWS, _DELETE_CONFIG, _DELETE):
        await tx.run(statement, user_id=user_id)


async def search_accounts(tx: Tx, search: str, limit: int, offset: int) -> list[Account]:
    """Accounts with the text in id, name or address, whatever the case, by name."""
    return await tx.list(_SEARCH, pattern=pattern(search), limit=limit, offset=offset)


def pattern(search: str) -> str:
    """Return the LIKE pattern of everything that contains the text, for `search_fold`; a backslash escapes."""
    escaped = searchable(search).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def list_accounts(tx: Tx, user_ids: list[str]) -> list[Account]:
    """The accounts of those ids that there are, by name."""
    return await tx.list(_BY_IDS, ids=tx.many(user_ids))
