"""Concurrent transactions on PostgreSQL have the same result as if one ran after the other."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from talkd.areas.calls import effects as call_effects
from talkd.areas.calls import service as calls
from talkd.areas.messages import effects as message_effects
from talkd.areas.notifications import effects as notification_effects
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import effects as room_effects
from talkd.areas.rooms.creation_model import NewRoom
from talkd.areas.sessions import effects as session_effects
from talkd.areas.sessions import join_service as joining
from talkd.areas.sessions.join_service import Device
from talkd.areas.signaling import effects as signaling_effects
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core.actor import SYSTEM, USERS, Actor
from talkd.core.constants import RoomType
from talkd.core.errors import NotFound, Rejected
from talkd.storage.database import Tx
from talkd.storage.postgres import PostgresDatabase

ADA, BEN = (Actor(USERS, name, name) for name in ("ada", "ben"))


@pytest.fixture
async def postgres(databases: Any) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(databases.config("postgres").database.url, connections=5)
    await database.open()
    database.react(
        room_effects.REACTIONS,
        message_effects.REACTIONS,
        signaling_effects.REACTIONS,
        call_effects.REACTIONS,
        session_effects.REACTIONS,
        notification_effects.REACTIONS,
    )
    yield database
    await database.close()


async def make_room(tx: Tx) -> Room:
    for actor in (ADA, BEN):
        await users.create_account(tx, actor.id, "")
    new = NewRoom(type=RoomType.PUBLIC, name="Race")
    return (await creation.create_shared(tx, ADA, new, TalkSettings(), most=10)).room


async def meanwhile(postgres: PostgresDatabase, first: Any, second: Any) -> list[Any]:
    """Start `second` while `first` runs. Return what both return or raise."""
    begun, end = asyncio.Event(), asyncio.Event()

    async def slow(tx: Tx) -> Any:
        result = await first(tx)
        begun.set()
        await end.wait()
        return result

    async with asyncio.timeout(30):
        running = [asyncio.create_task(postgres.write(slow))]
        await begun.wait()
        running.append(asyncio.create_task(postgres.write(second)))
        await asyncio.sleep(0.3)
        assert not running[1].done()
        end.set()
        return await asyncio.gather(*running, return_exceptions=True)


async def test_joining_while_the_account_is_deleted_leaves_no_attendee(postgres: PostgresDatabase) -> None:
    room = await postgres.write(make_room)
    _, deleted = await meanwhile(
        postgres,
        lambda tx: joining.join(tx, room.token, Device(browser="", user=BEN), most_visitors=0),
        lambda tx: users.delete_account(tx, BEN.id, by=SYSTEM),
    )
    assert deleted == BEN.id
    assert await postgres.read(lambda tx: attendee_store.find_attendee(tx, room.id, USERS, BEN.id)) is None


async def test_adding_a_deleted_account_leaves_no_attendee(postgres: PostgresDatabase) -> None:
    room = await postgres.write(make_room)
    _, added = await meanwhile(
        postgres,
        lambda tx: users.delete_account(tx, BEN.id, by=SYSTEM),
        lambda tx: participants.add_user(tx, room, ADA, BEN.id, BEN.name),
    )
    assert isinstance(added, NotFound)
    assert await postgres.read(lambda tx: attendee_store.find_attendee(tx, room.id, USERS, BEN.id)) is None


async def test_adding_an_account_to_a_group_while_it_is_deleted_raises_not_found(postgres: PostgresDatabase) -> None:
    await postgres.write(make_room)
    await postgres.write(lambda tx: groups.create_group(tx, "crew"))
    _, added = await meanwhile(
        postgres,
        lambda tx: users.delete_account(tx, BEN.id, by=SYSTEM),
        lambda tx: groups.add_member(tx, "crew", BEN.id),
    )
    assert isinstance(added, Rejected)
    assert await postgres.read(lambda tx: groups.list_members(tx, "crew")) == []


@pytest.mark.parametrize("is_added_first", [True, False])
@pytest.mark.parametrize("change", ["join", "leave", "delete"])
async def test_a_group_is_added_to_a_room_with_its_current_members(
    postgres: PostgresDatabase, change: str, is_added_first: bool
) -> None:
    room = await postgres.write(make_room)
    await postgres.write(lambda tx: groups.create_group(tx, "crew"))
    if change != "join":
        await postgres.write(lambda tx: groups.add_member(tx, "crew", BEN.id))

    async def add(tx: Tx) -> None:
        await participants.add_group(tx, room, ADA, "crew", at_most=50)

    async def change_group(tx: Tx) -> None:
        if change == "join":
            await groups.add_member(tx, "crew", BEN.id)
        elif change == "leave":
            await groups.remove_member(tx, "crew", BEN.id)
        else:
            await groups.delete_group(tx, "crew")

    await meanwhile(postgres, *((add, change_group) if is_added_first else (change_group, add)))
    is_there = await postgres.read(lambda tx: attendee_store.find_attendee(tx, room.id, USERS, BEN.id)) is not None
    assert is_there == (change == "join")


async def test_joining_a_call_while_the_account_is_disabled_leaves_no_call(postgres: PostgresDatabase) -> None:
    room = await postgres.write(make_room)
    await postgres.write(lambda tx: joining.join(tx, room.token, Device(browser="", user=ADA), most_visitors=0))

    async def call(tx: Tx) -> None:
        me = await access.access_participant(tx, room.token, user_id=ADA.id, browser="", lock=True)
        await calls.join(tx, me, 3, silent=False, has_consented=True, talk_settings=TalkSettings())

    assert await meanwhile(postgres, call, lambda tx: users.set_enabled(tx, ADA.id, False)) == [None, None]
    after = await postgres.read(lambda tx: room_store.get_room(tx, room.token))
    assert after is not None
    assert not after.call_started_at


async def test_removing_an_attendee_twice_at_once_removes_them_once(postgres: PostgresDatabase) -> None:
    room = await postgres.write(make_room)

    async def remove_twice(tx: Tx) -> int:
        await participants.add_user(tx, room, ADA, BEN.id, BEN.name)
        attendee = await attendee_store.find_attendee(tx, room.id, USERS, BEN.id)
        assert attendee is not None
        before = len(tx.events)
        await participants.remove(tx, room, ADA, attendee)
        once = len(tx.events) - before
        await participants.remove(tx, room, ADA, attendee)
        return len(tx.events) - before - once

    assert await postgres.write(remove_twice) == 0
