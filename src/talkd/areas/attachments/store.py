"""Statements about shared files."""

import sqlalchemy as sa

from talkd.areas.attachments.model import DRAFT, Share
from talkd.areas.files.model import Entry
from talkd.conversation.message_store import IS_SHOWN
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.storage.database import Tx
from talkd.storage.file_schema import entries, shares
from talkd.storage.queries import Query, shape, single
from talkd.storage.schema import Int, attendees, messages, rooms
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, by_value, number, one_of, word

SHARE, ENTRY = shape(Share, shares), shape(Entry, entries)
_TOKEN = single(rooms.c.token)
_PAIRS = (number(RoomType.ONE_TO_ONE), number(RoomType.ONE_TO_ONE_FORMER))

_sharer_is_there = sa.or_(
    rooms.c.type.in_(_PAIRS),  # who leaves such a room comes back with the next message
    sa.exists().where(
        attendees.c.room_id == shares.c.room_id,
        attendees.c.actor_type == word(USERS),
        attendees.c.actor_id == shares.c.user_id,
    ),
)
_ROOMS_OF = Query(
    sa.select(rooms.c.token, rooms.c.name)
    .join(attendees, attendees.c.room_id == rooms.c.id)
    .where(
        attendees.c.actor_type == word(USERS),
        attendees.c.actor_id == bind("user_id"),
        rooms.c.deleted == ZERO,
        rooms.c.name != EMPTY,
        sa.func.lower(rooms.c.name).like(bind("pattern", sa.Text), escape="^"),
    )
    .order_by(rooms.c.last_activity.desc())
    .limit(bind("limit", sa.Integer)),
    _TOKEN,
    single(rooms.c.name),
)
_message = sa.and_(messages.c.room_id == shares.c.room_id, messages.c.id == shares.c.message_id)
_valid = (
    sa.select(*SHARE, rooms.c.token)
    .join(messages, _message)
    .join(rooms, rooms.c.id == shares.c.room_id)
    .where(
        IS_SHOWN,
        rooms.c.deleted == ZERO,
        _sharer_is_there,
        sa.or_(shares.c.expires_at == ZERO, shares.c.expires_at > bind("now", Int)),
    )
)
_OF_ENTRY = Query(_valid.where(shares.c.entry_id == bind("entry_id")).order_by(shares.c.id.desc()), SHARE, _TOKEN)
_BY_ID = Query(_valid.where(shares.c.id == bind("share_id"), shares.c.user_id == bind("user_id")), SHARE, _TOKEN)
_OF_USER = Query(
    _valid.where(shares.c.user_id == bind("user_id"), shares.c.id < bind("before"))
    .order_by(shares.c.id.desc())
    .limit(bind("limit", sa.Integer)),
    SHARE,
    _TOKEN,
)
_reader = attendees.alias("reader")
_rooms_of_reader = sa.select(_reader.c.room_id).where(
    _reader.c.actor_type == word(USERS), _reader.c.actor_id == bind("user_id")
)
_RECEIVED = Query(
    _valid.where(rooms.c.id.in_(_rooms_of_reader), shares.c.user_id != bind("user_id"))
    .order_by(by_value(shares.c.id).desc())
    .limit(bind("limit", sa.Integer)),
    SHARE,
    _TOKEN,
)
_OF_MESSAGE = Query(
    sa.select(*SHARE).where(shares.c.room_id == bind("room_id"), shares.c.message_id == bind("message_id")), SHARE
)
_OF_ENTRIES = Query(sa.select(*SHARE).where(one_of(shares.c.entry_id, "entry_ids")), SHARE)
_OF_SHARER = Query(
    sa.select(*SHARE)
    .join(rooms, rooms.c.id == shares.c.room_id)
    .where(shares.c.room_id == bind("room_id"), shares.c.user_id == bind("user_id"), rooms.c.type.not_in(_PAIRS))
    .limit(bind("limit", sa.Integer)),
    SHARE,
)
_NEW = ("room_id", "entry_id", "message_id", "user_id", "name", "created_at", "expires_at")
_ADD = Query(sa.insert(shares).values({name: bind(name) for name in _NEW}).returning(*SHARE), SHARE)
_this = sa.and_(shares.c.room_id == bind("room_id"), shares.c.id == bind("share_id"))
_SET_EXPIRY = Statement(sa.update(shares).where(_this).values(expires_at=bind("expires_at")))
_DELETE = Statement(sa.delete(shares).where(_this))
_IS_SHARED = Statement(sa.select(ONE).where(shares.c.entry_id == bind("entry_id")).limit(ONE))
_ROOMS_OF_ENTRY = Statement(sa.select(shares.c.room_id).where(shares.c.entry_id == bind("entry_id")).distinct())
_PAGE = Query(
    sa.select(*SHARE).where(shares.c.id > bind("after")).order_by(shares.c.id).limit(bind("limit", sa.Integer)), SHARE
)
_VALID_IDS = Statement(
    _valid.with_only_columns(shares.c.id).where(shares.c.id > bind("after"), shares.c.id <= bind("through", Int))
)
_folder = entries.alias("folder")
_OLD_DRAFTS = Query(
    sa.select(*ENTRY)
    .join(_folder, _folder.c.id == entries.c.parent_id)
    .where(
        entries.c.id > bind("after"),
        entries.c.blob_id > ZERO,
        entries.c.placed_at < bind("placed_before"),
        _folder.c.name == word(DRAFT),
    )
    .order_by(entries.c.id)
    .limit(bind("limit", sa.Integer)),
    ENTRY,
)
_SET_CONTENT = Statement(
    sa.update(messages)
    .where(messages.c.room_id == bind("room_id"), messages.c.id == bind("message_id"))
    .values(message=bind("message"), parameters=bind("parameters"), plain=bind("plain"))
)
_SET_LIST = Statement(
    sa.update(messages)
    .where(messages.c.room_id == bind("room_id"), messages.c.id == bind("message_id"))
    .values(shared_as=bind("shared_as"))
)


