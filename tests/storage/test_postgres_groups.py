"""Brief writes on PostgreSQL share transactions, and none of them notices the others."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from talkd.areas.messages import effects as message_effects
from talkd.areas.messages import service as messages
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms.creation_model import NewRoom
from talkd.areas.users import service as users
from talkd.conversation import access, room_store
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core.actor import USERS, Actor
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid, Unavailable
from talkd.core.events import Event, MessagePosted
from talkd.storage import postgres_groups
from talkd.storage.database import Tx, Work
from talkd.storage.postgres import PostgresDatabase

ROOMS = 8
NAMES = "ada", "ben"


@pytest.fixture
async def postgres(databases: Any) -> AsyncIterator[PostgresDatabase]:
    url = databases.config("postgres").database.url
    database = PostgresDatabase(url, connections=8, lock_queues=room_store.LOCK_FREE_TOKENS)
    database.react(message_effects.REACTIONS)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def rooms(postgres: PostgresDatabase) -> list[Room]:
    async def make(tx: Tx) -> list[Room]:
        for name in NAMES:
            await users.create_account(tx, name, "")
        owner = Actor(USERS, "ada", "ada")
        made = []
        for number in range(ROOMS):
            new = NewRoom(type=RoomType.GROUP, name=f"Room {number}")
            room = (await creation.create_shared(tx, owner, new, TalkSettings(), most=ROOMS)).room
            await participants.add_user(tx, room, owner, "ben", "ben", quiet=True)
            made.append(room)
        return made

    return await postgres.write(make)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of writes in each group that was tried."""
    sizes: list[int] = []
    run = postgres_groups.Groups._run

    async def note(self: Any, members: list[Any]) -> None:
        sizes.append(len(members))
        await run(self, members)

    monkeypatch.setattr(postgres_groups.Groups, "_run", note)
    return sizes


def saying(room: Room, text: str, *, name: str = "ada", reference_id: str = "") -> Work[int]:
    async def work(tx: Tx) -> int:
        me = await access.access_participant(tx, room.token, user_id=name, browser="", lock=True)
        return (await messages.send(tx, me, text, reference_id=reference_id)).message.id

    return work


async def write_all(db: PostgresDatabase, works: Sequence[tuple[Room, Work[Any]]]) -> list[Any]:
    """Write at the same moment. Return what each returns or raises."""
    writes = (db.write(work, queue=room.token, is_brief=True) for room, work in works)
    async with asyncio.timeout(30):
        return await asyncio.gather(*writes, return_exceptions=True)


async def texts_of(db: PostgresDatabase, room: Room) -> list[str]:
    page = await db.read(lambda tx: messages.get_news(tx, room.id, known=0, limit=200))
    return [message.message for message in page.messages if not message.system]


async def all_texts(db: PostgresDatabase, rooms: list[Room]) -> list[list[str]]:
    return [await texts_of(db, room) for room in rooms]


async def test_writers_of_many_rooms_share_a_transaction_and_its_statements(
    postgres: PostgresDatabase, rooms: list[Room], commits: list[int]
) -> None:
    before = postgres.statements
    ids = await write_all(postgres, [(room, saying(room, f"to {room.name}")) for room in rooms])
    assert commits == [ROOMS]
    assert postgres.statements - before == 3, "they lock the rooms, find the authors, and store the messages"
    assert len(set(ids)) == ROOMS
    for room, message_id in zip(rooms, ids, strict=True):
        assert await texts_of(postgres, room) == [f"to {room.name}"]
        found = await postgres.read(lambda tx, room=room: room_store.get_room(tx, room.token))  # type: ignore[misc]
        assert found is not None
        assert found.last_message_id == message_id


async def test_writers_of_one_room_keep_their_order(
    postgres: PostgresDatabase, rooms: list[Room], commits: list[int]
) -> None:
    announced: list[Event] = []
    postgres.after_commit = (announced.extend,)
    wanted = [(rooms[number % 2], str(number)) for number in range(40)]
    ids = await write_all(
        postgres, [(room, saying(room, text, name=NAMES[int(text) % 3 > 0])) for room, text in wanted]
    )
    assert max(commits) > 1
    for room in rooms[:2]:
        assert await texts_of(postgres, room) == [text for each, text in wanted if each is room]
        mine = [message_id for message_id, (each, _) in zip(ids, wanted, strict=True) if each is room]
        assert mine == sorted(mine)
        assert mine == [
            each.message_id for each in announced if isinstance(each, MessagePosted) and each.room_id == room.id
        ]


async def test_a_poller_misses_no_message_of_a_busy_room(postgres: PostgresDatabase, rooms: list[Room]) -> None:
    seen: list[int] = []

    async def look(tx: Tx) -> list[int]:
        page = await messages.get_news(tx, rooms[0].id, known=seen[-1] if seen else 0, limit=200)
        return [message.id for message in page.messages]

    works = [(room, saying(room, str(number), name=NAMES[number % 2])) for number in range(15) for room in rooms[:4]]
    writing = asyncio.ensure_future(write_all(postgres, works))
    alone = asyncio.gather(*(postgres.write(saying(rooms[0], "alone")) for _ in range(10)))
    while not (writing.done() and alone.done()):
        seen += await postgres.read(look)
    seen += await postgres.read(look)
    assert seen == sorted(seen)
    said = [message_id for message_id, (room, _) in zip(await writing, works, strict=True) if room is rooms[0]]
    assert {*said, *await alone} <= set(seen)


