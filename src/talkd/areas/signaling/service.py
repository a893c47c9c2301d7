"""Pass messages between the sessions of a room, and tell clients how they reach each other."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from talkd.areas.settings import service as settings
from talkd.areas.signaling import server_service as servers
from talkd.areas.signaling import store, tokens
from talkd.areas.signaling.model import ConnectionSettings, Envelope, News, Proof, Relay, may_send, parse_content
from talkd.config_groups import CallsConfig
from talkd.conversation import room_store, session_store
from talkd.conversation.participant import Participant
from talkd.conversation.setting_values import TurnServer
from talkd.conversation.settings import TalkSettings
from talkd.core import clock, ids
from talkd.core.constants import SESSION_TIMEOUT, RoomType
from talkd.core.errors import NULL, UnknownRoom
from talkd.core.events import SignalingSent
from talkd.storage.database import Tx

KEEP = 60
"""Seconds after which a message is deleted if its recipient has not fetched it."""
CREDENTIALS_LIFETIME = 86_400
"""Seconds for which credentials for a TURN server are valid."""
TICKET_SECRET = "signaling-ticket"


async def send(tx: Tx, me: Participant, envelopes: list[Envelope]) -> None:
    """Store messages for other sessions of the room.

    Messages with a foreign sender or recipient, and messages that the caller may not send, are dropped without an
    error, as on the real server. So the answer does not reveal which sessions exist.
    """
    if me.session is None:
        return
    for envelope in envelopes:
        if envelope.ev != "message" or envelope.sessionId != me.session.session_id:
            continue
        content = parse_content(envelope)
        recipient = content.get("to") if content is not None else None
        if content is None or not isinstance(recipient, str) or not may_send(me, content):
            continue
        if not recipient.isascii() or "\x00" in recipient:
            continue
        content.pop("from", None)
        content["from"] = me.session.session_id
        await store_message(tx, me.room.id, recipient, content)


async def store_message(tx: Tx, room_id: int, recipient: str, content: dict[str, Any]) -> None:
    """Store a message for a session, unless the room has no such session."""
    text = msgspec.json.encode(content).decode()
    if await store.add_message(tx, room_id, recipient, text, clock.steady()):
        await tx.emit(SignalingSent(recipient))


async def take_messages(tx: Tx, room_id: int, session_id: str) -> list[str]:
    """Take the messages that wait for a session, oldest first."""
    return [each.message for each in await store.take_messages(tx, room_id, session_id)]


async def take_news(tx: Tx, me: Participant, poll: str, note_list: Callable[[int, str], None]) -> News:
    """Return the sessions of the room, and take the messages that wait for the caller's session, oldest first.

    If the session has begun another poll since, the messages wait for that one. `note_list` is called before the list
    is read, with room and session, if this is the newest poll. A caller in the lobby only sees their own sessions.
    """
    waiting: list[str] = []
    room_id, session_id = me.room.id, me.session.session_id if me.session is not None else ""
    if await store.get_poll(tx, room_id, session_id) == poll:
        note_list(room_id, session_id)
        waiting = await take_messages(tx, room_id, session_id)
    present = await session_store.list_active(tx, me.room.id, clock.steady() - SESSION_TIMEOUT)
    if not me.can_pass_lobby:
        present = [(session, attendee) for session, attendee in present if attendee.id == me.attendee.id]
    return News(waiting, present)


async def begin_poll(tx: Tx, room_id: int, session_id: str, poll: str) -> None:
    """Note that a poll of a session begins. Only the newest takes messages, whichever process it has reached.

    The connection of an earlier poll may be lost without the server noticing, for example when a phone changes its
    network.
    """
    await store.set_poll(tx, room_id, session_id, poll)


async def find_newest_poll(tx: Tx, session_id: str) -> str:
    """Return the name of a session's newest poll, or an empty text if it has not polled."""
    return await store.find_poll(tx, session_id)


