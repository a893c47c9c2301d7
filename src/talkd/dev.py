"""Sample accounts and the reset operation of `talkd serve --dev`, for testing clients and bots."""

import asyncio

import sqlalchemy as sa

from talkd.areas.avatars import picture_service as pictures
from talkd.areas.chat.feed import Feed
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import ADMIN_GROUP
from talkd.areas.users.passwords import hash_password
from talkd.config import Config
from talkd.core.errors import TalkError
from talkd.realtime.changes import attendee_topic, call_topic, room_topic, session_topic
from talkd.storage.database import Database, Tx
from talkd.storage.schema import (
    attendees,
    mail_outbox,
    messages,
    rooms,
    sessions,
    signaling_messages,
    throttle,
    user_config,
)
from talkd.storage.statements import Statement
from talkd.web.call import Call
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Routes

NAMES = ("alice", "bob", "carol", "dave", "erin")
"""Sample accounts. The password is the name twice: alice-alice."""
ADMIN_PASSWORD = "admin"  # may be public: a --dev server keeps no data

routes = Routes("dev", base="/apps/talkd/api")

_EMPTY = tuple(
    Statement(sa.delete(table))
    for table in (signaling_messages, messages, sessions, attendees, rooms, throttle, mail_outbox, user_config)
)
_ROOMS = Statement(sa.select(rooms.c.id))
_ATTENDEES = Statement(sa.select(attendees.c.id))
_SESSIONS = Statement(sa.select(sessions.c.session_id))


class HasOtherAccounts(TalkError):
    """The database has accounts that `--dev` did not create."""


async def add_samples(db: Database, config: Config) -> None:
    """Create the administrator and the sample accounts. Raises HasOtherAccounts."""
    passwords = {name: f"{name}-{name}" for name in NAMES}
    passwords[config.admin_user] = config.admin_password or ADMIN_PASSWORD
    hashes = dict(
        zip(passwords, await asyncio.gather(*(hash_password(password) for password in passwords.values())), strict=True)
    )

    async def work(tx: Tx) -> None:
        known = {account.id for account in await users.list_accounts(tx)}
        if known - set(passwords) or (known and not known & set(NAMES)):
            raise HasOtherAccounts(
                message="--dev needs an empty database, but this one has other accounts; choose another with --database"
            )
        await groups.ensure_admin_group(tx)
        for name, password_hash in hashes.items():
            if name not in known:
                await users.create_account(
                    tx,
                    name,
                    password_hash,
                    display_name="",
                    groups=(ADMIN_GROUP,) if name == config.admin_user else (),
                )

    await db.write(work)


@routes.add("POST", "reset", Guard.ADMIN, versions=("v1",), access=Access.OWN)
async def reset(call: Call[NoParams]) -> list[str]:
    """Delete all conversations, sessions, users' preferences, unsent mail and counted failures; accounts stay."""
    world = call.world
    topics = await world.db.write(_empty)
    await world.throttle.load()
    world[Feed].clear()
    world.changes.publish(topics)
    return []


async def _empty(tx: Tx) -> list[str]:
    """Empty the tables. Return all topics that clients may wait for."""
    topics = [topic(room_id) for room_id in await tx.values(_ROOMS) for topic in (room_topic, call_topic)]
    topics += map(attendee_topic, await tx.values(_ATTENDEES))
    topics += map(session_topic, await tx.values(_SESSIONS))
    await pictures.remove_all_of_rooms(tx)
    for statement in _EMPTY:
        await tx.run(statement)
    return topics
