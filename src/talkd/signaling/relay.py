"""Pass messages between peers, with the checks of who may send what."""

from typing import TYPE_CHECKING

import msgspec

from talkd.areas.signaling.model import needed_permissions
from talkd.core.constants import Permission
from talkd.signaling import bridge
from talkd.signaling.connection import Connection
from talkd.signaling.frames import frame_of
from talkd.signaling.messages import Incoming, Refused, Relayed, find_type, read_content
from talkd.signaling.peer import Peer

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

WITH_MEDIA = ("offer", "answer")
DELIVERIES = 20
"""How many deliveries of a message to many count as one more message of the sender."""


def handle_message(signaling: "Signaling", socket: Connection, incoming: Incoming) -> None:
    """Pass on a message."""
    peer, relayed = socket.peer, incoming.message
    if relayed is None or peer is None:
        raise Refused("bad_request", "The message has no content.")
    if not _may_send(peer, relayed.data):
        raise Refused("not_allowed", "You may not send this.")
    if signaling.sfu is None or not signaling.sfu.take(peer, relayed, incoming.id):
        _pass_on(signaling, socket, peer, relayed, b"message")


def handle_control(signaling: "Signaling", socket: Connection, incoming: Incoming) -> None:
    """Pass on a control message, such as an order to mute. Only moderators may send one."""
    peer, relayed = socket.peer, incoming.control
    if relayed is None or peer is None:
        raise Refused("bad_request", "The message has no content.")
    if peer.standing is not None and not (peer.standing.is_moderator and peer.is_present):
        raise Refused("not_allowed", "Only moderators may control others.")
    _pass_on(signaling, socket, peer, relayed, b"control")


def _may_send(peer: Peer, data: msgspec.Raw) -> bool:
    """Return True if the peer may send this content to others. Media need permissions, `control` a moderator."""
    standing = peer.standing
    if standing is None:
        return True
    if not standing.can_pass_lobby:
        return False
    kind = find_type(data)
    if kind == "control":
        return standing.is_moderator
    if kind in WITH_MEDIA:
        needed = needed_permissions(read_content(data))
        return needed == Permission.DEFAULT or standing.may(needed)
    return True


def _pass_on(signaling: "Signaling", socket: Connection, peer: Peer, relayed: Relayed, kind: bytes) -> None:
    if relayed.recipient.type == "session":
        _pass_to_session(signaling, peer, relayed, kind)
    elif relayed.recipient.type in ("user", "room", "call"):
        _pass_to_many(signaling, socket, peer, relayed, kind)
    else:
        raise Refused("bad_request", "The type of the recipient is unknown.")


def _pass_to_session(signaling: "Signaling", peer: Peer, relayed: Relayed, kind: bytes) -> None:
    """Pass a message to a session of the same room. A recipient that is gone, or was never there, is no error."""
    room, wanted = peer.room, relayed.recipient.sessionid
    if room is None or not peer.is_present:
        return
    other = room.members.get(wanted)
    if other is None:
        session_id = bridge.session_named(wanted)
        if session_id in room.polling:
            bridge.send_to_session(signaling, peer, session_id, relayed.data)
    elif other.is_present and other is not peer:
        other.send(_message(peer, kind, b"session", relayed.data))


def _pass_to_many(signaling: "Signaling", socket: Connection, peer: Peer, relayed: Relayed, kind: bytes) -> None:
    """Pass a message to all others in the room, to those in its call, or to the sessions of a user in the room."""
    room, recipient = peer.room, relayed.recipient
    if room is None or not peer.is_present:
        raise Refused("not_in_room", "Join a room first.")
    others = [each for each in room.members.values() if each is not peer and each.is_present]
    if recipient.type == "user":
        others = [each for each in others if recipient.userid and each.user_id == recipient.userid]
    elif recipient.type == "call":
        others = [each for each in others if each.in_call]
    if not socket.spend(len(others) / DELIVERIES):
        raise Refused("too_many_requests", "Send fewer messages to so many.")
    if recipient.type != "user":
        for session_id, in_call in room.polling.items():
            if in_call:
                bridge.send_to_session(signaling, peer, session_id, relayed.data)
    if others:
        frame = frame_of(_message(peer, kind, recipient.type.encode(), relayed.data))
        for each in others:
            each.send_frame(frame)


def _message(peer: Peer, kind: bytes, recipient_type: bytes, data: msgspec.Raw) -> bytes:
    """Return a message from a peer. `data` stays as the client has written it."""
    return b"".join(
        (
            b'{"type":"',
            kind,
            b'","',
            kind,
            b'":{"sender":{"type":"',
            recipient_type,
            b'",',
            peer.sender,
            b'},"data":',
            data,
            b"}}",
        )
    )