async def test_a_refusal_concerns_nobody_else(
    postgres: PostgresDatabase, rooms: list[Room], commits: list[int]
) -> None:
    works = [(room, saying(room, "" if room is rooms[3] else "fine")) for room in rooms]
    results = await write_all(postgres, works)
    assert commits == [ROOMS], "nobody had to write again"
    assert isinstance(results[3], Invalid)
    assert await all_texts(postgres, rooms) == [[] if room is rooms[3] else ["fine"] for room in rooms]


@pytest.mark.parametrize("failure", ["a refusal", "a statement"])
async def test_a_write_that_fails_after_a_change_is_undone_alone(
    postgres: PostgresDatabase, rooms: list[Room], failure: str
) -> None:
    announced: list[Event] = []
    postgres.after_commit = (announced.extend,)

    async def fail(tx: Tx) -> None:
        await saying(rooms[3], "gone")(tx)
        if failure == "a refusal":
            raise Invalid("reason")
        await room_store.set_field(tx, rooms[3].id, "user_a", "nobody")  # only one of the two users of a pair
        await room_store.set_field(tx, rooms[3].id, "name", None)  # type: ignore[arg-type]

    works: list[tuple[Room, Work[Any]]] = [(room, saying(room, "kept")) for room in rooms]
    works[3] = rooms[3], fail
    results = await write_all(postgres, works)
    assert isinstance(results[3], Invalid if failure == "a refusal" else asyncpg.PostgresError)
    assert await all_texts(postgres, rooms) == [[] if room is rooms[3] else ["kept"] for room in rooms]
    assert len(announced) == ROOMS - 1


async def test_a_repeated_message_is_stored_once(postgres: PostgresDatabase, rooms: list[Room]) -> None:
    works = [(room, saying(room, "once", reference_id="same")) for room in (*rooms, *rooms)]
    ids = await write_all(postgres, works)
    assert ids[:ROOMS] == ids[ROOMS:]
    assert await all_texts(postgres, rooms) == [["once"]] * ROOMS


async def test_a_locked_room_delays_only_its_own_writers(postgres: PostgresDatabase, rooms: list[Room]) -> None:
    locked, release = asyncio.Event(), asyncio.Event()

    async def hold(tx: Tx) -> None:
        await room_store.lock_room(tx, rooms[3].id)
        locked.set()
        await release.wait()

    holding = asyncio.create_task(postgres.write(hold))
    await locked.wait()
    stuck = asyncio.create_task(postgres.write(saying(rooms[3], "late"), queue=rooms[3].token, is_brief=True))
    for _ in range(3):
        others = [(room, saying(room, "soon")) for room in rooms if room is not rooms[3]]
        assert all(isinstance(each, int) for each in await write_all(postgres, others))
    assert not stuck.done()
    release.set()
    await holding
    assert isinstance(await stuck, int)


async def test_writers_of_a_room_that_was_locked_share_transactions_again(
    postgres: PostgresDatabase, rooms: list[Room], commits: list[int]
) -> None:
    locked, release = asyncio.Event(), asyncio.Event()

    async def hold(tx: Tx) -> None:
        await room_store.lock_room(tx, rooms[3].id)
        locked.set()
        await release.wait()

    holding = asyncio.create_task(postgres.write(hold))
    await locked.wait()
    stuck = asyncio.create_task(postgres.write(saying(rooms[3], "0"), queue=rooms[3].token, is_brief=True))
    alone = postgres._groups._alone  # type: ignore[union-attr]
    while not alone:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
    later = asyncio.create_task(write_all(postgres, [(rooms[3], saying(rooms[3], str(each))) for each in range(1, 9)]))
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(holding, stuck, later)
    assert commits == [1, 8]
    assert await texts_of(postgres, rooms[3]) == [str(each) for each in range(9)]


@pytest.mark.parametrize("moment", ["BEGIN", "COMMIT"])
async def test_a_lost_connection_neither_loses_nor_doubles_an_acknowledged_message(
    postgres: PostgresDatabase, rooms: list[Room], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the commit, the writes run again. During the commit, the outcome is unknown, so clients get an error."""
    execute = asyncpg.Connection.execute
    lost: list[str] = []

    async def cut(self: Any, query: str, *values: Any, **options: Any) -> str:
        if query.startswith(moment) and not lost:
            lost.append(query)
            if moment == "COMMIT":
                await execute(self, query, *values, **options)
            raise asyncpg.ConnectionDoesNotExistError("cut off")
        return await execute(self, query, *values, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", cut)
    results = await write_all(postgres, [(room, saying(room, "hello")) for room in rooms])
    assert lost
    kind = Unavailable if moment == "COMMIT" else int
    assert all(isinstance(each, kind) for each in results)
    assert await all_texts(postgres, rooms) == [["hello"]] * ROOMS


async def test_a_write_that_waits_for_something_else_runs_alone(postgres: PostgresDatabase, rooms: list[Room]) -> None:
    async def wait(tx: Tx) -> int:
        await asyncio.sleep(0)
        return await saying(rooms[3], "slow")(tx)

    works: list[tuple[Room, Work[Any]]] = [(room, saying(room, "fast")) for room in rooms]
    works[3] = rooms[3], wait
    assert all(isinstance(each, int) for each in await write_all(postgres, works))
    assert await all_texts(postgres, rooms) == [["slow" if room is rooms[3] else "fast"] for room in rooms]
