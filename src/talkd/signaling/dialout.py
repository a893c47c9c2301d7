"""Telephone calls from a room: ask a bridge to call a number, and tell the room how the calls go.

The bridge is an internal client with the feature `start-dialout`, of this server or of an external one.
"""

import asyncio
from typing import Any, TypeVar

import msgspec

from talkd.bus.others import Others
from talkd.core import ids
from talkd.core.json import UNREADABLE
from talkd.signaling import messages, transient
from talkd.signaling.announcing import send_to
from talkd.signaling.external import dialout as external
from talkd.signaling.homes import Homes
from talkd.signaling.messages import Refused
from talkd.signaling.peer import Peer
from talkd.signaling.registry import Registry
from talkd.web.call import World

T = TypeVar("T")

KIND = "bridge"
"""The kind of messages between processes about the bridge."""
SEEK_SECONDS = 1.0
"""How long another process may take to say that it has a bridge."""
START_DIALOUT = "start-dialout"
ANSWER_SECONDS = 20.0
"""How long a bridge may take to accept or refuse a call."""
ID_LENGTH = 32
OVER = ("cleared", "rejected")
"""The last states of a call."""


class Status(msgspec.Struct, frozen=True):
    """The state of a call."""

    callid: str
    status: str = ""


class Dialout(msgspec.Struct, frozen=True):
    """What a bridge says about a call from the room `roomid`: its state, or why there is none."""

    roomid: str = ""
    status: msgspec.Raw = messages.RAW_NULL
    error: msgspec.Raw = messages.RAW_NULL


