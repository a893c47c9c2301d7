"""Clients of the signaling sockets."""

import hashlib
import hmac
import time
from contextlib import ExitStack
from typing import Any, Protocol

import msgspec
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from support.people import Person

PATH = "/standalone-signaling/spreed"
RANDOM = "r" * 32
SECONDS = 20
"""How long a client waits for a message."""


class Address(Protocol):
    """A server at an address."""

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""


class Socket:
    """A connection to the signaling server. Messages that nobody has asked for yet are kept in their order."""

    backend = "http://backend.test"
    """The address of the server that proves who the client is."""
    is_welcomed = True
    """Whether the server says welcome."""
    max_unread: int | None = 16
    """How many messages the client takes from the network before the test asks for them; None for all."""

    def __init__(self, server: Address, path: str = PATH, **headers: str) -> None:
        url = server.url.replace("http", "ws", 1) + path
        self._stack = ExitStack()
        opened = connect(
            url,
            additional_headers=headers,
            proxy=None,
            close_timeout=1,
            max_queue=self.max_unread,
            ping_interval=None,  # a client that has enough unread messages would take itself for disconnected
        )
        self.connection: ClientConnection = self._stack.enter_context(opened)
        self._kept: list[dict[str, Any]] = []
        self._number = 0
        self.id = self.resume_id = self.session = ""
        self.seen: list[dict[str, Any]] = []
        """The peers that the client saw when it joined."""
        self.welcome = self.expect("welcome") if self.is_welcomed else {}

    # --- sending ----------------------------------------------------------------------------
    def send(self, kind: str, **content: Any) -> str:
        """Send a message and return its id."""
        self._number += 1
        self.send_raw({"id": str(self._number), "type": kind, kind: content})
        return str(self._number)

    def send_raw(self, message: Any) -> None:
        """Send anything as a text message: an object as JSON, a text as it is."""
        self.connection.send(message if isinstance(message, str) else msgspec.json.encode(message).decode())

    def ask(self, kind: str, **content: Any) -> dict[str, Any]:
        """Send a message and return the content of the answer, which must have the same type."""
        number = self.send(kind, **content)
        answer = self._next(lambda each: each.get("id") == number)
        assert answer["type"] == kind, answer
        found: dict[str, Any] = answer[kind]
        return found

    def refusal(self, kind: str, **content: Any) -> str:
        """Send a message that must be refused, and return the error code."""
        number = self.send(kind, **content)
        answer = self._next(lambda each: each.get("id") == number)
        assert answer["type"] == "error", answer
        code: str = answer["error"]["code"]
        return code

    # --- receiving --------------------------------------------------------------------------
    def expect(self, kind: str) -> dict[str, Any]:
        """Return the content of the next message of this type."""
        found: dict[str, Any] = self._next(lambda each: each["type"] == kind)[kind]
        return found

    def event(self, target: str, kind: str) -> Any:
        """Return the content of the next event of this kind."""
        message = self._next(
            lambda each: each["type"] == "event" and (each["event"]["target"], each["event"]["type"]) == (target, kind)
        )
        return message["event"][kind]

    def until(self, target: str, kind: str, condition: Any) -> Any:
        """Return the content of the next event of this kind that fulfils a condition."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            content = self.event(target, kind)
            if condition(content):
                return content
        raise AssertionError(f"no event {target} {kind} fulfilled the condition")

    def until_permissions(self, bits: int) -> None:
        """Wait until the server has told that this client has these permissions, apart from the custom bit."""
        self.until(
            "participants",
            "update",
            lambda update: any(
                each["sessionId"] == self.id and each["participantPermissions"] | 1 == bits | 1
                for each in update["users"]
            ),
        )

    def data(self, kinds: str, sender: str) -> dict[str, Any]:
        """Return the data of the next message of a client with one of these types, which have spaces between."""
        message = self._next(
            lambda each: (
                each["type"] == "message"
                and each["message"]["sender"]["sessionid"] == sender
                and each["message"]["data"]["type"] in kinds.split()
            )
        )
        found: dict[str, Any] = message["message"]["data"]
        return found

    def drain(self) -> list[dict[str, Any]]:
        """Return all messages up to now: those that the server sent before it answered a request of this moment."""
        number = self.send("nothing")
        while True:
            message = self._receive()
            if message.get("id") == number:
                kept, self._kept = self._kept, []
                return kept
            self._kept.append(message)

    def close_code(self) -> int:
        """Read until the server closes the connection, and return its code."""
        try:
            while True:
                self._receive()
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd is not None else 1006

    def _next(self, wanted: Any) -> dict[str, Any]:
        for place, message in enumerate(self._kept):
            if wanted(message):
                return self._kept.pop(place)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            message = self._receive()
            if wanted(message):
                return message
            self._kept.append(message)
        raise AssertionError(f"the message did not come; these did: {self._kept}")

    def _receive(self, seconds: float = SECONDS) -> dict[str, Any]:
        received: dict[str, Any] = msgspec.json.decode(self.connection.recv(timeout=seconds))
        return received

    # --- what clients do ---------------------------------------------------------------------
    def hello(self, person: Person, *, version: str = "1.0", token: str = "", features: tuple[str, ...] = ()) -> None:
        """Say hello as this person, with the proof from the signaling settings."""
        settings = person.get("v3/signaling/settings", **({"token": token} if token else {}))
        auth = {"url": self.backend, "params": settings["helloAuthParams"][version]}
        self._note(self.ask("hello", version=version, auth=auth, features=list(features)))

    def hello_internal(self, server: Address, secret: str, features: tuple[str, ...] = ()) -> None:
        """Say hello as a part of the installation that knows its secret."""
        checksum = hmac.new(secret.encode(), RANDOM.encode(), hashlib.sha256).hexdigest()
        auth = {"type": "internal", "params": {"random": RANDOM, "token": checksum, "backend": server.url}}
        self.id = self.ask("hello", version="1.0", auth=auth, features=list(features))["sessionid"]

    def resume(self, resume_id: str) -> None:
        """Continue an earlier session."""
        self._note(self.ask("hello", version="1.0", resumeid=resume_id))

    def try_to_resume(self, resume_id: str) -> bool:
        """Continue an earlier session. Return False if the server does not have it any more."""
        number = self.send("hello", version="1.0", resumeid=resume_id)
        answer = self._next(lambda each: each.get("id") == number)
        if answer["type"] == "error":
            assert answer["error"]["code"] == "no_such_session", answer
            return False
        self._note(answer["hello"])
        return True

    def await_data(self, data: Any, seconds: float) -> bool:
        """Return whether a client sends this within some seconds. Other messages are forgotten.

        Raises ConnectionClosed also if the server says bye.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                message = self._kept.pop(0) if self._kept else self._receive(max(0.0, end - time.monotonic()))
            except TimeoutError:
                return False
            if message["type"] == "bye":
                raise ConnectionClosedOK(None, None)
            if message["type"] == "message" and message["message"]["data"] == data:
                return True

    def _note(self, answer: dict[str, Any]) -> None:
        self.id, self.resume_id = answer["sessionid"], answer["resumeid"]
        self.user_id, self.features = answer["userid"], answer["server"]["features"]

    def join(self, token: str, session: str) -> dict[str, Any]:
        """Join a room with a session of the HTTP API."""
        answer = self.ask("room", roomid=token, sessionid=session)
        assert answer["roomid"] == token
        return answer

    def say(self, other: "Socket", data: Any) -> None:
        """Send a message to another client."""
        self.send("message", recipient={"type": "session", "sessionid": other.id}, data=data)

    def tell(self, session: str, kind: str, **data: Any) -> str:
        """Send a message about a stream to a session, and return its id."""
        recipient = {"type": "session", "sessionid": session}
        return self.send("message", recipient=recipient, data={"type": kind, **data})

    def code_for(self, session: str, kind: str, **data: Any) -> str:
        """Send a message about a stream to a session. It must be refused; return the error code."""
        recipient = {"type": "session", "sessionid": session}
        return self.refusal("message", recipient=recipient, data={"type": kind, **data})

    def close(self) -> None:
        """Close the connection."""
        self._stack.close()

    def drop(self) -> None:
        """Lose the connection without a word, as a phone without network does."""
        self.connection.socket.close()
