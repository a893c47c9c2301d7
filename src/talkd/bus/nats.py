"""NATS as the bus: for processes on several machines."""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg

from talkd.bus.interface import Bus
from talkd.config_groups import BusConfig
from talkd.core.log import Log

CONNECT_SECONDS = 5
RETRY_SECONDS = 0.5
"""Pause between two attempts to connect."""
PING_SECONDS = 2
"""A server that does not answer two pings counts as lost. The library's two minutes would hide a cut network."""
CLOSE_SECONDS = 2.0
MAX_WAITING = 64 * 1024 * 1024
"""Bytes of messages that may wait to be sent. If there are more, all are dropped, and the others read again."""
MAX_UNREAD = 1_000_000
"""Messages that may wait to be handled."""

log = Log(__name__)


class NatsBus(Bus):
    """A connection to a NATS server, or to a cluster of them."""

    def __init__(self, config: BusConfig) -> None:
        super().__init__("nats")
        self._config = config
        self._client = Client()
        self._subject = ""
        self._process = 0
        self._outbox: deque[tuple[str, bytes]] = deque()
        self._waiting = 0
        self._sending: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._is_closing = False
        self._last_error = "no answer"

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected and self._connecting is None

    async def open(self, process: int, installation: str) -> None:
        self._subject = f"talkd.{installation}"
        first = asyncio.get_running_loop().create_future()
        self._process = process
        self._connecting = asyncio.ensure_future(self._connect(first))
        connected, _ = await asyncio.wait({first}, timeout=CONNECT_SECONDS)
        if not connected:  # the library goes on trying for ever, in this first attempt too
            log.warning("bus_unreachable", error=self._last_error)

    async def _connect(self, first: "asyncio.Future[None]") -> None:
        """Connect and subscribe. `open` waits for the first attempt, but not for long."""
        is_logged = False
        while True:
            try:
                await self._client.connect(**self._options())
                self._require_tls()
                for subject in ("all", f"to.{self._process}"):
                    await self._client.subscribe(
                        f"{self._subject}.{subject}",
                        cb=self._take,
                        pending_msgs_limit=MAX_UNREAD,
                        pending_bytes_limit=MAX_WAITING,
                    )
                await self._client.flush(CONNECT_SECONDS)
                break
            except Exception as error:  # the library raises many types
                if not is_logged:
                    log.warning("bus_unreachable", error=str(error) or type(error).__name__)
                    is_logged = True
                with contextlib.suppress(Exception):
                    await self._client.close()
                self._client = Client()
                if not first.done():
                    first.set_result(None)
                await asyncio.sleep(RETRY_SECONDS)
        self._connecting = None
        log.info("bus_connected")
        if not first.done():
            first.set_result(None)

    def _options(self) -> dict[str, Any]:
        config = self._config
        urls = [urlsplit(each.strip()) for each in config.url.split(",")]
        options: dict[str, Any] = {
            "servers": [f"{each.scheme}://{each.netloc.rpartition('@')[2]}" for each in urls],
            "name": "talkd",
            "no_echo": True,
            "connect_timeout": CONNECT_SECONDS,
            "reconnect_time_wait": RETRY_SECONDS,
            "max_reconnect_attempts": -1,
            "ping_interval": PING_SECONDS,
            "disconnected_cb": self._note_lost,
            "reconnected_cb": self._note_back,
            "closed_cb": self._begin_anew,
            "error_cb": self._note_error,
        }
        if config.credentials:
            options["user_credentials"] = config.credentials
        known = next((each for each in urls if each.username is not None), None)
        if known is not None:  # the library would not decode them, and would send them to a server without TLS
            user, password = unquote(known.username or ""), known.password
            options |= (
                {"token": self._secretly(user)}
                if password is None
                else {"user": user, "password": self._secretly(unquote(password))}
            )
        if self._needs_tls:
            context = ssl.create_default_context(cafile=config.ca or None)
            if config.certificate:
                context.load_cert_chain(config.certificate, config.key or None)
            options["tls"] = context
        return options

    @property
    def _needs_tls(self) -> bool:
        config = self._config
        return bool(config.ca or config.certificate) or "tls://" in config.url

    def _secretly(self, secret: str) -> Callable[[], str]:
        """Return a function of the secret that refuses to send it unencrypted, if the settings ask for TLS."""

        def tell() -> str:
            self._require_tls()
            return secret

        return tell

    def _require_tls(self) -> None:
        """Raises ConnectionRefusedError if the settings ask for TLS and the server does not offer it."""
        if self._needs_tls and not self._client._server_info.get("tls_required"):
            raise ConnectionRefusedError("the NATS server offers no TLS, which the settings ask for")

    # --- what the library calls ---------------------------------------------------------------
    async def _take(self, message: Msg) -> None:
        self.receive(message.data)

    async def _note_lost(self) -> None:
        if not self._is_closing and self._connecting is None:
            log.warning("bus_lost", advice="messages between processes now go through the database, more slowly")

    async def _note_back(self) -> None:
        try:
            self._require_tls()
        except ConnectionRefusedError as error:
            log.warning("bus_unreachable", error=str(error))
            await self._client.close()
        else:
            log.info("bus_connected")

    async def _begin_anew(self) -> None:
        """Connect again when the library gives up, as it does after most errors that a server names."""
        if not self._is_closing and self._connecting is None:
            log.warning("bus_closed", error=str(self._client.last_error or "no reason given"))
            self._client = Client()
            self._connecting = asyncio.ensure_future(self._connect_again())

    async def _connect_again(self) -> None:
        await asyncio.sleep(RETRY_SECONDS)
        await self._connect(asyncio.get_running_loop().create_future())

    async def _note_error(self, error: Exception) -> None:
        self._last_error = str(error) or type(error).__name__
        log.debug("bus_error", error=self._last_error)

    # --- sending ------------------------------------------------------------------------------
    def send(self, message: bytes, to: int | None = None) -> None:
        if not self.is_connected:
            return
        if self._waiting > MAX_WAITING:
            log.warning("bus_too_slow", dropped=len(self._outbox))
            self._outbox.clear()
            self._waiting = 0
        self._outbox.append((f"{self._subject}.all" if to is None else f"{self._subject}.to.{to}", message))
        self._waiting += len(message)
        if self._sending is None:
            self._sending = asyncio.ensure_future(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._outbox and self._client.is_connected:
                subject, message = self._outbox.popleft()
                self._waiting -= len(message)
                try:
                    await self._client.publish(subject, message)
                except Exception as error:  # the library raises many types; what is lost is noticed by its number
                    log.warning("bus_message_not_sent", size=len(message), error=str(error) or type(error).__name__)
        finally:
            self._sending = None

    async def close(self) -> None:
        self._is_closing = True
        if self._connecting is not None:
            self._connecting.cancel()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._sending is not None:
                    await self._sending
                await self._client.flush()
        with contextlib.suppress(Exception):
            await self._client.close()


def find_missing_files(config: BusConfig) -> list[str]:
    """Return the files of the settings that do not exist."""
    files = (config.credentials, config.ca, config.certificate, config.key)
    return [each for each in files if each and not Path(each).is_file()]
