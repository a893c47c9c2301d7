"""Check of the Janus gateways that pass on the media of calls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.core.json import UNREADABLE
from talkd.signaling.sfu.janus import PLUGIN, PROTOCOL, Failure

SECONDS = 5
"""How long the gateway may take for all answers."""
OLDEST = 1000
"""The first version that talkd works with, 1.0.0, as Janus counts versions."""
SUBJECT = "media gateway"

Ask = Callable[[str], Awaitable["Answer"]]
"""Sends a request of a kind and returns the answer."""


class Answer(msgspec.Struct, rename="kebab", frozen=True):
    """What the check reads of an answer."""

    janus: str
    version: int = 0
    version_string: str = msgspec.field(default="", name="version_string")
    full_trickle: bool = False
    plugins: dict[str, Any] = {}
    error: Failure | None = None


async def examine_gateway(url: str, secret: str) -> Finding:
    """Open a session in a gateway, and read what it says of itself."""
    try:
        async with asyncio.timeout(SECONDS), _opened(url, secret) as ask:
            about = await ask("info")
            created = await ask("create")
    except TimeoutError:
        return Finding(FAIL, SUBJECT, f"{url}: no answer", _UNREACHABLE)
    except (OSError, WebSocketException, *UNREADABLE) as error:
        return Finding(FAIL, SUBJECT, f"{url}: {error}", _UNREACHABLE)
    if created.error is not None:
        advice = "set calls.janus_secret to api_secret of janus.jcfg"
        return Finding(FAIL, SUBJECT, f"{url}: refuses talkd: {created.error.reason}", advice)
    if about.version < OLDEST:
        return Finding(FAIL, SUBJECT, f"{url}: is Janus {about.version_string}", "install Janus 1.0 or newer")
    if PLUGIN not in about.plugins:
        return Finding(FAIL, SUBJECT, f"{url}: has no {PLUGIN}", "enable this plugin in janus.jcfg")
    if not about.full_trickle:
        advice = "set full_trickle = true in the group nat of janus.jcfg"
        return Finding(WARN, SUBJECT, f"{url}: calls begin slowly, because it collects its addresses first", advice)
    return Finding(OK, SUBJECT, f"{url}: Janus {about.version_string}, accepts the secret")


_UNREACHABLE = "start Janus, and check its WebSocket transport and calls.janus (docs/admin/media.md)"


@asynccontextmanager
async def _opened(url: str, secret: str) -> AsyncIterator[Ask]:
    async with connect(url, subprotocols=[PROTOCOL], proxy=None) as connection:

        async def ask(kind: str) -> Answer:
            request = {"janus": kind, "transaction": kind, "apisecret": secret}
            await connection.send(msgspec.json.encode(request), text=True)
            return msgspec.json.decode(await connection.recv(), type=Answer)

        yield ask
