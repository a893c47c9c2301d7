"""The accounts and rooms of a run: they are made before it, and removed after it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from talkd.core import ids
from talkd.load.http import Address, Answer, Failed, Line, Login
from talkd.load.ledger import Faults, Ledger
from talkd.load.measures import Measures
from talkd.load.plan import Plan, Wrong
from talkd.load.target import CLOUD, TALK

PREFIX = "talkd-bench-"
"""How the ids of all accounts of the load generator begin."""
AT_ONCE = 4
"""How many accounts or rooms are made or removed at the same time. Hashing passwords takes all cores of the server."""
TRIES = 5
"""How often a request is sent that must succeed, once a second: for about as long as a server takes to start."""
GROUP = 2
OWNER = 1
PAGE = 100
MAKE_SECONDS = 120.0

Progress = Callable[[str, int, int], None]
"""Is told what is done, and how many of how many are done."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the run."""

    id: str
    password: str


@dataclass(slots=True, eq=False)
class LoadedRoom:
    """A room of the run."""

    number: int
    members: list[Account]
    ledger: Ledger
    token: str = ""
    callers: dict[str, Any] = field(default_factory=dict)
    """The users with a socket who are in the room now, by the session of their socket."""


class Crowd:
    """Makes and removes accounts and rooms. It removes also what it began to make."""

    def __init__(self, plan: Plan, admin: Login, measures: Measures, progress: Progress) -> None:
        self._plan, self._progress = plan, progress
        self._address = Address(plan.url, verify=plan.verify)
        self._admin = admin
        self.run = ids.text(6, "abcdefghijkmnpqrstuvwxyz23456789")
        self.faults = Faults()
        self.accounts = [
            Account(f"{PREFIX}{self.run}-{number:05}", f"{ids.new_secret(24)}-aA1!") for number in range(plan.users)
        ]
        self.rooms = [LoadedRoom(number, [], Ledger(measures, self.faults)) for number in range(plan.room_count)]
        for number, account in enumerate(self.accounts):
            for room in plan.rooms_of(number):
                self.rooms[room].members.append(account)
        self._begun: list[Account] = []

    def rooms_of(self, user: int) -> list[LoadedRoom]:
        """Return the rooms of a user."""
        return [self.rooms[number] for number in self._plan.rooms_of(user)]

    async def make(self) -> None:
        """Make the accounts and rooms. Raises Wrong."""
        await self._each("accounts", self.accounts, self._make_account)
        await self._each("rooms", self.rooms, self._make_room)

    async def remove(self) -> list[str]:
        """Remove what was made. Return the ids of accounts that could not be removed."""
        remover = Remover(self._address, self._admin)
        owners = {room.members[0].id for room in self.rooms if room.members}
        left: list[str] = []
        is_gone = False

        async def remove(account: Account, line: Line) -> None:
            nonlocal is_gone
            try:
                if is_gone:
                    raise Failed("connection")
                if account.id in owners:
                    await remover.remove_rooms(account)
                await remover.remove_account(account.id, line)
            except Wrong:
                left.append(account.id)
            except Failed:
                left.append(account.id)
                is_gone = True  # it was asked several times

        await self._each("removed accounts", self._begun, remove)
        return left

    async def _make_account(self, account: Account, line: Line) -> None:
        self._begun.append(account)
        body = {"userid": account.id, "password": account.password, "displayName": f"Load {account.id[-5:]}"}
        _require(await line.ask("POST", f"{CLOUD}/users", body, seconds=MAKE_SECONDS), "create accounts")

    async def _make_room(self, room: LoadedRoom, _: Line) -> None:
        owner, *others = room.members
        line = Line(self._address, Login(owner.id, owner.password))
        try:
            body = {"roomType": GROUP, "roomName": f"Load {self.run} {room.number}"}
            made = await line.ask("POST", f"{TALK}/v4/room", body, seconds=MAKE_SECONDS)
            _require(made, "create rooms")
            room.token = made.data()["token"]
            for other in others:
                path = f"{TALK}/v4/room/{room.token}/participants"
                _require(
                    await line.ask("POST", path, {"newParticipant": other.id}, seconds=MAKE_SECONDS), "add members"
                )
        finally:
            line.close()

    async def _each(self, name: str, things: Iterable[Any], work: Callable[[Any, Line], Awaitable[None]]) -> None:
        """Do something with each thing, a few at the same time, with connections of the administrator."""
        todo = list(things)
        total, waiting = len(todo), iter(todo)
        done = 0
        self._progress(name, 0, total)

        async def work_through() -> None:
            nonlocal done
            line = Line(self._address, self._admin)
            try:
                for thing in waiting:
                    await work(thing, line)
                    done += 1
                    self._progress(name, done, total)
            except Failed as error:
                raise Wrong(f"{name}: the server does not answer any more: {error}") from error
            finally:
                line.close()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, total)):
                    group.create_task(work_through())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors


