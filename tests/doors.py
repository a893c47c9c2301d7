"""A whole server on a fresh database, in this process or behind a socket, for tests of logging in and its pages."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server

from talkd.areas.users import passwords
from talkd.areas.users import service as users
from talkd.config import Config
from talkd.server import App
from talkd.storage.database import Tx

BASE = "http://talk.test"
PASSWORD = "correct horse battery"
OCS = {"OCS-APIRequest": "true", "Accept": "application/json"}


class Doors:
    """The running server, and clients for it."""

    def __init__(self, app: App) -> None:
        self.world = app.world
        self.asgi: Any = app.asgi

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A client with its own cookies."""
        options.setdefault("base_url", BASE)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.asgi), **options)

    async def add_user(self, user_id: str, name: str) -> None:
        """An account with PASSWORD."""
        hashed = await passwords.hash_password(PASSWORD)

        async def work(tx: Tx) -> None:
            await users.create_account(tx, user_id, hashed, display_name=name, email=f"{user_id}@talk.test")

        await self.world.db.write(work)


@asynccontextmanager
async def open_doors(folder: Path) -> AsyncIterator[Doors]:
    """A server whose data is in the folder, with the account alice."""
    config = Config(data=str(folder))
    config.database.durable = False
    app = App(config)
    await app.start()
    doors = Doors(app)
    await doors.add_user("alice", "Alice A.")
    try:
        yield doors
    finally:
        await app.stop()


class Site:
    """A server in a thread of its own, because driving a browser blocks."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        assert self._ready.wait(20), "the server did not start"

    def stop(self) -> None:
        """Stop listening and wait for the end."""
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(20)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Await something in the server's own event loop."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _serve(self) -> None:
        async with open_doors(self._folder) as doors:
            self.doors: Doors = doors
            self._loop = asyncio.get_running_loop()
            self._server = Server(doors.asgi, address="127.0.0.1", port=self.port, interface=Interfaces.ASGINL)
            serving = asyncio.create_task(self._server.serve())
            while not serving.done():
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                        break
                await asyncio.sleep(0.05)
            self._ready.set()
            await serving
