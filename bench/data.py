"""What the server under load holds: people, rooms and messages, made by talkd's own services before it starts."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from client import Account

from talkd.app import open_database
from talkd.areas.login import store as logins
from talkd.areas.messages import service as messages
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as rooms
from talkd.areas.users import service as users
from talkd.areas.users.passwords import hash_password
from talkd.config import Config
from talkd.conversation import access
from talkd.core import clock, ids
from talkd.core.actor import USERS, Actor
from talkd.core.constants import RoomType
from talkd.effects import counters, people, system_messages
from talkd.storage.database import Database, Tx

TEN = 10
"""People in a usual room."""
TOGETHER = 25
"""Rooms made in one transaction."""
TEXT = "Good morning everybody, the minutes of yesterday are in the folder, please have a look before ten."


@dataclass
class Room:
    """A room and who is in it."""

    token: str
    members: Sequence[Account]


@dataclass
class Data:
    """Everything that the cases ask for."""

    tens: list[Room] = field(default_factory=list)
    """Rooms of ten, each of other people."""
    hall: Room = field(default_factory=lambda: Room("", ()))
    """The one with many people."""
    history: Room = field(default_factory=lambda: Room("", ()))
    """The one with many messages."""
    person: Account = field(default_factory=lambda: Account("", ""))
    """Somebody who logs in with the account's own password."""
    lists: dict[int, Account] = field(default_factory=dict)
    """Somebody who is in so many rooms."""


class Maker:
    """Fills an empty database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._secret = secrets.token_hex(20)

    async def make(self, *, rooms_of_ten: int, hall: int, lists: Sequence[int], history: int) -> Data:
        """All of it; the figures are how many."""
        data = Data()
        accounts = await self._accounts([f"person{number:05}" for number in range(max(rooms_of_ten * TEN, hall))])
        groups = [accounts[number * TEN : number * TEN + TEN] for number in range(rooms_of_ten)]
        data.tens = await self._rooms([(f"Team {number}", group) for number, group in enumerate(groups)])
        data.hall = (await self._rooms([("Everybody", accounts[:hall])]))[0]
        data.history = (await self._rooms([("Archive", accounts[:TEN])]))[0]
        for _ in range(history):
            await self._db.write(lambda tx: self._say(tx, data.history))
        data.person = await self._person("person")
        listers = await self._accounts([f"lister{count}" for count in lists])
        data.lists = dict(zip(lists, listers, strict=True))
        wanted = [
            (f"Project {number}", [*(data.lists[count] for count in lists if number < count), *accounts[:2]])
            for number in range(max(lists))
        ]
        for room in await self._rooms(wanted):
            await self._db.write(lambda tx, room=room: self._say(tx, room))  # type: ignore[misc]
        return data

    async def _accounts(self, names: Sequence[str]) -> list[Account]:
        accounts = [Account(name, f"{self._secret}-{name}") for name in names]

        async def work(tx: Tx, batch: Sequence[Account]) -> None:
            for account in batch:
                await users.create_account(tx, account.id, "")
                await logins.add_app_password(
                    tx,
                    user_id=account.id,
                    fingerprint=ids.fingerprint(account.password),
                    name="bench",
                    now=clock.now(),
                )

        for start in range(0, len(accounts), TOGETHER * TEN):
            batch = accounts[start : start + TOGETHER * TEN]
            await self._db.write(lambda tx, batch=batch: work(tx, batch))  # type: ignore[misc]
        return accounts

    async def _person(self, name: str) -> Account:
        account = Account(name, f"{self._secret}-{name}")
        hashed = await hash_password(account.password)
        await self._db.write(lambda tx: users.create_account(tx, account.id, hashed))
        return account

    async def _rooms(self, wanted: Sequence[tuple[str, Sequence[Account]]]) -> list[Room]:
        async def work(tx: Tx, batch: Sequence[tuple[str, Sequence[Account]]]) -> list[Room]:
            return [await self._room(tx, name, members) for name, members in batch]

        batches = [wanted[start : start + TOGETHER] for start in range(0, len(wanted), TOGETHER)]
        made = await asyncio.gather(*(self._db.write(lambda tx, batch=batch: work(tx, batch)) for batch in batches))  # type: ignore[misc]
        return [room for batch in made for room in batch]

    @staticmethod
    async def _room(tx: Tx, name: str, members: Sequence[Account]) -> Room:
        owner = Actor(USERS, members[0].id, members[0].id)
        room, _ = await rooms.create_room(tx, owner, type=RoomType.GROUP, name=name)
        for member in members[1:]:
            await participants.add_user(tx, room, owner, member.id, member.id, quiet=True)
        return Room(room.token, members)

    @staticmethod
    async def _say(tx: Tx, room: Room) -> None:
        me = await access.access_participant(tx, room.token, user_id=room.members[-1].id, browser="")
        await messages.send(tx, me, TEXT)


async def make(folder: Path, database: str, *, rooms_of_ten: int, hall: int, lists: Sequence[int]) -> Data:
    """Fill the database that a server with this folder and URL will use."""
    config = Config(data=str(folder))
    config.database.url = database
    config.database.durable = False
    db = open_database(config)
    db.reactions.clear()
    db.react(people.REACTIONS, system_messages.REACTIONS, counters.REACTIONS)
    await db.open()
    try:
        return await Maker(db).make(rooms_of_ten=rooms_of_ten, hall=hall, lists=lists, history=120)
    finally:
        await db.close()
