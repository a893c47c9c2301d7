"""Ban actors from rooms and lift bans."""

from collections.abc import Collection

import msgspec

from talkd.areas.participants import service as participants
from talkd.areas.users import service as users
from talkd.conversation import attendee_store, ban_store, room_store, session_store
from talkd.conversation.ban import IP, Ban, require_bannable, require_note
from talkd.conversation.participant import Attendee, Participant
from talkd.core import clock
from talkd.core.actor import EMAILS, GUESTS, USERS
from talkd.core.errors import Invalid
from talkd.storage.database import Tx


async def ban(tx: Tx, me: Participant, actor_type: str, actor_id: str, note: str) -> Ban:
    """Ban an actor, IP address or network, and remove those whom the ban matches. They need not be in the room.

    Guests, invited by e-mail or not, are banned together with the browsers and IP addresses of their sessions. Other
    guests with such an address may stay, but cannot join again. A second ban of the same actor changes nothing.
    Raises Invalid with the reason.
    """
    if not me.room.is_shared:
        raise Invalid("room")
    actor_id = require_bannable(actor_type, actor_id)
    if actor_type == USERS:
        actor_id = await users.resolve_id(tx, actor_id)
    note = require_note(note)
    if me.actor.is_same(actor_type, actor_id):
        raise Invalid("self")
    room = await room_store.lock_room(tx, me.room.id)
    attendee = None if actor_type == IP else await attendee_store.find_attendee(tx, room.id, actor_type, actor_id)
    if attendee is not None and attendee.is_moderator:
        raise Invalid("moderator")
    name = attendee.display_name if attendee is not None else ""
    if not name and actor_type == USERS:
        name = (await users.get_names(tx, [actor_id])).get(actor_id, "")
    if attendee is not None and actor_type in (GUESTS, EMAILS):
        await _add_guest(tx, me, attendee, note)
    else:
        await _add(tx, me, actor_type, actor_id, name, note)
    if attendee is not None:
        await participants.remove(tx, room, me.actor, attendee)
    elif actor_type == IP:
        await _remove_from_address(tx, me, actor_id)
    stored = await ban_store.find_ban(tx, room.id, actor_type, actor_id)
    assert stored is not None, "it was added above or before"
    return stored


async def _add_guest(tx: Tx, me: Participant, guest: Attendee, note: str) -> None:
    """Store bans of a guest, their browsers and their IP addresses."""
    sessions = await session_store.list_sessions_of(tx, guest.room_id, guest.id)
    browsers = {session.browser for session in sessions if session.browser}
    await _add(tx, me, guest.actor_type, guest.actor_id, guest.display_name, note, browsers)
    for address in await session_store.list_addresses(tx, guest.room_id, guest.id):
        await _add(tx, me, IP, require_bannable(IP, address), "", note)


async def _add(
    tx: Tx, me: Participant, actor_type: str, actor_id: str, name: str, note: str, browsers: Collection[str] = ()
) -> None:
    """Store a ban, unless the actor is banned already."""
    if await ban_store.is_banned(tx, me.room.id, actor_type, actor_id):
        return
    await ban_store.add_ban(
        tx,
        room_id=me.room.id,
        moderator_type=me.actor.type,
        moderator_id=me.actor.id,
        moderator_name=me.actor.name,
        actor_type=actor_type,
        actor_id=actor_id,
        display_name=name or actor_id,
        created_at=clock.now(),
        note=note,
        browsers=msgspec.json.encode(sorted(browsers)).decode() if browsers else "",
    )


async def _remove_from_address(tx: Tx, me: Participant, banned: str) -> None:
    """Remove the guests with the banned address. Moderators stay, as they cannot be banned by name either."""
    for attendee_id in sorted(await ban_store.list_inside(tx, me.room.id, banned)):
        attendee = await attendee_store.get_attendee(tx, me.room.id, attendee_id)
        if attendee is not None and not attendee.is_moderator:
            await participants.remove(tx, me.room, me.actor, attendee)


async def list_bans(tx: Tx, me: Participant) -> list[Ban]:
    """Return all bans of the room, oldest first."""
    return await ban_store.list_bans(tx, me.room.id)


async def lift(tx: Tx, me: Participant, ban_id: int) -> None:
    """Remove a ban. Does nothing if the room has no such ban."""
    await ban_store.delete_ban(tx, me.room.id, ban_id)
