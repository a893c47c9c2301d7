"""Add and remove members. Many members are added or removed in portions, so that others can write in between.

The first portion is part of the request's own transaction. The rest of the change is stored in the same transaction,
and each further portion updates it. After a stop or crash the next start continues where the last portion ended.
"""

from collections.abc import Sequence

import msgspec

from talkd.areas.participants import service as participants
from talkd.areas.rooms import member_store as store
from talkd.areas.rooms import service as rooms
from talkd.areas.rooms import setting_service as room_settings
from talkd.areas.rooms.member_model import TEAMS, Change, ChangeKey, Newcomer, Progress
from talkd.areas.sip import service as sip
from talkd.areas.users import group_service as groups
from talkd.areas.users import password_model as policy
from talkd.areas.users import service as users
from talkd.conversation import attendee_store, room_store
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core import clock
from talkd.core.actor import EMAILS, GROUPS, USERS, Actor
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid, NotAvailable, NotFound, TalkError, TooLarge
from talkd.core.events import InvitationsPlanned
from talkd.storage.database import Tx

PORTION = 50
"""The most people added or removed in one transaction."""


async def add_one(tx: Tx, me: Participant, newcomer: Newcomer, talk_settings: TalkSettings, *, most: int) -> Progress:
    """Add one newcomer; if it is a group, the first portion of it. Raises what `add` raises, and a refusal itself."""
    progress = await add(tx, me.room, me.actor, [newcomer], talk_settings, most=most)
    for _, refusal in progress.refused:
        raise refusal
    return progress


async def add(
    tx: Tx, room: Room, actor: Actor, newcomers: Sequence[Newcomer], talk_settings: TalkSettings, *, most: int
) -> Progress:
    """Add the first portion of these people to a room, with the members of groups among them.

    If nobody in the portion can be added, it is extended until somebody is. So the first transaction shows whether a
    request adds anybody. Raises TooLarge if the room would have more than `most` attendees, and Throttled if the actor
    may not invite so many by e-mail.
    """
    change = Change(room.id, actor, tuple(newcomers))
    await _require_few(tx, change, most)
    mails = sum(newcomer.kind == EMAILS for newcomer in newcomers)
    if mails > 1:
        await tx.emit(InvitationsPlanned(room.id, actor, mails))
    return await _begin(tx, change, talk_settings)


async def remove_attendee(tx: Tx, me: Participant, attendee_id: int, talk_settings: TalkSettings) -> Progress:
    """Remove an attendee; if it is a group, also the first portion of its members. Users who remove themselves leave.

    Raises NotFound, Forbidden("owner") or Invalid.
    """
    removed = await rooms.remove_attendee(tx, me, attendee_id)
    if removed.actor_type != GROUPS:
        return Progress(None)
    return await _begin(
        tx, Change(me.room.id, me.actor, (Newcomer(GROUPS, removed.actor_id),), removes=True), talk_settings
    )


async def run_portion(tx: Tx, key: ChangeKey, talk_settings: TalkSettings) -> Progress:
    """Add or remove the next portion. The change is finished if its room is deleted."""
    try:
        await room_store.lock_room(tx, key.room_id)  # first, so that two processes never run the same portion
        change = await store.get(tx, key)
        if change is None:
            return Progress(None)
        change, progress = await _advance(tx, change, talk_settings)
    except NotFound:
        await store.delete(tx, key)
        return Progress(None)
    if change.is_finished:
        await store.delete(tx, key)
        return progress
    await store.move(tx, key, change, clock.steady())
    return msgspec.structs.replace(progress, unfinished=key)


async def list_left(tx: Tx, seconds: int) -> list[ChangeKey]:
    """Return the keys of unfinished changes of which no portion has ended for some seconds."""
    return await store.list_resting(tx, clock.steady() - seconds)


async def list_rooms_left_by(tx: Tx, group_id: str) -> list[int]:
    """Return the rooms from which a group was removed, but not yet all of its members."""
    return await store.list_rooms_left_by(tx, group_id)


async def _require_few(tx: Tx, change: Change, most: int) -> None:
    """Raises TooLarge if the room would have more than `most` attendees. One person may always be added."""
    coming = await _count_left(tx, change)
    if coming <= 1:
        return
    for other in await store.list_adding(tx, change.room_id):
        coming += await _count_left(tx, other)
    if coming + await attendee_store.count_attendees(tx, change.room_id) > most:
        raise TooLarge("participants", message=f"A conversation may have at most {most} attendees.")


