"""A Janus gateway in a process of its own."""

import asyncio
import contextlib
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import msgspec
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from support.running import Server, free_port
from talkd.signaling.dispatch import Signaling
from talkd.signaling.sfu.janus import PLUGIN

PORTS = "31200-31599"
"""UDP ports for media: each stream of each client needs one, in each direction."""
SECRET = "janus-secret"
UNUSED = {
    "plugins": "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall voicemail",
    "transports": "http mqtt nanomsg pfunix rabbitmq",
}


class Janus:
    """A gateway on a port of the loopback interface. As a context manager, it is stopped at the end."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self.folder, self.port, self._admin_port = folder, free_port(), free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.popen: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(exist_ok=True)
        disabled = {kind: ",".join(f"libjanus_{name}.so" for name in names.split()) for kind, names in UNUSED.items()}
        (self.folder / "janus.jcfg").write_text(
            f'general: {{ configs_folder = "{self.folder}" api_secret = "{SECRET}" admin_secret = "{SECRET}" }}\n'
            f'media: {{ ipv6 = false rtp_port_range = "{PORTS}" }}\n'
            "nat: { full_trickle = true }\n"
            f'plugins: {{ disable = "{disabled["plugins"]}" }}\n'
            f'transports: {{ disable = "{disabled["transports"]}" }}\n'
        )
        (self.folder / "janus.transport.websockets.jcfg").write_text(
            f'general: {{ ws = true ws_port = {self.port} ws_ip = "127.0.0.1" wss = false }}\n'
            f'admin: {{ admin_ws = true admin_ws_port = {self._admin_port} admin_ws_ip = "127.0.0.1" }}\n'
        )
        (self.folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
        with (self.folder / "log").open("ab") as log:
            self.popen = subprocess.Popen(
                [self._program, "-F", str(self.folder), "-C", str(self.folder / "janus.jcfg")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.await_answer()

    def kill(self) -> None:
        """End it without notice."""
        if self.popen is not None:
            self.popen.send_signal(signal.SIGKILL)
            self.popen.wait()
            self.popen = None

    def await_answer(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                self.count_streams()
                return
            assert self.popen is not None
            assert self.popen.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.05)

    def count_streams(self) -> int:
        """Return the number of streams that the gateway knows, in both directions."""
        return asyncio.run(self._count_streams())

    def await_streams(self, count: int, seconds: float = 10) -> None:
        """Wait until the gateway knows exactly so many streams."""
        until = time.monotonic() + seconds
        while (found := self.count_streams()) != count:
            assert time.monotonic() < until, found
            time.sleep(0.05)

    def list_rooms(self) -> list[dict[str, Any]]:
        """Return the rooms in the gateway: one for each stream that a client sends."""
        request = {"request": "list"}
        found = asyncio.run(self._manage(janus="message_plugin", plugin=PLUGIN, request=request))
        rooms: list[dict[str, Any]] = found["response"]["list"]
        return rooms

    def await_rooms(self, count: int) -> None:
        """Wait until there are exactly so many rooms."""
        until = time.monotonic() + 10
        while (found := len(self.list_rooms())) != count:
            assert time.monotonic() < until, found
            time.sleep(0.05)

    def freeze(self) -> None:
        """Let it answer nothing any longer, while its connections stay open."""
        assert self.popen is not None
        self.popen.send_signal(signal.SIGSTOP)

    async def _count_streams(self) -> int:
        sessions = (await self._manage(janus="list_sessions"))["sessions"]
        handles = [(await self._manage(janus="list_handles", session_id=each)).get("handles", []) for each in sessions]
        return sum(map(len, handles))

    async def _manage(self, **request: Any) -> dict[str, Any]:
        return await _ask(f"ws://127.0.0.1:{self._admin_port}", "janus-admin-protocol", request)


def await_gateways(server: Server, count: int) -> None:
    """Wait until so many gateways are connected."""
    sfu = server.app.world[Signaling].sfu
    assert sfu is not None
    until = time.monotonic() + 30
    while sum(each.is_connected for each in sfu.gateways) != count:
        assert time.monotonic() < until
        time.sleep(0.01)


def cut(server: Server) -> None:
    """Break the server's connection to its first gateway, and wait until it has another one."""
    sfu = server.app.world[Signaling].sfu
    assert sfu is not None
    connection = sfu.gateways[0].connection
    assert connection is not None
    server.loop_thread.loop.call_soon_threadsafe(connection.transport.abort)
    server.wait_for(lambda: sfu.gateways[0].connection not in (connection, None) and sfu.gateways[0].is_connected)


async def _ask(url: str, protocol: str, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request on a connection of its own, and return the answer."""
    request |= {"transaction": "test", "apisecret": SECRET, "admin_secret": SECRET}
    async with connect(url, subprotocols=[Subprotocol(protocol)], proxy=None) as connection:
        await connection.send(msgspec.json.encode(request).decode())
        answer: dict[str, Any] = msgspec.json.decode(await connection.recv())
        return answer
