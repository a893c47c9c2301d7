"""Who is at the other end of a signaling socket: checks of tickets and tokens, and of sessions."""

from enum import IntEnum

import msgspec

from talkd.areas.settings import service as settings
from talkd.areas.signaling import store, tokens
from talkd.areas.signaling.service import TICKET_SECRET
from talkd.areas.users import service as users
from talkd.conversation import attendee_store, room_store, session_store
from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core import clock, ids
from talkd.core.actor import USERS
from talkd.core.constants import SESSION_TIMEOUT
from talkd.core.errors import Invalid
from talkd.storage.database import Tx


class Match(IntEnum):
    """How well the proof of a guest's identity fits a session."""

    NONE = 0
    """It was made for another browser, or before the browser had a cookie."""
    LIKELY = 1
    """It was made for the cookie that the guest joined with, in place of which the join has set another."""
    SURE = 2
    """It was made for the cookie of the session."""


class Identity(msgspec.Struct, frozen=True):
    """A user, or a guest (`user_id` is None).

    `login` is the secret of the credential behind the proof, and for guests the mark of the browser that asked for it.
    """

    user_id: str | None
    display_name: str = ""
    login: str = ""


class Presence(msgspec.Struct, frozen=True):
    """A room, and its sessions that gave a sign of life lately, each with its attendee."""

    room: Room
    sessions: list[tuple[Session, Attendee]]


async def check_ticket(tx: Tx, talk: TalkSettings, user_id: str, ticket: str) -> Identity:
    """Return whose ticket it is. Raises Invalid("no_such_user") and Invalid("invalid_ticket")."""
    secret = await settings.get_secret(tx, TICKET_SECRET)
    if not user_id:
        if not tokens.is_ticket(secret, ticket, user_id=None, login=""):
            raise Invalid("invalid_ticket")
        return Identity(None, login=tokens.mark_in(ticket))
    name, logins = await _get_logins(tx, talk, user_id)
    for login in logins:
        if tokens.is_ticket(secret, ticket, user_id=user_id, login=login):
            return Identity(user_id, name, login)
    raise Invalid("invalid_ticket")


async def check_token(tx: Tx, talk: TalkSettings, token: str) -> Identity:
    """Return whose token it is. Raises Invalid with an error code of the signaling protocol."""
    claims = tokens.read_token(await tokens.get_keys(tx), token, now=clock.now())
    secret = await settings.get_secret(tx, TICKET_SECRET)
    if claims.user_id is None:
        return Identity(None, login=claims.mark)
    name, logins = await _get_logins(tx, talk, claims.user_id)
    for login in logins:
        if tokens.mark_of(secret, login) == claims.mark:
            return Identity(claims.user_id, name, login)
    raise Invalid("invalid_token")


async def is_valid(tx: Tx, talk: TalkSettings, user_id: str, login: str) -> bool:
    """Return True if the user may still use Talk and the login has not ended."""
    try:
        _, logins = await _get_logins(tx, talk, user_id)
    except Invalid:
        return False
    return login in logins


async def find_joined(tx: Tx, token: str, session_id: str, user_id: str | None) -> Participant | None:
    """Return the participant whose session it is, or None if it is not a session of that user or guest in the room."""
    if not session_id.isascii() or "\x00" in session_id:
        return None
    found = await session_store.find_session(tx, session_id)
    if found is None:
        return None
    session, attendee = found
    room = await room_store.get_room(tx, token)
    if room is None or room.id != session.room_id:
        return None
    is_theirs = attendee.actor_id == user_id if attendee.actor_type == USERS else user_id is None
    return Participant(room, attendee, session) if is_theirs else None


async def compare_browsers(tx: Tx, session: Session, mark: str) -> Match:
    """Return how well a guest's proof, with the mark of a browser, fits a session."""
    secret = await settings.get_secret(tx, TICKET_SECRET)
    if mark == tokens.mark_of(secret, session.browser):
        return Match.SURE
    login = await session_store.get_login(tx, session)
    return Match.LIKELY if login and mark == tokens.mark_of(secret, login) else Match.NONE


async def get_room_name(tx: Tx, room: Room, user_id: str | None) -> str:
    """Return a room's name as a user or guest (None) sees it."""
    if user_id is None or not room.is_one_to_one:
        return room.name_for("", "")
    partner = room.partner_of(user_id)
    return room.name_for(user_id, (await users.get_names(tx, [partner])).get(partner, ""))


async def find_readers(tx: Tx, room_id: int, user_ids: list[str]) -> tuple[Room, dict[str, str]] | None:
    """Return a room, and those of the users who are in it, each with the room's name as they see it."""
    room = await room_store.get_room_by_id(tx, room_id)
    if room is None:
        return None
    attendees = await attendee_store.find_attendees(tx, room_id, USERS, user_ids)
    return room, {each.actor_id: await get_room_name(tx, room, each.actor_id) for each in attendees}


async def list_hearers(tx: Tx, room_ids: list[int], *, most: int) -> list[tuple[Room, list[str]]]:
    """Return the rooms that have at most `most` attendees, each with its users who need not wait in its lobby."""
    found = []
    for room_id in room_ids:
        room = await room_store.get_room_by_id(tx, room_id)
        if room is not None and await attendee_store.count_attendees(tx, room_id) <= most:
            everybody = await attendee_store.list_attendees(tx, room_id)
            found.append((room, [each.actor_id for each in everybody if _hears(room, each)]))
    return found


def _hears(room: Room, attendee: Attendee) -> bool:
    return attendee.actor_type == USERS and Participant(room, attendee).can_pass_lobby


async def list_present(tx: Tx, token: str) -> Presence | None:
    """Return a room and its sessions, or None if it was deleted."""
    room = await room_store.get_room(tx, token)
    if room is None:
        return None
    return Presence(room, await session_store.list_active(tx, room.id, clock.steady() - SESSION_TIMEOUT))


async def _get_logins(tx: Tx, talk: TalkSettings, user_id: str) -> tuple[str, list[str]]:
    """Return the name of a user, and the secrets of all credentials that the user can be logged in with."""
    account = await users.find_enabled(tx, user_id)
    if account is None or not await users.may_use_talk(tx, talk, user_id):
        raise Invalid("no_such_user")
    return account.display_name, [ids.fingerprint(account.password_hash), *await store.list_logins(tx, user_id)]