class Remover:
    """Removes accounts of the load generator and the rooms that they own."""

    def __init__(self, address: Address, admin: Login) -> None:
        self._address, self._admin = address, admin

    async def remove_rooms(self, account: Account) -> None:
        """Remove the rooms that an account owns. Raises Failed."""
        line = Line(self._address, Login(account.id, account.password))
        try:
            answer = await _patiently(line, "GET", f"{TALK}/v4/room?noStatusUpdate=1")
            if answer.status != 200:
                return  # the account was not made
            for room in answer.data():
                if room["type"] == GROUP and room["participantType"] == OWNER:
                    await _patiently(line, "DELETE", f"{TALK}/v4/room/{room['token']}")
        finally:
            line.close()

    async def remove_account(self, user_id: str, line: Line) -> None:
        """Remove an account, if there is one. Raises Failed, or Wrong if the server refuses it."""
        path = f"{CLOUD}/users/{quote(user_id, safe='')}"
        answer = await _patiently(line, "DELETE", path)
        if answer.status != 200 and (await _patiently(line, "GET", path)).status == 200:
            raise Wrong(f"the server does not remove {user_id} (status {answer.status})")

    async def remove_leftovers(self) -> int:
        """Remove what earlier runs have left. Return the number of accounts. Raises Failed or Wrong."""
        line, removed = Line(self._address, self._admin), 0
        try:
            while True:
                answer = await _patiently(line, "GET", f"{CLOUD}/users?search={PREFIX}&limit={PAGE}")
                _require(answer, "list accounts")
                found = [each for each in answer.data()["users"] if each.startswith(PREFIX)]
                if not found:
                    return removed
                for user_id in found:
                    await self._take_over(user_id, line)
                    removed += 1
        finally:
            line.close()

    async def _take_over(self, user_id: str, line: Line) -> None:
        """Give an account a new password, which the last run has taken with it, and remove it with its rooms."""
        account = Account(user_id, f"{ids.new_secret(24)}-aA1!")
        path = f"{CLOUD}/users/{quote(user_id, safe='')}"
        await _patiently(line, "PUT", path, {"key": "password", "value": account.password})
        await self.remove_rooms(account)
        await self.remove_account(user_id, line)


async def _patiently(line: Line, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
    """Send a request that may be repeated, several times if there is no answer. Raises Failed."""
    for _ in range(TRIES - 1):
        try:
            answer = await line.ask(method, path, body, seconds=MAKE_SECONDS)
        except Failed:
            await asyncio.sleep(1)
        else:
            if answer.status != 503:
                return answer
            await asyncio.sleep(1)
    return await line.ask(method, path, body, seconds=MAKE_SECONDS)


def _require(answer: Answer, what: str) -> None:
    if answer.status not in (200, 201):
        said = answer.body[:200].decode(errors="replace")
        raise Wrong(f"the server does not let the administrator {what}: status {answer.status}, {said}")
