"""Adding and removing many members in portions, so that others write in between.

The first portion belongs to the request's own transaction. What is left is noted in the same transaction, and every
further portion moves the note, so that a stop or a kill in between loses nobody: the next start goes on.
"""

from collections.abc import Sequence

import msgspec

from talkd.areas.participants import service as participants
from talkd.areas.rooms import invitation_service as invitations
from talkd.areas.rooms import member_change_store as store
from talkd.areas.rooms.member_change_model import Change, Newcomer, Progress
from talkd.areas.users import group_service as groups
from talkd.conversation import access, attendee_store
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core.actor import EMAILS, GROUPS, Actor
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid, NotAvailable, NotFound, TalkError, TooLarge
from talkd.core.events import InvitationsPlanned
from talkd.storage.database import Tx

PORTION = 50
"""People added or removed in one transaction at most."""


async def add(
    tx: Tx, room: Room, actor: Actor, newcomers: Sequence[Newcomer], settings: TalkSettings, *, most: int
) -> Progress:
    """Add the first portion of these people to a room, with the members of groups among them.

    The portion is larger if nobody in it can be added: a request that adds nobody is known by its first transaction.
    Raises TooLarge if the room would have more than `most` attendees, and Throttled if the actor may not have so
    many invited by e-mail.
    """
    change = Change(room.id, actor, tuple(newcomers))
    await _require_few(tx, change, most)
    mails = sum(newcomer.kind == EMAILS for newcomer in newcomers)
    if mails > 1:
        await tx.emit(InvitationsPlanned(room.id, actor, mails))
    return await _begin(tx, change, settings)


async def remove_members(tx: Tx, room: Room, actor: Actor, group_id: str, settings: TalkSettings) -> Progress:
    """Remove the first portion of the members of a group that has left the room."""
    return await _begin(tx, Change(room.id, actor, (Newcomer(GROUPS, group_id),), removes=True), settings)


async def go_on(tx: Tx, change_id: int, settings: TalkSettings) -> Progress:
    """Add or remove the next portion. The change is finished if its room is gone."""
    change = await store.get(tx, change_id)
    if change is None:
        return Progress(0)
    try:
        change, progress = await _advance(tx, change, settings)
    except NotFound:
        await store.delete(tx, change_id)
        return Progress(0)
    if change.is_finished:
        await store.delete(tx, change_id)
        return progress
    await store.move(tx, change_id, change)
    return msgspec.structs.replace(progress, change_id=change_id)


async def list_unfinished(tx: Tx) -> list[int]:
    """Return the ids of changes of which something is left."""
    return await store.list_ids(tx)


async def _require_few(tx: Tx, change: Change, most: int) -> None:
    """Raises TooLarge. One person is added in any case: only lists and groups make rooms large at once."""
    coming = await _count_left(tx, change)
    if coming <= 1:
        return
    for other in await store.list_adding(tx, change.room_id):
        coming += await _count_left(tx, other)
    if coming + await attendee_store.count_attendees(tx, change.room_id) > most:
        raise TooLarge("participants", message=f"A conversation may have {most} attendees at most.")


async def _count_left(tx: Tx, change: Change) -> int:
    """Return how many people are left to add."""
    left, after = 0, change.after
    for newcomer in change.people[change.position :]:
        left += await groups.count_members(tx, newcomer.who, after=after) if newcomer.kind == GROUPS else 1
        after = ""
    return left


async def _begin(tx: Tx, change: Change, settings: TalkSettings) -> Progress:
    change, progress = await _advance(tx, change, settings, requires_one=not change.removes)
    if change.is_finished:
        return progress
    return msgspec.structs.replace(progress, change_id=await store.add(tx, change))


async def _advance(
    tx: Tx, change: Change, settings: TalkSettings, *, requires_one: bool = False
) -> tuple[Change, Progress]:
    """Add or remove a portion. Return what is left and what came of it.

    With `requires_one` a portion goes on until somebody is added.
    """
    room = await access.lock_room(tx, change.room_id)
    position, after = change.position, change.after
    refused: list[tuple[Newcomer, TalkError]] = []
    spent, added = 0, 0
    room_type: RoomType | None = None
    while position < len(change.people) and (spent < PORTION or (requires_one and not added)):
        newcomer, left = change.people[position], max(PORTION - spent, 1)
        actor, who, spent = change.actor, newcomer.who, spent + 1
        try:
            if change.removes:
                count, after = await participants.remove_members(tx, room, actor, who, after=after, at_most=left)
                spent += count
            elif newcomer.kind == GROUPS and invitations.takes_groups(room):
                count, after = await participants.add_group(tx, room, actor, who, after=after, at_most=left)
                spent += count
            else:
                opened = await invitations.add_participant(
                    tx, room, actor, who, newcomer.kind, settings, name=newcomer.name
                )
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
    return rest, Progress(0, tuple(refused), room_type)
