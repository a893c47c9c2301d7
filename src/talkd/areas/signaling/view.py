"""Signaling as JSON."""

from typing import Any

import msgspec

from talkd.areas.signaling.model import ConnectionSettings, News, Relay
from talkd.conversation.participant import permissions_of
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import USERS


class PresentView(msgspec.Struct, frozen=True):
    """A session in the list of a room's sessions."""

    userId: str
    roomId: int
    lastPing: int
    sessionId: str
    inCall: int
    participantPermissions: int
    actorType: str
    actorId: str


class Item(msgspec.Struct, frozen=True):
    """An item in the answer to a poll: a message as a JSON text, or the list of sessions."""

    type: str
    data: Any


ENDED = [Item("usersInRoom", [])]
"""The answer to a poll of a session that has ended."""


def news(found: News, room: Room) -> list[Item]:
    """Return the messages, and the list of sessions as the last item."""
    sessions = [
        PresentView(
            userId=attendee.actor_id if attendee.actor_type == USERS else "",
            roomId=room.id,
            lastPing=clock.date_of(session.last_ping),
            sessionId=session.session_id,
            inCall=session.in_call,
            participantPermissions=permissions_of(room, attendee),
            actorType=attendee.actor_type,
            actorId=attendee.actor_id,
        )
        for session, attendee in found.present
    ]
    return [*(Item("message", message) for message in found.messages), Item("usersInRoom", sessions)]


def settings(found: ConnectionSettings, built_in: str, dial_in_info: str) -> dict[str, Any]:
    """Return the signaling settings. `built_in` is the address of the built-in signaling, or "" for polls only.

    `dial_in_info` says how people dial in by telephone.
    """
    user_id, proof = found.user_id, found.proof
    server = found.server.server if found.server is not None else built_in
    if found.server is not None and found.has_clusters:
        mode = "conversation_cluster"
    else:
        mode = "external" if server else "internal"
    return {
        "signalingMode": mode,
        "userId": user_id,
        "hideWarning": found.hides_warning,
        "server": server,
        "ticket": proof.ticket,
        "helloAuthParams": {"1.0": {"userid": user_id, "ticket": proof.ticket}, "2.0": {"token": proof.token}},
        "federation": None,
        "stunservers": stun_servers(found.stun_servers),
        "turnservers": [turn_server(relay) for relay in found.relays],
        "sipDialinInfo": dial_in_info,
    }


def stun_servers(servers: list[str]) -> list[dict[str, list[str]]]:
    """Return one entry with all STUN servers, or none if there are none."""
    return [{"urls": [f"stun:{server}" for server in servers]}] if servers else []


def turn_server(relay: Relay) -> dict[str, Any]:
    """Return the entry of a TURN server, with all its schemes and transports."""
    server = relay.server
    return {
        "urls": [
            f"{scheme}:{server.server}?transport={protocol}"
            for scheme in server.schemes.split(",")
            for protocol in server.protocols.split(",")
        ],
        "username": relay.user,
        "credential": relay.password,
    }