async def has_news(tx: Tx, room_id: int, session_id: str, poll: str, *, has_list: bool) -> bool:
    """Return True if the poll is the session's newest, and messages wait or its list of sessions is outdated."""
    if has_list and not await store.list_messages(tx, room_id, session_id):
        return False
    return await store.get_poll(tx, room_id, session_id) == poll


async def forget_session(tx: Tx, room_id: int, session_id: str) -> None:
    """Delete the messages that wait for a session that has ended."""
    await store.delete_messages_of(tx, room_id, session_id)


async def delete_old(tx: Tx) -> None:
    """Delete the messages that were not fetched in time."""
    await store.delete_old(tx, clock.steady() - KEEP)


async def get_settings(
    tx: Tx,
    config: CallsConfig,
    talk_settings: TalkSettings,
    *,
    token: str,
    is_inside: bool,
    user_id: str | None,
    display_name: str,
    login: str,
    issuer: str,
) -> ConnectionSettings:
    """Return how a client reaches the other sessions of a call, with proofs of its identity and credentials.

    `token` may be empty, `is_inside` says whether the caller is in that room, `login` is the secret of the credential
    that the caller is logged in with, or a visitor's browser, and `issuer` is this server's address.
    Only participants and users get TURN servers: relaying costs bandwidth. Raises UnknownRoom if the caller is not in
    the room and it is not public.
    """
    room = await room_store.get_room(tx, token) if token else None
    if token and (room is None or not (is_inside or room.type == RoomType.PUBLIC)):
        raise UnknownRoom(data=NULL)
    server = await servers.choose_server(tx, talk_settings, room)
    may_relay = is_inside or user_id is not None
    return ConnectionSettings(
        user_id=user_id,
        proof=await _prove(tx, user_id, display_name, login=login, issuer=issuer),
        stun_servers=list_stun_servers(config, talk_settings),
        relays=[new_relay(server) for server in list_turn_servers(config, talk_settings)] if may_relay else [],
        server=server,
        has_clusters=talk_settings.has_signaling_clusters,
        hides_warning=server is not None or config.signaling == "sockets" or talk_settings.hides_signaling_warning,
    )


async def _prove(tx: Tx, user_id: str | None, display_name: str, *, login: str, issuer: str) -> Proof:
    """Return the proofs of identity of a user, or of a guest (None)."""
    now = clock.now()
    keys = await tokens.get_keys(tx)
    secret = await settings.get_secret(tx, TICKET_SECRET)
    return Proof(
        ticket=tokens.make_ticket(secret, user_id=user_id, login=login, now=now),
        token=tokens.make_token(
            keys,
            issuer=issuer,
            user_id=user_id,
            display_name=display_name,
            mark=tokens.mark_of(secret, login),
            now=now,
        ),
    )


def list_stun_servers(config: CallsConfig, talk_settings: TalkSettings) -> list[str]:
    """Return the STUN servers as `host:port`: those of the Talk settings, else those of the configuration."""
    return config.stun_servers if talk_settings.stun_servers is None else talk_settings.stun_servers


def list_turn_servers(config: CallsConfig, talk_settings: TalkSettings) -> list[TurnServer]:
    """Return the TURN servers: those of the Talk settings, else those of the configuration."""
    if talk_settings.turn_servers is not None:
        return talk_settings.turn_servers
    protocols = ",".join(config.turn_protocols)
    return [_turn_server(server, config.turn_secret, protocols) for server in config.turn_servers]


def _turn_server(server: str, secret: str, protocols: str) -> TurnServer:
    """Return a TURN server of the configuration, which may begin with `turn:` or `turns:`."""
    scheme = "turns" if server.startswith("turns:") else "turn"
    return TurnServer(server.removeprefix(f"{scheme}:"), secret, scheme, protocols)


def new_relay(server: TurnServer) -> Relay:
    """Return a TURN server with temporary credentials: the user name begins with the time when they expire."""
    user = f"{clock.now() + CREDENTIALS_LIFETIME}:{ids.text(16)}"
    signed = hmac.new(server.secret.encode(), user.encode(), hashlib.sha1).digest()
    return Relay(server, user, base64.b64encode(signed).decode())
