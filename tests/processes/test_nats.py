"""The connection to NATS goes on after everything that a server may answer."""

import asyncio
import json
from collections.abc import Callable

from talkd.bus.nats import NatsBus
from talkd.config_groups import BusConfig

INFO = {"server_id": "one", "version": "2.10.0", "proto": 1, "max_payload": 1024 * 1024, "headers": True}


class AngryServer:
    """A NATS server of one client, which can tell it of an error."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.connections = 0
        self._writer: asyncio.StreamWriter

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a client."""
        self.connections += 1
        self._writer = writer
        writer.write(b"INFO " + json.dumps(INFO).encode() + b"\r\n")
        while line := await reader.readline():
            self.heard.append(line)
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    def refuse(self, reason: str) -> None:
        """Tell the client of an error."""
        self._writer.write(f"-ERR '{reason}'\r\n".encode())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    while not condition():  # noqa: ASYNC110 - the bus tells nobody
        await asyncio.sleep(0.01)


async def talk_to_angry_server() -> AngryServer:
    angry = AngryServer()
    server = await asyncio.start_server(angry.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = NatsBus(BusConfig(url=f"nats://127.0.0.1:{port}"))
    async with asyncio.timeout(20):
        await bus.open(7, "here")
        assert bus.is_connected
        angry.refuse("Maximum Payload Violation")
        await until(lambda: not bus.is_connected)
        await until(lambda: bus.is_connected)
        bus.send(b"hello")
        await until(lambda: b"hello\r\n" in angry.heard)
        await bus.close()
    server.close()
    return angry


def test_the_bus_connects_again_after_an_error_that_the_server_names() -> None:
    angry = asyncio.run(talk_to_angry_server())
    assert angry.connections == 2
    assert sum(b"talkd.here.to.7" in line for line in angry.heard) == 2


async def log_in(url: str, *, is_accepted: bool) -> AngryServer:
    """Let a bus connect to a server that asks for a login, and go away after a moment."""
    angry = AngryServer()
    server = await asyncio.start_server(angry.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = NatsBus(BusConfig(url=url.format(port=port)))
    async with asyncio.timeout(20):
        await bus.open(7, "here")
        await until(lambda: bool(angry.heard) if is_accepted else angry.connections > 1)
        await bus.close()
    server.close()
    return angry


async def test_a_password_may_have_any_characters() -> None:
    angry = await log_in("nats://talkd:pa%3Ass%40word@127.0.0.1:{port}", is_accepted=True)
    [connect] = [each for each in angry.heard if each.startswith(b"CONNECT")]
    login = json.loads(connect.removeprefix(b"CONNECT "))
    assert (login["user"], login["pass"]) == ("talkd", "pa:ss@word")


async def test_no_password_goes_to_a_server_without_the_tls_that_was_asked_for() -> None:
    angry = await log_in("tls://talkd:secret123@127.0.0.1:{port}", is_accepted=False)
    assert not [each for each in angry.heard if b"secret123" in each]
