"""Checks of STUN and TURN servers: ask for an address, and for a relay with the credentials that clients get."""

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aioice import stun, turn

from talkd.areas.signaling.model import Relay
from talkd.areas.signaling.service import new_relay
from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.conversation.setting_values import TurnServer, is_host_and_port

ANSWER_SECONDS = 5
LIFETIME = 60
"""Seconds after which a server gives up a relay address that was not released."""
UDP, TCP, TLS = "UDP", "TCP", "TLS"
REFUSED, FULL = (401, 441), (486, 508)
"""Error codes of servers: for wrong credentials, and if there are no more relay addresses."""

_SECRET = (
    "set calls.turn_secret, or the secret in the setting turn_servers, to the static-auth-secret of coturn, and check "
    "that the clocks of both machines are right"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one connection: the address that the server gave, or a fault and what to do about it."""

    address: str = ""
    fault: str = ""
    advice: str = ""


async def examine_stun(server: str) -> Finding:
    """Ask a STUN server for the address of this machine."""
    if not is_host_and_port(server):
        return Finding(FAIL, "STUN", f"{server} is not host:port", "write it like stun.example.org:3478")
    outcome = await _attempt(server, UDP, None)
    if outcome.fault:
        return Finding(FAIL, "STUN", f"{server}: {outcome.fault}", outcome.advice)
    return Finding(OK, "STUN", f"{server}: answers that this machine is {outcome.address}")


async def examine_turn(server: TurnServer) -> Finding:
    """Get a relay address from a TURN server over each of its transports."""
    if not server.secret:
        return Finding(FAIL, "TURN", f"{server.server}: no secret is set, so clients cannot use it", _SECRET)
    if not server.is_possible:
        advice = "write it like turn.example.org:3478, with the protocols udp, tcp or both"
        return Finding(FAIL, "TURN", f"{server.server} is not a server that clients can use", advice)
    ways, relay = ways_of(server), new_relay(server)
    outcomes = await asyncio.gather(*(_attempt(server.server, way, relay) for way in ways))
    working = [way for way, outcome in zip(ways, outcomes, strict=True) if not outcome.fault]
    faults: dict[str, list[str]] = {}
    for way, outcome in zip(ways, outcomes, strict=True):
        if outcome.fault:
            faults.setdefault(outcome.fault, []).append(way)
    found = [f"{_listed(failed)}: {fault}" for fault, failed in faults.items()]
    if working:
        address = next(outcome.address for outcome in outcomes if not outcome.fault)
        found.insert(0, f"relays over {_listed(working)} from {address}")
    advice = next((outcome.advice for outcome in outcomes if outcome.fault), "")
    state = FAIL if not working else WARN if faults else OK
    return Finding(state, "TURN", f"{server.server}: {'; '.join(found)}", advice)


def ways_of(server: TurnServer) -> list[str]:
    """Return the transports over which clients reach a TURN server."""
    schemes = server.schemes.split(",")
    plain = [protocol.upper() for protocol in server.protocols.split(",")] if "turn" in schemes else []
    return [*plain, TLS] if "turns" in schemes else plain


def is_reachable(relay: str, server: str) -> bool:
    """Return False if those who reach the server cannot reach its relay address: it is for a smaller network."""
    relays, servers = ipaddress.ip_address(relay), ipaddress.ip_address(server)
    if relays.is_unspecified or (relays.is_loopback and not servers.is_loopback):
        return False
    return relays.is_global or not servers.is_global


def _listed(ways: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(ways[:-1]), ways[-1])))


async def _attempt(server: str, way: str, relay: Relay | None) -> Outcome:
    """Ask all addresses of a server. Return the outcome of the first that works, else of the first."""
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError):
        return Outcome(fault=f"{host} cannot be resolved", advice="check the name of the server")
    addresses = list(dict.fromkeys(entry[4][:2] for entry in found))
    outcomes = await asyncio.gather(*(_ask(str(address), int(port), host, way, relay) for address, port in addresses))
    return next((outcome for outcome in outcomes if not outcome.fault), outcomes[0])


async def _ask(address: str, port: int, host: str, way: str, relay: Relay | None) -> Outcome:
    """Ask one address of a server for a relay address, or without `relay` for the address of this machine."""
    unreachable = f"start the server, and open its port {port} for {way} in its firewall"
    try:
        async with asyncio.timeout(ANSWER_SECONDS), _connected(address, port, host, way, relay) as client:
            if relay is None:
                request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
                response, _ = await client.request(request)
                mapped = response.attributes.get("XOR-MAPPED-ADDRESS")
                return Outcome(str(mapped[0])) if mapped else Outcome(fault="answers no address", advice=unreachable)
            given, _ = await client.connect()
            with suppress(stun.TransactionError):
                await client.delete()
    except ssl.SSLCertVerificationError as error:
        fault = f"browsers refuse the certificate: {error.verify_message}"
        return Outcome(fault=fault, advice=f"give the server a certificate for {host}, with its whole chain")
    except ssl.SSLError as error:
        return Outcome(fault=f"no TLS: {error.reason}", advice="set cert and pkey of coturn")
    except TimeoutError:
        return Outcome(fault="no answer", advice=unreachable)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        return Outcome(fault=f"cannot connect: {reason}", advice=unreachable)
    except stun.TransactionFailed as error:
        return _refusal(error.response)
    if client.realm is None:
        return Outcome(fault="relays for everybody, without credentials", advice="set use-auth-secret of coturn")
    if not is_reachable(given, address):
        fault = f"its relay address {given} is not reachable from elsewhere"
        return Outcome(fault=fault, advice="set external-ip of coturn to the public address")
    return Outcome(given)


def _refusal(response: stun.Message) -> Outcome:
    code, reason = response.attributes.get("ERROR-CODE", (0, ""))
    if code in REFUSED:
        return Outcome(fault="refuses the credentials", advice=_SECRET)
    if code in FULL:
        return Outcome(fault="has no relay address", advice="check relay-ip, min-port, max-port and quotas of coturn")
    return Outcome(fault=f"refuses: {code} {reason}", advice="see the log of the server")


@asynccontextmanager
async def _connected(
    address: str, port: int, host: str, way: str, relay: Relay | None
) -> AsyncIterator[turn.TurnClientProtocol]:
    """Connect to a server. Close the connection at the end."""
    user, password = (relay.user, relay.password) if relay is not None else (None, None)
    options: dict[str, Any] = {"lifetime": LIFETIME, "channel_refresh_time": LIFETIME}
    loop = asyncio.get_running_loop()
    transport: asyncio.Transport | asyncio.DatagramTransport
    client: turn.TurnClientProtocol
    if way == UDP:
        transport, client = await loop.create_datagram_endpoint(
            lambda: turn.TurnClientUdpProtocol((address, port), user, password, **options),
            remote_addr=(address, port),
        )
    else:
        transport, client = await loop.create_connection(
            lambda: turn.TurnClientTcpProtocol((address, port), user, password, **options),
            address,
            port,
            ssl=ssl.create_default_context() if way == TLS else None,
            server_hostname=host if way == TLS else None,
        )
    try:
        yield client
    finally:
        transport.abort()
