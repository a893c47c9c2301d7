"""One simulated user: their device, their open room, and how they wait for messages in it."""

import time
from typing import Any

import msgspec

from talkd.core import ids
from talkd.core.ids import Numbers
from talkd.load.crowd import Account, LoadedRoom
from talkd.load.http import ANSWER_SECONDS, Address, Answer, Failed, Line, Login
from talkd.load.ledger import Stay
from talkd.load.measures import Measures
from talkd.load.plan import Plan


class Refused(Exception):
    """The server answered with a status that says no. It has been counted."""


class Seen(msgspec.Struct, frozen=True):
    """What the load generator reads of a message."""

    id: int
    referenceId: str = ""
    systemMessage: str = ""


class _Ocs(msgspec.Struct, frozen=True):
    data: list[Seen]


class _Page(msgspec.Struct, frozen=True):
    ocs: _Ocs


_read_page = msgspec.json.Decoder(_Page).decode


def read_page(answer: Answer) -> list[Seen]:
    """Return the messages of an answer. Raises Failed."""
    if answer.status == 304:
        return []
    try:
        return _read_page(answer.body).ocs.data
    except msgspec.DecodeError as error:
        raise Failed("invalid", str(error)) from error


class User:
    """A user. `line` is the connection of what they do, and `waiting_line` that of their polls."""

    def __init__(self, number: int, account: Account, rooms: list[LoadedRoom], plan: Plan, measures: Measures) -> None:
        self.number, self.account, self.rooms, self.plan = number, account, rooms, plan
        self.numbers: Numbers = ids.repeatable(f"{plan.seed} {number}")
        self.measures = measures
        self.login = Login(account.id, account.password)
        self.address = Address(plan.url, verify=plan.verify)
        self.line, self.waiting_line = Line(self.address, self.login), Line(self.address, self.login)
        self.room: LoadedRoom | None = None
        """The open room."""
        self.stay: Stay | None = None
        self.session = ""
        """The session in the open room."""
        self.newest = 0
        """The newest message of a person that the user has seen in the open room; 0 for none."""
        self.oldest = 0
        """The oldest message that the user has read; 0 for none."""
        self.in_call = False

    async def ask(
        self,
        name: str,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        wanted: tuple[int, ...] = (200,),
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        """Send a request, and count it under a name. Raises Refused or Failed."""
        began = time.perf_counter()
        try:
            answer = await self.line.ask(method, path, body, seconds=seconds)
        except Failed as error:
            self.measures.failed(name, error.reason)
            raise
        if answer.status not in wanted:
            self.measures.failed(name, answer.status)
            raise Refused(f"{name}: {answer.status}")
        self.measures.succeeded(name, answer.at - began)
        return answer

    def take(self, message: Seen, at: float) -> None:
        """Take a message that has arrived in the open room."""
        if self.room is not None and self.stay is not None:
            self.room.ledger.arrived(self.stay, message.id, message.referenceId, at)
            if not message.systemMessage:
                self.newest = max(self.newest, message.id)

    def leave(self) -> None:
        """End the waiting in the open room."""
        if self.room is not None and self.stay is not None:
            self.room.ledger.end(self.stay)
        self.room, self.stay, self.session = None, None, ""
        self.newest = self.oldest = 0
