"""The checks of the server that runs with the same settings: who serves the database, and who answers where."""

import asyncio
import contextlib
import errno
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

import asyncpg
import msgspec

from talkd.cli.data_folder import ForeignLock, find_owner
from talkd.cli.database import CONNECT
from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.config import Config, ServerConfig
from talkd.storage.postgres_lock import find_holder

ANSWER_SECONDS = 5
LONGEST_ANSWER = 65_536
OTHER = "something other than talkd answers"
PORTS_OF_EVERYBODY = 1024
"""The lowest port that a process without privileges may listen on."""


async def examine_server(config: Config) -> Finding:
    """Say which server runs with these settings. A database belongs to one server, so a second one is refused."""
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
            "give talkd doctor the settings file, the options and the environment of that server",
        )
    if holder is None:
        return Finding(OK, "server", "none serves this database")
    if answers:
        return Finding(OK, "server", f"{holder} serves this database and answers at {address}")
    return Finding(
        WARN,
        "server",
        f"{holder} serves this database, but no talkd answers at {address}",
        "give talkd doctor the address of that server, or stop it before another one starts with these settings",
    )


async def _holder(config: Config) -> str | None:
    if not config.database.url:
        owner = find_owner(Path(config.data))
        return None if owner is None else f"process {owner}"
    connection = await asyncpg.connect(config.database.url, timeout=CONNECT)
    try:
        holder = await find_holder(connection)
    finally:
        await connection.close()
    return None if holder is None else f"a talkd {holder}"


def local_address(server: ServerConfig) -> str:
    """Return the address at which this machine reaches a server with these settings."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
    return server.url_at(everywhere.get(server.host, server.host))


def examine_address(server: ServerConfig) -> Iterator[Finding]:
    """Examine whether a server can listen at its address, or does."""
    host, port = server.host, server.port
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield Finding(FAIL, "address", f"{host}: {error.strerror}", "give an address of this machine with --host")
        return
    obstacle = _obstacle(server)
    if obstacle is None:
        yield Finding(OK, "address", f"{host}:{port} is free; talkd does not run")
    elif _talkd_answers(server):
        yield Finding(OK, "address", f"talkd answers on {host}:{port}")
    else:
        yield Finding(FAIL, "address", f"{host}:{port}: {obstacle.strerror}", _way_round(obstacle))


def _obstacle(server: ServerConfig) -> OSError | None:
    """Return why the address cannot be listened on; None if it is free."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def _way_round(obstacle: OSError) -> str:
    if obstacle.errno == errno.EACCES:
        return f"choose a port from {PORTS_OF_EVERYBODY} on (AmbientCapabilities=CAP_NET_BIND_SERVICE allows others)"
    if obstacle.errno == errno.EADDRNOTAVAIL:
        return "give an address of this machine with --host"
    return "something else is there: stop it, or choose another port with --port"


def examine_public_url(server: ServerConfig) -> Iterator[Finding]:
    """Examine whether people reach a talkd at the public address."""
    url = server.public_url
    if not url:
        yield Finding(
            WARN,
            "public address",
            "not set: links are made from what each request says",
            "set server.public_url to the address that people use",
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
            "http: passwords travel readable, and browsers allow no calls",
            "use https, see docs/admin/tls.md",
        )
    reason = _refusal(url, _opener(verify=True))
    if reason is None:
        yield Finding(OK, "public address", f"talkd answers on {url}")
    else:
        yield Finding(
            WARN,
            "public address",
            f"{url}: {reason}",
            "start talkd and look again; then check name, certificate (docs/admin/tls.md), proxy and firewall "
            "(docs/admin/reverse-proxy.md)",
        )


def _opener(*, verify: bool) -> OpenerDirector:
    """Return what opens addresses. Without `verify` it trusts every certificate and uses no proxy: for this machine."""
    context = ssl.create_default_context()
    if verify:
        return build_opener(HTTPSHandler(context=context))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context))


def _talkd_answers(server: ServerConfig) -> bool:
    return _refusal(local_address(server), _opener(verify=False)) is None


def _refusal(url: str, opener: OpenerDirector) -> str | None:
    """Return why talkd does not answer there; None if it does."""
    try:
        with opener.open(url.rstrip("/") + "/status.php", timeout=ANSWER_SECONDS) as answer:
            status = msgspec.json.decode(answer.read(LONGEST_ANSWER))
    except (URLError, OSError) as error:
        return str(getattr(error, "reason", error))
    except (HTTPException, msgspec.DecodeError):
        return OTHER
    return None if isinstance(status, dict) and status.get("installed") else OTHER