class Note(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A message between processes about the telephone bridge, which is connected to one of them."""


class Seek(Note, frozen=True):
    """Asks who has a bridge."""

    number: str


class Here(Note, frozen=True):
    """This process has one."""

    number: str


class Dial(Note, frozen=True):
    """Ask the bridge for a call."""

    number: str
    token: str
    request: dict[str, Any]


class Answer(Note, frozen=True):
    """What the bridge has answered."""

    number: str
    content: dict[str, Any]


class News(Note, frozen=True):
    """What the bridge says about a call from a room that lives at another process."""

    content: bytes
    is_answer: bool


_read_note = msgspec.msgpack.Decoder(Seek | Here | Dial | Answer | News).decode
_encode_note = msgspec.msgpack.Encoder().encode


class Dialouts:
    """The requests to bridges that are not answered yet, by their ids."""

    def __init__(self, world: World, registry: Registry, homes: Homes) -> None:
        self._world, self._registry, self._homes = world, registry, homes
        self._others = world[Others]
        self._asked: dict[str, tuple[Peer, asyncio.Future[dict[str, Any]]]] = {}
        self._sought: dict[str, asyncio.Future[int]] = {}
        self._awaited: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._dialing: set[asyncio.Task[None]] = set()
        self._others.on(KIND, self._take_note)

    async def ask(self, token: str, request: dict[str, Any]) -> dict[str, Any]:
        """Ask a bridge to call a number into a room. Return its answer, which has a `status` or an `error`."""
        if self._world.talk_settings.signaling.servers:
            return await external.ask(self._world, token, request)
        bridge = self._find_bridge()
        if bridge is not None:
            return await self._ask(bridge, token, request)
        if self._others.is_alone:
            return external.refusal(external.NO_BRIDGE, "No telephone bridge is connected.")
        return await self._ask_elsewhere(token, request)

    def _find_bridge(self) -> Peer | None:
        return next((peer for peer in self._registry if peer.is_internal and START_DIALOUT in peer.features), None)

    async def _ask(self, bridge: Peer, token: str, request: dict[str, Any]) -> dict[str, Any]:
        number, answer = ids.text(ID_LENGTH), asyncio.get_running_loop().create_future()
        self._asked[number] = bridge, answer
        bridge.send(
            messages.reply("internal", {"type": "dialout", "dialout": {"roomid": token, "request": request}}, number)
        )
        try:
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            return _timeout()
        finally:
            del self._asked[number]

    async def _ask_elsewhere(self, token: str, request: dict[str, Any]) -> dict[str, Any]:
        """Find the process that has a bridge, and let it ask."""
        loop, number = asyncio.get_running_loop(), ids.text(ID_LENGTH)
        sought: asyncio.Future[int] = loop.create_future()
        awaited: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._sought[number], self._awaited[number] = sought, awaited
        self._others.tell(KIND, _encode_note(Seek(number)))
        try:
            try:
                process = await asyncio.wait_for(sought, SEEK_SECONDS)
            except TimeoutError:
                return external.refusal(external.NO_BRIDGE, "No telephone bridge is connected.")
            self._others.tell_one(process, KIND, _encode_note(Dial(number, token, request)))
            try:
                return await asyncio.wait_for(awaited, ANSWER_SECONDS + SEEK_SECONDS)
            except TimeoutError:
                return _timeout()
        finally:
            del self._sought[number], self._awaited[number]

    # --- other processes ---------------------------------------------------------------------
    def _take_note(self, sender: int, content: bytes) -> None:
        note = _read_note(content)
        if isinstance(note, Seek):
            if self._find_bridge() is not None:
                self._others.tell_one(sender, KIND, _encode_note(Here(note.number)))
        elif isinstance(note, Here):
            _resolve(self._sought.get(note.number), sender)
        elif isinstance(note, Dial):
            task = asyncio.ensure_future(self._dial_for(sender, note))
            self._dialing.add(task)
            task.add_done_callback(self._dialing.discard)
        elif isinstance(note, Answer):
            _resolve(self._awaited.get(note.number), note.content)
        else:
            self._tell_room(msgspec.json.decode(note.content, type=Dialout), is_answer=note.is_answer)

    async def _dial_for(self, process: int, note: Dial) -> None:
        bridge = self._find_bridge()
        refusal = external.refusal(external.NO_BRIDGE, "No telephone bridge is connected.")
        answer = await self._ask(bridge, note.token, note.request) if bridge is not None else refusal
        self._others.tell_one(process, KIND, _encode_note(Answer(note.number, answer)))

    # --- what bridges say --------------------------------------------------------------------
    def take(self, bridge: Peer, number: str, content: msgspec.Raw) -> None:
        """Take what a bridge says about a call: the answer to the request with this id, or news.

        The room learns the state of a call as transient data, and an error that is no answer as a message. Raises
        Refused.
        """
        try:
            said = msgspec.json.decode(content, type=Dialout)
            msgspec.json.decode(said.status, type=Status | None)
            answer = msgspec.json.decode(content, type=dict[str, Any])
        except UNREADABLE as error:
            raise Refused("invalid_format", "The message does not have the form of a dialout message.") from error
        asked, waiting = self._asked.get(number, (None, None))
        is_answer = asked is bridge
        if is_answer:
            _resolve(waiting, answer)
        if not self._tell_room(said, is_answer=is_answer):
            self._others.tell(KIND, _encode_note(News(bytes(content), is_answer)))

    def _tell_room(self, said: Dialout, *, is_answer: bool) -> bool:
        """Tell a room what a bridge says about its call. Return False if the room does not live here."""
        room = self._registry.find_room_named(said.roomid)
        if room is None:
            return False
        status = msgspec.json.decode(said.status, type=Status | None)
        if status is not None:
            transient.set_call_status(room, status.callid, said.status, is_over=status.status in OVER)
            self._homes.note_transient(room)
        elif not is_answer:
            send_to(room.list_present(), messages.reply("dialout", {"type": "error", "error": said.error}))
        return True


def _timeout() -> dict[str, Any]:
    return external.refusal("timeout", "The telephone bridge does not answer.")


def _resolve(waiting: "asyncio.Future[T] | None", result: T) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(result)
