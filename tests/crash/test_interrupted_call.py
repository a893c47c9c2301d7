"""A server that is killed or stopped in a call: all clients are back in the call afterwards, each of them once."""

import contextlib
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from support.people import TALK, Person, data_of
from support.processes import Process
from support.running import ADMIN, ADMIN_PASSWORD
from support.sockets import Socket

CLIENTS, POLLS = 20, 5
STOPS_WITHIN = 15
"""Seconds until a stopped server has ended, even on a busy machine. The connections may take 5 of them."""


class Reader(Socket):
    """A client that takes all messages from the network at once."""

    max_unread = None


class Caller:
    """A guest in a call, whose client connects again by itself."""

    def __init__(self, process: Process, token: str) -> None:
        self.token = token
        self.person = Person(process.client(), None)
        self.session = self.person.join(token)["sessionId"]
        self.person.post(f"v4/call/{token}", flags=7)
        self.connect(process)

    def connect(self, process: Process) -> None:
        """Join with the same session, as clients do that the server does not know any more."""
        settings = self.person.get("v3/signaling/settings", token=self.token)
        auth = {"url": "http://backend.test", "params": settings["helloAuthParams"]["1.0"]}
        self.socket = Reader(process)
        self.socket.id = self.id = self.socket.ask("hello", version="1.0", auth=auth, features=[])["sessionid"]
        self.socket.join(self.token, self.session)

    def try_to_resume(self, process: Process) -> str:
        """Return the error code of an attempt to resume."""
        socket = Socket(process)
        with contextlib.closing(socket):
            return socket.refusal("hello", version="1.0", resumeid=self.id)

    def close_code(self) -> int:
        """Return the code that the connection was closed with, or 1006."""
        with contextlib.suppress(ConnectionClosed):
            return self.socket.close_code()
        return 1006


def start_call(process: Process) -> tuple[str, list[Caller]]:
    """Return the token of a public room, and the guests in its call."""
    owner = process.client(ADMIN, ADMIN_PASSWORD)
    token = data_of(owner.post(f"{TALK}v4/room", data={"roomType": 3, "roomName": "Call"}))["token"]
    return token, [Caller(process, token) for _ in range(CLIENTS)]


def come_back(process: Process, token: str, callers: list[Caller], cookies: list[Any]) -> None:
    """Let the clients connect as apps do, and check that each of them is in the room and in the call once."""
    for caller, kept in zip(callers, cookies, strict=True):
        caller.person = Person(process.client(), None)
        caller.person.http.cookies = kept
        assert caller.try_to_resume(process) == "no_such_session"
        caller.connect(process)
    ids = {caller.id for caller in callers}
    sessions = {caller.session for caller in callers}
    for caller in callers:
        seen: set[str] = set()
        while not seen >= ids - {caller.id}:
            seen |= {each["sessionid"] for each in caller.socket.event("room", "join")}
        assert seen <= ids, "a ghost of the old server"
    owner = process.client(ADMIN, ADMIN_PASSWORD)
    in_call = [each["sessionId"] for each in data_of(owner.get(f"{TALK}v4/call/{token}"))]
    assert sorted(in_call) == sorted(sessions), "everybody is in the call, once"
    callers[0].socket.say(callers[1].socket, "hello")
    assert callers[1].socket.expect("message")["data"] == "hello"
    for caller in callers:
        caller.socket.close()


def test_all_come_back_into_the_call_after_a_kill(tmp_path: Path) -> None:
    with Process(tmp_path) as process:
        token, callers = start_call(process)
        cookies = [caller.person.http.cookies for caller in callers]
        process.kill()
        assert {caller.close_code() for caller in callers} == {1006}
    with Process(tmp_path) as process:
        come_back(process, token, callers, cookies)


def test_a_stop_closes_every_connection_and_all_come_back_into_the_call(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(Process(tmp_path))
        token, callers = start_call(process)
        cookies = [caller.person.http.cookies for caller in callers]
        unfinished = stack.enter_context(socket.create_connection(("127.0.0.1", process.port), timeout=STOPS_WITHIN))
        unfinished.sendall(b"GET /status.php HTTP/1.1\r\nHost: ")
        last = data_of(callers[0].person.request("GET", f"v4/room/{token}"))["lastMessage"]["id"]
        pool = stack.enter_context(ThreadPoolExecutor(POLLS))
        wanted = {"lookIntoFuture": 1, "timeout": 30, "lastKnownMessageId": last}
        polls = [pool.submit(each.person.request, "GET", f"v1/chat/{token}", **wanted) for each in callers[:POLLS]]
        watcher = process.client()
        while f"talkd_waiting_polls {POLLS}.0" not in watcher.get("/metrics").text:
            pass
        process.popen.send_signal(signal.SIGTERM)
        assert [caller.close_code() for caller in callers] == [1001] * CLIENTS
        assert {poll.result().status_code for poll in polls} == {304}
        assert unfinished.recv(1000) == b""
        assert process.wait(STOPS_WITHIN) == 0
        assert "stopped_with_open_requests" not in process.output
    with Process(tmp_path) as process:
        come_back(process, token, callers, cookies)
