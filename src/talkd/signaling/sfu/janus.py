"""A client of the Janus gateway: one WebSocket with one session, kept alive, and opened again when it is lost."""

import asyncio
import contextlib
import itertools
from typing import Any, NamedTuple, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from talkd.core.json import UNREADABLE
from talkd.core.log import Log

log = Log(__name__)

PROTOCOL = Subprotocol("janus-protocol")
PLUGIN = "janus.plugin.videoroom"
ANSWER_SECONDS = 10.0
"""How long the gateway may take to answer."""
SLOW_SECONDS = 1.0
"""A gateway with a request that has waited for so long gets no new streams if another gateway can have them."""
KEEPALIVE_SECONDS = 10.0
"""How often the gateway is asked whether it is there. It ends sessions that are silent for a minute."""
CLOSE_SECONDS = 1.0
"""How long a gateway that does not answer may take to close the connection."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 16.0
"""Seconds before the connection is opened again: the pause doubles with each failure."""
MAX_BYTES = 16 * 1024 * 1024
"""Maximum size of a message of the gateway. The longest is the list of all its rooms, with 600 bytes for each."""


class Jsep(msgspec.Struct, frozen=True):
    """A session description."""

    type: str
    sdp: str


class Failure(msgspec.Struct, frozen=True):
    """Why the gateway refused a request."""

    code: int = 0
    reason: str = ""


class PluginData(msgspec.Struct, frozen=True):
    """What the plugin said."""

    data: dict[str, Any] = {}


class Message(msgspec.Struct, frozen=True):
    """A message of the gateway: the answer to a request, or an event of the handle `sender`."""

    janus: str
    transaction: str = ""
    sender: int = 0
    data: dict[str, Any] = {}
    plugindata: PluginData | None = None
    jsep: Jsep | None = None
    error: Failure | None = None
    candidate: dict[str, Any] | None = None


class Refusal(Exception):
    """The gateway or its plugin refused a request."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.code = code


class Lost(Exception):
    """There is no connection to the gateway, or it does not answer."""


class Listener(Protocol):
    """What is told of the events of a handle."""

    def notice(self, message: Message) -> None:
        """Note an event."""


class Watcher(Protocol):
    """What is told of the life of gateways."""

    async def prepare(self, gateway: "Gateway") -> None:
        """Make a gateway ready that has just been connected. Raises Lost and Refusal."""

    def answered(self) -> None:
        """Note that a gateway can be used. This is told again after each sign of life."""

    def lost(self, gateway: "Gateway") -> None:
        """Note that a gateway and everything in its session is lost."""


_decode = msgspec.json.Decoder(Message).decode
_encode = msgspec.json.Encoder().encode


class _Awaited(NamedTuple):
    """The answer that a request waits for. The gateway acknowledges first what takes time, and trickles only so."""

    answer: asyncio.Future[Message]
    takes_ack: bool
    since: float
    """When the request was sent, in loop time."""


