"""Signaling as JSON."""

from typing import Any

import msgspec

from talkd.areas.signaling.model import Proof, Relay
from talkd.conversation.participant import Attendee, Session, permissions_of
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
    """One thing that a poll brings: a message as a JSON text, or the list of sessions."""

    type: str
    data: Any


GONE = [Item("usersInRoom", [])]
"""What a poll brings when the session is over."""

UNKNOWN_BACKEND = {
    "type": "error",
    "error": {"code": "invalid_request", "message": "The request could not be authenticated."},
}
"""What a signaling server gets that did not prove to know the shared secret; the status is 200 all the same."""


def news(messages: list[str], room: Room, present: list[tuple[Session, Attendee]]) -> list[Item]:
    """Messages, always followed by the list of sessions."""
    people = [
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
        for session, attendee in present
    ]
    return [*(Item("message", message) for message in messages), Item("usersInRoom", people)]


def settings(
    user_id: str | None, proof: Proof, *, stun: list[str], turn: list[Relay], hides_warning: bool
) -> dict[str, Any]:
    """How to reach others in calls."""
    return {
        "signalingMode": "internal",
        "userId": user_id,
        "hideWarning": hides_warning,
        "server": "",
        "ticket": proof.ticket,
        "helloAuthParams": {"1.0": {"userid": user_id, "ticket": proof.ticket}, "2.0": {"token": proof.token}},
        "federation": None,
        "stunservers": stun_servers(stun),
        "turnservers": [turn_server(relay) for relay in turn],
        "sipDialinInfo": "",
    }


def stun_servers(servers: list[str]) -> list[dict[str, list[str]]]:
    """One entry with all addresses."""
    return [{"urls": [f"stun:{server}" for server in servers]}] if servers else []


def turn_server(relay: Relay) -> dict[str, Any]:
    """One entry for each server, with all its schemes and transports."""
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
