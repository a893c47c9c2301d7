"""Statements about settings, preferences, and facts of the installation."""

from collections.abc import Sequence

import sqlalchemy as sa

from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query, single
from talkd.storage.schema import app_config, attendees, meta, sessions, throttle, user_config, users, web_sessions
from talkd.storage.statements import Statement, bind, insert, one_of, word

_ALL = Query(
    sa.select(app_config.c.key, app_config.c.value).where(app_config.c.app == bind("app")),
    single(app_config.c.key),
    single(app_config.c.value),
)
_SET = Statement(
    insert(app_config)
    .values(app=bind("app"), key=bind("key"), value=bind("value"))
    .on_conflict_do_update(index_elements=["app", "key"], set_={"value": bind("value", sa.Text)})
)
_DELETE = Statement(sa.delete(app_config).where(app_config.c.app == bind("app"), app_config.c.key == bind("key")))
_META = Statement(sa.select(meta.c.value).where(meta.c.key == bind("key")))
_ADD_META = Statement(
    insert(meta).values(key=bind("key"), value=bind("value")).on_conflict_do_nothing(index_elements=["key"])
)
_SET_META = Statement(
    insert(meta)
    .values(key=bind("key"), value=bind("value"))
    .on_conflict_do_update(index_elements=["key"], set_={"value": bind("value", sa.Text)})
)
_USER = Statement(
    sa.select(user_config.c.value).where(
        user_config.c.user_id == bind("user_id"), user_config.c.app == bind("app"), user_config.c.key == bind("key")
    )
)
_ALL_OF_USER = Query(
    sa.select(user_config.c.key, user_config.c.value).where(
        user_config.c.user_id == bind("user_id"), user_config.c.app == bind("app")
    ),
    single(user_config.c.key),
    single(user_config.c.value),
)
_OF_USERS = Query(
    sa.select(user_config.c.user_id, user_config.c.value).where(
        one_of(user_config.c.user_id, "user_ids"), user_config.c.app == bind("app"), user_config.c.key == bind("key")
    ),
    single(user_config.c.user_id),
    single(user_config.c.value),
)
_SET_USER = Statement(
    insert(user_config)
    .values(user_id=bind("user_id"), app=bind("app"), key=bind("key"), value=bind("value"))
    .on_conflict_do_update(index_elements=["user_id", "app", "key"], set_={"value": bind("value", sa.Text)})
)
_ADD_USER = Statement(
    insert(user_config)
    .values(user_id=bind("user_id"), app=bind("app"), key=bind("key"), value=bind("value"))
    .on_conflict_do_nothing()
)
_DELETE_USER = Statement(
    sa.delete(user_config).where(
        user_config.c.user_id == bind("user_id"), user_config.c.app == bind("app"), user_config.c.key == bind("key")
    )
)
_READ_PRIVACY = Statement(sa.update(users).where(users.c.id == bind("user_id")).values(read_privacy=bind("value")))
_READ_PRIVACY_IN_ROOMS = Statement(
    sa.update(attendees)
    .where(attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id"))
    .values(read_privacy=bind("value"))
)
_TYPING_PRIVACY = Statement(sa.update(users).where(users.c.id == bind("user_id")).values(typing_privacy=bind("value")))
_MOMENTS = sessions.c.last_ping, web_sessions.c.seen_at, throttle.c.last_at
_LATEST = Statement(sa.union_all(*(sa.select(sa.func.max(column)) for column in _MOMENTS)))


async def get_values(tx: Tx, app: str) -> dict[str, str]:
    """Return all settings of an app that are not at their default."""
    return dict(await tx.list(_ALL, app=app))


async def set_value(tx: Tx, app: str, key: str, value: str) -> None:
    """Set a setting."""
    await tx.run(_SET, app=app, key=key, value=value)


async def delete_value(tx: Tx, app: str, key: str) -> None:
    """Reset a setting to its default."""
    await tx.run(_DELETE, app=app, key=key)


async def get_fact(tx: Tx, key: str) -> str | None:
    """Return a fact of the installation, or None."""
    value = await tx.value(_META, key=key)
    return None if value is None else str(value)


async def add_fact(tx: Tx, key: str, value: str) -> str:
    """Store a fact unless it is stored already. Return the stored one, even if two processes do this at once."""
    await tx.run(_ADD_META, key=key, value=value)
    return str(await tx.value(_META, key=key))


async def set_fact(tx: Tx, key: str, value: str) -> None:
    """Store a fact of the installation."""
    await tx.run(_SET_META, key=key, value=value)


async def get_user_value(tx: Tx, user_id: str, app: str, key: str) -> str | None:
    """Return a preference of a user, or None."""
    value = await tx.value(_USER, user_id=user_id, app=app, key=key)
    return None if value is None else str(value)


async def get_user_values(tx: Tx, user_id: str, app: str) -> dict[str, str]:
    """Return all preferences of a user."""
    return dict(await tx.list(_ALL_OF_USER, user_id=user_id, app=app))


async def get_values_of_users(tx: Tx, user_ids: Sequence[str], app: str, key: str) -> dict[str, str]:
    """Return a preference of these users, by user. Those who have not set it are left out."""
    return dict(await tx.list(_OF_USERS, user_ids=tx.many(user_ids), app=app, key=key))


async def set_user_value(tx: Tx, user_id: str, app: str, key: str, value: str) -> None:
    """Set a preference of a user."""
    await tx.run(_SET_USER, user_id=user_id, app=app, key=key, value=value)


async def add_user_value(tx: Tx, user_id: str, app: str, key: str, value: str) -> bool:
    """Set a preference of a user unless they have it already. Return True if it was set now."""
    return await tx.run(_ADD_USER, user_id=user_id, app=app, key=key, value=value) > 0


async def delete_user_value(tx: Tx, user_id: str, app: str, key: str) -> None:
    """Reset a preference of a user to its default."""
    await tx.run(_DELETE_USER, user_id=user_id, app=app, key=key)


async def set_read_privacy(tx: Tx, user_id: str, value: int) -> None:
    """Hide (1) or show (0) the read marker of a user to others, in all rooms."""
    await tx.run(_READ_PRIVACY, user_id=user_id, value=value)
    await tx.run(_READ_PRIVACY_IN_ROOMS, user_id=user_id, value=value)


async def set_typing_privacy(tx: Tx, user_id: str, value: int) -> None:
    """Hide (1) or show (0) to others that a user is typing."""
    await tx.run(_TYPING_PRIVACY, user_id=user_id, value=value)


async def get_latest_moment(tx: Tx) -> int:
    """Return the newest stored moment on the steady scale, or 0."""
    return max((moment or 0 for moment in await tx.values(_LATEST)), default=0)
