"""Checks of the running server: which process uses the database, and what answers at its addresses."""

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

import asyncpg
import msgspec

from talkd.cli.data_folder import ForeignLock, find_owner
from talkd.cli.database import CONNECT
from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.config import Config
from talkd.config_groups import ServerConfig
from talkd.core.json import UNREADABLE
from talkd.storage.postgres_hosts import connect
from talkd.storage.postgres_lock import MEMBERS, find_holder
from talkd.web import sockets

ANSWER_SECONDS = 5
LONGEST_ANSWER = 65_536
_PLACES = """
    SELECT place, hears FROM processes WHERE id IN (
        SELECT held.objid FROM pg_locks AS held
        WHERE held.locktype = 'advisory' AND held.granted AND held.classid = $1 AND held.objsubid = 2
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) ORDER BY place
"""
DEAF = ", without the bus"
OTHER = "something other than talkd answers"
LOWEST_UNPRIVILEGED_PORT = 1024
"""The lowest port that a process without privileges may listen on."""


async def examine_server(config: Config) -> Finding:
    """Find the server that uses this database, and check that it answers. Only one server may use a database."""
    try:
        holder = await _holder(config)
    except (ForeignLock, OSError) as error:
        return Finding(FAIL, "server", str(error), "talkd serve would refuse to start")
    address = local_address(config.server)
    answers = await asyncio.to_thread(_talkd_answers, config.server)
    if holder is None and answers:
        return Finding(
            WARN,
            "server",
            f"a talkd answers at {address}, but none serves this database",
            "run talkd doctor with the settings file, the options and the environment of that server",
        )
    if holder is None:
        return Finding(OK, "server", "none serves this database")
    if answers and DEAF in holder:
        return Finding(
            WARN,
            "server",
            f"{holder} serves this database and answers at {address}",
            "the bus cannot be reached: start NATS, or check bus.url and its password; until then messages are slower",
        )
    if answers:
        return Finding(OK, "server", f"{holder} serves this database and answers at {address}")
    return Finding(
        WARN,
        "server",
        f"{holder} serves this database, but no talkd answers at {address}",
        "run talkd doctor with the address of that server, or stop it before you start another with these settings",
    )


async def _holder(config: Config) -> str | None:
    if not config.database.url:
        owner = find_owner(Path(config.data))
        return None if owner is None else f"process {owner}"
    connection = await connect(config.database.direct_url or config.database.url, timeout=CONNECT)
    try:
        holder = await find_holder(connection)
        places = [] if holder is None else await _list_places(connection)
    finally:
        await connection.close()
    if places:
        return f"talkd with {len(places)} {'process' if len(places) == 1 else 'processes'} ({'; '.join(places)})"
    return None if holder is None else f"a talkd {holder}"


async def _list_places(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Return where the processes run that share the database, sorted. There are none if one process has it alone."""
    try:
        rows = await connection.fetch(_PLACES, MEMBERS)
    except asyncpg.UndefinedTableError:
        return []  # of an older version
    return [row[0] if row[1] else f"{row[0]}{DEAF}" for row in rows]


def local_address(server: ServerConfig) -> str:
    """Return the URL of the server from this machine, or the path of its Unix socket."""
    if server.unix_socket:
        return server.unix_socket
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
    return server.url_at(everywhere.get(server.host, server.host))


def examine_address(server: ServerConfig) -> Iterator[Finding]:
    """Check that a server can listen at its address, or that talkd answers there."""
    place = server.unix_socket or f"{server.host}:{server.port}"
    try:
        sockets.addresses_of(server.host)
    except OSError:
        yield Finding(FAIL, "address", f"{server.host} cannot be resolved", "use an address of this machine for --host")
        return
    obstacle = sockets.find_obstacle(server)
    if obstacle is None:
        yield Finding(OK, "address", f"{place} is free; talkd is not running")
    elif _talkd_answers(server):
        yield Finding(OK, "address", f"talkd answers on {place}")
    else:
        yield Finding(FAIL, "address", f"{place}: {os.strerror(obstacle.errno or 0)}", _advice_for(obstacle))


def _advice_for(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return (
            f"choose a port from {LOWEST_UNPRIVILEGED_PORT} up, or allow lower ones "
            "(AmbientCapabilities=CAP_NET_BIND_SERVICE in systemd)"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return "use an address of this machine for --host"
    return "another program uses the port: stop it, or choose another port with --port"


def examine_public_url(server: ServerConfig) -> Iterator[Finding]:
    """Check that a talkd answers at the public address."""
    url = server.public_url
    if not url:
        yield Finding(
            WARN,
            "public address",
            "not set: links use the Host header of each request",
            "set server.public_url to the address that clients use",
        )
        return
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = host == "localhost"
    with contextlib.suppress(ValueError):
        local = local or ipaddress.ip_address(host).is_loopback
    if parts.scheme == "http" and not local:
        yield Finding(
            WARN,
            "public address",
            "http: passwords are sent unencrypted, and browsers do not allow calls",
            "use https (docs/admin/tls.md)",
        )
    reason = _refusal(url, _opener(verify=True))
    if reason is None:
        yield Finding(OK, "public address", f"talkd answers on {url}")
    else:
        yield Finding(
            WARN,
            "public address",
            f"{url}: {reason}",
            "start talkd and run talkd doctor again; then check host name, certificate (docs/admin/tls.md), proxy and "
            "firewall (docs/admin/reverse-proxy.md)",
        )


def is_talkd(url: str) -> bool:
    """Return True if a talkd answers at a URL."""
    return _refusal(url, _opener(verify=True)) is None


class _ThroughSocket(HTTPHandler):
    """Opens every HTTP URL through a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def http_open(self, request: Request) -> HTTPResponse:
        path = self._path

        class Connection(HTTPConnection):
            def connect(self) -> None:
                self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self.sock.settimeout(ANSWER_SECONDS)
                self.sock.connect(path)

        return self.do_open(Connection, request)


def _opener(*, verify: bool, unix_socket: str = "") -> OpenerDirector:
    """Return an opener of URLs. Without `verify`, for this machine, it accepts any certificate and uses no proxy."""
    context = ssl.create_default_context()
    if verify:
        return build_opener(HTTPSHandler(context=context))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    through = [_ThroughSocket(unix_socket)] if unix_socket else []
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context), *through)


def _talkd_answers(server: ServerConfig) -> bool:
    if server.unix_socket:
        return _refusal("http://localhost", _opener(verify=False, unix_socket=server.unix_socket)) is None
    return _refusal(local_address(server), _opener(verify=False)) is None


def _refusal(url: str, opener: OpenerDirector) -> str | None:
    """Return why talkd does not answer at a URL, or None if it does."""
    try:
        with opener.open(url.rstrip("/") + "/status.php", timeout=ANSWER_SECONDS) as answer:
            status = msgspec.json.decode(answer.read(LONGEST_ANSWER))
    except (URLError, OSError) as error:
        return str(getattr(error, "reason", error))
    except (HTTPException, *UNREADABLE):
        return OTHER
    return None if isinstance(status, dict) and status.get("installed") else OTHER
