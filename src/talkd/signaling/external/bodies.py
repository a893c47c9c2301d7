"""The notifications that signaling servers expect, made from the news of a room."""

from typing import Any

import msgspec

from talkd.areas.signaling import identity_service as identities
from talkd.conversation import attendee_store, room_store, session_store
from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import USERS
from talkd.core.constants import SESSION_TIMEOUT
from talkd.signaling.external.callbacks import list_permissions
from talkd.signaling.external.news import News
from talkd.signaling.properties import properties
from talkd.storage.database import Tx

Present = list[tuple[Session, Attendee]]


class Notification(msgspec.Struct, frozen=True):
    """A notification about the room with this token."""

    token: str
    type: str
    content: dict[str, Any]

    @property
    def body(self) -> bytes:
        """The body of the request."""
        return msgspec.json.encode({"type": self.type, self.type: self.content})


async def list_notifications(tx: Tx, room: Room, news: News) -> list[Notification]:
    """Return the notifications about a room that exists, but not those about chat messages."""
    made: list[tuple[str, dict[str, Any]]] = []
    if news.invited or news.removed or news.removed_sessions or news.is_changed:
        made += await _about_members(tx, room, news)
    if news.list_changed or news.in_call or news.call_ended:
        present = await session_store.list_active(tx, room.id, clock.steady() - SESSION_TIMEOUT)
        if news.list_changed:
            made.append(("participants", _participants(room, present, news)))
        if news.call_ended:
            made.append(("incall", {"incall": 0, "all": True}))
        elif news.in_call:
            made.append(("incall", _in_call(room, present, news.in_call)))
    found = [Notification(room.token, kind, content) for kind, content in made]
    return [*found, *(await _moves(tx, room) if news.moves else [])]


async def _about_members(tx: Tx, room: Room, news: News) -> list[tuple[str, dict[str, Any]]]:
    attendees = await attendee_store.list_attendees(tx, room.id)
    users = [each.actor_id for each in attendees if each.actor_type == USERS]
    shown = properties(room, await identities.get_room_name(tx, room, None))
    about = {"alluserids": users, "properties": shown}
    made: list[tuple[str, dict[str, Any]]] = []
    if news.invited:
        made.append(("invite", {"userids": sorted(news.invited), **about}))
    if news.removed:
        made.append(("disinvite", {"userids": sorted(news.removed), **about}))
    if news.removed_sessions:
        made.append(("disinvite", {"sessionids": sorted(news.removed_sessions), **about}))
    if news.is_changed:
        made.append(("update", {"userids": users, "properties": shown}))
    return made


def _participants(room: Room, present: Present, news: News) -> dict[str, Any]:
    entries = []
    changed = []
    for session, attendee in present:
        entry = _entry(room, session, attendee) | {"displayName": attendee.display_name}
        entries.append(entry)
        if news.everybody or session.session_id in news.sessions or attendee.id in news.attendees:
            permissions = list_permissions(Participant(room, attendee, session))
            changed.append(entry | {"permissions": permissions})
    return {"changed": changed, "users": entries}


def _in_call(room: Room, present: Present, session_ids: set[str]) -> dict[str, Any]:
    """Return who is in the call. A session that has ended is in the list of changes with its id only."""
    entries = {session.session_id: _entry(room, session, attendee) for session, attendee in present}
    for key, entry in entries.items():
        entry["nextcloudSessionId"] = key
    ended = {key: {"sessionId": key, "nextcloudSessionId": key, "inCall": 0} for key in session_ids}
    changed = [entries.get(key, ended[key]) for key in sorted(session_ids)]
    return {
        "incall": max((entry["inCall"] for entry in changed), default=0),
        "changed": changed,
        "users": [entry for entry in entries.values() if entry["inCall"]],
    }


def _entry(room: Room, session: Session, attendee: Attendee) -> dict[str, Any]:
    entry = {
        "inCall": session.in_call,
        "lastPing": clock.date_of(session.last_ping),
        "sessionId": session.session_id,
        "participantType": attendee.type,
        "participantPermissions": Participant(room, attendee).permissions,
        "actorType": attendee.actor_type,
        "actorId": attendee.actor_id,
    }
    if attendee.actor_type == USERS:
        entry["userId"] = attendee.actor_id
    return entry


async def _moves(tx: Tx, room: Room) -> list[Notification]:
    """Return who changes rooms: into a breakout room that was started, or out of one that was stopped."""
    parent = await room_store.get_room(tx, room.object_id)
    if parent is None:
        return []
    since = clock.steady() - SESSION_TIMEOUT
    source, target = (room, parent) if room.is_lobby_on else (parent, room)
    members = {(each.actor_type, each.actor_id) for each in await attendee_store.list_attendees(tx, room.id)}
    moving = [
        session.session_id
        for session, attendee in await session_store.list_active(tx, source.id, since)
        if (attendee.actor_type, attendee.actor_id) in members and not attendee.is_moderator
    ]
    content = {"roomid": target.token, "sessions": moving}
    return [Notification(source.token, "switchto", content)] if moving else []
