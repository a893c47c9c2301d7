"""A server that is killed in a call: all clients are back in the call afterwards, each of them once."""

import contextlib
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from support.people import TALK, Person, data_of
from support.processes import Process
from support.running import ADMIN, ADMIN_PASSWORD
from support.sockets import Socket

CLIENTS = 20


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
        self.socket = Socket(process)
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


def test_all_come_back_into_the_call(tmp_path: Path) -> None:
    cookies = []
    with Process(tmp_path) as process:
        owner = process.client(ADMIN, ADMIN_PASSWORD)
        token = data_of(owner.post(f"{TALK}v4/room", data={"roomType": 3, "roomName": "Call"}))["token"]
        callers = [Caller(process, token) for _ in range(CLIENTS)]
        cookies = [caller.person.http.cookies for caller in callers]
        process.kill()
        assert {caller.close_code() for caller in callers} == {1006}
    with Process(tmp_path) as process:
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
