"""The chat and signaling API of 2018."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from api_documents.rows import Check, Promise, rows_of_page, rows_of_source
from api_documents.scene import Scene
from support.people import Person
from support.waiting import answer_after, begin_waiting
from talkd.areas.chat import legacy
from talkd.areas.chat.legacy_routes import CountingParams
from talkd.core import clock

CHAT = "v1/chat/{token}"


def received(person: Person, token: str, **params: int) -> list[dict[str, Any]]:
    """Return the messages that a client of 2018 gets without waiting."""
    answer = person.request("GET", CHAT.format(token=token), **{"timeout": 0, **params})
    assert answer.status_code == 200, answer.text
    messages: list[dict[str, Any]] = answer.json()["ocs"]["data"]
    return messages


def texts(person: Person, token: str, **params: int) -> list[str]:
    return [each["message"] for each in received(person, token, **params)]


@contextmanager
def later(seconds: int) -> Iterator[int]:
    """Move the clock so many seconds forward. Yield the new time."""
    then = clock.now() + seconds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: then)
        yield then


def has(name: str, kind: type) -> Check:
    """Check that every entry has the field, with the same value as for current apps."""

    def check(scene: Scene) -> None:
        scene.visitor.join(scene.public)
        scene.visitor.post(f"v1/guest/{scene.public}/name", displayName="Ada")
        for person in (scene.alice, scene.bob, scene.visitor):
            scene.ask(person, "POST", CHAT.format(token=scene.public), message=f"I am {person.id or 'nobody'}.")
        today = {each["id"]: each for each in scene.alice.history(scene.public)}
        old = received(scene.alice, scene.public)
        assert len(old) == 3
        for each in old:
            assert type(each[name]) is kind
            assert each[name] == today[each["id"]][name]

    return check


# --- receiving ------------------------------------------------------------------------------
def receives(scene: Scene) -> None:
    scene.alice.say(scene.group, "Hello")
    assert texts(scene.bob, scene.group) == ["Hello"]


def receives_a_list(scene: Scene) -> None:
    assert received(scene.alice, scene.group) == []
    for text in ("One", "Two"):
        scene.alice.say(scene.group, text)
    scene.alice.put(f"v4/room/{scene.group}", roomName="Another name")
    assert texts(scene.bob, scene.group) == ["Two", "One"]


def ignores_the_first(scene: Scene) -> None:
    for text in ("One", "Two", "Three"):
        scene.alice.say(scene.group, text)
    assert texts(scene.bob, scene.group, offset=0) == ["Three", "Two", "One"]
    assert texts(scene.bob, scene.group, offset=1) == ["Three", "Two"]
    assert texts(scene.bob, scene.group, offset=3) == []


def leaves_out_older(scene: Scene) -> None:
    scene.alice.say(scene.group, "Yesterday")
    with later(86_400) as today:
        scene.alice.say(scene.group, "Today")
        assert texts(scene.bob, scene.group, notOlderThanTimestamp=today) == ["Today"]
        assert texts(scene.bob, scene.group, notOlderThanTimestamp=today - 1, offset=1) == []
        assert texts(scene.bob, scene.group, notOlderThanTimestamp=0) == ["Today", "Yesterday"]


def waits(scene: Scene) -> None:
    assert CountingParams().timeout == 30
    assert [legacy.seconds_to_wait(asked) for asked in (30, 60, 61)] == [30, 60, 60]
    with ThreadPoolExecutor(1) as pool:
        answer = begin_waiting(scene.server, pool, scene.bob.request, "GET", CHAT.format(token=scene.group))
        scene.alice.say(scene.group, "At last")
        assert [each["message"] for each in answer.result(10).json()["ocs"]["data"]] == ["At last"]
    late = answer_after(scene.server, scene.bob, CHAT.format(token=scene.group), 20, offset=1, timeout=20)
    assert (late.status_code, late.json()["ocs"]["data"]) == (200, [])


def hides_the_room(method: str, **params: Any) -> Check:
    """Check for the same 404 in a room without the caller and in a room that does not exist."""

    def check(scene: Scene) -> None:
        for person in (scene.stranger, scene.visitor):
            there = scene.ask(person, method, CHAT.format(token=scene.group), **params)
            nowhere = scene.ask(person, method, CHAT.format(token="nowhere1"), **params)
            assert (there.status_code, there.content) == (404, nowhere.content)
            assert nowhere.status_code == 404

    return check


def is_guests_or_users(scene: Scene) -> None:
    has("actorType", str)(scene)
    assert {each["actorType"] for each in received(scene.bob, scene.public)} == {"guests", "users"}


def is_plain(scene: Scene) -> None:
    scene.alice.say(scene.group, f"Hello @{scene.bob.id} and @all <b>you</b>")
    scene.bob.post(f"v1/poll/{scene.group}", question="Where to?", options=["A", "B"], resultMode=0, maxVotes=1)
    assert texts(scene.bob, scene.group) == ["Where to?", "Hello @Bob and @all <b>you</b>"]


# --- sending --------------------------------------------------------------------------------
def sends(scene: Scene) -> None:
    answer = scene.ask(scene.bob, "POST", CHAT.format(token=scene.group), message="From bob")
    assert answer.status_code == 201
    assert texts(scene.alice, scene.group) == scene.alice.texts(scene.group) == ["From bob"]


# --- signaling ------------------------------------------------------------------------------
def signals(scene: Scene) -> None:
    """Do what apps of that time did: get the settings, then send and poll with the session id of the device."""
    settings = scene.alice.get("v1/signaling/settings")
    for name, kind in (
        ("signalingMode", str),
        ("server", str),
        ("ticket", str),
        ("hideWarning", bool),
        ("stunservers", list),
        ("turnservers", list),
    ):
        assert type(settings[name]) is kind
    assert settings["userId"] == scene.alice.id
    alice, bob = (person.join(scene.group)["sessionId"] for person in (scene.alice, scene.bob))
    for path in ("v1/signaling", f"v1/signaling/{scene.group}"):
        content = {"type": "candidate", "to": bob, "path": path}
        envelope = {"ev": "message", "fn": msgspec.json.encode(content).decode(), "sessionId": alice}
        assert scene.ask(scene.alice, "POST", path, messages=msgspec.json.encode([envelope]).decode()).is_success
        message, present = scene.bob.get(path)
        assert (message["type"], present["type"]) == ("message", "usersInRoom")
        assert msgspec.json.decode(message["data"]) == {**content, "from": alice}
        assert {each["sessionId"] for each in present["data"]} == {alice, bob}


GET, POST, SIGNALING = "GET chat/{token}", "POST chat/{token}", "signaling"
ANSWER = (
    "A list, newest first, even if it is empty. System messages are left out because these clients do not know them. "
    "A deleted message keeps its place."
)
OFFSET = (
    "The oldest N of the messages that are not older than the timestamp. An answer has at most 200 messages, the "
    "oldest of those that are left, so that a larger offset gets the next ones."
)
GENERATION = "A request without `lookIntoFuture` belongs to this API, because that parameter came with `chat-v2`."
WAITING = (
    "The request waits until there are more than `offset` messages. After the timeout the answer is 200 with an empty "
    "list."
)
UNKNOWN_ROOM = "The same answer for a room that does not exist and for one that the caller is not in."
LOBBY = f"{UNKNOWN_ROOM} For a caller in the lobby, which came later, it is 412 as for calls."
ACTORS = "Other actors, such as people invited by e-mail, bots and deleted accounts, are shown as guests."
GUEST_ID = "A guest's id is the same as in the list of participants."
PLAIN = "Placeholders are replaced: mentions by `@` and the name or by `@all`, other objects by their name."
DATA = "Later clients get the message as data; the document names no data."
DRAFT = (
    "The document only refers to a draft. talkd serves what clients of that time used: `signaling/settings`, and "
    "sending and polling at `signaling/{token}` or, in older clients, at `signaling`."
)

CHAT_AND_SIGNALING = (
    Promise(454, 421, GET, "uses the method GET", receives, GENERATION),
    Promise(457, 422, GET, "has the path `/chat/{token}`", receives),
    Promise(461, 427, GET, "takes `offset`, an int: ignores the first N messages", ignores_the_first, OFFSET),
    Promise(462, 428, GET, "takes `notOlderThanTimestamp`, an int in seconds", leaves_out_older),
    Promise(463, 429, GET, "takes `timeout`, an int: 30 seconds by default, 60 at most", waits, WAITING),
    Promise(467, 433, GET, "200", receives),
    Promise(468, 434, GET, "404 when the room does not exist for the caller", hides_the_room("GET"), LOBBY),
    Promise(471, 437, GET, "returns an array of messages", receives_a_list, ANSWER),
    Promise(473, 441, GET, "has `id`, an int", has("id", int)),
    Promise(474, 442, GET, "has `actorType`: `guests` or `users`", is_guests_or_users, ACTORS),
    Promise(477, 443, GET, "has `actorId`, a string", has("actorId", str), GUEST_ID),
    Promise(478, 444, GET, "has `actorDisplayName`, a string", has("actorDisplayName", str)),
    Promise(479, 445, GET, "has `timestamp`, an int in seconds", has("timestamp", int)),
    Promise(480, 446, GET, "has `message`, a string in plain text", is_plain, PLAIN),
    Promise(485, 450, POST, "uses the method POST", sends),
    Promise(488, 451, POST, "has the path `/chat/{token}`", sends),
    Promise(492, 456, POST, "takes `message`, a string", sends),
    Promise(495, 460, POST, "201", sends, DATA),
    Promise(
        496,
        461,
        POST,
        "404 when the room does not exist for the caller",
        hides_the_room("POST", message="x"),
        UNKNOWN_ROOM,
    ),
    Promise(500, 465, SIGNALING, "refers to a draft", signals, DRAFT),
)
ROWS_OF_PAGE = rows_of_page(CHAT_AND_SIGNALING)
ROWS_OF_SOURCE = rows_of_source(CHAT_AND_SIGNALING)