async def find_rooms(tx: Tx, user_id: str, search: str, limit: int) -> list[tuple[str, str]]:
    """Return token and name of rooms of a user whose names contain a text, the most active first."""
    pattern = f"%{search.lower().replace('^', '^^').replace('%', '^%').replace('_', '^_')}%"
    return await tx.list(_ROOMS_OF, user_id=user_id, pattern=pattern, limit=limit)


async def add_share(tx: Tx, **values: int | str) -> Share:
    """Add a share."""
    return await tx.create(_ADD, **values)


async def set_expiry(tx: Tx, share: Share, expires_at: int) -> None:
    """Set when a share ends; 0 for never."""
    await tx.run(_SET_EXPIRY, room_id=share.room_id, share_id=share.id, expires_at=expires_at)


async def delete_share(tx: Tx, share: Share) -> None:
    """Delete a share."""
    await tx.run(_DELETE, room_id=share.room_id, share_id=share.id)


async def list_valid(tx: Tx, entry_id: int, now: int) -> list[tuple[Share, str]]:
    """Return the shares of a file that give access to it, each with the token of its room, newest first."""
    return await tx.list(_OF_ENTRY, entry_id=entry_id, now=now)


async def find_own(tx: Tx, share_id: int, user_id: str, now: int) -> tuple[Share, str] | None:
    """Return a valid share of a user with the token of its room."""
    return await tx.find(_BY_ID, share_id=share_id, user_id=user_id, now=now)


async def list_own(tx: Tx, user_id: str, *, before: int, limit: int, now: int) -> list[tuple[Share, str]]:
    """Return the valid shares of a user with the tokens of their rooms, newest first."""
    return await tx.list(_OF_USER, user_id=user_id, before=before, limit=limit, now=now)


async def list_received(tx: Tx, user_id: str, *, limit: int, now: int) -> list[tuple[Share, str]]:
    """Return the newest valid shares of others in the rooms of a user, with the tokens of the rooms."""
    return await tx.list(_RECEIVED, user_id=user_id, limit=limit, now=now)


async def list_of_message(tx: Tx, room_id: int, message_id: int) -> list[Share]:
    """Return the shares that a message shows."""
    return await tx.list(_OF_MESSAGE, room_id=room_id, message_id=message_id)


async def list_of_entries(tx: Tx, entry_ids: list[int]) -> list[Share]:
    """Return the shares of these files."""
    return await tx.list(_OF_ENTRIES, entry_ids=tx.many(entry_ids)) if entry_ids else []


async def list_of_sharer(tx: Tx, room_id: int, user_id: str, limit: int) -> list[Share]:
    """Return up to `limit` shares of a user in a room. In a one-to-one room their shares stay, so it has none."""
    return await tx.list(_OF_SHARER, room_id=room_id, user_id=user_id, limit=limit)


async def is_shared(tx: Tx, entry_id: int) -> bool:
    """Return True if a share of the file is left."""
    return await tx.one(_IS_SHARED, entry_id=entry_id) is not None


async def list_rooms_of_entry(tx: Tx, entry_id: int) -> list[int]:
    """Return the ids of the rooms in which a file is shared."""
    return list(await tx.values(_ROOMS_OF_ENTRY, entry_id=entry_id))


async def list_page(tx: Tx, after: int, limit: int) -> list[Share]:
    """Return the next shares after an id, valid or not."""
    return await tx.list(_PAGE, after=after, limit=limit)


async def list_valid_ids(tx: Tx, after: int, through: int, now: int) -> set[int]:
    """Return the ids of the valid shares in a range of ids."""
    return set(await tx.values(_VALID_IDS, after=after, through=through, now=now))


async def list_old_drafts(tx: Tx, *, after: int, placed_before: int, limit: int) -> list[Entry]:
    """Return the next files after an id that have long been in folders with the name of draft folders."""
    return await tx.list(_OLD_DRAFTS, after=after, placed_before=placed_before, limit=limit)


async def set_content(tx: Tx, room_id: int, message_id: int, *, message: str, parameters: str, plain: str) -> None:
    """Replace what a message shows."""
    await tx.run(
        _SET_CONTENT, room_id=room_id, message_id=message_id, message=message, parameters=parameters, plain=plain
    )


async def set_list(tx: Tx, room_id: int, message_id: int, shared_as: str) -> None:
    """Set in which list of shared things a message is found; "" for none."""
    await tx.run(_SET_LIST, room_id=room_id, message_id=message_id, shared_as=shared_as)