async def _count_left(tx: Tx, change: Change) -> int:
    """Return how many people are left to add."""
    left, after = 0, change.after
    for newcomer in change.people[change.position :]:
        left += await groups.count_members(tx, newcomer.who, after=after) if newcomer.kind == GROUPS else 1
        after = ""
    return left


async def _begin(tx: Tx, change: Change, talk_settings: TalkSettings) -> Progress:
    """Add or remove the first portion, and store the rest of the change."""
    change, progress = await _advance(tx, change, talk_settings, requires_one=not change.removes)
    if change.is_finished:
        return progress
    return msgspec.structs.replace(progress, unfinished=await store.add(tx, change, clock.steady()))


async def _advance(
    tx: Tx, change: Change, talk_settings: TalkSettings, *, requires_one: bool = False
) -> tuple[Change, Progress]:
    """Add or remove a portion. Return what is left of the change, and the portion's result.

    With `requires_one`, the portion does not end before somebody was added.
    """
    room = await room_store.lock_room(tx, change.room_id)
    position, after = change.position, change.after
    refused: list[tuple[Newcomer, TalkError]] = []
    spent, added = 0, 0
    room_type: RoomType | None = None
    while position < len(change.people) and (spent < PORTION or (requires_one and not added)):
        newcomer, at_most = change.people[position], max(PORTION - spent, 1)
        actor, who, spent = change.actor, newcomer.who, spent + 1
        try:
            if change.removes:
                count, after = await participants.remove_members(tx, room, actor, who, after=after, at_most=at_most)
                spent += count
            elif newcomer.kind == GROUPS and room.has_own_members:
                count, after = await participants.add_group(tx, room, actor, who, after=after, at_most=at_most)
                spent += count
            else:
                opened = await _add_individual(tx, room, actor, newcomer, talk_settings)
                room_type = opened or room_type
                room = msgspec.structs.replace(room, type=opened or room.type)
        except (Invalid, NotAvailable, NotFound) as error:
            refused.append((newcomer, error))
            after = ""
        else:
            added += 1
        if not after:
            position += 1
    rest = msgspec.structs.replace(change, position=position, after=after)
    return rest, Progress(None, tuple(refused), room_type)


# --- one person -----------------------------------------------------------------------------
async def _add_individual(
    tx: Tx, room: Room, actor: Actor, newcomer: Newcomer, talk_settings: TalkSettings
) -> RoomType | None:
    """Add a user, an e-mail address or a phone number.

    Return PUBLIC for an address if the room is public afterwards, else None. Raises Invalid or NotFound with the
    reason, and NotAvailable for kinds that the server is not set up for.
    """
    kind, who = newcomer.kind, newcomer.who
    if not room.is_shared:
        raise Invalid("room-type")
    if room.is_breakout_room:
        await _require_assignable(tx, room, who, kind)
    if kind == USERS:
        await _add_user(tx, room, actor, await users.resolve_id(tx, who))
    elif kind == EMAILS:
        require_invitable(room, talk_settings)
        if await participants.add_email(tx, room, actor, who, newcomer.name):
            await room_settings.allow_guests(tx, room, actor)
            return RoomType.PUBLIC
        return RoomType.PUBLIC if room.type == RoomType.PUBLIC else None
    elif kind in TEAMS:
        raise NotFound("new-participant")
    elif kind == "federated_users":
        raise NotAvailable("federation")
    elif kind == "phones":
        if not await sip.can_dial_out(tx, talk_settings, actor.id):
            raise NotAvailable("sip")
        await participants.add_phone(tx, room, actor, who)
    else:
        raise Invalid("source")
    return None


def require_invitable(room: Room, talk_settings: TalkSettings) -> None:
    """Raises Invalid("password") if an invitation by e-mail opens the room, but public rooms need a password."""
    policy.require_forced_password(
        is_open=room.becomes_public_by_email, has_password=False, is_forced=talk_settings.force_passwords
    )


async def _add_user(tx: Tx, room: Room, actor: Actor, user_id: str) -> None:
    names = await users.get_names(tx, [user_id])
    if user_id not in names:
        raise NotFound("new-participant")
    await participants.add_user(tx, room, actor, user_id, names[user_id])


async def _require_assignable(tx: Tx, breakout_room: Room, who: str, kind: str) -> None:
    """Raises Invalid unless it is a user who is not a moderator: moderators are in every breakout room already."""
    if kind != USERS:
        raise Invalid("source")
    parent = await room_store.get_room(tx, breakout_room.object_id)
    if parent is None:
        raise NotFound("new-participant")
    attendee = await attendee_store.find_attendee(tx, parent.id, USERS, await users.resolve_id(tx, who))
    if attendee is not None and attendee.is_moderator:
        raise Invalid("moderator")
