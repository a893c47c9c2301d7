"""Servers that run in this process: a real socket, a real HTTP server, an event loop in a thread of their own."""

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
from talkd.app import JOBS
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import ADMIN_GROUP
from talkd.areas.users.passwords import hash_password
from talkd.cli import process
from talkd.config import Config
from talkd.server import App
from talkd.storage.database import Tx

T = TypeVar("T")

HEADERS = {"OCS-APIRequest": "true", "Accept": "application/json"}
ADMIN, ADMIN_PASSWORD = "admin", "administrator-administrator"
PASSWORD = "correct horse battery"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Never used; making one for each client would cost more than the tests."""

_numbers = count(1)


def unique(name: str) -> str:
    """The name with a number that this process has not used before; none is the beginning of another."""
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
        """The loop itself."""
        return self._loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something there, from here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _time(self) -> float:
        return self._still_at or time.monotonic() + self._ahead

    @contextlib.contextmanager
    def still_clock(self) -> Iterator[Callable[[float], None]]:
        """Stop the loop's clock; the function moves it on by some seconds.

        It goes on from where it was moved to. If it were set back, the jobs of the servers would sleep until it has
        caught up.
        """
        self._still_at = self._time()

        def move(seconds: float) -> None:
            self._still_at += seconds
            self._loop.call_soon_threadsafe(lambda: None)  # so that the loop looks at its timers

        try:
            yield move
        finally:
            self._ahead, self._still_at = self._still_at - time.monotonic(), 0.0
            self._loop.call_soon_threadsafe(lambda: None)

    def close(self) -> None:
        """Stop it for good."""
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def set_interval(monkeypatch: pytest.MonkeyPatch, job: str, seconds: float) -> None:
    """Let servers that start from now on run a background job at this interval."""
    rows = tuple(replace(row, every=seconds) if row.name == job else row for row in talkd.app.JOBS)
    assert rows != talkd.app.JOBS, f"no job is called {job}, or it has this interval already"
    monkeypatch.setattr(talkd.app, "JOBS", rows)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A talkd at `url`; `app` is its inside, `admin` a client of its administrator."""

    def __init__(self, loop: LoopThread, config: Config) -> None:
        self._loop = loop
        self._clients: list[httpx.Client] = []
        self.config = config
        config.server.host, config.server.port = "127.0.0.1", free_port()
        config.data = config.data or "."
        self.start()

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.config.server.port}"

    def start(self) -> None:
        """Listen; the administrator is there afterwards."""
        self.app = App(self.config)
        self.run(self._start())
        self.admin = self._make_client(ADMIN, ADMIN_PASSWORD)

    def stop(self) -> None:
        """Stop listening and close the database; `start` begins anew on the same data."""
        self.close_clients()
        self.admin.close()
        self.run(self._stop())

    def restart(self) -> None:
        """As after an upgrade: nothing is left but the database."""
        self.stop()
        self.start()

    async def _start(self) -> None:
        await self.app.start()
        await self._add_admin()
        self._http = process.http_server(self.app, self.config)
        self._serving = asyncio.create_task(self._http.serve())
        while not self._serving.done():
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.config.server.port)
                writer.close()
                return
            await asyncio.sleep(0.01)
        await self._serving
        raise AssertionError("the server has stopped by itself")

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
        self._http.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait({self._serving}, timeout=5)
        await self.app.stop()

    # --- reaching inside --------------------------------------------------------------------
    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something in the server's own event loop."""
        return self._loop.run(work)

    def run_job(self, *names: str) -> None:
        """Run background jobs now, in this order."""
        rows = {row.name: row for row in JOBS}
        for name in names:
            self.run(rows[name].run(self.app.world))

    def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Look into the database."""
        return self.run(self.app.world.db.read(work))

    def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Change the database the way operations do."""
        return self.run(self.app.world.db.write(work))

    # --- people -----------------------------------------------------------------------------
    def client(self, user: str | None = None, password: str | None = None, **options: Any) -> httpx.Client:
        """A client with its own cookies, closed after the test; of nobody without a user."""
        made = self._make_client(user, password, **options)
        self._clients.append(made)
        return made

    def _make_client(self, user: str | None = None, password: str | None = None, **options: Any) -> httpx.Client:
        auth = (user, PASSWORD if password is None else password) if user is not None else None
        headers = {**HEADERS, **options.pop("headers", {})}
        options.setdefault("base_url", self.url)
        return httpx.Client(auth=auth, headers=headers, verify=NO_TLS, timeout=35, trust_env=False, **options)

    def browser(self, **options: Any) -> httpx.Client:
        """A client that sends no headers of API clients."""
        made = httpx.Client(base_url=self.url, verify=NO_TLS, timeout=35, trust_env=False, **options)
        self._clients.append(made)
        return made

    def close_clients(self) -> None:
        """End the connections of all clients but the administrator's."""
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
        """A new group; its id."""
        group_id = unique("group")

        async def work(tx: Tx) -> None:
            await groups.create_group(tx, group_id)
            for member in members:
                await groups.add_member(tx, group_id, member.id)

        self.write(work)
        return group_id

    def visitor(self) -> Person:
        """Somebody without an account."""
        return Person(self.client(), None)
