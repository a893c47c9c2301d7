"""No acknowledged message is lost, repeated or miscounted when the server is killed at a random moment or stopped."""

import asyncio
import base64
import contextlib
import itertools
import random
import signal
import sqlite3
import time
from collections import defaultdict
from pathlib import Path

import httpx
import pytest

from support.people import TALK, data_of
from support.processes import Process
from support.running import ADMIN, ADMIN_PASSWORD

NAMES = ("anna", "bela", "clara", "david")
POLLS = 50
FEWEST = 10
"""Messages that are acknowledged before a kill, at least."""


class Ledger:
    """The messages that clients sent, and those that the server acknowledged."""

    def __init__(self) -> None:
        self.rooms: list[str] = []
        self.acknowledged: defaultdict[str, dict[int, str]] = defaultdict(dict)
        """Acknowledged texts by room and message id."""
        self.unsure: dict[str, tuple[str, str]] = {}
        """Room and text of the message without an answer, by writer."""
        self.has_enough = asyncio.Event()
        self._in_round = 0
        self._numbers = itertools.count(1)

    def begin_round(self) -> None:
        """Count acknowledged messages from zero. `has_enough` is set when there are FEWEST."""
        self._in_round = 0
        self.has_enough.clear()

    def next_text(self, name: str) -> str:
        return f"{name} says {next(self._numbers)}"

    async def post(self, client: httpx.AsyncClient, name: str, room: str, text: str) -> int:
        """Post a message and record the answer. The text is also its reference id."""
        self.unsure[name] = room, text
        message = data_of(await client.post(f"{TALK}v1/chat/{room}", data={"message": text, "referenceId": text}))
        assert message["message"] == text
        self.acknowledged[room][message["id"]] = text
        del self.unsure[name]
        self._in_round += 1
        if self._in_round == FEWEST:
            self.has_enough.set()
        return int(message["id"])


def client_of(process: Process, name: str) -> httpx.AsyncClient:
    """Return a client of an account that `set_up` has created."""
    return process.async_client(name, f"{name}-{name}-{name}")


async def set_up(process: Process, ledger: Ledger) -> None:
    async with process.async_client(ADMIN, ADMIN_PASSWORD) as admin:
        for name in NAMES:
            account = {"userid": name, "password": f"{name}-{name}-{name}"}
            data_of(await admin.post("/ocs/v2.php/cloud/users", data=account))
    async with client_of(process, NAMES[0]) as owner:
        for number in range(3):
            made = await owner.post(f"{TALK}v4/room", data={"roomType": 2, "roomName": f"Room {number}"})
            room = data_of(made)["token"]
            ledger.rooms.append(room)
            for name in NAMES[1:]:
                data_of(await owner.post(f"{TALK}v4/room/{room}/participants", data={"newParticipant": name}))


async def write(process: Process, ledger: Ledger, name: str, chance: random.Random) -> None:
    """Post, join, leave and read at random until the server is down."""
    async with client_of(process, name) as client:
        with contextlib.suppress(httpx.TransportError):
            while True:
                room = chance.choice(ledger.rooms)
                newest = await ledger.post(client, name, room, ledger.next_text(name))
                match chance.randrange(6):
                    case 0:
                        data_of(await client.post(f"{TALK}v4/room/{room}/participants/active"))
                    case 1:
                        data_of(await client.delete(f"{TALK}v4/room/{room}/participants/active"))
                    case 2:
                        data_of(await client.post(f"{TALK}v1/chat/{room}/read", data={"lastReadMessage": newest}))
                    case 3:
                        data_of(await client.delete(f"{TALK}v1/chat/{room}/read"))


async def repeat_unsure(process: Process, ledger: Ledger) -> None:
    """Repeat the requests without an answer, as clients do."""
    for name, (room, text) in list(ledger.unsure.items()):
        async with client_of(process, name) as client:
            await ledger.post(client, name, room, text)