class Gateway:
    """A Janus gateway."""

    def __init__(self, url: str, secret: str, watcher: Watcher) -> None:
        self.url = url
        self._secret, self._watcher = secret, watcher
        self.connection: ClientConnection | None = None
        self._session = 0
        self.is_connected = False
        """Whether streams can be made here."""
        self._is_silent = False
        """Whether a request got no answer, and nothing has come since."""
        self._numbers = itertools.count(1)
        self._answers: dict[str, _Awaited] = {}
        self._handles: dict[int, Listener] = {}

    @property
    def is_slow(self) -> bool:
        """Return True if a request waits for long, or got no answer at all."""
        if self._is_silent:
            return True
        oldest = next(iter(self._answers.values()), None)
        return oldest is not None and asyncio.get_running_loop().time() - oldest.since > SLOW_SECONDS

    @property
    def load(self) -> int:
        """Return the number of handles: one for each stream in each direction."""
        return len(self._handles)

    # --- life --------------------------------------------------------------------------------
    async def run(self) -> None:
        """Keep the connection open until this is cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                opening = connect(
                    self.url,
                    subprotocols=[PROTOCOL],
                    proxy=None,
                    max_size=MAX_BYTES,
                    open_timeout=ANSWER_SECONDS,
                    close_timeout=CLOSE_SECONDS,
                )
                async with opening as self.connection, asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._read(self.connection))
                    tasks.create_task(self._begin())
            except* (OSError, WebSocketException, Lost, Refusal) as group:
                log.warning("janus_unreachable", url=self.url, reason=str(group.exceptions[0]))
            finally:
                pause = FIRST_PAUSE if self.is_connected else min(pause * 2, LONGEST_PAUSE)
                self._end()
            await asyncio.sleep(pause)

    async def _begin(self) -> None:
        """Create a session and keep it alive."""
        created = await self.request("create")
        self._session = created.data["id"]
        await self._watcher.prepare(self)
        self.is_connected = True
        log.info("janus_connected", url=self.url)
        while True:
            self._watcher.answered()
            await asyncio.sleep(KEEPALIVE_SECONDS)
            await self.request("keepalive", takes_ack=True)

    async def _read(self, connection: ClientConnection) -> None:
        async for text in connection:
            try:
                message = _decode(text)
            except UNREADABLE:
                log.warning("janus_unreadable", url=self.url)
                continue
            if message.janus == "timeout":
                break
            self._take(message)
        raise Lost("the gateway has closed the session")

    def _take(self, message: Message) -> None:
        self._is_silent = False
        awaited = self._answers.get(message.transaction)
        if awaited is not None:
            if (message.janus != "ack" or awaited.takes_ack) and not awaited.answer.done():
                awaited.answer.set_result(message)
        elif message.sender in self._handles:
            self._handles[message.sender].notice(message)
        elif message.error is not None:
            log.error("janus_misunderstood", url=self.url, reason=message.error.reason)

    def _end(self) -> None:
        was_connected, self.is_connected = self.is_connected, False
        self._session, self.connection, self._is_silent = 0, None, False
        self._handles.clear()
        for awaited in self._answers.values():
            if not awaited.answer.done():
                awaited.answer.set_exception(Lost("the connection to the gateway was lost"))
        self._answers.clear()
        if was_connected:
            self._watcher.lost(self)

    # --- requests ----------------------------------------------------------------------------
    async def request(self, kind: str, *, takes_ack: bool = False, **fields: Any) -> Message:
        """Send a request and return its answer. Raises Refusal and Lost.

        The gateway acknowledges a request that takes time and answers it later. With `takes_ack`, the acknowledgement
        is the answer.
        """
        connection = self.connection
        if connection is None:
            raise Lost("there is no connection to the gateway")
        transaction = str(next(self._numbers))
        fields |= {"janus": kind, "transaction": transaction}
        if self._session:
            fields["session_id"] = self._session
        if self._secret:
            fields["apisecret"] = self._secret
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Message] = loop.create_future()
        self._answers[transaction] = _Awaited(answer, takes_ack, loop.time())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.send(_encode(fields).decode())
                return _checked(await answer)
        except (TimeoutError, WebSocketException) as error:
            self._is_silent = True
            raise Lost("the gateway does not answer") from error
        finally:
            self._answers.pop(transaction, None)

    async def attach(self, listener: Listener) -> "Handle":
        """Return a new handle of the VideoRoom plugin. The listener is told of its events."""
        attached = await self.request("attach", plugin=PLUGIN)
        handle_id = attached.data["id"]
        self._handles[handle_id] = listener
        return Handle(self, handle_id)

    def forget(self, handle_id: int) -> None:
        """Tell nobody of the events of a handle any longer."""
        self._handles.pop(handle_id, None)


def _checked(message: Message) -> Message:
    """Return an answer. Raises Refusal if it is an error of the gateway or the plugin."""
    if message.error is not None:
        raise Refusal(message.error.code, message.error.reason)
    if message.plugindata is not None and "error_code" in message.plugindata.data:
        raise Refusal(message.plugindata.data["error_code"], str(message.plugindata.data.get("error", "")))
    return message


class Handle:
    """A handle of the VideoRoom plugin: one peer connection of the gateway with a client."""

    def __init__(self, gateway: Gateway, handle_id: int) -> None:
        self._gateway, self._id = gateway, handle_id

    async def ask(self, body: dict[str, Any], jsep: Jsep | None = None) -> Message:
        """Send a request to the plugin and return its answer. Raises Refusal and Lost."""
        fields: dict[str, Any] = {"handle_id": self._id, "body": body}
        if jsep is not None:
            fields["jsep"] = jsep
        return await self._gateway.request("message", **fields)

    async def trickle(self, candidate: dict[str, Any] | None) -> None:
        """Pass on an ICE candidate of the client; None after the last one."""
        content = {"completed": True} if candidate is None else candidate
        await self._gateway.request("trickle", takes_ack=True, handle_id=self._id, candidate=content)

    async def detach(self) -> None:
        """End the peer connection. A handle that is gone already is no error."""
        self._gateway.forget(self._id)
        with contextlib.suppress(Refusal, Lost):
            await self._gateway.request("detach", handle_id=self._id)
