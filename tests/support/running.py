"""Servers in this process, with a real socket, a real HTTP server, and an event loop in a thread of its own."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar

import httpx
import pytest

import talkd.app
from support.people import Person
from support.transport import Transport
from talkd.app import JOBS
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import ADMIN_GROUP
from talkd.areas.users.passwords import hash_password
from talkd.bus.interface import Bus
from talkd.config import Config
from talkd.server import App
from talkd.signaling.dispatch import Signaling
from talkd.signaling.peer import Peer
from talkd.storage.database import Tx
from talkd.web import sockets
from talkd.web.http import HttpServer

T = TypeVar("T")

HEADERS = {"OCS-APIRequest": "true", "Accept": "application/json"}
ADMIN, ADMIN_PASSWORD = "admin", "administrator-administrator"
PASSWORD = "correct horse battery"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""A context for clients that only use HTTP. Creating one for each client would be slower than the tests."""

_numbers = count(1)


def unique(name: str) -> str:
    """Return the name with a number that is unique in this process. No result is a prefix of another."""
    return f"{name}{next(_numbers):06}"


class LoopThread:
    """An event loop that runs in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ahead, self._still_at = 0.0, 0.0
        self._loop.time = self._time  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._loop.run_forever, name="servers", daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""
        return self._loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _time(self) -> float:
        return self._still_at or time.monotonic() + self._ahead

    @contextlib.contextmanager
    def still_clock(self) -> Iterator[Callable[[float], None]]:
        """Stop the loop's clock. Yield a function that moves it forward by some seconds.

        Afterwards the clock continues from there. If it jumped back, the background jobs would sleep until it has
        caught up.
        """
        self._still_at = self._time()

        def move(seconds: float) -> None:
            self._still_at += seconds
            self._loop.call_soon_threadsafe(lambda: None)  # wake the loop, so that it checks its timers

        try:
            yield move
        finally:
            self._ahead, self._still_at = self._still_at - time.monotonic(), 0.0
            self._loop.call_soon_threadsafe(lambda: None)

    def close(self) -> None:
        """Stop the thread and close the loop."""
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def set_interval(monkeypatch: pytest.MonkeyPatch, job: str, seconds: float) -> None:
    """Set the interval of a background job in seconds, for servers that start from now on."""
    rows = tuple(replace(row, every=seconds) if row.name == job else row for row in talkd.app.JOBS)
    assert rows != talkd.app.JOBS, f"no job is called {job}, or it has this interval already"
    monkeypatch.setattr(talkd.app, "JOBS", rows)


def free_port() -> int:
    """Return an unused port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A talkd at `url`. `app` is its App, and `admin` is a client of its administrator."""

    def __init__(self, loop: LoopThread, config: Config, new_bus: Callable[[], Bus] | None = None) -> None:
        """Start it. `new_bus` returns its way to the other servers of its database."""
        self.loop_thread = loop
        self._new_bus = new_bus
        self._clients: list[httpx.Client] = []
        self.config = config
        config.server.host, config.server.port = "127.0.0.1", free_port()
        config.data = config.data or "."
        self.start()

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return self.config.server.url_at("127.0.0.1")

    @property
    def tls(self) -> ssl.SSLContext:
        """A context that trusts the server's certificate, if it has one."""
        certificate = self.config.server.tls_certificate
        return ssl.create_default_context(cafile=certificate) if certificate else NO_TLS

    def start(self) -> None:
        """Start the server, and create the administrator if there is none."""
        self.app = App(self.config, self._new_bus() if self._new_bus is not None else None)
        self.run(self._start())
        self.admin = self._make_client(ADMIN, ADMIN_PASSWORD)

    def stop(self) -> None:
        """Stop the server and close the database. `start` starts it again with the same data."""
        self.close_clients()
        self.admin.close()
        self.run(self._stop())

    def restart(self) -> None:
        """Stop and start the server. Only the database remains."""
        self.stop()
        self.start()

    async def _start(self) -> None:
        await self.app.start()
        await self._add_admin()
        self._http = HttpServer(self.app.application, self.config.server, self.app.new_websocket)
        await self._http.start(sockets.bind(self.config.server))

    async def _add_admin(self) -> None:
        hashed = await hash_password(ADMIN_PASSWORD)

        async def work(tx: Tx) -> None:
            if not any(account.id == ADMIN for account in await users.list_accounts(tx)):
                if all(group.id != ADMIN_GROUP for group in await groups.list_groups(tx)):
                    await groups.create_group(tx, ADMIN_GROUP)
                await users.create_account(tx, ADMIN, hashed, groups=(ADMIN_GROUP,))

        await self.app.world.db.write(work)

    async def _stop(self) -> None:
        self.app.world.changes.close()
        await self._http.stop(5)
        await self.app.stop()

    @property
    def http(self) -> HttpServer:
        """The HTTP server."""
        return self._http

    # --- reaching inside --------------------------------------------------------------------
    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's event loop, and return its result."""
        return self.loop_thread.run(work)

    def run_job(self, *names: str) -> None:
        """Run background jobs now, in this order."""
        rows = {row.name: row for row in JOBS}
        for name in names:
            self.run(rows[name].run(self.app.world))

    def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a read transaction."""
        return self.run(self.app.world.db.read(work))

    def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a write transaction."""
        return self.run(self.app.world.db.write(work))

    # --- people -----------------------------------------------------------------------------
    def client(self, user: str | None = None, password: str | None = None, **options: Any) -> httpx.Client:
        """Return a client with its own cookies, closed after the test. Without a user it sends no credentials."""
        made = self._make_client(user, password, **options)
        self._clients.append(made)
        return made

    def _make_client(self, user: str | None = None, password: str | None = None, **options: Any) -> httpx.Client:
        auth = (user, PASSWORD if password is None else password) if user is not None else None
        headers = {**HEADERS, **options.pop("headers", {})}
        options.setdefault("base_url", self.url)
        transport = httpx.HTTPTransport(verify=self.tls) if self.config.server.speaks_tls else Transport()
        return httpx.Client(auth=auth, headers=headers, transport=transport, timeout=35, trust_env=False, **options)

    def browser(self, **options: Any) -> httpx.Client:
        """Return a client without the default headers of API clients, closed after the test."""
        made = httpx.Client(base_url=self.url, transport=Transport(), timeout=35, trust_env=False, **options)
        self._clients.append(made)
        return made

    def admin_request(self, method: str, path: str, **params: Any) -> None:
        """Send a request of the administrator, which must succeed."""
        self.admin.request(method, path, json=params).raise_for_status()

    def wait_for(self, condition: Callable[[], Any]) -> None:
        """Wait until a condition is true, but not for longer than 10 seconds."""
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, "this did not happen within 10 seconds"
            time.sleep(0.01)

    def peer(self, peer_id: str) -> Peer:
        """Return a client of the signaling sockets by its public id."""
        found = self.app.world[Signaling].registry.find(peer_id)
        assert found is not None, "there is no such client"
        return found

    def close_clients(self) -> None:
        """Close all clients except the administrator's."""
        for client in self._clients:
            client.close()
        self._clients.clear()

    def add_user(self, name: str = "user", **fields: Any) -> Person:
        """Create an account whose id starts with the name and is unique. Return a client of the user."""
        return self.add_account(unique(name), **{"display_name": name.capitalize(), **fields})

    def add_account(self, user_id: str, display_name: str, **fields: Any) -> Person:
        """Create an account with PASSWORD. Return a client of the user."""

        async def make() -> None:
            hashed = await hash_password(PASSWORD)
            await self.app.world.db.write(
                lambda tx: users.create_account(tx, user_id, hashed, display_name=display_name, **fields)
            )

        self.run(make())
        return Person(self.client(user_id), user_id)

    def add_group(self, *members: Person) -> str:
        """Create a group and return its id."""
        group_id = unique("group")

        async def work(tx: Tx) -> None:
            await groups.create_group(tx, group_id)
            for member in members:
                await groups.add_member(tx, group_id, member.id)

        self.write(work)
        return group_id

    def visitor(self) -> Person:
        """Return a client without an account."""
        return Person(self.client(), None)
