"""Passing messages between the sessions of a call."""

import base64
import hashlib
import hmac

import msgspec

from talkd.areas.settings import service as settings
from talkd.areas.signaling import store, tokens
from talkd.areas.signaling.model import Envelope, Proof, Relay, may_send, parse_content
from talkd.config import CallsConfig
from talkd.conversation import session_store
from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.setting_values import TurnServer
from talkd.conversation.settings import TalkSettings
from talkd.core import clock, ids
from talkd.core.constants import SESSION_TIMEOUT
from talkd.core.events import SignalingSent
from talkd.storage.database import Tx

KEEP = 60
"""Seconds for which a message waits for its recipient."""
CREDENTIALS_LIFETIME = 86_400
"""Seconds for which credentials for a TURN server are good."""
TICKET_SECRET = "signaling-ticket"


async def send(tx: Tx, me: Participant, envelopes: list[Envelope]) -> None:
    """Hand messages to other sessions of the room.

    What claims another sender, goes to another room or is not allowed is dropped without a word: that is
    what clients know, and it tells a prober nothing.
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
        text = msgspec.json.encode(content).decode()
        if await store.add_message(tx, me.room.id, recipient, text, clock.steady()):
            await tx.emit(SignalingSent(recipient))


async def fetch(tx: Tx, session_id: str) -> list[str]:
    """Take the messages that wait for a session, oldest first."""
    waiting = await store.list_messages(tx, session_id)
    if waiting:
        await store.delete_messages(tx, session_id, waiting[-1][0])
    return [message for _, message in waiting]


async def has_messages(tx: Tx, session_id: str) -> bool:
    """Whether something waits for a session."""
    return bool(await store.list_messages(tx, session_id))


async def list_present(tx: Tx, room_id: int) -> list[tuple[Session, Attendee]]:
    """The sessions of a room that gave a sign lately."""
    return await session_store.list_active(tx, room_id, clock.steady() - SESSION_TIMEOUT)


async def forget_session(tx: Tx, session_id: str) -> None:
    """Drop what waits for a session that has ended."""
    await store.delete_messages_of(tx, session_id)


async def delete_old(tx: Tx) -> None:
    """Drop what nobody fetched."""
    await store.delete_old(tx, clock.steady() - KEEP)


async def prove(tx: Tx, user_id: str | None, display_name: str, *, issuer: str) -> Proof:
    """What a client of this user, or of a guest, shows to a signaling server. `issuer` is this server's address."""
    now = clock.now()
    keys = await tokens.get_keys(tx)
    secret = await settings.get_secret(tx, TICKET_SECRET)
    return Proof(
        ticket=tokens.make_ticket(secret, user_id=user_id, now=now),
        token=tokens.make_token(keys, issuer=issuer, user_id=user_id, display_name=display_name, now=now),
    )


def list_stun_servers(config: CallsConfig, chosen: TalkSettings) -> list[str]:
    """Return `host:port` of the STUN servers: those that administrators chose, or those of the settings file."""
    return config.stun_servers if chosen.stun_servers is None else chosen.stun_servers


def list_turn_servers(config: CallsConfig, chosen: TalkSettings) -> list[TurnServer]:
    """Return the TURN servers: those that administrators chose, or those of the settings file."""
    if chosen.turn_servers is not None:
        return chosen.turn_servers
    protocols = ",".join(config.turn_protocols)
    return [_turn_server(server, config.turn_secret, protocols) for server in config.turn_servers]


def _turn_server(server: str, secret: str, protocols: str) -> TurnServer:
    """A server of the settings file, with `turn:` or `turns:` before it where it matters."""
    scheme = "turns" if server.startswith("turns:") else "turn"
    return TurnServer(server.removeprefix(f"{scheme}:"), secret, scheme, protocols)


def new_relay(server: TurnServer) -> Relay:
    """Return a TURN server with user name and password for a client, good for a day (signaling.md, 1)."""
    user = f"{clock.now() + CREDENTIALS_LIFETIME}:{ids.text(16)}"
    signed = hmac.new(server.secret.encode(), user.encode(), hashlib.sha1).digest()
    return Relay(server, user, base64.b64encode(signed).decode())
