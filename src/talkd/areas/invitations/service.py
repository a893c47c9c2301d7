"""The personal way in for people invited by e-mail, and inviting many at once."""

import hmac

import msgspec

from talkd.areas.invitations import store
from talkd.areas.invitations.model import Invitee, Sheet
from talkd.areas.participants import service as participants
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms.member_model import Newcomer, Progress
from talkd.areas.users import password_model as policy
from talkd.conversation import access, attendee_store, room_store
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
    """What came of a list: how many were (or would be) invited, and the room's new type if that changed."""

    invites: int
    duplicates: int
    invalid_lines: list[int]
    new_type: RoomType | None = None
    begun: Progress = Progress(0)


async def open_door(tx: Tx, room: Room, address: str, access: str, browser: str) -> Attendee:
    """Who shows address and personal token; the browser is known as that from now on.

    The token belongs to one invitation: with another address, or in another room, it opens nothing.
    Raises NotFound.
    """
    attendee = await _find_by_token(tx, room, address, access)
    if attendee is None:
        raise NotFound
    await store.add_browser(tx, room.id, attendee.id, browser)
    return attendee


async def is_invited(tx: Tx, room: Room, address: str, access: str) -> bool:
    """Whether the personal token is that of this address in this room."""
    return await _find_by_token(tx, room, address, access) is not None


async def _find_by_token(tx: Tx, room: Room, address: str, access: str) -> Attendee | None:
    attendee = await attendee_store.find_attendee(tx, room.id, EMAILS, ids.email_id(address.strip()))
    expected = attendee.access_token if attendee is not None else ""
    is_right = hmac.compare_digest(expected.encode(), access.encode())
    return attendee if expected and is_right else None


async def find_invited(tx: Tx, room: Room, browser: str) -> Attendee | None:
    """Whose invitation this browser has shown before."""
    return await store.find_attendee(tx, room.id, browser) if browser else None


async def repeat(tx: Tx, me: Participant, attendee_id: int | None) -> None:
    """Invite one more time: one of the people invited by e-mail, or all of them (None). Raises NotFound."""
    if attendee_id is None:
        wanted = await attendee_store.list_attendees(tx, me.room.id)
    else:
        wanted = [await access.access_attendee(tx, me, attendee_id, data=NULL)]
    for attendee in wanted:
        if attendee.actor_type == EMAILS:
            await tx.emit(InvitationRepeated(me.room.id, me.actor, attendee.id, attendee.actor))


def require_importable(me: Participant) -> None:
    """Raises Invalid("room") for rooms that nobody is invited to."""
    if not me.room.is_shared or me.room.is_breakout_room:
        raise Invalid("room")


async def invite_all(
    tx: Tx, me: Participant, sheet: Sheet, *, only_test: bool, settings: TalkSettings, most: int
) -> Import:
    """Invite the first portion of a list, without who is invited already; with `only_test` only say what would happen.

    Banned addresses count as duplicates: there is nothing to invite them to. Lines of no use keep nobody
    else out. Opens the room to the public, as inviting by e-mail does: raises Invalid("password") where that needs one,
    and TooLarge if the room would have more than `most` attendees.
    """
    room = await room_store.lock_room(tx, me.room.id)
    new = await _without_known(tx, room, sheet.invitees)
    duplicates = sheet.repeated + len(sheet.invitees) - len(new)
    if only_test or not new:
        return Import(len(new), duplicates, sheet.invalid_lines)
    policy.require_forced_password(is_open=room.opens_by_mail, has_password=False, is_forced=settings.force_passwords)
    newcomers = [Newcomer(EMAILS, invitee.address, invitee.name) for invitee in new]
    begun = await members.add(tx, room, me.actor, newcomers, settings, most=most)
    new_type = RoomType.PUBLIC if room.opens_by_mail else None
    return Import(len(new), duplicates, sheet.invalid_lines, new_type, begun)


async def _without_known(tx: Tx, room: Room, invitees: list[Invitee]) -> list[Invitee]:
    by_id = {ids.email_id(invitee.address): invitee for invitee in invitees}
    known = {attendee.actor_id for attendee in await attendee_store.find_attendees(tx, room.id, EMAILS, list(by_id))}
    known |= await participants.list_banned(tx, room.id, EMAILS)
    return [invitee for actor_id, invitee in by_id.items() if actor_id not in known]
