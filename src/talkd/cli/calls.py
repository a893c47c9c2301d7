"""Checks of what calls need: the signaling socket, STUN and TURN, media gateways, and recording servers."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from talkd.areas.signaling.service import list_stun_servers, list_turn_servers
from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.cli.gateways import examine_gateway
from talkd.cli.listening import is_talkd
from talkd.cli.recorders import examine_recorder
from talkd.cli.relays import examine_stun, examine_turn
from talkd.config import Config
from talkd.conversation.settings import TalkSettings
from talkd.core.json import UNREADABLE

WELCOME_SECONDS = 5
PROXY_ADVICE = "let the reverse proxy pass WebSockets on (docs/admin/reverse-proxy.md)"


async def examine_calls(config: Config, talk_settings: TalkSettings) -> list[Finding]:
    """Open the signaling socket at the public address, and use every STUN, TURN and recording server and gateway."""
    stun = list_stun_servers(config.calls, talk_settings)
    turn = list_turn_servers(config.calls, talk_settings)
    gateways = [examine_gateway(url, config.calls.janus_secret) for url in config.calls.janus]
    recorders = [examine_recorder(server, config, talk_settings) for server in talk_settings.recording_servers]
    checks = [*map(examine_turn, turn), *map(examine_stun, stun), *gateways, *recorders]
    found = await asyncio.gather(_signaling(config, talk_settings), *checks)
    findings = [finding for finding in found if finding is not None]
    if turn and stun:
        return findings
    network = await asyncio.to_thread(_private_network, config.server.public_url)
    if not turn:
        findings.append(_without_turn(network))
    if not stun:
        findings.append(_without_stun(network, has_turn=bool(turn)))
    return findings


async def _signaling(config: Config, talk_settings: TalkSettings) -> Finding | None:
    """Open the signaling socket as clients do. Return None if talkd does not answer there at all."""
    if servers := talk_settings.signaling.servers:
        return Finding(OK, "signaling", f"through {', '.join(each.url for each in servers)}, which is not tried")
    if config.calls.signaling == "polls":
        return Finding(OK, "signaling", "by polls, because of calls.signaling")
    public = config.server.public_url
    if not public or not await asyncio.to_thread(is_talkd, public):
        return None
    url = public.rstrip("/").replace("http", "ws", 1) + "/standalone-signaling/spreed"
    try:
        async with asyncio.timeout(WELCOME_SECONDS), connect(url) as opened:
            welcome = msgspec.json.decode(await opened.recv())
    except InvalidStatus as error:
        status = error.response.status_code
        return Finding(FAIL, "signaling", f"{url}: answers with status {status}, not as a WebSocket", PROXY_ADVICE)
    except TimeoutError:
        return Finding(FAIL, "signaling", f"{url}: no answer to a WebSocket", PROXY_ADVICE)
    except (OSError, WebSocketException, *UNREADABLE) as error:
        return Finding(FAIL, "signaling", f"{url}: {error}", PROXY_ADVICE)
    if not isinstance(welcome, dict) or welcome.get("type") != "welcome":
        return Finding(FAIL, "signaling", f"{url}: something other than talkd answers", PROXY_ADVICE)
    return Finding(OK, "signaling", f"{url} opens")


def _private_network(public_url: str) -> str:
    """Return the host of the public address if only its own network reaches it, else an empty text."""
    host = urlsplit(public_url).hostname or ""
    try:
        addresses = [str(entry[4][0]) for entry in socket.getaddrinfo(host, None)] if host else []
    except OSError:
        addresses = []
    is_private = addresses and not any(ipaddress.ip_address(address).is_global for address in addresses)
    return host if is_private else ""


def _without_turn(network: str) -> Finding:
    if network:
        return Finding(OK, "TURN", f"none; clients that reach {network} directly need none")
    return Finding(
        WARN,
        "TURN",
        "none: clients behind strict firewalls, as in offices and mobile networks, cannot take part in calls",
        "run coturn and set calls.turn_servers (docs/admin/calls.md)",
    )


def _without_stun(network: str, *, has_turn: bool) -> Finding:
    if has_turn:
        return Finding(OK, "STUN", "none; the TURN servers do the same")
    if network:
        return Finding(OK, "STUN", f"none; clients in the network of {network} need none")
    return Finding(
        WARN,
        "STUN",
        "none: calls work in one network only",
        "set calls.stun_servers, for example to your TURN server (docs/admin/calls.md)",
    )
