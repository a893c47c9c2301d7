"""Accept invitations by e-mail, send them again, and invite the addresses of a list."""

import hmac

import msgspec

from talkd.areas.invitations import store
from talkd.areas.invitations.model import Invitee, Sheet
from talkd.areas.participants import service as participants
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms.member_model import Newcomer, Progress
from talkd.conversation import access, attendee_store, room_store, session_store
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core import ids
from talkd.core.actor import EMAILS
from talkd.core.constants import RoomType
from talkd.core.errors import NULL, Invalid, NotFound
from talkd.core.events import InvitationRepeated
from talkd.storage.database import Tx


class Import(msgspec.Struct, frozen=True):
    """The result of importing a list: how many people were (or would be) invited, and the room's type if it changed."""

    invites: int
    duplicates: int
    invalid_lines: list[int]
    new_type: RoomType | None = None
    progress: Progress = Progress(None)
    """How far the inviting has come."""


# --- personal tokens ------------------------------------------------------------------------
async def is_invited(tx: Tx, token: str, address: str, access_token: str) -> bool:
    """Return True if the personal token is that of this address in the room."""
    room = await room_store.get_room(tx, token)
    return room is not None and await _find_by_token(tx, room, address, access_token) is not None


async def accept(tx: Tx, room: Room, address: str, access_token: str, browser: str) -> Attendee:
    """Return the attendee with this address and personal token, and remember the browser as theirs.

    A token is valid for one address in one room. Raises NotFound.
    """
    attendee = await _find_by_token(tx, room, address, access_token)
    if attendee is None:
        raise NotFound
    await store.add_browser(tx, room.id, attendee.id, browser)
    return attendee


async def accept_link(tx: Tx, token: str, address: str, access_token: str, *, old_browser: str, browser: str) -> None:
    """Accept an invitation in a browser that gets a new session cookie. Raises NotFound."""
    room = await room_store.get_room(tx, token)
    if room is None:
        raise NotFound
    if old_browser:
        await move_browser(tx, old_browser, browser)
    await accept(tx, room, address, access_token, browser)


async def _find_by_token(tx: Tx, room: Room, address: str, access_token: str) -> Attendee | None:
    attendee = await attendee_store.find_attendee(tx, room.id, EMAILS, ids.email_id(address.strip()))
    expected = attendee.access_token if attendee is not None else ""
    is_right = hmac.compare_digest(expected.encode(), access_token.encode())
    return attendee if expected and is_right else None


async def find_invited(tx: Tx, room: Room, browser: str) -> Attendee | None:
    """Return the attendee whose invitation the browser has accepted in the room, or None."""
    return await store.find_attendee(tx, room.id, browser) if browser else None


async def move_browser(tx: Tx, old: str, new: str) -> None:
    """Keep the sessions and invitations of a browser that gets a new session cookie."""
    await session_store.move_browser(tx, old, new)
    await store.move_browser(tx, old, new)


# --- sending --------------------------------------------------------------------------------
async def repeat(tx: Tx, me: Participant, attendee_id: int | None) -> None:
    """Send the invitation of an attendee again, or (None) all invitations of the room. Raises NotFound."""
    if attendee_id is None:
        attendees = await attendee_store.list_attendees(tx, me.room.id)
    else:
        attendees = [await access.access_attendee(tx, me, attendee_id, data=NULL)]
    for attendee in attendees:
        if attendee.actor_type == EMAILS:
            await tx.emit(InvitationRepeated(me.room.id, me.actor, attendee.id, attendee.actor))


def require_importable(me: Participant) -> None:
    """Raises Invalid("room") for rooms to which nobody can be invited by e-mail."""
    if not me.room.has_own_members:
        raise Invalid("room")


async def invite_all(
    tx: Tx, me: Participant, sheet: Sheet, *, only_test: bool, talk_settings: TalkSettings, most: int
) -> Import:
    """Invite the addresses of a list that are not invited yet, the first portion now (`member_service.add`).

    With `only_test` nobody is invited. Banned addresses count as duplicates, and invalid lines are skipped. A group
    room without breakout rooms becomes public. Raises Invalid("password") if public rooms need a password on this
    server, and TooLarge if the room would have more than `most` attendees.
    """
    room = await room_store.lock_room(tx, me.room.id)
    new = await _without_known(tx, room, sheet.invitees)
    duplicates = sheet.repeated + len(sheet.invitees) - len(new)
    if only_test or not new:
        return Import(len(new), duplicates, sheet.invalid_lines)
    members.require_invitable(room, talk_settings)
    newcomers = [Newcomer(EMAILS, invitee.address, invitee.name) for invitee in new]
    progress = await members.add(tx, room, me.actor, newcomers, talk_settings, most=most)
    new_type = RoomType.PUBLIC if room.becomes_public_by_email else None
    return Import(len(new), duplicates, sheet.invalid_lines, new_type, progress)


async def _without_known(tx: Tx, room: Room, invitees: list[Invitee]) -> list[Invitee]:
    """Return the invitees who are neither invited nor banned already."""
    by_id = {ids.email_id(invitee.address): invitee for invitee in invitees}
    known = {attendee.actor_id for attendee in await attendee_store.find_attendees(tx, room.id, EMAILS, list(by_id))}
    known |= await participants.list_banned(tx, room.id, EMAILS)
    return [invitee for actor_id, invitee in by_id.items() if actor_id not in known]
