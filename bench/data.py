"""The accounts, rooms and messages of the measured server. talkd's own services create them before it starts."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.client import Account
from talkd.app import open_database
from talkd.areas.login import store as logins
from talkd.areas.messages import effects as message_effects
from talkd.areas.messages import service as messages
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import effects as room_effects
from talkd.areas.rooms.creation_model import NewRoom
from talkd.areas.users import service as users
from talkd.areas.users.passwords import hash_password
from talkd.config import Config
from talkd.conversation import access
from talkd.conversation.settings import TalkSettings
from talkd.core import clock, ids
from talkd.core.actor import USERS, Actor
from talkd.core.constants import RoomType
from talkd.storage.database import Database, Tx

TEN = 10
"""Members of an ordinary room."""
BATCH = 25
"""Rooms created in one transaction."""
TEXT = "Good morning everybody, the minutes of yesterday are in the folder, please have a look before ten."
TEXTS = (
    TEXT,
    "Yes.",
    "I have looked at **all three** of them, and `deploy --now` is what we want.",
    "The plan:\n\n1. Measure the old version\n2. Change one thing\n3. Measure again",
    "It is at https://example.org/minutes/2026 now, longer than the last one, and it says more. I would keep it so.",
    "```\nfor each in rooms:\n    print(each.name)\n```",
    "See you at ten 👍",
)
"""What people write, in turn."""
FIRST = "First of all"
"""The first message of a long room."""


@dataclass
class Room:
    """A room and its members."""

    token: str
    members: Sequence[Account]


@dataclass
class Data:
    """Everything that the cases use."""

    rooms_of_ten: list[Room] = field(default_factory=list)
    """Rooms with ten members each. No account is in two of them."""
    large_room: Room = field(default_factory=lambda: Room("", ()))
    """A room with many members."""
    history: Room = field(default_factory=lambda: Room("", ()))
    """A room with many messages."""
    password_account: Account = field(default_factory=lambda: Account("", ""))
    """An account that logs in with its password; the others have app passwords."""
    by_room_count: dict[int, Account] = field(default_factory=dict)
    """Accounts by the number of rooms they are in."""
    long: Room = field(default_factory=lambda: Room("", ()))
    """A room with as many messages of many kinds as were wanted."""
    cookies: dict[str, str] = field(default_factory=dict)
    """The cookies of browsers that are logged in, by account: two members of `long`, and each of `by_room_count`."""


class Filler:
    """Fills an empty database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._secret = secrets.token_hex(20)

    async def fill(
        self, *, rooms_of_ten: int, large_room: int, room_counts: Sequence[int], history: int, long: int
    ) -> Data:
        """Create the data: numbers of rooms, of members, of rooms per account, and of messages in two rooms."""
        data = Data()
        accounts = await self._accounts([f"person{number:05}" for number in range(max(rooms_of_ten * TEN, large_room))])
        groups = [accounts[number * TEN : number * TEN + TEN] for number in range(rooms_of_ten)]
        data.rooms_of_ten = await self._rooms([(f"Team {number}", group) for number, group in enumerate(groups)])
        data.large_room = (await self._rooms([("Everybody", accounts[:large_room])]))[0]
        data.history = (await self._rooms([("Archive", accounts[:TEN])]))[0]
        for _ in range(history):
            await self._db.write(lambda tx: self._post(tx, data.history))
        data.password_account = await self._password_account("person")
        members = await self._accounts([f"lister{count}" for count in room_counts])
        data.by_room_count = dict(zip(room_counts, members, strict=True))
        wanted = [
            (
                f"Project {number}",
                [*(data.by_room_count[count] for count in room_counts if number < count), *accounts[:2]],
            )
            for number in range(max(room_counts))
        ]
        for room in await self._rooms(wanted):
            await self._db.write(lambda tx, room=room: self._post(tx, room))  # type: ignore[misc]
        if long:
            data.long = (await self._rooms([("Harbour", accounts[:TEN])]))[0]
            for start in range(0, long, BATCH):
                await self._db.write(lambda tx, start=start: self._chat(tx, data.long, start))  # type: ignore[misc]
            browsing = [*data.long.members[:2], *members]
            data.cookies = await self._db.write(lambda tx: self._log_in(tx, browsing))
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

        for start in range(0, len(accounts), BATCH * TEN):
            batch = accounts[start : start + BATCH * TEN]
            await self._db.write(lambda tx, batch=batch: work(tx, batch))  # type: ignore[misc]
        return accounts

    async def _password_account(self, name: str) -> Account:
        account = Account(name, f"{self._secret}-{name}")
        hashed = await hash_password(account.password)
        await self._db.write(lambda tx: users.create_account(tx, account.id, hashed))
        return account

    async def _rooms(self, wanted: Sequence[tuple[str, Sequence[Account]]]) -> list[Room]:
        async def work(tx: Tx, batch: Sequence[tuple[str, Sequence[Account]]]) -> list[Room]:
            return [await self._room(tx, name, members) for name, members in batch]

        batches = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
        made = await asyncio.gather(*(self._db.write(lambda tx, batch=batch: work(tx, batch)) for batch in batches))  # type: ignore[misc]
        return [room for batch in made for room in batch]

    @staticmethod
    async def _room(tx: Tx, name: str, members: Sequence[Account]) -> Room:
        owner = Actor(USERS, members[0].id, members[0].id)
        new = NewRoom(type=RoomType.GROUP, name=name)
        room = (await creation.create_shared(tx, owner, new, TalkSettings(), most=1)).room
        for member in members[1:]:
            await participants.add_user(tx, room, owner, member.id, member.id, quiet=True)
        return Room(room.token, members)

    @staticmethod
    async def _log_in(tx: Tx, accounts: Sequence[Account]) -> dict[str, str]:
        cookies = {account.id: ids.new_secret() for account in accounts}
        for user_id, cookie in cookies.items():
            await logins.add_browser(
                tx,
                fingerprint=ids.fingerprint(cookie),
                user_id=user_id,
                request_token=ids.new_secret(),
                now=clock.steady(),
            )
        return cookies

    @staticmethod
    async def _chat(tx: Tx, room: Room, start: int) -> None:
        """Post BATCH messages. Each member writes three, one after the other; every tenth is a reply."""
        last = 0
        for number in range(start, start + BATCH):
            writer = room.members[number // 3 % len(room.members)]
            me = await access.access_participant(tx, room.token, user_id=writer.id, browser="")
            text = TEXTS[number % len(TEXTS)] if number else FIRST
            sent = await messages.send(tx, me, text, reply_to=last if number % 10 == 9 else 0)
            last = sent.message.id

    @staticmethod
    async def _post(tx: Tx, room: Room) -> None:
        sender = await access.access_participant(tx, room.token, user_id=room.members[-1].id, browser="")
        await messages.send(tx, sender, TEXT)


async def make(
    folder: Path, database: str, *, rooms_of_ten: int, large_room: int, room_counts: Sequence[int], long: int = 0
) -> Data:
    """Fill the database of a server with this data folder and database URL. Nothing else may use it yet."""
    config = Config(data=str(folder))
    config.database.url = database
    config.database.durable = False
    db = open_database(config)
    db.reactions.clear()
    db.react(room_effects.REACTIONS, message_effects.REACTIONS)
    await db.open()
    try:
        return await Filler(db).fill(
            rooms_of_ten=rooms_of_ten, large_room=large_room, room_counts=room_counts, history=120, long=long
        )
    finally:
        await db.close()