async def check(process: Process, ledger: Ledger) -> None:
    """Compare the API, the database and the ledger: all messages once, in order, and counted correctly."""
    with contextlib.closing(sqlite3.connect(f"file:{process.folder / 'talkd.db'}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        for room in ledger.rooms:
            check_messages(db, ledger, room)
        for name in NAMES:
            await check_unread(process, db, name)


def check_messages(db: sqlite3.Connection, ledger: Ledger, room: str) -> None:
    stored = db.execute(
        "SELECT m.id, m.message, m.created_at FROM messages m JOIN rooms r ON r.id = m.room_id "
        "WHERE r.token = ? ORDER BY m.id",
        (room,),
    ).fetchall()
    found = {number: text for number, text, _ in stored if " says " in text}
    assert found == ledger.acknowledged[room]
    assert len(set(found.values())) == len(found), "a message was stored twice"
    for name in NAMES:
        mine = [int(text.split()[-1]) for _, text in sorted(found.items()) if text.startswith(name)]
        assert mine == sorted(mine), "the ids are not in the order of posting"
    newest, activity = db.execute(
        "SELECT last_message_id, last_activity FROM rooms WHERE token = ?", (room,)
    ).fetchone()
    assert newest == stored[-1][0]
    assert abs(activity - stored[-1][2]) <= 1


async def check_unread(process: Process, db: sqlite3.Connection, name: str) -> None:
    async with client_of(process, name) as client:
        data_of(await client.get(f"{TALK}v4/room"))  # the first list creates the user's own rooms
        shown = {room["token"]: room["unreadMessages"] for room in data_of(await client.get(f"{TALK}v4/room"))}
        recount = db.execute(
            "SELECT r.token, (SELECT count(*) FROM messages m WHERE m.room_id = a.room_id AND m.id > a.last_read "
            "AND m.countable = 1) FROM attendees a JOIN rooms r ON r.id = a.room_id "
            "WHERE a.actor_type = 'users' AND a.actor_id = ?",
            (name,),
        ).fetchall()
        assert shown == dict(recount)
        for token in shown:
            history = data_of(await client.get(f"{TALK}v1/chat/{token}?lookIntoFuture=0&limit=200&setReadMarker=0"))
            ids = [message["id"] for message in history]
            assert ids == sorted(ids, reverse=True)


@pytest.mark.timeout(0)  # the duration depends on --kills
async def test_kills_lose_no_acknowledged_message(tmp_path: Path, kills: int) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance, ledger = random.Random(seed), Ledger()
    for round_number in range(kills):
        with Process(tmp_path) as process:
            if round_number == 0:
                await set_up(process, ledger)
            else:
                await repeat_unsure(process, ledger)
                await check(process, ledger)
            writers = [asyncio.create_task(write(process, ledger, name, chance)) for name in NAMES]
            ledger.begin_round()
            await asyncio.sleep(chance.uniform(0.1, 1.5))
            await asyncio.wait_for(ledger.has_enough.wait(), 60)  # a busy machine takes longer
            for writer in writers:
                assert not writer.done() or writer.result() is None
            process.kill()
            await asyncio.gather(*writers)
    with Process(tmp_path) as process:
        await repeat_unsure(process, ledger)
        await check(process, ledger)
    print(f"{kills} kills, {sum(map(len, ledger.acknowledged.values()))} messages")


async def poll_once(client: httpx.AsyncClient, room: str) -> tuple[int, float]:
    """Poll once, and return the status and the time of the answer."""
    last = data_of(await client.get(f"{TALK}v4/room/{room}"))["lastMessage"]["id"]
    answer = await client.get(f"{TALK}v1/chat/{room}?lookIntoFuture=1&lastKnownMessageId={last}&timeout=30")
    return answer.status_code, time.monotonic()


async def count_waiting(client: httpx.AsyncClient) -> int:
    for line in (await client.get("/metrics")).text.splitlines():
        if line.startswith("talkd_waiting_polls "):
            return int(float(line.split()[1]))
    raise AssertionError("/metrics has no number of waiting polls")


async def test_a_stopping_server_answers_polls_and_loses_no_message(tmp_path: Path) -> None:
    ledger = Ledger()
    async with contextlib.AsyncExitStack() as stack:
        process = stack.enter_context(Process(tmp_path))
        await set_up(process, ledger)
        quiet = ledger.rooms.pop()  # a room without messages
        clients = [await stack.enter_async_context(client_of(process, name)) for name in NAMES]
        for client in clients:  # one after the other, because simultaneous logins count as guessing
            data_of(await client.get(f"{TALK}v4/room"))
        polls = [asyncio.create_task(poll_once(clients[number % len(NAMES)], quiet)) for number in range(POLLS)]
        while await count_waiting(clients[0]) < POLLS:  # noqa: ASYNC110 - another process changes the number
            await asyncio.sleep(0.05)
        writers = [asyncio.create_task(write(process, ledger, name, random.Random())) for name in NAMES]
        ledger.begin_round()
        await asyncio.wait_for(ledger.has_enough.wait(), 60)
        signalled = time.monotonic()
        process.popen.send_signal(signal.SIGTERM)
        answers = await asyncio.gather(*polls)
        status = await asyncio.to_thread(process.wait, 10)
        ended = time.monotonic()
        await asyncio.gather(*writers)
    assert {code for code, _ in answers} <= {200, 304}
    assert max(at for _, at in answers) - signalled < 10
    assert status == 0
    assert ended - signalled < 10
    with contextlib.closing(sqlite3.connect(tmp_path / "talkd.db")) as db:
        stored = dict(db.execute("SELECT id, message FROM messages").fetchall())
    for room in ledger.rooms:
        assert ledger.acknowledged[room].items() <= stored.items()


async def test_after_a_kill_each_message_notifies_once(tmp_path: Path) -> None:
    ledger = Ledger()
    writer, reader = NAMES[:2]
    with Process(tmp_path) as process:
        await set_up(process, ledger)
        async with client_of(process, writer) as client:
            private = data_of(await client.post(f"{TALK}v4/room", data={"roomType": 1, "invite": reader}))["token"]
            for _ in range(20):
                await ledger.post(client, writer, private, ledger.next_text(writer))
        process.kill()
    async with contextlib.AsyncExitStack() as stack:
        process = stack.enter_context(Process(tmp_path))
        client = await stack.enter_async_context(client_of(process, reader))
        expected = {f"{private}/{number}" for number in ledger.acknowledged[private]}
        notified: list[str] = []
        for _ in range(200):
            shown = data_of(await client.get("/ocs/v2.php/apps/notifications/api/v2/notifications"))
            notified = [each["object_id"] for each in shown if each["object_type"] == "chat"]
            if len(notified) >= len(expected):
                break
            await asyncio.sleep(0.05)
    assert sorted(notified) == sorted(expected)


async def poll_on(client: httpx.AsyncClient, room: str) -> list[tuple[float, int, str]]:
    """Poll again after every answer, as apps do, until the server is down.

    Return time, status and Connection header of each answer.
    """
    answers: list[tuple[float, int, str]] = []
    last = data_of(await client.get(f"{TALK}v4/room/{room}"))["lastMessage"]["id"]
    with contextlib.suppress(httpx.TransportError):
        while True:
            answer = await client.get(f"{TALK}v1/chat/{room}?lookIntoFuture=1&lastKnownMessageId={last}&timeout=30")
            answers.append((time.monotonic(), answer.status_code, answer.headers.get("connection", "")))
    return answers


async def post_slowly(process: Process, room: str) -> bytes:
    """Send the second half of a request after the server began to stop. Return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
    login = base64.b64encode(f"{NAMES[0]}:{NAMES[0]}-{NAMES[0]}-{NAMES[0]}".encode()).decode()
    body = b"message=" + b"late" * 50
    writer.write(
        f"POST {TALK}v1/chat/{room} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {login}\r\n"
        "OCS-APIRequest: true\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
    )
    writer.write(body[:20])
    while '"event":"stopping"' not in process.output:  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.02)
    writer.write(body[20:])
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_stopping_server_answers_each_poll_once_and_finishes_open_requests(tmp_path: Path) -> None:
    ledger = Ledger()
    async with contextlib.AsyncExitStack() as stack:
        process = stack.enter_context(Process(tmp_path))
        await set_up(process, ledger)
        clients = [await stack.enter_async_context(client_of(process, name)) for name in NAMES]
        for client in clients:
            data_of(await client.get(f"{TALK}v4/room"))
        polls = [
            asyncio.create_task(poll_on(client, room)) for client in clients for room in ledger.rooms for _ in range(3)
        ]
        slow = asyncio.create_task(post_slowly(process, ledger.rooms[0]))
        while await count_waiting(clients[0]) < len(polls):  # noqa: ASYNC110 - another process changes the number
            await asyncio.sleep(0.05)
        signalled = time.monotonic()
        process.popen.send_signal(signal.SIGTERM)
        answers = [[each for each in found if each[0] > signalled] for found in await asyncio.gather(*polls)]
        late = await slow
        assert await asyncio.to_thread(process.wait, 10) == 0
    for found in answers:
        assert [status for _, status, _ in found] in ([304], [304, 503]), "a poll was not answered exactly once"
        assert {close for _, _, close in found} == {"close"}
    assert sum(map(len, answers)) < 1.5 * len(polls)
    assert late.startswith(b"HTTP/1.1 201 ")
    assert b"connection: close" in late


async def test_a_stop_refuses_an_incomplete_request_without_a_stack_trace(tmp_path: Path) -> None:
    with Process(tmp_path) as process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
        login = base64.b64encode(f"{ADMIN}:{ADMIN_PASSWORD}".encode()).decode()
        writer.write(
            f"POST {TALK}v4/room HTTP/1.1\r\nHost: x\r\nOCS-APIRequest: true\r\nAuthorization: Basic {login}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 100"), "the server does not wait for the body"
        process.popen.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait) == 0
        answer = await reader.read()
        writer.close()
    assert b"HTTP/1.1 503 " in answer
    assert b"connection: close" in answer
    log = process.output
    assert log.count("stopped_with_open_requests") == 1
    assert "Traceback" not in log


@pytest.mark.parametrize("ignores_hangups", [False, True])
async def test_sighup_stops_the_server_unless_it_is_ignored(tmp_path: Path, ignores_hangups: bool) -> None:
    # `nohup` ignores the signal. These tests may run under it, and the server inherits what this process does.
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignores_hangups else signal.SIG_DFL)
    try:
        process = Process(tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        process.await_health()
        process.popen.send_signal(signal.SIGHUP)
        if ignores_hangups:
            await asyncio.sleep(0.3)
            process.await_health()
        else:
            assert await asyncio.to_thread(process.wait, 10) == 0
            assert '"event":"stopped"' in process.output
    finally:
        process.kill()
