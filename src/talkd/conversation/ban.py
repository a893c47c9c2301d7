"""Bans, and rules about who can be banned."""

import re

import msgspec

from talkd.core import networks
from talkd.core.actor import EMAILS, GUESTS, USERS
from talkd.core.errors import Invalid
from talkd.core.names import cleaned_text

IP = "ip"
MAX_NOTE_BYTES = 4000
MAX_USER_ID_LENGTH = 64

_GUEST_FORM = re.compile(r"[0-9a-f]{40}")
_EMAIL_FORM = re.compile(r"[0-9a-f]{64}")


class Ban(msgspec.Struct, frozen=True):
    """An actor, an IP address or a network that may not join a room. `browsers` is a JSON list of browser ids."""

    room_id: int
    id: int
    moderator_type: str
    moderator_id: str
    moderator_name: str
    actor_type: str
    actor_id: str
    display_name: str
    created_at: int
    note: str
    browsers: str


def require_bannable(actor_type: str, actor_id: str) -> str:
    """Return the actor id in the form in which it is stored. Raises Invalid("bannedActor") for an impossible actor."""
    if actor_type == IP:
        network = networks.parse_network(actor_id)
        if network is None:
            raise Invalid("bannedActor")
        single = network.num_addresses == 1 and "/" not in actor_id
        return str(network.network_address) if single else str(network)
    possible = (
        (actor_type == USERS and 0 < len(actor_id) <= MAX_USER_ID_LENGTH)
        or (actor_type == GUESTS and _GUEST_FORM.fullmatch(actor_id))
        or (actor_type == EMAILS and _EMAIL_FORM.fullmatch(actor_id))
    )
    if not possible:
        raise Invalid("bannedActor")
    return actor_id


def require_note(note: str) -> str:
    """Return the note with each line cleaned. Raises Invalid("internalNote") if it is too long."""
    note = cleaned_text(note)
    if len(note.encode()) > MAX_NOTE_BYTES:
        raise Invalid("internalNote")
    return note


def is_banned_address(address: str, banned: str) -> bool:
    """Return True if the address is the banned one, or inside the banned network."""
    network = networks.parse_network(banned)
    return network is not None and networks.is_inside(address, [network])
