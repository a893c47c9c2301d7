"""Asking, voting, and ending polls."""

from talkd.areas.messages import service as messages
from talkd.areas.polls import store
from talkd.areas.polls.model import OBJECT_TYPE, SHARED_AS, Ballot, Poll, Result, Status, Wording, visible
from talkd.conversation import message_store, people_store
from talkd.conversation.message import Names, Reference
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.actor import SYSTEM
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.storage.database import Tx


async def access_poll(tx: Tx, me: Participant, poll_id: int) -> Poll:
    """A poll of the participant's room. Raises NotFound("poll"), also for drafts where he does not moderate."""
    poll = await store.get_poll(tx, me.room.id, poll_id, clock.now())
    if poll is None or (poll.status == Status.DRAFT and not me.is_moderator):
        raise NotFound("poll")
    return poll


async def create(tx: Tx, me: Participant, wording: Wording) -> Poll:
    """Ask the room: a message shows the poll."""
    poll = await _add(tx, me, wording, Status.OPEN)
    message, _ = await messages.share(tx, me, _reference(poll), SHARED_AS)
    await store.set_message(tx, poll.room_id, poll.id, message.id)
    return poll


async def create_draft(tx: Tx, me: Participant, wording: Wording) -> Poll:
    """Keep a poll for later."""
    return await _add(tx, me, wording, Status.DRAFT)


async def _add(tx: Tx, me: Participant, wording: Wording, status: Status) -> Poll:
    actor = me.actor
    poll_id = await store.add_poll(tx, me.room.id, actor, wording, status)
    return Poll(
        me.room.id,
        poll_id,
        actor.type,
        actor.id,
        actor.name,
        wording.question,
        wording.options,
        wording.result_mode,
        wording.max_votes,
        status,
    )


def require_may_create(me: Participant, *, draft: bool) -> None:
    """Polls are for conversations of many, drafts for those who moderate them. Raises Invalid with the reason."""
    if not me.room.is_shared:
        raise Invalid("room")
    if draft and not me.is_moderator:
        raise Invalid("draft")


async def edit_draft(tx: Tx, me: Participant, poll_id: int, wording: Wording) -> Poll:
    """Ask something else than planned. Raises NotFound, and Invalid("poll") when it has been asked already."""
    poll = await access_poll(tx, me, poll_id)
    if poll.status != Status.DRAFT:
        raise Invalid("poll")
    await store.set_wording(tx, poll.room_id, poll.id, wording)
    return await access_poll(tx, me, poll_id)


async def list_drafts(tx: Tx, me: Participant) -> list[Poll]:
    """What the room's moderators have in store."""
    return await store.list_drafts(tx, me.room.id)


async def vote(tx: Tx, me: Participant, poll_id: int, options: list[int]) -> Poll:
    """Vote, or vote anew; for nothing takes the vote back.

    Raises NotFound, Invalid("poll") when the poll is closed, Invalid("options").
    """
    poll = await access_poll(tx, me, poll_id)
    if poll.status == Status.DRAFT:
        raise NotFound("poll")
    if poll.status != Status.OPEN:
        raise Invalid("poll")
    poll.require_votes(options)
    await store.set_votes(tx, poll.room_id, poll.id, me.actor, options)
    if poll.is_public:
        await messages.post_system(tx, me.room, SYSTEM, "poll_voted", references={"poll": _reference(poll)})
    return poll


async def close(tx: Tx, me: Participant, poll_id: int) -> Poll | None:
    """End a poll; a draft is deleted and there is none then.

    Raises NotFound, Forbidden("poll") for others than the one who asks and moderators, Invalid("poll") when it has
    ended before.
    """
    poll = await access_poll(tx, me, poll_id)
    if poll.status == Status.DRAFT:
        await store.delete_poll(tx, poll.room_id, poll.id)
        return None
    if not poll.is_run_by(me):
        raise Forbidden("poll")
    if not await store.close(tx, poll.room_id, poll.id):
        raise Invalid("poll")
    message = await messages.post_system(tx, me.room, me.actor, "poll_closed", references={"poll": _reference(poll)})
    await message_store.mark_read(tx, me.room.id, me.attendee.id, message.id)
    return await access_poll(tx, me, poll_id)


def _reference(poll: Poll) -> Reference:
    return Reference(OBJECT_TYPE, str(poll.id), poll.question)


# --- results --------------------------------------------------------------------------------
async def get_result(tx: Tx, me: Participant, poll: Poll) -> Result:
    """What this participant may see of what came out."""
    if poll.status == Status.DRAFT:
        return Result(poll, names=await get_names(tx, [poll]))
    tally = visible(poll, await store.count_votes(tx, poll.room_id, poll.id, me.actor), me)
    ballots = None
    if poll.status == Status.CLOSED and poll.is_public:
        ballots = await store.list_ballots(tx, poll.room_id, poll.id)
    return Result(poll, tally, ballots, await get_names(tx, [poll, *(ballots or ())]))


async def get_names(tx: Tx, items: list[Poll | Ballot] | list[Poll]) -> Names:
    """What those who asked and voted are called now."""
    return await people_store.get_names(tx, {(item.actor_type, item.actor_id) for item in items})
